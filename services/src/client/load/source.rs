//! What comes out of a file: commands, one after another, each with its line; or why a line is none.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use prost::Message as _;
use sha2::{Digest as _, Sha256};
use subledger_log::codec::command_from_json;
use subledger_proto::api::Command;
use uuid::Uuid;

use super::Failure;

/// Longest line of JSON, in bytes. A command is stored in one record, which is smaller.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// One command of a file, or a line that is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// The line it begins at, from 1.
    pub(super) line: u64,
    /// Bytes of the file up to its end: how far the file is done.
    pub(super) bytes: u64,
    /// The command, or why there is none.
    pub(super) content: Result<Command, Unreadable>,
}

/// A line that is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// What is wrong and what would be accepted.
    pub(super) why: String,
    /// The line as it stands in the file.
    pub(super) text: String,
}

/// Commands of a file, in its order.
pub(super) type Items = Box<dyn Iterator<Item = Result<Item, Failure>> + Send>;

/// Opens a file, or standard input for `-`. Also gives its length, where it has one.
pub(super) fn open(path: &Path) -> Result<(Box<dyn BufRead + Send>, Option<u64>), Failure> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let wrong = |error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(wrong)?;
    let meta = file.metadata().map_err(wrong)?;
    if meta.is_dir() {
        return Err(Failure::Usage(format!("{} is a directory; a file of commands is wanted", path.display())));
    }
    Ok((Box::new(BufReader::new(file)), Some(meta.len())))
}

/// Commands out of JSON lines. Empty lines are skipped.
pub(super) struct JsonLines<R> {
    reader: R,
    line: u64,
    bytes: u64,
}

impl<R: BufRead> JsonLines<R> {
    /// Reads from the beginning.
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: 0, bytes: 0 }
    }

    /// The next line without its end; what is longer than a line may be is cut.
    fn read(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        let mut line = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 2;
        let read = (&mut self.reader).take(limit).read_until(b'\n', &mut line)?;
        self.bytes += read as u64;
        let mut too_long = false;
        if read as u64 == limit && !line.ends_with(b"\n") {
            too_long = true;
            self.bytes += skip_line(&mut self.reader)?;
            line.truncate(200);
        }
        Ok((read > 0).then_some((line, too_long)))
    }
}

/// Reads on to the end of the line without keeping it.
fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let chunk = reader.fill_buf()?;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        let done = end.is_some() || chunk.is_empty();
        reader.consume(used);
        skipped += used as u64;
        if done {
            return Ok(skipped);
        }
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Result<Item, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (line, too_long) = match self.read() {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => {
                    return Some(Err(Failure::Usage(format!("cannot read on after line {}: {error}", self.line))));
                }
            };
            self.line += 1;
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                continue;
            }
            let unreadable = |why: String| Unreadable { why, text: text.to_owned() };
            let content = if too_long {
                Err(unreadable(format!("the line is longer than {LINE_BYTES_MAX} bytes")))
            } else if std::str::from_utf8(&line).is_err() {
                Err(unreadable("the line is not UTF-8".to_owned()))
            } else {
                command_from_json(text).map_err(|error| unreadable(error.to_string())).and_then(|command| {
                    if command.body.is_some() {
                        Ok(command)
                    } else {
                        Err(unreadable("a command has a body, such as purchase".into()))
                    }
                })
            };
            return Some(Ok(Item { line: self.line, bytes: self.bytes, content }));
        }
    }
}

/// Gives a command without an id one that is the same whenever the same line is loaded again: a UUID version 5 of the batch's name, the
/// line and a digest of the command. A line that was corrected gets another id, so it is a new command.
pub(super) fn with_id(mut command: Command, batch: &str, line: u64) -> Command {
    if command.command_id.is_empty() {
        let digest = Sha256::digest(command.encode_to_vec());
        let name = format!("subledger/load/{batch}/{line}/{digest:x}");
        command.command_id = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string();
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &[u8]) -> Vec<Item> {
        JsonLines::new(text).map(Result::unwrap).collect()
    }

    #[test]
    fn a_wrong_line_does_not_stop_the_next() {
        let text = b"\xef\xbb\xbf{\"close_day\": {\"date\": \"2018-01-31\"}}\n\n{\"close_day\": {\"day\": 1}}\nnonsense\n\xff\n{}\n{\"close_day\": {\"date\": \"x\"}}";
        let items = items(text);
        let lines: Vec<_> = items.iter().map(|item| (item.line, item.content.is_ok())).collect();
        assert_eq!(lines, [(1, true), (3, false), (4, false), (5, false), (6, false), (7, true)]);
        assert_eq!(items[5].bytes, text.len() as u64);
        let why = &items[1].content.as_ref().unwrap_err().why;
        assert!(why.contains("day"), "{why}");
    }

    #[test]
    fn a_line_without_end_is_not_kept_in_memory() {
        let mut text = vec![b'x'; 3 * LINE_BYTES_MAX];
        text.extend_from_slice(b"\n{\"close_day\": {}}\n");
        let items = items(&text);
        assert_eq!(items.len(), 2);
        let error = items[0].content.as_ref().unwrap_err();
        assert!(error.why.contains("longer") && error.text.len() <= 200);
        assert_eq!((items[1].line, items[1].bytes), (2, text.len() as u64));
    }

    #[test]
    fn ids_are_the_same_for_the_same_line_only() {
        let command = |date: &str| command_from_json(&format!("{{\"close_day\": {{\"date\": \"{date}\"}}}}")).unwrap();
        let id = |batch, line, date| with_id(command(date), batch, line).command_id;
        let first = id("a.jsonl", 1, "2018-01-31");
        // Golden: another id would load everything a second time.
        assert_eq!(first, "5e15a357-b45e-57d5-8240-24a906f80836");
        assert_eq!(first, id("a.jsonl", 1, "2018-01-31"));
        let others = [id("b.jsonl", 1, "2018-01-31"), id("a.jsonl", 2, "2018-01-31"), id("a.jsonl", 1, "2018-02-01")];
        assert!(others.iter().all(|other| *other != first));
        let mut named = command("2018-01-31");
        named.command_id = "d-1".into();
        assert_eq!(with_id(named, "a.jsonl", 1).command_id, "d-1");
    }
}
