//! The Kafka backend on a real broker: the one that `KAFKA_BOOTSTRAP` names, or one that `deploy/kafka/kafka` starts.
//!
//! Without a broker these tests fail. `SUBLEDGER_SKIP_KAFKA=1` skips them, and says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod broker;
mod conforms;
mod crash;
mod history;
mod ingress;
mod records;
mod settings;
mod speed;
