//! Every decoder of what others hand in, as one function of bytes: what `tests/fuzz` feeds, and what its regression tests repeat.
//!
//! A target panics where something is wrong: where the decoder does, where what was understood does not say the same again, or where a
//! refusal does not say why.

#![allow(clippy::missing_panics_doc, reason = "that is what they are for, as said above")]

mod mutate;
mod seeds;

use bytes::Bytes;
use prost::Message as _;
use subledger_log::codec::{self, Wire as _, command_from_json, decode_command, to_json};
use subledger_proof::{Checkpoint, Note, SigningKey, VerifierKey, rotation, text::TlogProof, tile::Tile};
use subledger_proto::api;

pub use mutate::Mutations;
pub use seeds::seeds;

/// Reads some bytes.
pub type Target = fn(&[u8]);

/// All of them by name: each has a file in `tests/fuzz/fuzz_targets` and may have a directory in `tests/fuzz/regressions`.
pub const TARGETS: [(&str, Target); 10] = [
    ("command_protobuf", command_protobuf),
    ("command_json", command_json),
    ("stored_commit", stored_commit),
    ("load_files", load_files),
    ("reconciliation_file", reconciliation_file),
    ("settings", settings),
    ("tokens", tokens),
    ("proofs", proofs),
    ("notes", notes),
    ("tiles", tiles),
];

/// A command as it comes over gRPC or a topic.
pub fn command_protobuf(bytes: &[u8]) {
    let Ok(wire) = api::Command::decode(bytes) else { return };
    match decode_command(wire) {
        Ok(understood) => assert_eq!(decode_command(understood.to_wire()).as_ref(), Ok(&understood)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A command as text.
pub fn command_json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match command_from_json(text) {
        Ok(wire) => {
            let Ok(json) = to_json("subledger.v1.Command", &wire) else { unreachable!("it was JSON") };
            assert_eq!(command_from_json(&json.to_string()).ok().as_ref(), Some(&wire));
            let _ = decode_command(wire);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A record of a log.
pub fn stored_commit(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    match codec::decode(&bytes) {
        Ok(commit) => {
            // Whoever reads the head only sees the same.
            let Ok(head) = codec::decode_head(&bytes) else { unreachable!("all of it can be read") };
            assert_eq!((head.position, head.epoch), (commit.position, commit.epoch));
            assert_eq!((&head.stream[..], head.recorded_at), (commit.stream.as_bytes(), commit.recorded_at));
            assert_eq!(
                (head.previous_root, head.is_writer_started),
                (commit.previous_root, commit.is_writer_started())
            );
            let again = codec::decode(&codec::encode(&commit).into());
            assert_eq!(again.ok().as_ref(), Some(&commit));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A file for `subledger load`.
pub fn load_files(bytes: &[u8]) {
    subledger_services::decoders::load(bytes);
}

/// A reconciliation file of a provider.
pub fn reconciliation_file(bytes: &[u8]) {
    let read = subledger_files::read::Reader::new(bytes);
    let mut lines = match read {
        Ok(lines) => lines,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    loop {
        match lines.next_line() {
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => return assert!(!error.to_string().is_empty()),
        }
    }
}

/// A file of settings, and the same lines as flags.
pub fn settings(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        subledger_services::decoders::settings(text);
    }
}

/// A bearer token, and a provider's keys.
pub fn tokens(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        subledger_services::decoders::token(text);
        subledger_services::decoders::key_set(text);
    }
}

/// A proof in a file, with the record before it: the first two bytes are the record's length.
pub fn proofs(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
    let (record, text) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
    let Ok(text) = std::str::from_utf8(text) else { return };
    match TlogProof::parse(text) {
        Ok(proof) => {
            assert_eq!(TlogProof::parse(&proof.text()).as_ref(), Ok(&proof));
            let _ = proof.verify(record, &[key().verifier()]);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A signed note, a checkpoint, keys.
pub fn notes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Note::parse(text) {
        Ok(note) => {
            let known = [key().verifier()];
            if let Ok(signed) = note.open(&known) {
                assert!(text.starts_with(signed));
            }
            let _ = Checkpoint::parse(note.unchecked_text());
            assert!(!rotation::trusted(&known, [text]).is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(Checkpoint::parse(&checkpoint.text()).as_ref(), Ok(&checkpoint));
    }
    let _ = SigningKey::parse(text);
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string().parse().as_ref(), Ok(&key));
    }
}

/// The path of a tile, and its hashes.
pub fn tiles(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(tile) = text.parse::<Tile>() {
        assert_eq!(tile.to_string(), text);
        assert!(tile.first() / 256 == tile.index, "{text}");
    }
}

/// A key that everybody knows.
fn key() -> SigningKey {
    let Ok(key) = SigningKey::new("subledger/fuzz/customers/0", &[7; 32]) else { unreachable!("a name and a seed") };
    key
}
