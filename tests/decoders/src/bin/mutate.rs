//! `mutate SECONDS [TARGET...]`: feeds each target what it begins with, changed by chance. What makes it panic is written to
//! `tests/fuzz/artifacts/TARGET`.

use std::{
    fs,
    panic::catch_unwind,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use subledger_decoders::{Mutations, TARGETS, Target, seeds};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((seconds, names)) =
        arguments.split_first().and_then(|(first, rest)| Some((first.parse::<u64>().ok()?, rest)))
    else {
        eprintln!("usage: mutate SECONDS [TARGET...]");
        return ExitCode::from(2);
    };
    #[allow(clippy::disallowed_methods, reason = "another run shall try something else")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let chosen = TARGETS.into_iter().filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name));
    let mut found = false;
    for (name, target) in chosen {
        found |= run(name, target, Duration::from_secs(seconds), now);
    }
    if found { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(name: &str, target: Target, time: Duration, number: u64) -> bool {
    let began = Instant::now();
    let (mut tried, mut found) = (0_u64, false);
    for input in Mutations::new(seeds(name), number) {
        if began.elapsed() >= time {
            break;
        }
        tried += 1;
        if catch_unwind(|| target(&input)).is_err() {
            found = true;
            let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/artifacts")).join(name);
            let path = dir.join(format!("mutated-{number}-{tried}"));
            let kept = fs::create_dir_all(&dir).and_then(|()| fs::write(&path, &input));
            eprintln!("{name}: found {} ({kept:?})", path.display());
            break;
        }
    }
    println!("{name}: {tried} inputs in {} s: {}", began.elapsed().as_secs(), if found { "FOUND" } else { "nothing" });
    found
}
