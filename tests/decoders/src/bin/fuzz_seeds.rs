//! `fuzz-seeds DIR`: writes what each target of `tests/fuzz` begins with.

use std::{fs, io, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: fuzz-seeds DIR");
        return ExitCode::from(2);
    };
    match write(&dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot write to {}: {error}", dir.display());
            ExitCode::FAILURE
        }
    }
}

fn write(dir: &std::path::Path) -> io::Result<()> {
    for (name, _) in subledger_decoders::TARGETS {
        let dir = dir.join(name);
        fs::create_dir_all(&dir)?;
        for (n, seed) in subledger_decoders::seeds(name).iter().enumerate() {
            fs::write(dir.join(format!("seed-{n}")), seed)?;
        }
    }
    Ok(())
}
