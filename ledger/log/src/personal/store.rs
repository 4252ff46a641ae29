//! The key store: a directory with one file for each partition of customers.
//!
//! ```text
//! <dir>/customers-3.keys    subledger customer keys 1 LEDGER
//!                           key KEY-ID CUSTOMER WRAPPED      made when first needed; the last one of a customer seals
//!                           erased CUSTOMER                  its key lines are gone
//!                           lost                             keys that are missing will not come back
//! <dir>/LOCK                held while a file is changed
//! ```
//!
//! The writer of a partition adds lines, on disk before what they sealed. Everybody else reads; a file that has changed is read again, so
//! any number of processes that share the directory agree. Erasing replaces the file and overwrites the old one with zeros: what an
//! unlinked file leaves on a device is wrapped, and of no use once the master key is replaced.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest as _, Sha256};
use subledger_proto::log::SealedValues;

use super::{
    KeyError, Keys, Master, MasterKey, Opened, Place,
    master::{KEY_BYTES, decrypt, encrypt, from_hex, to_hex},
};
use crate::{Family, LedgerId, PartitionId, durable};

/// Begins the first line of a file.
pub(super) const HEADER: &str = "subledger customer keys 1 ";
const LOCK: &str = "LOCK";
/// Bytes of a nonce.
const NONCE_BYTES: usize = 12;
/// Bytes of a key's name.
const KEY_ID_BYTES: usize = 8;

/// Which keys to open.
#[derive(Clone, Debug)]
pub struct OpenKeys {
    /// Where they are.
    pub dir: PathBuf,
    /// What they are wrapped with.
    pub master: Master,
    /// Whose they are.
    pub ledger: LedgerId,
}

/// The customers' keys of a ledger.
pub struct KeyStore {
    pub(super) dir: PathBuf,
    pub(super) master: Master,
    pub(super) ledger: LedgerId,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) masters: Vec<MasterKey>,
    pub(super) files: HashMap<PartitionId, Loaded>,
    /// Their erasure is recorded, whatever the files say yet.
    forgotten: HashSet<String>,
}

/// A file as it was read.
#[derive(Default)]
pub(super) struct Loaded {
    /// Which file it was, and how much of it is read.
    file: Option<FileId>,
    read: u64,
    pub(super) owners: HashMap<String, Owner>,
    /// Missing keys will not come back.
    lost: bool,
    /// Lines that are not on disk yet.
    pub(super) pending: String,
}

/// A customer.
#[derive(Default)]
pub(super) struct Owner {
    pub(super) keys: Vec<(String, [u8; KEY_BYTES])>,
    pub(super) erased: bool,
}

/// Tells a file from the one that replaced it.
type FileId = (u64, u64);

impl KeyStore {
    /// Opens the keys of a ledger, or begins a store.
    pub fn open_or_create(open: OpenKeys) -> Result<Self, KeyError> {
        let OpenKeys { dir, master, ledger } = open;
        let failed = |error: io::Error| KeyError::File { path: dir.clone(), what: error.to_string() };
        durable::make_dir(&dir).map_err(failed)?;
        let is_keys = |name: &std::ffi::OsStr| Path::new(name).extension().is_some_and(|end| end == "keys");
        let mut entries = fs::read_dir(&dir).map_err(failed)?.filter_map(Result::ok);
        if !entries.any(|entry| is_keys(&entry.file_name())) {
            // Without keys a missing master key is one that was never made; with keys it was taken away.
            master.create()?;
        }
        let masters = master.keys()?;
        Ok(Self { dir, master, ledger, state: Mutex::new(State { masters, ..State::default() }) })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path(&self, partition: PartitionId) -> PathBuf {
        self.dir.join(format!("{}-{}.keys", partition.family, partition.index))
    }

    pub(super) fn failed(&self, partition: PartitionId, what: &dyn ToString) -> KeyError {
        KeyError::File { path: self.path(partition), what: what.to_string() }
    }

    /// Held while files are changed, by whichever process.
    pub(super) fn lock(&self) -> Result<File, KeyError> {
        let path = self.dir.join(LOCK);
        let failed = |error: io::Error| KeyError::File { path: path.clone(), what: error.to_string() };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Reads what a file has that was not read before: all of it if it is another file by now.
    pub(super) fn refresh<'a>(&self, state: &'a mut State, partition: PartitionId) -> Result<&'a mut Loaded, KeyError> {
        let failed = |error: io::Error| self.failed(partition, &error);
        let State { masters, files, .. } = state;
        let loaded = files.entry(partition).or_default();
        let found = match fs::metadata(self.path(partition)) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(loaded),
            Err(error) => return Err(failed(error)),
        };
        if loaded.file == Some(file_id(&found)) && loaded.read == found.len() {
            return Ok(loaded);
        }
        let mut file = File::open(self.path(partition)).map_err(failed)?;
        let id = file_id(&file.metadata().map_err(failed)?);
        if loaded.file != Some(id) {
            *loaded = Loaded { file: Some(id), pending: std::mem::take(&mut loaded.pending), ..Loaded::default() };
            // A file is replaced when the master key is, too.
            *masters = self.master.keys()?;
        }
        file.seek(SeekFrom::Start(loaded.read)).map_err(failed)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        // A line without an end is being written, or was never finished and sealed nothing.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            self.take(masters, loaded, line).map_err(|what| self.failed(partition, &what))?;
        }
        loaded.read += whole as u64;
        // Keys that wait for the disk are known already.
        for line in std::mem::take(&mut loaded.pending).lines() {
            self.take(masters, loaded, line).map_err(|what| self.failed(partition, &what))?;
            loaded.pending += line;
            loaded.pending.push('\n');
        }
        Ok(loaded)
    }

    fn take(&self, masters: &[MasterKey], loaded: &mut Loaded, line: &str) -> Result<(), String> {
        if let Some(ledger) = line.strip_prefix(HEADER) {
            let found = ledger == self.ledger.to_string();
            return if found { Ok(()) } else { Err(format!("it is of ledger {ledger}, not of {}", self.ledger)) };
        }
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["key", id, customer, wrapped] => {
                let key = unwrap(masters, id, customer, wrapped)
                    .ok_or_else(|| format!("the master key does not open key {id} of customer {customer}"))?;
                let owner = loaded.owners.entry(customer.to_owned()).or_default();
                if owner.keys.iter().all(|(known, _)| known != id) {
                    owner.keys.push((id.to_owned(), key));
                }
            }
            ["erased", customer] => {
                *loaded.owners.entry(customer.to_owned()).or_default() = Owner { keys: Vec::new(), erased: true };
            }
            ["lost"] => loaded.lost = true,
            _ => return Err(format!("a line is damaged: {:?}", line.chars().take(40).collect::<String>())),
        }
        Ok(())
    }

    /// A new key of a customer, as a line.
    pub(super) fn new_key(masters: &[MasterKey], customer: &str) -> Option<(String, [u8; KEY_BYTES], String)> {
        let mut random = [0; KEY_BYTES + KEY_ID_BYTES];
        aws_lc_rs::rand::fill(&mut random).ok()?;
        let (key, id) = random.split_at(KEY_BYTES);
        let (key, id) = (key.try_into().ok()?, to_hex(id));
        let line = key_line(masters.first()?, &id, customer, &key)?;
        Some((id, key, line))
    }

    pub(super) fn add_pending(&self, partition: PartitionId, loaded: &mut Loaded) -> io::Result<()> {
        let path = self.path(partition);
        let mut options = File::options();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        let mut length = file.metadata()?.len();
        if length > 0 {
            // What a crash tore off sealed nothing.
            let mut text = Vec::new();
            file.seek(SeekFrom::Start(length.saturating_sub(1)))?;
            file.read_to_end(&mut text)?;
            if text != b"\n" {
                let all = fs::read(&path)?;
                length = all.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at as u64 + 1);
                file.set_len(length)?;
            }
        }
        let mut lines = std::mem::take(&mut loaded.pending);
        if length == 0 {
            lines = format!("{HEADER}{}\n{lines}", self.ledger);
        }
        if let Err(error) = file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()) {
            // They are written again before anything that they sealed.
            loaded.pending = lines
                .lines()
                .filter(|line| !line.starts_with(HEADER))
                .fold(String::new(), |text, line| text + line + "\n");
            return Err(error);
        }
        if length == 0 {
            durable::sync_names(&self.dir)?;
        }
        let id = file_id(&file.metadata()?);
        if length == 0 || (loaded.file == Some(id) && loaded.read == length) {
            (loaded.file, loaded.read) = (Some(id), length + lines.len() as u64);
        }
        Ok(())
    }

    /// Replaces a file by its lines as `change` has them, and overwrites the old one. Under the lock.
    pub(super) fn replace(
        &self,
        partition: PartitionId,
        change: &mut dyn FnMut(&str) -> Result<Option<String>, String>,
        last: &str,
    ) -> Result<(), KeyError> {
        let path = self.path(partition);
        let failed = |error: io::Error| self.failed(partition, &error);
        let old = match fs::read_to_string(&path) {
            Ok(old) => old,
            Err(error) if error.kind() == io::ErrorKind::NotFound => format!("{HEADER}{}\n", self.ledger),
            Err(error) => return Err(failed(error)),
        };
        let whole = old.rfind('\n').map_or(0, |end| end + 1);
        let mut text = String::with_capacity(old.len());
        for line in old[..whole].lines() {
            if let Some(line) = change(line).map_err(|what| self.failed(partition, &what))? {
                text += &line;
                text.push('\n');
            }
        }
        text += last;
        let before = File::options().write(true).open(&path).ok();
        durable::replace_secret(&path, text.as_bytes()).map_err(failed)?;
        if let Some(mut before) = before {
            before.write_all(&vec![0; old.len()]).and_then(|()| before.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    /// The partitions that have a file.
    pub(super) fn partitions(&self) -> Result<Vec<PartitionId>, KeyError> {
        let failed = |error: io::Error| KeyError::File { path: self.dir.clone(), what: error.to_string() };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let index =
                name.to_str().and_then(|name| name.strip_prefix("customers-")?.strip_suffix(".keys")?.parse().ok());
            found.extend(index.map(|index| PartitionId::new(Family::Customers, index)));
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// Device and number of a file, or what comes next to it.
fn file_id(file: &fs::Metadata) -> FileId {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (file.dev(), file.ino())
    }
    #[cfg(not(unix))]
    {
        let made = file.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        (0, made.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// What a wrapped key is bound to.
fn bound_to(id: &str, customer: &str) -> Vec<u8> {
    format!("{id} {customer}").into_bytes()
}

pub(super) fn key_line(master: &MasterKey, id: &str, customer: &str, key: &[u8; KEY_BYTES]) -> Option<String> {
    let mut nonce = [0; NONCE_BYTES];
    aws_lc_rs::rand::fill(&mut nonce).ok()?;
    let wrapped = encrypt(&master.0, nonce, &bound_to(id, customer), key)?;
    Some(format!("key {id} {customer} {}{}\n", to_hex(&nonce), to_hex(&wrapped)))
}

pub(super) fn unwrap(masters: &[MasterKey], id: &str, customer: &str, wrapped: &str) -> Option<[u8; KEY_BYTES]> {
    let bytes = from_hex(wrapped)?;
    let (nonce, wrapped) = bytes.split_at_checked(NONCE_BYTES)?;
    let place = bound_to(id, customer);
    masters.iter().find_map(|master| decrypt(&master.0, nonce, &place, wrapped)?.try_into().ok())
}

/// The same for the same command under the same key, so that a retry is stored the same.
fn nonce(key_id: &str, place: &[u8]) -> [u8; NONCE_BYTES] {
    let digest = Sha256::new().chain_update(key_id).chain_update([0]).chain_update(place).finalize();
    let mut nonce = [0; NONCE_BYTES];
    nonce.copy_from_slice(&digest[..NONCE_BYTES]);
    nonce
}

impl Keys for KeyStore {
    fn seal(&self, place: &Place<'_>, values: &[u8]) -> Result<Option<SealedValues>, KeyError> {
        let mut state = self.state();
        self.refresh(&mut state, place.partition)?;
        let State { masters, files, forgotten } = &mut *state;
        let loaded = files.entry(place.partition).or_default();
        let owner = loaded.owners.entry(place.stream.to_owned()).or_default();
        if owner.erased || forgotten.contains(place.stream) {
            return Ok(Some(SealedValues::default()));
        }
        if owner.keys.is_empty() {
            let (id, key, line) =
                Self::new_key(masters, place.stream).ok_or_else(|| self.failed(place.partition, &"no random bytes"))?;
            owner.keys.push((id, key));
            loaded.pending += &line;
        }
        let sealed = owner.keys.last().and_then(|(id, key)| {
            let nonce = nonce(id, &place.bytes());
            let ciphertext = encrypt(key, nonce, &place.bytes(), values)?;
            Some(SealedValues { key_id: id.clone(), nonce: nonce.to_vec(), ciphertext })
        });
        sealed.map(Some).ok_or_else(|| self.failed(place.partition, &"values cannot be encrypted"))
    }

    fn open(&self, place: &Place<'_>, sealed: &SealedValues) -> Result<Opened, KeyError> {
        if sealed.key_id.is_empty() {
            return Ok(Opened::Erased);
        }
        let mut state = self.state();
        if state.forgotten.contains(place.stream) {
            return Ok(Opened::Erased);
        }
        let loaded = self.refresh(&mut state, place.partition)?;
        let owner = loaded.owners.get(place.stream);
        if owner.is_some_and(|owner| owner.erased) {
            return Ok(Opened::Erased);
        }
        let known = owner.and_then(|owner| owner.keys.iter().find(|(id, _)| *id == sealed.key_id));
        let (customer, key_id) = (place.stream.to_owned(), sealed.key_id.clone());
        match known {
            Some((_, key)) => decrypt(key, &sealed.nonce, &place.bytes(), &sealed.ciphertext)
                .map(Opened::Values)
                .ok_or_else(|| KeyError::Damaged { customer, command_id: place.command_id.to_owned(), key_id }),
            None if loaded.lost => Ok(Opened::Sealed),
            None => Err(KeyError::Missing { customer, key_id, dir: self.dir.clone() }),
        }
    }

    fn persist(&self, partition: PartitionId) -> Result<(), KeyError> {
        let waits = |state: &State| state.files.get(&partition).is_some_and(|loaded| !loaded.pending.is_empty());
        if !waits(&self.state()) {
            return Ok(());
        }
        let _lock = self.lock()?;
        let mut state = self.state();
        let loaded = state.files.entry(partition).or_default();
        if loaded.pending.is_empty() {
            return Ok(());
        }
        self.add_pending(partition, loaded).map_err(|error| self.failed(partition, &error))
    }

    fn destroy(&self, partition: PartitionId, customer: &str) -> Result<(), KeyError> {
        self.forget(customer);
        let lock = self.lock()?;
        let mut state = self.state();
        let loaded = self.refresh(&mut state, partition)?;
        if loaded.owners.get(customer).is_some_and(|owner| owner.erased) {
            return Ok(());
        }
        let of_customer = |line: &str| line.starts_with("key ") && line.split(' ').nth(2) == Some(customer);
        loaded.pending = loaded
            .pending
            .lines()
            .filter(|line| !of_customer(line))
            .fold(String::new(), |text, line| text + line + "\n");
        self.replace(
            partition,
            &mut |line| Ok((!of_customer(line)).then(|| line.to_owned())),
            &format!("erased {customer}\n"),
        )?;
        self.refresh(&mut state, partition)?;
        drop(lock);
        Ok(())
    }

    fn forget(&self, customer: &str) {
        self.state().forgotten.insert(customer.to_owned());
    }
}
