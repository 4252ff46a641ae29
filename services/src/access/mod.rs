//! Who may do what. Every call passes through one place ([`layer`]), every command through another ([`commands`]), and both ask the
//! same table ([`matrix`]): which roles an operation takes, and what it is scoped to.
//!
//! A caller ([`crate::identity::Caller`]) is an operator of the ledger, named in the settings, or has the roles that partners gave it;
//! those stand in the partners' streams. Who calls without a check (a person alone, on loopback) may do everything.
//!
//! What another tenant has does not exist for a caller: what is missing and what is another's get the same answer, by the same way.

mod commands;
mod even;
mod layer;
mod lookup;
mod matrix;
mod record;
mod refusal;
mod request;
mod seen;
mod standing;
mod visible;
mod wire;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use anyhow::Context as _;
use subledger_domain::{access::AccessOutcome, ids::PartnerId, partner::Grant};
use subledger_log::Log;
use subledger_writer::ReferenceFollower;

pub(crate) use commands::Gate;
pub(crate) use layer::AccessLayer;
use matrix::Matrix;
pub(crate) use record::{Call, Recorder};
pub(crate) use seen::{Calls, Seen, SeenFollower, View};

use crate::{
    config::Config,
    identity::{Caller, Identity},
};

/// What decides about calls; one for each process.
pub(crate) struct Access {
    /// None where nobody is checked.
    checks: Option<Checks>,
}

/// What checks need.
struct Checks {
    matrix: Matrix,
    operators: BTreeSet<String>,
    /// Technical exceptions from the second factor.
    exceptions: BTreeSet<String>,
    message_bytes_max: usize,
    recorder: Arc<Recorder>,
    /// Set once the log is open.
    ledger: OnceLock<Ledger>,
}

/// Where the ledger stands.
struct Ledger {
    reference: Arc<ReferenceFollower>,
    ends: Arc<lookup::Ends>,
}

impl Access {
    /// As the settings say. A method or a kind of command without a row in the matrix is an error.
    pub(crate) fn open(config: &Config, identity: &Identity) -> anyhow::Result<Self> {
        if matches!(identity, Identity::Unchecked) {
            return Ok(Self { checks: None });
        }
        Ok(Self {
            checks: Some(Checks {
                matrix: Matrix::load().context("the permission matrix")?,
                operators: config.identity.operators.iter().cloned().collect(),
                exceptions: config.identity.second_factor_exceptions.iter().cloned().collect(),
                message_bytes_max: config.limits.message_bytes,
                recorder: Arc::new(Recorder::new(config.limits.access_rows_per_minute)),
                ledger: OnceLock::new(),
            }),
        })
    }

    /// Says where roles and relationships are read.
    pub(crate) fn follow(&self, reference: Arc<ReferenceFollower>, log: Arc<dyn Log>) {
        if let Some(checks) = &self.checks {
            let _ = checks.ledger.set(Ledger { reference, ends: Arc::new(lookup::Ends::of(log)) });
        }
    }

    /// What collects what callers do; none where nobody is checked.
    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.checks.as_ref().map(|checks| &checks.recorder)
    }

    /// A call of nobody known is not let through.
    pub(crate) fn note_nobody(&self, path: &str, reason: &str, from: Option<SocketAddr>) {
        let Some(checks) = &self.checks else { return };
        // What is no method is no operation: whoever asks for nonsense fills no rows with it.
        let operation = checks.matrix.method(path).map_or("", |operation| operation.name.as_str());
        checks.recorder.note(&Call {
            outcome: AccessOutcome::Refused,
            caller: None,
            operation,
            reason,
            partner: None,
            customer: None,
            from: from.map(|from| from.ip()),
        });
    }

    /// The roles of a caller, where; none for an operator.
    pub(crate) fn roles(&self, caller: &Caller) -> Option<Vec<(PartnerId, Grant)>> {
        match self.checks.as_ref()?.standing(caller) {
            standing::Standing::Operator => None,
            standing::Standing::Tenant(tenant) => {
                Some(tenant.roles().map(|(partner, grant)| (partner.clone(), grant.clone())).collect())
            }
        }
    }
}
