//! Rotating keys: a note in which the old key names the next one, so that who trusts the old one may go on without asking anybody.

use crate::note::{self, Note, SigningKey, VerifierKey};

/// The first line of the note.
const HEADER: &str = "subledger key rotation";

/// Says that `new` follows `old` for this ledger, signed by both.
pub fn note(ledger: &str, old: &SigningKey, new: &SigningKey) -> String {
    note::sign(&format!("{HEADER}\n{ledger}\n{}\n", new.verifier()), [old, new])
}

/// Every key that can be trusted because `trusted` are: those themselves, and what they, and those after them, name as the next.
pub fn trusted<'a>(trusted: &[VerifierKey], notes: impl IntoIterator<Item = &'a str>) -> Vec<VerifierKey> {
    let mut left: Vec<&str> = notes.into_iter().collect();
    let mut known = trusted.to_vec();
    loop {
        let before = left.len();
        left.retain(|text| match next(text, &known) {
            Some(key) => {
                if !known.contains(&key) {
                    known.push(key);
                }
                false
            }
            None => true,
        });
        if left.len() == before {
            return known;
        }
    }
}

/// The key that a note of `known` names: it must have signed too, so that nobody is given a key that is not theirs.
fn next(text: &str, known: &[VerifierKey]) -> Option<VerifierKey> {
    let note = Note::parse(text).ok()?;
    let mut lines = note.open(known).ok()?.lines();
    let header = lines.next()?;
    let ledger = lines.next()?;
    let key: VerifierKey = lines.next()?.parse().ok()?;
    note.open(std::slice::from_ref(&key)).ok()?;
    (header == HEADER && key.name() == ledger && lines.next().is_none()).then_some(key)
}
