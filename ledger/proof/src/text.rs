//! A proof in one file that is checked offline (C2SP tlog-proof).

use crate::{
    checkpoint::Checkpoint,
    hash::{Hash, hash_from_text, hash_text},
    note::{Note, NoteError, VerifierKey},
    proof::{ProofError, verify_record},
};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Most hashes of a path: a tree has at most 2^64 leaves.
const HASHES_MAX: usize = 64;

/// That a record stands in a signed tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Of the record.
    pub index: u64,
    /// From the leaf's sibling to the root's child.
    pub path: Vec<Hash>,
    /// The signed note.
    pub checkpoint: String,
}

/// A record is not proved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// Not of the format.
    #[error("malformed proof: {0}")]
    Malformed(String),
    /// The checkpoint is not signed as it must be.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] NoteError),
    /// The path does not lead from the record to the root.
    #[error("the record is not the one at that place: {0}")]
    Proof(#[from] ProofError),
}

impl TlogProof {
    /// The text of the file.
    pub fn text(&self) -> String {
        format!("{HEADER}\n{}\n{}", block(self.index, &self.path), self.checkpoint)
    }

    /// Reads the text of the file. Extra data is allowed and not looked at: nothing proves it.
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        let wrong = |what: &str| TlogProofError::Malformed(what.to_owned());
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or_else(|| wrong("there is no empty line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(wrong("the first line is not c2sp.org/tlog-proof@v1"));
        }
        lines.next_if(|line| line.starts_with("extra "));
        let (index, path) = read_block(lines).map_err(TlogProofError::Malformed)?;
        Ok(Self { index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that `record` stands at the proof's index of the tree, whose checkpoint one of `keys` signed. Gives the checkpoint; whose
    /// tree it is, its origin says.
    pub fn verify(&self, record: &[u8], keys: &[VerifierKey]) -> Result<Checkpoint, TlogProofError> {
        let checkpoint = Checkpoint::parse(Note::parse(&self.checkpoint)?.open(keys)?)?;
        verify_record(record, self.index, checkpoint.size, &self.path, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

/// The lines of a proof that stand between its header and the empty line.
pub fn block(index: u64, path: &[Hash]) -> String {
    path.iter().fold(format!("index {index}\n"), |text, hash| text + &hash_text(hash) + "\n")
}

/// Reads what [`block`] writes.
pub fn read_block<'a>(mut lines: impl Iterator<Item = &'a str>) -> Result<(u64, Vec<Hash>), String> {
    let number = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or("there is no line with the index")?;
    let index: u64 = number.parse().map_err(|_| format!("{number:?} is no index"))?;
    if index.to_string() != number {
        return Err("the index has leading zeros".to_owned());
    }
    let path: Vec<_> = lines
        .take(HASHES_MAX + 1)
        .map(|line| hash_from_text(line).ok_or_else(|| format!("{line:?} is not 32 bytes in base64")))
        .collect::<Result<_, _>>()?;
    if path.len() > HASHES_MAX { Err(format!("a proof has at most {HASHES_MAX} hashes")) } else { Ok((index, path)) }
}
