//! Signed notes, checkpoints and proof files, against published examples and against whoever changes them.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use subledger_proof::{
    Checkpoint, Hash, Note, SigningKey, VerifierKey, leaf_hash,
    note::{self, NoteError},
    proof, rotation,
    text::{TlogProof, TlogProofError},
};

/// The example of C2SP signed-note.
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
/// The keys of the tests of golang.org/x/mod/sumdb/note.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PETER_NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::new(name, &[seed; 32]).unwrap()
}

#[test]
fn the_published_examples_open() {
    let known: VerifierKey = KEY.parse().unwrap();
    assert_eq!(known.to_string(), KEY);
    assert_eq!(Note::parse(NOTE).unwrap().open(&[known]).unwrap(), "This is an example message.\n");

    let signer = SigningKey::parse(PETER_SECRET).unwrap();
    assert_eq!(signer.verifier().to_string(), PETER);
    assert_eq!(signer.secret_text(), PETER_SECRET);
    let text = PETER_NOTE.split_once("\n\n").unwrap().0.to_owned() + "\n";
    assert_eq!(note::sign(&text, [&signer]), PETER_NOTE, "Ed25519 has one signature for a text");
}

#[test]
fn only_a_known_key_opens_a_note() {
    let (ours, other) = (key("ledger", 1), key("ledger", 2));
    let text = "text\n";
    let note = note::sign(text, [&ours]);
    assert_eq!(Note::parse(&note).unwrap().open(&[ours.verifier()]).unwrap(), text);
    let error = Note::parse(&note).unwrap().open(&[other.verifier()]).unwrap_err();
    assert!(matches!(error, NoteError::UnknownKey { .. }), "{error}");
    assert!(Note::parse(&note).unwrap().open(&[]).is_err());
    // Two signatures: either key opens it, and both are named.
    let both = note::sign(text, [&ours, &other]);
    let keys = [ours.verifier(), other.verifier()];
    assert_eq!(Note::parse(&both).unwrap().signers(&keys).unwrap().len(), 2);
    assert_eq!(Note::parse(&both).unwrap().open(&keys[1..]).unwrap(), text);
    // A known key's wrong signature is not outweighed by a right one.
    let forged = both.replacen("text", "test", 1);
    assert!(matches!(Note::parse(&forged).unwrap().open(&keys), Err(NoteError::WrongSignature { .. })));
}

#[test]
fn what_is_no_key_is_refused() {
    for wrong in [
        "",
        "foo",
        "foo+530d903a",
        "foo+530d903a+AAAA",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ] {
        assert!(wrong.parse::<VerifierKey>().is_err(), "{wrong}");
    }
    let error = PETER_SECRET.parse::<VerifierKey>().unwrap_err().to_string();
    assert!(error.contains("keep it secret") && !error.contains("AYEKFALV"), "{error}");
    assert!(SigningKey::parse(PETER).is_err());
    assert!(SigningKey::new("two words", &[1; 32]).is_err());
    assert!(SigningKey::new("a+b", &[1; 32]).is_err());
}

#[test]
fn a_checkpoint_is_three_lines() {
    let checkpoint = Checkpoint { origin: "example.com/log".into(), size: 20_852_163, root: [7; 32] };
    let text = checkpoint.text();
    assert_eq!(text, "example.com/log\n20852163\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n");
    assert_eq!(Checkpoint::parse(&text).unwrap(), checkpoint);
    assert_eq!(Checkpoint::parse(&(text.clone() + "extension\n")).unwrap(), checkpoint);
    for wrong in [
        "",
        "o\n",
        "o\n1\n",
        "o\n01\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n",
        "o\n1\nBwc=\n",
        "\n1\nBwc=\n",
        "o\n-1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n",
        "o\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
    ] {
        assert!(Checkpoint::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn notes_one_after_the_other_are_found_again() {
    let key = key("ledger", 1);
    let notes: Vec<_> = (0..3_u8)
        .map(|n| Checkpoint { origin: format!("log/{n}"), size: n.into(), root: [n; 32] })
        .map(|checkpoint| note::sign(&checkpoint.text(), [&key]))
        .collect();
    assert_eq!(note::split(&notes.join("\n")).collect::<Vec<_>>(), notes);
    assert_eq!(note::split(&notes[1]).collect::<Vec<_>>(), notes[1..2]);
    let cut = &notes.join("\n")[..notes[0].len() + 20];
    let found: Vec<_> = note::split(cut).collect();
    assert_eq!(found[0], notes[0]);
    assert!(Note::parse(&found[1]).is_err(), "half a note is none");
    // Whoever goes on after a half one loses nothing.
    let found: Vec<_> = note::split(&format!("{cut}\n\n{}", notes[2])).collect();
    assert_eq!((&found[0], &found[2]), (&notes[0], &notes[2]));
}

#[test]
fn trust_goes_from_an_old_key_to_the_next() {
    let [first, second, third, stranger] = [1, 2, 3, 4].map(|seed| key("ledger", seed));
    let rotated = |old: &SigningKey, new: &SigningKey| rotation::note("ledger", old, new);
    let notes = [rotated(&first, &second), rotated(&second, &third), rotated(&stranger, &key("ledger", 5))];
    let trusted = |key: &SigningKey| rotation::trusted(&[key.verifier()], notes.iter().map(String::as_str));
    let [one, two, three] = [&first, &second, &third].map(SigningKey::verifier);
    assert_eq!(trusted(&first), [one, two.clone(), three.clone()]);
    assert_eq!(trusted(&second), [two, three.clone()]);
    assert_eq!(trusted(&third), [three], "a later key says nothing about an earlier one");
    // Somebody's own note with our name in it.
    let forged = rotation::note("ledger", &stranger, &third);
    assert_eq!(rotation::trusted(&[first.verifier()], [forged.as_str()]).len(), 1);
    let changed = notes[0].replace(&second.verifier().to_string(), &stranger.verifier().to_string());
    assert_eq!(rotation::trusted(&[first.verifier()], [changed.as_str()]).len(), 1);
}

fn proved() -> (TlogProof, Vec<u8>, VerifierKey) {
    let records: Vec<Vec<u8>> = (0..11_u8).map(|n| vec![n; usize::from(n)]).collect();
    let leaves: Vec<Hash> = records.iter().map(|record| leaf_hash(record)).collect();
    let key = key("ledger", 1);
    let checkpoint =
        Checkpoint { origin: "ledger/customers/0".into(), size: 11, root: proof::root(&leaves[..], 11).unwrap() };
    let proof = TlogProof {
        index: 9,
        path: proof::inclusion(&leaves[..], 9, 11).unwrap(),
        checkpoint: note::sign(&checkpoint.text(), [&key]),
    };
    (proof, records[9].clone(), key.verifier())
}

#[test]
fn a_proof_file_proves_its_record() {
    let (proof, record, key) = proved();
    let text = proof.text();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 9\n"), "{text}");
    assert!(text.contains("\n\nledger/customers/0\n11\n"), "{text}");
    assert_eq!(TlogProof::parse(&text).unwrap(), proof);
    let with_extra = text.replacen("index", "extra AAAA\nindex", 1);
    assert_eq!(TlogProof::parse(&with_extra).unwrap(), proof);
    assert_eq!(proof.verify(&record, std::slice::from_ref(&key)).unwrap().origin, "ledger/customers/0");
    assert!(matches!(proof.verify(b"another", &[key]), Err(TlogProofError::Proof(_))));
    assert!(matches!(proof.verify(&record, &[]), Err(TlogProofError::Checkpoint(_))));
    for wrong in
        ["", "c2sp.org/tlog-proof@v1\nindex 9\n", &text.replace("index 9", "index 09"), &text.replace("@v1", "@v2")]
    {
        assert!(TlogProof::parse(wrong).is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn a_proof_file_with_another_byte_proves_nothing(at in 0_usize..10_000, byte in 0_u8..128) {
        let (proof, record, key) = proved();
        let mut bytes = proof.text().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != byte && bytes[at].is_ascii());
        bytes[at] = byte;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let checked = TlogProof::parse(&text).and_then(|proof| proof.verify(&record, std::slice::from_ref(&key)));
        prop_assert!(checked.is_err(), "{text}");
    }
}
