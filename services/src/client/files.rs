//! Files that the ledger sends: to a file, or to standard output.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use subledger_proto::api::FileChunk;
use tonic::Streaming;

use super::Failure;

/// Lines from which on progress is told, on standard error.
pub(super) const PROGRESS_LINES_MIN: u64 = 5_000;

/// Writes a file. One that did not come whole is removed again. The number of its lines, as far as the ledger says it.
pub(super) async fn save(mut stream: Streaming<FileChunk>, path: Option<&Path>) -> Result<u64, Failure> {
    let Some(path) = path else {
        return copy(&mut stream, &mut BufWriter::new(io::stdout().lock())).await.map(|(lines, _)| lines);
    };
    let refused = |error: &io::Error| Failure::Usage(format!("cannot write {}: {error}", path.display()));
    // The first part says whether there is anything to write.
    let first = stream.message().await?;
    let mut file = BufWriter::new(File::create(path).map_err(|error| refused(&error))?);
    let copied = match first.map_or(Ok(()), |first| file.write_all(&first.bytes)) {
        Ok(()) => copy(&mut stream, &mut file).await,
        Err(error) => Err(refused(&error)),
    };
    match copied {
        Ok((lines, bytes)) => {
            let told = if lines > 0 { format!(", {lines} lines") } else { String::new() };
            eprintln!("{}: {bytes} bytes{told}", path.display());
            Ok(lines)
        }
        Err(failure) => {
            drop(file);
            // What is there is not the file; nothing more can be done if it cannot be removed.
            let _ = std::fs::remove_file(path);
            Err(failure)
        }
    }
}

async fn copy(stream: &mut Streaming<FileChunk>, out: &mut impl Write) -> Result<(u64, u64), Failure> {
    let (mut lines, mut bytes) = (0, 0);
    let mut progress: Option<ProgressBar> = None;
    while let Some(chunk) = stream.message().await? {
        out.write_all(&chunk.bytes)?;
        bytes += chunk.bytes.len() as u64;
        lines = lines.max(chunk.lines);
        if lines >= PROGRESS_LINES_MIN {
            progress.get_or_insert_with(|| spinner("written")).set_position(lines);
        }
    }
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    out.flush()?;
    Ok((lines, bytes))
}

/// Counts lines on standard error.
pub(super) fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} lines {msg}, {per_sec}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
