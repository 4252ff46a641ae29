//! What fuzzing began with, and what it found once.

use std::{collections::BTreeSet, fs, path::Path};

use subledger_decoders::{Mutations, TARGETS, seeds};

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz");

#[test]
fn every_target_reads_what_it_begins_with() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} begins with nothing");
        seeds.iter().for_each(|seed| target(seed));
    }
}

#[test]
fn seeds_are_understood() {
    for seed in seeds("stored_commit") {
        subledger_log::codec::decode(&seed.into()).unwrap();
    }
    for seed in seeds("command_json") {
        subledger_log::codec::command_from_json(std::str::from_utf8(&seed).unwrap()).unwrap();
    }
}

#[test]
fn every_target_has_a_program() {
    let names = |dir: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(Path::new(FUZZ).join(dir)).unwrap();
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert!(names("regressions").is_subset(&targets.iter().cloned().chain(["README".to_owned()]).collect()));
}

#[test]
fn what_was_found_once_stays_mended() {
    for (name, target) in TARGETS {
        let Ok(found) = fs::read_dir(Path::new(FUZZ).join("regressions").join(name)) else { continue };
        for file in found {
            let path = file.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(&path).unwrap());
        }
    }
}

/// A little of what `tests/fuzz/run` does for longer.
#[test]
fn what_was_good_once_is_read_or_refused() {
    const INPUTS: usize = 2_000;
    for (name, target) in TARGETS {
        for input in Mutations::new(seeds(name), 1).take(INPUTS) {
            target(&input);
        }
    }
}
