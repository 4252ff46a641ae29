//! Where the keys of customers' personal values are.

use std::{fmt, path::PathBuf};

use serde::Deserialize;
use subledger_log::{
    LedgerId,
    personal::{Master, MasterKey, OpenKeys},
};

use super::{Config, ConfigError};

/// Where the keys of customers' personal values are. A ledger on Kafka has none unless a directory is named, which its writers, its
/// gateways and the projectors that read from Kafka share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CustomerKeysConfig {
    /// The directory [default, embedded: keys/customers in the data directory].
    pub(crate) dir: Option<PathBuf>,
    /// The file with the master key that wraps them [default: master.key in the directory]; better on another disk.
    pub(crate) master_file: Option<PathBuf>,
    /// The master key itself, in place of the file: for the environment, not for a command line.
    pub(crate) master_key: Option<Secret>,
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Config {
    /// The keys of the ledger in the data directory.
    pub(crate) fn own_customer_keys(&self, ledger: LedgerId) -> Result<OpenKeys, ConfigError> {
        let dir = self.customer_keys.dir.clone().unwrap_or_else(|| self.data_dir.join("keys/customers"));
        self.customer_keys_in(dir, ledger)
    }

    /// The keys of a ledger elsewhere, if they are named.
    #[cfg(feature = "kafka")]
    pub(crate) fn named_customer_keys(&self, ledger: LedgerId) -> Result<Option<OpenKeys>, ConfigError> {
        self.customer_keys.dir.clone().map(|dir| self.customer_keys_in(dir, ledger)).transpose()
    }

    fn customer_keys_in(&self, dir: PathBuf, ledger: LedgerId) -> Result<OpenKeys, ConfigError> {
        let keys = &self.customer_keys;
        let master = match (&keys.master_key, &keys.master_file) {
            (Some(Secret(text)), None) => Master::Given(
                MasterKey::parse(text).map_err(|what| ConfigError(format!("customer_keys.master_key: {what}")))?,
            ),
            (Some(_), Some(_)) => {
                let what = "customer_keys.master_key and customer_keys.master_file are both set; one of them is the master key";
                return Err(ConfigError(what.to_owned()));
            }
            (None, Some(file)) => Master::File(file.clone()),
            (None, None) => Master::File(dir.join("master.key")),
        };
        Ok(OpenKeys { dir, master, ledger })
    }
}
