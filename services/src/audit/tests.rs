//! Trees over a real log: what they prove, what survives a restart, and what they refuse to sign.

use std::{fs, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::DateTime;
use subledger_domain::{Reason, Rejection};
use subledger_log::{
    Actor, Draft, Family, Layout, LedgerId, Log, PartitionId, PartitionWriter, Tail, embedded::EmbeddedLog,
};
use subledger_proof::{
    Note,
    proof::{verify_consistency, verify_inclusion},
    tile::Tile,
};

use super::{ProofError, Settings, Trees, keys};

const PARTITION: PartitionId = PartitionId::new(Family::Customers, 0);

fn log(dir: &Path) -> Arc<dyn Log> {
    let layout = Layout { partners: 1, customers: 1 };
    Arc::new(EmbeddedLog::open_or_create(dir.join("log"), layout, LedgerId(uuid::Uuid::from_u128(5))).unwrap())
}

/// Appends `count` commits that say `what`, after the start of their writer.
fn append(log: &Arc<dyn Log>, count: usize, what: &str) {
    let now = DateTime::from_timestamp(1_500_000_000, 0).unwrap();
    let mut fold = |_| Ok(());
    let id = format!("{what}-{}", log.end(PARTITION).unwrap());
    let mut writer = PartitionWriter::claim(&**log, PARTITION, Tail::default(), &id, now, &mut fold).unwrap();
    for block in (0..count).collect::<Vec<_>>().chunks(7) {
        let draft = |n: &usize| Draft {
            command_id: format!("{what}-{n}"),
            command: Bytes::from(vec![7; n % 50]),
            stream: "c-1".into(),
            stream_version_before: 0,
            decided_against: Vec::new(),
            effective_at: now,
            recorded_at: now,
            actor: Actor { principal: "test".into(), channel: "grpc".into() },
            outcome: Err(Rejection::field(Reason::InvalidValue, "quantity", what)),
            source: None,
        };
        writer.append(block.iter().map(draft).collect()).unwrap();
    }
}

fn settings(dir: &Path) -> Settings {
    Settings {
        dir: dir.join("tree"),
        signing_key_file: Some(dir.join("keys/signing.key")),
        checkpoint_file: Some(dir.join("checkpoints")),
        checkpoint_every: Duration::from_secs(3600),
        checkpoint_commits: 1_000_000,
    }
}

fn trees(log: &Arc<dyn Log>, settings: &Settings) -> Trees {
    let trees = Trees::open(Arc::clone(log), settings).unwrap();
    trees.catch_up(&mut |_| ()).unwrap();
    trees
}

#[test]
fn what_is_proved_leads_to_the_signed_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    append(&log, 599, "first");
    let settings = settings(dir.path());
    let trees = trees(&log, &settings);
    let first = trees.checkpoint(PARTITION, 600).unwrap();
    assert_eq!(first.checkpoint.size, 600);
    assert_eq!(first.checkpoint.origin, "subledger/00000000-0000-0000-0000-000000000005/customers/0");
    let keys = trees.public_keys().unwrap().keys;
    assert_eq!(Note::parse(&first.note).unwrap().open(&keys).unwrap(), first.checkpoint.text());
    for index in [0, 1, 255, 256, 599] {
        let (leaf, path) = trees.inclusion(PARTITION, index, 600).unwrap();
        verify_inclusion(&leaf, index, 600, &path, &first.checkpoint.root).unwrap();
    }
    append(&log, 100, "second");
    trees.catch_up(&mut |_| ()).unwrap();
    let second = trees.checkpoint(PARTITION, 701).unwrap();
    let (roots, path) = trees.consistency(PARTITION, 600, 701).unwrap();
    assert_eq!(roots, [first.checkpoint.root, second.checkpoint.root]);
    verify_consistency(600, &roots[0], 701, &roots[1], &path).unwrap();
    // Both went to the second place.
    let kept = fs::read_to_string(dir.path().join("checkpoints")).unwrap();
    assert_eq!(kept, format!("{}\n{}\n", first.note, second.note));

    assert!(matches!(trees.inclusion(PARTITION, 5, 702), Err(ProofError::TooSmall { size: 701, wanted: 702, .. })));
    assert!(matches!(trees.inclusion(PARTITION, 600, 600), Err(ProofError::Invalid(_))));
    assert!(matches!(trees.consistency(PARTITION, 601, 600), Err(ProofError::Invalid(_))));
    assert!(matches!(trees.checkpoint(PARTITION, 702), Err(ProofError::TooSmall { .. })));
    let elsewhere = PartitionId::new(Family::Customers, 1);
    assert!(matches!(trees.checkpoint(elsewhere, 0), Err(ProofError::NoSuchPartition(_))));
}

/// What happens to the file of a level.
type Damage<'a> = (&'a str, &'a dyn Fn(&Path));

#[test]
fn a_restart_goes_on_from_the_index_and_a_damaged_index_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    append(&log, 599, "first");
    let settings = settings(dir.path());
    let before = trees(&log, &settings).checkpoint(PARTITION, 600).unwrap();
    let index = dir.path().join("tree/customers-0");
    assert_eq!(fs::metadata(index.join("level-0")).unwrap().len(), 600 * 32);
    assert_eq!(fs::metadata(index.join("level-1")).unwrap().len(), 2 * 32);

    // Kept: nothing is read again, so a tree is there at once.
    let kept = Trees::open(Arc::clone(&log), &settings).unwrap();
    assert_eq!(kept.checkpoint(PARTITION, 600).unwrap().checkpoint, before.checkpoint);
    drop(kept);
    let damage: [Damage<'_>; 5] = [
        ("a hash of the last tile", &|file| flip(file, 599 * 32)),
        ("cut short", &|file| fs::write(file, &fs::read(file).unwrap()[..1_000]).unwrap()),
        ("not synced any more", &|file| fs::write(file, [fs::read(file).unwrap(), vec![9; 77]].concat()).unwrap()),
        ("gone", &|file| fs::remove_file(file).unwrap()),
        ("a full tile", &|file| flip(file, 40)),
    ];
    for (n, (name, damage)) in damage.into_iter().enumerate() {
        damage(&index.join("level-0"));
        append(&log, 10, &format!("more-{n}"));
        let trees = trees(&log, &settings);
        let size = 600 + 11 * (n as u64 + 1);
        // A hash in the middle is noticed by who asks for a proof with it; the next one is right again.
        for at in [1, 300, 599] {
            if let Err(error) = trees.inclusion(PARTITION, at, size) {
                assert!(matches!(error, ProofError::Unavailable(_)), "{name}: {error}");
                trees.catch_up(&mut |_| ()).unwrap();
            }
            let (leaf, path) = trees.inclusion(PARTITION, at, size).unwrap();
            let root = trees.checkpoint(PARTITION, size).unwrap().checkpoint.root;
            verify_inclusion(&leaf, at, size, &path, &root).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_ledger_put_back_or_written_again_signs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, old) = (dir.path().join("ours"), dir.path().join("old"));
    let log_now = log(&ours);
    append(&log_now, 19, "kept");
    drop(log_now);
    copy(&ours, &old);
    let now = log(&ours);
    append(&now, 19, "told to others");
    let settings = settings(dir.path());
    let signed = trees(&now, &settings).checkpoint(PARTITION, 40).unwrap();

    // The old copy under the checkpoints that were signed since.
    let back = log(&old);
    let put_back = Trees::open(Arc::clone(&back), &settings).unwrap();
    put_back.catch_up(&mut |_| ()).unwrap();
    let error = put_back.checkpoint(PARTITION, 0).unwrap_err();
    assert!(matches!(error, ProofError::Behind { size: 20, signed: 40, .. }), "{error}");
    drop(put_back);
    // Other commits in the place of those that were lost.
    append(&back, 25, "other");
    let rewritten = trees(&back, &settings);
    let error = rewritten.checkpoint(PARTITION, 0).unwrap_err();
    assert!(matches!(error, ProofError::Broken(_)), "{error}");
    assert!(error.to_string().contains("written again"), "{error}");
    assert!(matches!(rewritten.inclusion(PARTITION, 3, 20), Err(ProofError::Broken(_))));
    drop(rewritten);
    // The true one goes on.
    assert_eq!(trees(&now, &settings).checkpoint(PARTITION, 40).unwrap().checkpoint, signed.checkpoint);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_rotated_key_signs_at_once_and_the_old_one_vouches_for_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    append(&log, 3, "first");
    let settings = settings(dir.path());
    let trees = trees(&log, &settings);
    let before = trees.checkpoint(PARTITION, 0).unwrap();
    let old = trees.public_keys().unwrap().keys;
    let path = settings.signing_key_file.clone().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(&path).unwrap();

    let new = keys::rotate(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&path).unwrap().contains(secret.trim()), "the old key is forgotten");
    let after = trees.checkpoint(PARTITION, 0).unwrap();
    assert_ne!(before.note, after.note);
    assert!(Note::parse(&after.note).unwrap().open(&old).is_err());
    Note::parse(&after.note).unwrap().open(std::slice::from_ref(&new)).unwrap();
    let public = trees.public_keys().unwrap();
    assert_eq!(public.keys, [new.clone(), old[0].clone()]);
    let trusted = subledger_proof::rotation::trusted(&old, public.rotations.iter().map(String::as_str));
    assert_eq!(trusted, [old[0].clone(), new]);
    let published = fs::read_to_string(path.with_file_name("verifier-keys.txt")).unwrap();
    assert_eq!(published, format!("{}\n{}\n", public.keys[0], public.keys[1]));
    // After a restart the checkpoints of the old key still count.
    drop(trees);
    Trees::open(Arc::clone(&log), &settings).unwrap().checkpoint(PARTITION, 4).unwrap();

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = Trees::open(Arc::clone(&log), &settings).err().unwrap().to_string();
    assert!(error.contains("640") && error.contains("chmod 600"), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "no key").unwrap();
    assert!(Trees::open(log, &settings).is_err());
}

#[test]
fn tiles_are_full_or_as_wide_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    append(&log, 299, "first");
    let trees = trees(&log, &settings(dir.path()));
    let tile = |text: &str| trees.tile(PARTITION, text.parse::<Tile>().unwrap()).unwrap();
    let full = tile("tile/0/000").unwrap();
    assert_eq!((full.len(), tile("tile/0/001.p/44").unwrap().len()), (8192, 44 * 32));
    assert_eq!(tile("tile/0/000.p/10").unwrap(), full[..320]);
    assert_eq!(tile("tile/1/000.p/1").unwrap().len(), 32);
    for absent in ["tile/0/001", "tile/0/001.p/45", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1", "tile/63/999"] {
        assert_eq!(tile(absent), None, "{absent}");
    }
}
