//! `subledger verify`: checks an auditor's folder, or one proof, with nothing but a public key. Needs no ledger and no network.
//!
//! [`chain`] checks whole partitions, [`chosen`] single records, [`decide`] decides every command again, [`books`] folds the books and
//! compares the invoices, [`restored`] finds how far a restored ledger is its backup, [`single`] checks a `.tlog-proof`; [`records`] reads files so that everything bad has a place, [`trust`] knows
//! whom to believe.

mod bad;
mod books;
mod chain;
mod chosen;
mod decide;
mod effort;
pub(in crate::client) mod records;
mod restored;
mod single;
mod trust;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use subledger_log::{
    Layout, LedgerId, PartitionId,
    personal::{KeyStore, Keys, Master, NoKeys, OpenKeys},
};
use uuid::Uuid;

pub(super) use self::trust::keys;
use self::{bad::Bad, effort::Effort, trust::Trust};
use super::{
    Failure,
    folder::{self, Folder, Manifest, Selection},
    meter::Meter,
    output::line,
};

/// Arguments of `verify`.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    subledger verify audit-2018 --key subledger/8d1c…+5f0e…+AZ…\n  \
    subledger verify audit-2018 --key key.txt --against checkpoint-of-last-year\n  \
    subledger verify fabrikam --key key.txt\n  \
    subledger verify restored-export --key new-key.txt --restored-from backup --restored-key key.txt\n  \
    subledger verify customers-2-43.tlog-proof --key key.txt\n\n\
    Exit codes:\n  \
    0  everything is as it was signed\n  \
    1  something is not; the first such place of each partition is named\n  \
    2  usage, or not an export")]
pub(crate) struct Args {
    /// The folder that `export` made, or a .tlog-proof file that `prove` made
    path: PathBuf,
    /// The ledger's public key, NAME+ID+BASE64, or a file with it. From the ledger's operator, not from the folder
    #[arg(long, value_name = "KEY|FILE")]
    key: String,
    /// A checkpoint that was kept before, or that somebody else was shown: a file of signed checkpoints, or another folder. Repeatable
    #[arg(long, value_name = "FILE|DIR")]
    against: Vec<PathBuf>,
    /// The backup that this ledger was restored from: how many first records of each partition are those signed there
    #[arg(long, value_name = "DIR")]
    restored_from: Option<PathBuf>,
    /// The public key of the ledger that was backed up, if the restored one has another
    #[arg(long, value_name = "KEY|FILE", requires = "restored_from")]
    restored_key: Option<String>,
    /// The record of a .tlog-proof [default: the file beside it that ends with .record]
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Keys of customers' names, as `customer-keys export` wrote them; without them names read as (sealed), and nothing else changes
    #[arg(long, value_name = "DIR")]
    customer_keys: Option<PathBuf>,
    /// Do not decide the commands again
    #[arg(long)]
    no_decide: bool,
    /// Do not fold the books and compare the invoices
    #[arg(long)]
    no_books: bool,
}

/// A folder that was read so far.
pub(super) struct Export {
    pub(super) folder: Folder,
    pub(super) manifest: Manifest,
    pub(super) ledger: LedgerId,
    pub(super) layout: Layout,
    pub(super) partitions: Vec<Listed>,
    /// What opens personal values.
    pub(super) keys: Arc<dyn Keys>,
}

/// A partition that is good.
struct Checked {
    /// What was found.
    text: String,
    /// Events of its records.
    events: u64,
}

/// A partition that is in the folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) partition: PartitionId,
    pub(super) size: u64,
    pub(super) records: u64,
}

/// Checks.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let effort = Effort::begin();
    let keys = keys(&args.key)?;
    if args.path.is_file() {
        return single::check(&args.path, args.record.as_deref(), &keys);
    }
    let mut export = open(&args.path)?;
    if let Some(dir) = &args.customer_keys {
        export.keys = names(dir, export.ledger)?;
    }
    let export = export;
    let trust = Trust::of(&keys, &export, &args.against)?;
    let total = export.partitions.iter().map(|part| part.records).sum();
    line(format_args!(
        "ledger {}, exported by {}: {}",
        export.ledger, export.manifest.program, export.manifest.selection
    ))?;
    let events = as_signed(&export, &trust)?;
    for note in trust.notes() {
        line(note)?;
    }
    if let Some(backup) = &args.restored_from {
        let key = args.restored_key.as_deref().unwrap_or(&args.key);
        restored::compare(&export, &open(backup)?, &self::keys(key)?)?;
    }
    if export.manifest.selection == Selection::Whole {
        replay(args, &export, total)?;
    } else {
        line("decisions      not repeated, books not compared: that needs a whole export")?;
    }
    line(effort.took(total, events))?;
    line(format_args!("good: {total} records with {events} events are those that were signed"))
}

/// The keys that open personal values.
fn names(dir: &Path, ledger: LedgerId) -> Result<Arc<dyn Keys>, Failure> {
    let not = |what: String| Failure::Usage(format!("--customer-keys {}: {what}", dir.display()));
    if !dir.is_dir() {
        return Err(not("it is no directory".to_owned()));
    }
    let open = OpenKeys { dir: dir.to_owned(), master: Master::File(dir.join("master.key")), ledger };
    Ok(Arc::new(KeyStore::open_or_create(open).map_err(|error| not(error.to_string()))?))
}

/// A folder of a whole ledger in which everything is as it was signed.
pub(super) fn whole(dir: &Path, key: Option<&str>) -> Result<Export, Failure> {
    let export = open(dir)?;
    if export.manifest.selection != Selection::Whole {
        let text = format!("{} has {} only; a ledger is made of a whole one", dir.display(), export.manifest.selection);
        return Err(Failure::Usage(text));
    }
    let listed = export.folder.path(folder::KEYS);
    let keys = keys(key.unwrap_or(&listed.display().to_string()))?;
    as_signed(&export, &Trust::of(&keys, &export, &[])?)?;
    Ok(export)
}

/// Checks every record against what was signed; gives the number of events.
fn as_signed(export: &Export, trust: &Trust) -> Result<u64, Failure> {
    let total = export.partitions.iter().map(|part| part.records).sum();
    let meter = Meter::new("checking records", total);
    let checked = each(&export.partitions, |part| {
        if export.manifest.selection.is_partial() {
            chosen::check(export, *part, trust, &meter)
        } else {
            chain::check(export, *part, trust, &meter)
        }
    });
    drop(meter);
    let (mut bad, mut events) = (export.missing(), 0);
    for (part, checked) in export.partitions.iter().zip(checked) {
        match checked {
            Ok(checked) => {
                events += checked.events;
                line(format_args!("{:<14} {}", part.partition.to_string(), checked.text))?;
            }
            Err(found) => bad.push(found),
        }
    }
    finish(&bad)?;
    Ok(events)
}

/// What needs the whole history.
fn replay(args: &Args, export: &Export, total: u64) -> Result<(), Failure> {
    if args.no_decide {
        line("decisions      left out")?;
    } else {
        let meter = Meter::new("deciding again", total);
        let decided = each(&export.partitions, |part| decide::check(export, *part, &meter));
        drop(meter);
        let mut bad = Vec::new();
        let mut decisions = decide::Decisions::default();
        for decided in decided {
            match decided {
                Ok(found) => {
                    decisions.repeated += found.repeated;
                    decisions.rest_on_names += found.rest_on_names;
                }
                Err(found) => bad.push(found),
            }
        }
        finish(&bad)?;
        line(format_args!("decisions      {} repeated, all come out as recorded", decisions.repeated))?;
        if decisions.rest_on_names > 0 {
            let count = decisions.rest_on_names;
            line(format_args!(
                "names          {count} refusals rest on names that cannot be read here; they changed nothing"
            ))?;
        }
    }
    if args.no_books {
        return line("books          left out");
    }
    let meter = Meter::new("folding the books", total);
    let books = books::check(export, &meter);
    drop(meter);
    match books {
        Ok(lines) => lines.iter().try_for_each(line),
        Err(found) => finish(&found),
    }
}

/// Nothing if nothing is bad.
fn finish(bad: &[Bad]) -> Result<(), Failure> {
    if bad.is_empty() {
        return Ok(());
    }
    let text: Vec<_> = bad.iter().map(|found| format!("BAD: {found}")).collect();
    Err(Failure::Differs(text.join("\n")))
}

/// Does it for each partition, on every core; what came of it in the order of the partitions.
fn each<T: Send>(parts: &[Listed], check: impl Fn(&Listed) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(parts.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(part) = parts.get(at) else { return };
                    let result = check(part);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn open(dir: &Path) -> Result<Export, Failure> {
    let not = |why: String| Failure::Usage(format!("{} is not an export: {why}", dir.display()));
    let folder = Folder(dir.to_owned());
    let text = std::fs::read(folder.path(folder::MANIFEST))
        .map_err(|error| not(format!("{} cannot be read: {error}", folder::MANIFEST)))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| not(format!("{}: {error}", folder::MANIFEST)))?;
    if manifest.format != folder::FORMAT {
        return Err(not(format!("its format is {:?}; this program knows {}", manifest.format, folder::FORMAT)));
    }
    let layout = manifest.layout().map_err(&not)?;
    let ledger = Uuid::parse_str(&manifest.ledger_id).map_err(|error| not(format!("ledger_id: {error}")))?;
    let listed = manifest.partitions.iter().map(|part| {
        let partition = folder::partition(&part.partition).filter(|partition| layout.contains(*partition));
        let partition =
            partition.ok_or_else(|| not(format!("it lists {:?}, which the ledger does not have", part.partition)))?;
        Ok(Listed { partition, size: part.size, records: part.records })
    });
    let mut partitions = listed.collect::<Result<Vec<_>, Failure>>()?;
    partitions.sort_by_key(|part| part.partition);
    if partitions.is_empty() {
        return Err(not("it lists no partition".to_owned()));
    }
    if let Some(twice) = partitions.windows(2).find(|pair| pair[0].partition == pair[1].partition) {
        return Err(not(format!("it lists {} twice", twice[0].partition)));
    }
    Ok(Export { folder, manifest, ledger: LedgerId(ledger), layout, partitions, keys: Arc::new(NoKeys) })
}

impl Export {
    /// Partitions that a whole export must have and does not list.
    fn missing(&self) -> Vec<Bad> {
        if self.manifest.selection != Selection::Whole {
            return Vec::new();
        }
        let is_listed = |partition: &PartitionId| self.partitions.iter().any(|part| part.partition == *partition);
        let missing = self.layout.all().filter(|partition| !is_listed(partition));
        missing
            .map(|partition| Bad::of(partition, folder::MANIFEST, "the partition is missing from a whole export"))
            .collect()
    }
}
