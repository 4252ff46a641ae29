//! The master key: what the customers' keys are wrapped with, so that a copy of their files alone opens nothing.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::KeyError;
use crate::durable::replace_secret;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;

/// A secret key of 256 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(pub(super) [u8; KEY_BYTES]);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// A new one.
    pub fn random() -> Result<Self, String> {
        let mut key = [0; KEY_BYTES];
        aws_lc_rs::rand::fill(&mut key).map_err(|_| "the system gives no random bytes".to_owned())?;
        Ok(Self(key))
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, String> {
        let key = from_hex(text.trim()).and_then(|bytes| bytes.try_into().ok());
        key.map(Self).ok_or_else(|| format!("a master key is {} hexadecimal digits", 2 * KEY_BYTES))
    }

    /// 64 hexadecimal digits.
    pub fn secret_text(&self) -> String {
        to_hex(&self.0)
    }
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum Master {
    /// A file with it, read again when keys are read again. While it is being replaced, the next one stands beside it.
    File(PathBuf),
    /// Given, such as by the environment.
    Given(MasterKey),
}

impl Master {
    /// The keys to try, the one to wrap with first.
    pub(super) fn keys(&self) -> Result<Vec<MasterKey>, KeyError> {
        let path = match self {
            Self::Given(key) => return Ok(vec![key.clone()]),
            Self::File(path) => path,
        };
        let mut keys = vec![read(path)?];
        match read(&next(path)) {
            Ok(key) => keys.insert(0, key),
            Err(_) if !next(path).exists() => {}
            Err(error) => return Err(error),
        }
        Ok(keys)
    }

    /// Writes a master key into a file of its owner's.
    pub fn write(path: &Path, key: &MasterKey) -> Result<(), KeyError> {
        let written = replace_secret(path, key.secret_text().as_bytes());
        written.map_err(|error| KeyError::File { path: path.to_owned(), what: error.to_string() })
    }

    /// Makes the file, if it is one and is not there.
    pub(super) fn create(&self) -> Result<(), KeyError> {
        let Self::File(path) = self else { return Ok(()) };
        if path.exists() {
            return Ok(());
        }
        let failed = |what: String| KeyError::File { path: path.clone(), what };
        // Several processes may begin at the same moment; the first one's key is everybody's.
        let own = path.with_extension(format!("{}.own", std::process::id()));
        Self::write(&own, &MasterKey::random().map_err(failed)?)?;
        let linked = fs::hard_link(&own, path);
        fs::remove_file(&own).map_err(|error| failed(error.to_string()))?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error.to_string())),
            _ => {}
        }
        tracing::info!(path = %path.display(), "made the master key of the customers' keys");
        Ok(())
    }
}

/// The key that is about to replace the one in `path`.
pub(super) fn next(path: &Path) -> PathBuf {
    path.with_extension("key.next")
}

fn read(path: &Path) -> Result<MasterKey, KeyError> {
    let failed = |what: String| KeyError::File { path: path.to_owned(), what };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_err(|error| failed(error.to_string()))?.permissions().mode();
        if mode & 0o077 != 0 {
            let what = format!("others than its owner may read or write it (mode {:o}); chmod 600 it", mode & 0o777);
            return Err(failed(what));
        }
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    MasterKey::parse(&text).map_err(failed)
}

/// Encrypts with a nonce: the ciphertext with its tag.
pub(super) fn encrypt(key: &[u8; KEY_BYTES], nonce: [u8; NONCE_LEN], place: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).ok()?);
    let mut bytes = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut bytes).ok()?;
    Some(bytes)
}

/// Decrypts; none if anything is not what was encrypted.
pub(super) fn decrypt(key: &[u8; KEY_BYTES], nonce: &[u8], place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut bytes = sealed.to_vec();
    let length = key.open_in_place(nonce, Aad::from(place), &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let even = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    if even { (0..text.len()).step_by(2).map(byte).collect() } else { None }
}
