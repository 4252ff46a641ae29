//! A ledger of a command's own: everything that `serve` runs, in a directory that goes away, on a test clock.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use chrono::NaiveDate;

use crate::{
    client::Failure,
    config::{Config, TestClockConfig},
    roles,
};

/// A running ledger of this process.
pub(crate) struct Embedded {
    address: String,
    ledger: roles::Embedded,
}

impl Embedded {
    /// Starts one that keeps its log in `directory` and whose clock begins on `first_day`.
    pub(crate) async fn start(directory: &Path, first_day: NaiveDate) -> Result<Self, Failure> {
        let config = Config {
            data_dir: directory.to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            metrics_listen: None,
            test_clock: TestClockConfig { enabled: true, start: first_day },
            ..Config::default()
        };
        let ledger = roles::Embedded::start(config).await.map_err(|error| cannot("start", &error))?;
        Ok(Self { address: format!("http://{}", ledger.address), ledger })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Stops it.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.ledger.stop().await.map_err(|error| cannot("stop", &error))
    }
}

fn cannot(what: &str, error: &anyhow::Error) -> Failure {
    Failure::Unreachable(format!("a ledger of its own does not {what}: {error:#}"))
}
