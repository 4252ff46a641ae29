//! What an operator does with the keys: new ones, a new master key, copies, and what is lost.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use super::{
    KeyError, KeyStore, Master, MasterKey,
    master::{self, KEY_BYTES},
    store::{HEADER, State, key_line, unwrap},
};
use crate::{LedgerId, PartitionId, durable};

impl KeyStore {
    /// Gives a customer, or every one, a new key for what comes. What its earlier ones sealed stays readable. How many.
    pub fn rotate(&self, customer: Option<&str>) -> Result<usize, KeyError> {
        let _lock = self.lock()?;
        let mut count = 0;
        for partition in self.partitions()? {
            let mut state = self.state();
            self.refresh(&mut state, partition)?;
            let State { masters, files, .. } = &mut *state;
            let loaded = files.entry(partition).or_default();
            for (owner, known) in &mut loaded.owners {
                if known.erased || customer.is_some_and(|wanted| wanted != owner) {
                    continue;
                }
                let (id, key, line) =
                    Self::new_key(masters, owner).ok_or_else(|| self.failed(partition, &"no random bytes"))?;
                known.keys.push((id, key));
                loaded.pending += &line;
                count += 1;
            }
            if !loaded.pending.is_empty() {
                self.add_pending(partition, loaded).map_err(|error| self.failed(partition, &error))?;
            }
        }
        Ok(count)
    }

    /// Wraps every key with a new master key, which replaces the one in its file. An interrupted one is finished by the next.
    pub fn rotate_master(&self) -> Result<usize, KeyError> {
        let Master::File(path) = &self.master else {
            let what = "the master key is given by the environment: give a file for it, or wrap by hand".to_owned();
            return Err(KeyError::File { path: self.dir.clone(), what });
        };
        let failed = |what: String| KeyError::File { path: path.clone(), what };
        let _lock = self.lock()?;
        let next = master::next(path);
        if !next.exists() {
            let key = MasterKey::random().map_err(failed)?;
            durable::replace_secret(&next, key.secret_text().as_bytes()).map_err(|error| failed(error.to_string()))?;
        }
        let masters = self.master.keys()?;
        let mut count = 0;
        for partition in self.partitions()? {
            let mut rewrap = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
                ["key", id, customer, wrapped] => {
                    let key = unwrap(&masters, id, customer, wrapped)
                        .ok_or_else(|| format!("the master key does not open key {id} of customer {customer}"))?;
                    count += 1;
                    let line = masters.first().and_then(|master| key_line(master, id, customer, &key));
                    line.map(|line| Some(line.trim_end().to_owned())).ok_or_else(|| "no random bytes".to_owned())
                }
                _ => Ok(Some(line.to_owned())),
            };
            self.replace(partition, &mut rewrap, "")?;
        }
        let old = File::options().write(true).open(path).map_err(|error| failed(error.to_string()))?;
        let done = fs::rename(&next, path)
            .and_then(|()| (&old).write_all(&[b'0'; 2 * KEY_BYTES]))
            .and_then(|()| old.sync_all());
        done.map_err(|error| failed(error.to_string()))?;
        Ok(count)
    }

    /// Whether there is a file of a partition.
    pub fn has(&self, partition: PartitionId) -> bool {
        self.path(partition).exists()
    }

    /// Says that keys which are missing now will not come back: what they sealed reads as such.
    pub fn give_up(&self, partitions: impl IntoIterator<Item = PartitionId>) -> Result<(), KeyError> {
        let _lock = self.lock()?;
        partitions.into_iter().try_for_each(|partition| {
            self.replace(partition, &mut |line| Ok((line != "lost").then(|| line.to_owned())), "lost\n")
        })
    }

    /// Puts a copy of the keys of one ledger into `dir`, as those of another: the same one, or one that begins as it did.
    pub fn restore(copy: &Path, dir: &Path, was: LedgerId, ledger: LedgerId) -> Result<(), KeyError> {
        let failed = |path: &Path, error: io::Error| KeyError::File { path: path.to_owned(), what: error.to_string() };
        durable::make_dir(dir).map_err(|error| failed(dir, error))?;
        let mut found = false;
        for entry in fs::read_dir(copy).map_err(|error| failed(copy, error))? {
            let from = entry.map_err(|error| failed(copy, error))?.path();
            let Some(name) = from.file_name().filter(|_| from.is_file()) else { continue };
            let mut text = fs::read_to_string(&from).map_err(|error| failed(&from, error))?;
            if from.extension().is_some_and(|end| end == "keys") {
                let Some(lines) = text.strip_prefix(&format!("{HEADER}{was}\n")) else {
                    return Err(KeyError::File { path: from, what: format!("it is not of ledger {was}") });
                };
                text = format!("{HEADER}{ledger}\n{lines}");
                found = true;
            }
            let to = dir.join(name);
            durable::replace_secret(&to, text.as_bytes()).map_err(|error| failed(&to, error))?;
        }
        if found {
            return Ok(());
        }
        Err(KeyError::File { path: copy.to_owned(), what: "there are no keys of customers in it".to_owned() })
    }

    /// The keys of customers as they are, for an auditor who may read their names: a store of its own under another master key. How many.
    pub fn export(&self, customers: &[String], dir: &Path, master: &MasterKey) -> Result<usize, KeyError> {
        let mut count = 0;
        durable::make_dir(dir).map_err(|error| KeyError::File { path: dir.to_owned(), what: error.to_string() })?;
        for partition in self.partitions()? {
            let mut state = self.state();
            let loaded = self.refresh(&mut state, partition)?;
            let mut text = format!("{HEADER}{}\n", self.ledger);
            let mut owners: Vec<_> = loaded.owners.iter().collect();
            owners.sort_by_key(|(customer, _)| *customer);
            for (customer, owner) in owners {
                if owner.erased {
                    text.extend(["erased ", customer, "\n"]);
                } else if customers.is_empty() || customers.contains(customer) {
                    for (id, key) in &owner.keys {
                        text += &key_line(master, id, customer, key)
                            .ok_or_else(|| self.failed(partition, &"no random bytes"))?;
                        count += 1;
                    }
                }
            }
            text += "lost\n";
            let path = dir.join(format!("{}-{}.keys", partition.family, partition.index));
            let written = durable::replace_secret(&path, text.as_bytes());
            written.map_err(|error| KeyError::File { path, what: error.to_string() })?;
        }
        Ok(count)
    }
}
