//! Callers that do not give up: a command is sent until it is acknowledged, whatever happens to the ledger meanwhile.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use subledger_proto::common::Position;
use tonic::Code;

use crate::client::Client;

/// Codes that mean "send it again".
const AGAIN: &[Code] = &[
    Code::Unavailable,
    Code::Unknown,
    Code::Cancelled,
    Code::DeadlineExceeded,
    Code::ResourceExhausted,
    Code::Internal,
];

/// A ledger that may be killed and come back elsewhere, and what it acknowledged.
#[derive(Clone, Default)]
pub struct Insisting {
    address: Arc<Mutex<String>>,
    acknowledged: Arc<Mutex<HashMap<String, Position>>>,
}

impl Insisting {
    /// The ledger is here now.
    pub fn at(&self, address: &str) {
        address.clone_into(&mut self.address.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sends a command until it is acknowledged. An error if two acknowledgements disagree or it is refused.
    pub async fn send(&self, client: &mut Option<Client>, value: &Value) -> anyhow::Result<()> {
        let id = value["command_id"].as_str().context("a command without an id")?.to_owned();
        loop {
            if client.is_none() {
                let address = self.address.lock().unwrap_or_else(PoisonError::into_inner).clone();
                *client = Client::connect(&address).await.ok();
            }
            if let Some(connected) = client {
                match connected.submit(value).await {
                    Ok(outcome) => {
                        let position = outcome.position.context("an acknowledged command has a position")?;
                        let before =
                            self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(id, position);
                        ensure!(
                            before.is_none_or(|before| before == position),
                            "{value}: {before:?}, then {position:?}"
                        );
                        return Ok(());
                    }
                    Err(status) => {
                        ensure!(AGAIN.contains(&status.code()), "{value}: {status:?}");
                        *client = None;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What was acknowledged, and where.
    pub fn acknowledged(&self) -> HashMap<String, Position> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Checks a history: every command id in it once, and every acknowledged command where it was said to be.
    pub fn check(&self, history: impl IntoIterator<Item = (String, Position)>) -> anyhow::Result<usize> {
        let mut recorded: BTreeMap<String, Position> = BTreeMap::new();
        for (id, position) in history {
            let before = recorded.insert(id.clone(), position);
            ensure!(before.is_none(), "{id} is recorded at {before:?} and at {position:?}");
        }
        for (id, position) in self.acknowledged() {
            ensure!(
                recorded.get(&id) == Some(&position),
                "{id} was acknowledged at {position:?}, but stands at {:?}",
                recorded.get(&id)
            );
        }
        Ok(recorded.len())
    }
}
