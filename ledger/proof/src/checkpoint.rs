//! Checkpoints: the head of a tree as a text that is signed (C2SP tlog-checkpoint).

use crate::{
    hash::{Hash, hash_from_text, hash_text},
    note::NoteError,
};

/// The head of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which tree: a name that no other has.
    pub origin: String,
    /// Its leaves.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, hash_text(&self.root))
    }

    /// Reads the text of a note. Extension lines are allowed and not looked at.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let malformed = |what: &str| NoteError::Malformed(format!("a checkpoint {what}"));
        let mut lines = text.strip_suffix('\n').ok_or_else(|| malformed("ends with a newline"))?.split('\n');
        let mut line = |what| lines.next().filter(|line| !line.is_empty()).ok_or_else(|| malformed(what));
        let origin = line("has its origin in the first line")?.to_owned();
        let number = line("has its size in the second line")?;
        let root = line("has its root in the third line")?;
        let size: u64 = number.parse().map_err(|_| malformed("has a number in the second line"))?;
        if size.to_string() != number {
            return Err(malformed("has its size without leading zeros"));
        }
        let root = hash_from_text(root).ok_or_else(|| malformed("has 32 bytes in base64 in the third line"))?;
        if lines.any(str::is_empty) {
            return Err(malformed("has no empty line"));
        }
        Ok(Self { origin, size, root })
    }
}
