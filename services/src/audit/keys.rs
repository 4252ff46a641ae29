//! The signer's keys: a secret file, and public files beside it.
//!
//! `signing.key` has the one key that signs, for its owner's eyes only. `verifier-keys.txt` has the public keys, the newest first;
//! `rotations.txt` the notes in which each old key names the next.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context as _;
use subledger_log::{LedgerId, durable};
use subledger_proof::{SigningKey, VerifierKey, note, rotation};

/// Rights of others than the owner.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// The public keys of a ledger, for whoever checks what it signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PublicKeys {
    /// The one that signs, then those before it.
    pub(crate) keys: Vec<VerifierKey>,
    /// The notes in which an old key names the next, oldest first.
    pub(crate) rotations: Vec<String>,
}

impl PublicKeys {
    /// The keys, one a line.
    pub(crate) fn list(&self) -> String {
        self.keys.iter().fold(String::new(), |text, key| text + &key.to_string() + "\n")
    }
}

/// The signer's key, read again when its file changes.
pub(crate) struct Keys {
    path: PathBuf,
    name: String,
    read_at: Option<SystemTime>,
    key: SigningKey,
    public: PublicKeys,
}

impl Keys {
    /// Reads the key of a ledger, or makes one if there is none.
    pub(crate) fn open_or_create(path: &Path, ledger: LedgerId) -> anyhow::Result<Self> {
        let name = super::key_name(ledger);
        if !path.try_exists().with_context(|| format!("cannot look at {}", path.display()))? {
            let key = SigningKey::new(&name, &seed()?)?;
            write_secret(path, &key, true).with_context(|| format!("cannot make {}", path.display()))?;
            publish(path, &PublicKeys { keys: vec![key.verifier()], rotations: Vec::new() })?;
            tracing::info!(path = %path.display(), key = %key.verifier(), "made a key that signs checkpoints");
        }
        Self::open(path, &name)
    }

    fn open(path: &Path, name: &str) -> anyhow::Result<Self> {
        let read_at = changed_at(path);
        let key = read_secret(path)?;
        let public = read_public(path, &key);
        anyhow::ensure!(
            public.keys[0].name() == name,
            "the signing key in {} is of {}, but this ledger's keys are named {name}; name another signing_key_file",
            path.display(),
            public.keys[0].name()
        );
        Ok(Self { path: path.to_owned(), name: name.to_owned(), read_at, key, public })
    }

    /// The key that signs, as its file has it now.
    pub(crate) fn signer(&mut self) -> anyhow::Result<&SigningKey> {
        if changed_at(&self.path) != self.read_at {
            *self = Self::open(&self.path, &self.name)?;
            tracing::info!(key = %self.public.keys[0], "another key signs now");
        }
        Ok(&self.key)
    }

    /// What others may know.
    pub(crate) fn public(&mut self) -> anyhow::Result<PublicKeys> {
        self.signer()?;
        Ok(self.public.clone())
    }
}

/// Makes a new key that follows the one in `path`, which is forgotten. Gives the new public key.
pub(crate) fn rotate(path: &Path) -> anyhow::Result<VerifierKey> {
    let old = read_secret(path)?;
    let mut public = read_public(path, &old);
    let name = old.verifier().name().to_owned();
    let new = SigningKey::new(&name, &seed()?)?;
    public.rotations.push(rotation::note(&name, &old, &new));
    public.keys.insert(0, new.verifier());
    // First what lets others trust the new key: without it a crash in between would leave a key that nobody knows.
    publish(path, &public)?;
    write_secret(path, &new, false).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(new.verifier())
}

/// Puts a copy of a ledger's secret key into `path`. The public files come from beside the copy, or else from a backup, which may be older
/// than the key.
pub(crate) fn restore(
    copy: &Path,
    path: &Path,
    ledger: LedgerId,
    verifier_keys_copy: &Path,
    rotations_copy: &Path,
) -> anyhow::Result<()> {
    let key = read_secret(copy)?;
    let name = super::key_name(ledger);
    anyhow::ensure!(
        key.verifier().name() == name,
        "the key in {} is of {}, but the ledger's keys are named {name}",
        copy.display(),
        key.verifier().name()
    );
    write_secret(path, &key, true).with_context(|| format!("cannot write {}", path.display()))?;
    let public = [
        (verifier_keys(copy), verifier_keys_copy, verifier_keys(path)),
        (rotations(copy), rotations_copy, rotations(path)),
    ];
    for (beside, in_backup, path) in public {
        let from = if beside.exists() { &beside } else { in_backup };
        let copied = fs::read(from).and_then(|text| durable::replace(&path, &text));
        copied.with_context(|| format!("cannot copy {} to {}", from.display(), path.display()))?;
    }
    Ok(())
}

/// Where the public keys are.
fn verifier_keys(path: &Path) -> PathBuf {
    path.with_file_name("verifier-keys.txt")
}

fn rotations(path: &Path) -> PathBuf {
    path.with_file_name("rotations.txt")
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|file| file.modified()).ok()
}

/// 32 bytes that nobody can guess.
fn seed() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    Ok(seed)
}

fn read_secret(path: &Path) -> anyhow::Result<SigningKey> {
    check_rights(path)?;
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the signing key {}", path.display()))?;
    SigningKey::parse(&text).with_context(|| format!("{} holds no signing key", path.display()))
}

#[cfg(unix)]
fn check_rights(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)
        .with_context(|| format!("cannot read the signing key {}", path.display()))?
        .permissions()
        .mode();
    anyhow::ensure!(
        mode & OTHERS == 0,
        "others than its owner may read or write the signing key {} (mode {:o}); chmod 600 it, and rotate it if somebody did",
        path.display(),
        mode & 0o777
    );
    Ok(())
}

#[cfg(not(unix))]
fn check_rights(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// Writes the secret to a file of its owner's, whole or not at all. One that another process made at the same moment stays if it is `new`.
fn write_secret(path: &Path, key: &SigningKey, new: bool) -> io::Result<()> {
    let text = format!("{}\n", key.secret_text());
    if new {
        return durable::create_secret(path, text.as_bytes());
    }
    durable::replace_secret(path, text.as_bytes())
}

/// Writes the public files.
fn publish(path: &Path, public: &PublicKeys) -> anyhow::Result<()> {
    for (path, text) in [(rotations(path), public.rotations.join("\n")), (verifier_keys(path), public.list())] {
        durable::replace(&path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The public files as far as they are there; the key that signs is known without them.
fn read_public(path: &Path, key: &SigningKey) -> PublicKeys {
    let verifier = key.verifier();
    let listed = fs::read_to_string(verifier_keys(path)).unwrap_or_default();
    let before = listed.lines().filter_map(|line| line.parse::<VerifierKey>().ok()).filter(|key| *key != verifier);
    let keys = std::iter::once(verifier.clone()).chain(before).collect();
    let rotations = fs::read_to_string(rotations(path)).unwrap_or_default();
    PublicKeys { keys, rotations: note::split(&rotations).collect() }
}
