//! Signed notes: a text with Ed25519 signatures below it (C2SP signed-note).

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _};
use sha2::{Digest as _, Sha256};

/// Begins a signature line: em dash and space.
const SIGNATURE: &str = "\u{2014} ";
/// Signature type: Ed25519 over the text.
const ED25519: u8 = 1;
/// Most signatures read of one note.
const SIGNATURES_MAX: usize = 64;
/// Begins the text form of a private key, as the Go programs of the format have it.
const PRIVATE: &str = "PRIVATE+KEY+";

/// A note, a key or a signature is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not of the format.
    #[error("malformed: {0}")]
    Malformed(String),
    /// No signature is by a known key.
    #[error("it is not signed by the key {expected}, but by {found}")]
    UnknownKey {
        /// The keys that would do.
        expected: String,
        /// Those it has.
        found: String,
    },
    /// A known key's signature does not fit the text.
    #[error("the signature of {key} does not fit the text")]
    WrongSignature {
        /// The key's name and id.
        key: String,
    },
}

fn malformed(what: impl Into<String>) -> NoteError {
    NoteError::Malformed(what.into())
}

/// Names a key in signatures: the first bytes of a hash over its name and bytes.
pub type KeyId = [u8; 4];

fn key_id(name: &str, public: &[u8; 32]) -> KeyId {
    let digest = Sha256::new_with_prefix(name).chain_update([b'\n', ED25519]).chain_update(public).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

fn check_name(name: &str) -> Result<(), NoteError> {
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+') {
        return Err(malformed(format!("{name:?} is no name of a key: no spaces and no plus")));
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The three parts of a key in text: name, id in hexadecimal, and 32 bytes after the type.
fn key_parts<'a>(text: &'a str, what: &str) -> Result<(&'a str, &'a str, [u8; 32]), NoteError> {
    let wrong = || malformed(format!("{what} looks like NAME+ID+BASE64"));
    let (name, rest) = text.split_once('+').ok_or_else(wrong)?;
    // Base64 has plus signs of its own; a name and an id have none.
    let (id, bytes) = rest.split_once('+').ok_or_else(wrong)?;
    check_name(name)?;
    let bytes = STANDARD.decode(bytes).map_err(|_| wrong())?;
    match bytes.split_first() {
        Some((&ED25519, key)) => Ok((name, id, key.try_into().map_err(|_| wrong())?)),
        Some((other, _)) => Err(malformed(format!("{what} is of type {other}; only Ed25519 (type 1) is known"))),
        None => Err(wrong()),
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    key: ed25519_dalek::VerifyingKey,
}

impl VerifierKey {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id in hexadecimal.
    pub fn id(&self) -> String {
        hex(&self.id)
    }
}

/// `NAME+ID+BASE64`
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex(&self.id), STANDARD.encode(bytes))
    }
}

impl std::str::FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let text = text.trim();
        if text.starts_with(PRIVATE) {
            return Err(malformed("this is a private key: keep it secret; the public one is needed"));
        }
        let (name, id, bytes) = key_parts(text, "a verifier key")?;
        let expected = key_id(name, &bytes);
        if hex(&expected) != id {
            return Err(malformed(format!("the id of the key {name} is {id}, but its bytes give {}", hex(&expected))));
        }
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes)
            .map_err(|_| malformed(format!("the bytes of the key {name} are no Ed25519 key")))?;
        Ok(Self { name: name.to_owned(), id: expected, key })
    }
}

/// A private key. Its text is secret.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// A key from 32 random bytes.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(seed) })
    }

    /// Reads what [`Self::secret_text`] writes.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest =
            text.trim().strip_prefix(PRIVATE).ok_or_else(|| malformed("a signing key begins with PRIVATE+KEY"))?;
        // The text itself never goes into an error.
        let (name, id, seed) = key_parts(rest, "a signing key")?;
        let key = Self::new(name, &seed)?;
        if key.verifier().id() != id {
            return Err(malformed(format!("the id of the signing key {name} does not fit its bytes")));
        }
        Ok(key)
    }

    /// The secret, to be kept in a file: `PRIVATE+KEY+NAME+ID+BASE64`.
    pub fn secret_text(&self) -> String {
        let bytes = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        format!("{PRIVATE}{}+{}+{}", self.name, self.verifier().id(), STANDARD.encode(bytes))
    }

    /// The public key.
    pub fn verifier(&self) -> VerifierKey {
        let key = self.key.verifying_key();
        VerifierKey { name: self.name.clone(), id: key_id(&self.name, key.as_bytes()), key }
    }

    /// The signature line below `text`.
    fn line(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let bytes = [self.verifier().id.as_slice(), &signature].concat();
        format!("{SIGNATURE}{} {}\n", self.name, STANDARD.encode(bytes))
    }
}

/// Signs `text`, which ends with a newline and has no other control characters, with every key.
pub fn sign<'a>(text: &str, keys: impl IntoIterator<Item = &'a SigningKey>) -> String {
    keys.into_iter().fold(format!("{text}\n"), |note, key| note + &key.line(text))
}

/// A text with signatures that are not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    text: &'a str,
    signatures: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Note<'a> {
    /// Reads a note.
    pub fn parse(note: &'a str) -> Result<Self, NoteError> {
        if note.chars().any(|c| c.is_ascii_control() && c != '\n') {
            return Err(malformed("a note has no control characters but newlines"));
        }
        let end = note.rfind("\n\n").ok_or_else(|| malformed("a note has an empty line before its signatures"))?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let lines = lines.strip_suffix('\n').ok_or_else(|| malformed("a note ends with a signature and a newline"))?;
        let signatures: Vec<_> = lines.split('\n').take(SIGNATURES_MAX + 1).map(signature).collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(malformed(format!("a note has at most {SIGNATURES_MAX} signatures here")));
        }
        Ok(Self { text, signatures })
    }

    /// The text, whether it is signed rightly or not.
    pub fn unchecked_text(&self) -> &'a str {
        self.text
    }

    /// The text, if at least one of `keys` signed it and no signature of theirs is wrong.
    pub fn open(&self, keys: &[VerifierKey]) -> Result<&'a str, NoteError> {
        self.signers(keys).map(|_| self.text)
    }

    /// Those of `keys` that signed it: at least one.
    pub fn signers<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signers = Vec::new();
        for (name, bytes) in &self.signatures {
            let (id, signature) = bytes.split_at(4);
            let Some(key) = keys.iter().find(|key| key.name == *name && key.id == id) else { continue };
            let wrong = || NoteError::WrongSignature { key: format!("{name} ({})", key.id()) };
            let signature = Signature::from_slice(signature).map_err(|_| wrong())?;
            key.key.verify_strict(self.text.as_bytes(), &signature).map_err(|_| wrong())?;
            signers.push(key);
        }
        if signers.is_empty() {
            let list = |keys: Vec<String>| if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
            return Err(NoteError::UnknownKey {
                expected: list(keys.iter().map(|key| format!("{} ({})", key.name, key.id())).collect()),
                found: list(self.signatures.iter().map(|(name, id)| format!("{name} ({})", hex(&id[..4]))).collect()),
            });
        }
        Ok(signers)
    }
}

fn signature(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let wrong = || malformed("a signature line is an em dash, a name and base64, separated by spaces");
    let (name, signature) = line.strip_prefix(SIGNATURE).and_then(|rest| rest.split_once(' ')).ok_or_else(wrong)?;
    check_name(name)?;
    let bytes = STANDARD.decode(signature).map_err(|_| wrong())?;
    if bytes.len() < 5 { Err(wrong()) } else { Ok((name, bytes)) }
}

/// Cuts a text of notes one after the other, each with an empty line after it, into notes.
///
/// Only for notes whose text has no empty line, as checkpoints. What was cut off in the middle is handed out as it is, and is no note.
pub fn split(text: &str) -> impl Iterator<Item = String> {
    let blocks = text.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty());
    let mut blocks = blocks.peekable();
    std::iter::from_fn(move || {
        let head = blocks.next()?;
        let signatures = blocks.next_if(|block| block.starts_with(SIGNATURE));
        Some(signatures.map_or_else(|| head.to_owned(), |signatures| format!("{head}\n\n{signatures}\n")))
    })
}
