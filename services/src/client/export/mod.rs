//! `subledger export`: a folder for an auditor that stands alone: records, proofs, signed checkpoints, schema, keys.
//!
//! [`source`] is where records and proofs come from, [`select`] which records are wanted, [`closed`] a moment at which the partitions fit
//! together, [`write`] puts them into the folder. A backup is such a folder of the whole ledger at such a moment.

mod closed;
mod select;
mod source;
mod write;

use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use subledger_log::PartitionId;

pub(in crate::client) use closed::needs;

use self::source::Source;
use super::{
    Failure,
    connect::Address,
    folder::{self, Manifest, Selection},
    help,
    meter::Meter,
};
use crate::config::Flags;

/// Arguments of `export`.
#[derive(clap::Args)]
#[command(after_help = help!(
    "  subledger export --out audit-2018\n  \
     subledger export --out one --partition customers/0\n  \
     subledger export --out fabrikam --customer fabrikam\n  \
     subledger export --out copy --from data-dir --data-dir /var/lib/subledger   # the ledger is stopped\n  \
     subledger export --out all --from kafka --set kafka.bootstrap=broker:9092 --set signing_key_file=signing.key\n\n\
     The folder is made under another name and gets its own when it is complete. `subledger verify` checks it."
))]
pub(crate) struct Args {
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only this partition, such as customers/0; repeatable
    #[arg(long, value_name = "PARTITION", value_parser = partition, conflicts_with_all = ["customer", "partner", "subscription"])]
    partition: Vec<PartitionId>,
    /// Only records of this customer, each with its proof
    #[arg(long, value_name = "ID", conflicts_with_all = ["partner", "subscription"])]
    customer: Option<String>,
    /// Only records that mention this partner, each with its proof
    #[arg(long, value_name = "ID", conflicts_with = "subscription")]
    partner: Option<String>,
    /// Only records that mention this subscription, each with its proof
    #[arg(long, value_name = "ID")]
    subscription: Option<String>,
    /// Where the records are
    #[arg(long, value_enum, default_value_t = From::Ledger)]
    from: From,
    #[command(flatten)]
    address: Address,
    /// The data directory of a ledger that is stopped, with --from data-dir
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// TOML file with settings, with --from data-dir or kafka
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting by its name in the file, such as kafka.bootstrap=broker:9092; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Where the records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum From {
    /// A running ledger
    Ledger,
    /// The data directory of a ledger that is stopped
    DataDir,
    /// Kafka's brokers
    Kafka,
}

fn partition(text: &str) -> Result<PartitionId, String> {
    folder::partition(text)
        .ok_or_else(|| format!("{text:?} is not a partition; catalog/0, partners/0, customers/0 are"))
}

/// Writes the folder.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let selection = args.selection()?;
    let out = write::Out::begin(&args.out)?;
    let source = args.source(&out)?;
    let layout = source.log.layout();
    let wanted = select::Wanted::new(&selection, layout)?;
    let partitions: Vec<_> = match &selection {
        Selection::Partitions => args.partition.clone(),
        _ => layout.all().filter(|partition| wanted.may_be_in(*partition)).collect(),
    };
    if let Some(unknown) = partitions.iter().find(|partition| !layout.contains(**partition)) {
        return Err(Failure::Usage(format!("the ledger has no partition {unknown}")));
    }
    let heads = if selection == Selection::Whole {
        closed::heads(&source, &partitions)?
    } else {
        closed::heads_in_turn(&source, &partitions)?
    };
    let export = Export { out, source, wanted, selection, test_clock_start: None };
    export.write(&args.out, &heads)
}

/// Copies a running ledger into a folder that `restore` makes a ledger of.
pub(in crate::client) fn backup(
    address: &Address,
    target: &Path,
    test_clock_start: Option<NaiveDate>,
) -> Result<(), Failure> {
    let out = write::Out::begin(target)?;
    let source = Source::ledger(address)?;
    let partitions: Vec<_> = source.log.layout().all().collect();
    let heads = closed::heads(&source, &partitions)?;
    let (selection, wanted) = (Selection::Whole, select::Wanted::All);
    Export { out, source, wanted, selection, test_clock_start }.write(target, &heads)
}

/// An export whose parts are chosen.
struct Export {
    out: write::Out,
    source: Source,
    wanted: select::Wanted,
    selection: Selection,
    test_clock_start: Option<NaiveDate>,
}

impl Export {
    fn write(self, target: &Path, heads: &[(PartitionId, source::Head)]) -> Result<(), Failure> {
        let Self { out, source, wanted, selection, test_clock_start } = self;
        let layout = source.log.layout();
        let meter = Meter::new("exporting", heads.iter().map(|(_, head)| head.checkpoint.size).sum());
        let mut parts = Vec::new();
        for (partition, head) in heads {
            let part = if selection.is_partial() {
                out.chosen(&source, *partition, head, &wanted, &meter)?
            } else {
                out.whole(&source, *partition, head, &meter)?
            };
            parts.extend(part);
        }
        drop(meter);
        if selection.is_partial() && parts.is_empty() {
            return Err(Failure::Differs(format!("error: the ledger has no {selection}; nothing was written")));
        }
        let records: u64 = parts.iter().map(|part| part.records).sum();
        let manifest = Manifest {
            format: folder::FORMAT.to_owned(),
            program: concat!("subledger ", env!("CARGO_PKG_VERSION")).to_owned(),
            ledger_id: source.log.ledger_id().to_string(),
            partners_partitions: layout.partners,
            customers_partitions: layout.customers,
            selection,
            test_clock_start,
            partitions: parts,
        };
        // After the checkpoints: a key that was rotated meanwhile is among them.
        let public = source.keys()?;
        drop(source);
        out.keys(&public)?;
        out.finish(&manifest)?;
        super::output::line(format_args!("{}: {records} records, {}", target.display(), manifest.selection))?;
        let key = public.keys.first().map(ToString::to_string).unwrap_or_default();
        super::output::line(format_args!("check it with: subledger verify {} --key {key}", target.display()))
    }
}

impl Args {
    fn selection(&self) -> Result<Selection, Failure> {
        let chosen = [
            self.customer.clone().map(Selection::Customer),
            self.partner.clone().map(Selection::Partner),
            self.subscription.clone().map(Selection::Subscription),
            (!self.partition.is_empty()).then_some(Selection::Partitions),
        ];
        if self.from == From::Ledger && (self.data_dir.is_some() || self.config.is_some() || !self.set.is_empty()) {
            let text = "--data-dir, --config and --set are about --from data-dir or --from kafka; a running ledger is named by --address";
            return Err(Failure::Usage(text.to_owned()));
        }
        Ok(chosen.into_iter().flatten().next().unwrap_or_default())
    }

    fn source(&self, out: &write::Out) -> Result<Source, Failure> {
        let flags = Flags {
            config: self.config.clone(),
            data_dir: self.data_dir.clone(),
            set: self.set.clone(),
            ..Flags::default()
        };
        let settings = || flags.load().map_err(|error| Failure::Usage(error.to_string()));
        match self.from {
            From::Ledger => Source::ledger(&self.address),
            From::DataDir => Source::data_dir(&settings()?),
            From::Kafka => Source::kafka(&settings()?, out.scratch()),
        }
    }
}
