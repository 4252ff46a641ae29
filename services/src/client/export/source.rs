//! Where records and proofs come from: a running ledger, or its log and its key.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use subledger_log::{
    Accepted, Cursor, Follower, Log, OpenError, PartitionId, Position, ReadError, Reader,
    codec::Wire as _,
    remote::{Calls, RemoteLog},
};
use subledger_proof::{Checkpoint, Hash, Note};
use subledger_proto::api::{
    GetCheckpointRequest, GetInclusionProofRequest, ListKeysRequest, audit_service_client::AuditServiceClient,
};
use tokio::runtime::Runtime;

use crate::{
    audit::{ProofError, Settings, Trees, keys::PublicKeys},
    client::{Failure, connect::Address, meter::Meter},
    config::Config,
    ledger,
};

/// Calls for proofs under way at a time.
const CALLS_MAX: usize = 32;
/// How long to wait for a record that must be there, at a time and in all.
const READ_WAIT: Duration = Duration::from_millis(500);
const READ_ATTEMPTS_MAX: u32 = 60;

/// Records, and who proves them.
pub(super) struct Source {
    pub(super) log: Arc<dyn Log>,
    prover: Prover,
}

enum Prover {
    /// A running ledger.
    There { runtime: Runtime, client: Box<AuditServiceClient<Calls>> },
    /// Trees made from the log, signed with the ledger's key.
    Here(Box<Trees>),
}

/// A signed checkpoint.
pub(super) struct Head {
    pub(super) checkpoint: Checkpoint,
    pub(super) note: String,
}

impl Source {
    /// A running ledger.
    pub(super) fn ledger(address: &Address) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Failure::Usage(format!("cannot start the runtime: {error}")))?;
        let client = Box::new(runtime.block_on(address.connect())?.audit());
        let log = RemoteLog::connect(&address.url(), &address.dial()?).map_err(open_failed)?;
        Ok(Self { log: Arc::new(log), prover: Prover::There { runtime, client } })
    }

    /// The data directory of a ledger that is stopped.
    pub(super) fn data_dir(config: &Config) -> Result<Self, Failure> {
        let dir = &config.data_dir;
        if !dir.join("log").exists() {
            return Err(Failure::Usage(format!(
                "there is no ledger in {}; name another with --data-dir",
                dir.display()
            )));
        }
        let log = ledger::open_log(config).map_err(|error| Failure::Usage(format!("{error:#}")))?;
        Self::here(log, &config.trees(Some(config.own_signing_key_file())))
    }

    /// Kafka's brokers. The index of the trees is made in `scratch`.
    #[cfg(feature = "kafka")]
    pub(super) fn kafka(config: &Config, scratch: &Path) -> Result<Self, Failure> {
        let key = config.signing_key_file.clone().ok_or_else(|| {
            Failure::Usage("signing_key_file is not set: name the key that signs this ledger's checkpoints".to_owned())
        })?;
        let log = subledger_log::kafka::KafkaLog::open(config.kafka.options()).map_err(open_failed)?;
        // Checkpoints go to the operator's file only if there is one: this machine need not be the ledger's.
        let checkpoint_file = config.checkpoint_file.clone();
        let settings = Settings { dir: scratch.to_owned(), checkpoint_file, ..config.trees(Some(key)) };
        Self::here(Arc::new(log), &settings)
    }

    #[cfg(not(feature = "kafka"))]
    pub(super) fn kafka(_: &Config, _: &Path) -> Result<Self, Failure> {
        Err(Failure::Usage("this binary was built without Kafka; build it with the feature kafka".to_owned()))
    }

    fn here(log: Arc<dyn Log>, settings: &Settings) -> Result<Self, Failure> {
        let failed = |error: anyhow::Error| Failure::Usage(format!("{error:#}"));
        let trees = Trees::open(Arc::clone(&log), settings).map_err(failed)?;
        let layout = log.layout();
        let ends = subledger_log::ends(&*log, layout.all()).map_err(read_failed)?;
        let (meter, mut seen) = (Meter::new("making the trees", ends.values().sum()), 0);
        let grown = trees.catch_up(&mut |size| {
            (seen..size).for_each(|_| meter.step());
            seen = size;
        });
        grown.map_err(|error| Failure::Differs(format!("error: the log cannot be read to its end: {error:#}")))?;
        Ok(Self { log, prover: Prover::Here(Box::new(trees)) })
    }

    /// The ledger's public keys.
    pub(super) fn keys(&self) -> Result<PublicKeys, Failure> {
        match &self.prover {
            Prover::Here(trees) => trees.public_keys().map_err(|error| refused(&error)),
            Prover::There { runtime, client } => {
                let mut client = client.clone();
                let listed = runtime.block_on(client.list_keys(ListKeysRequest {}))?.into_inner();
                let keys = listed.keys.iter().map(|key| key.text.parse());
                let keys = keys.collect::<Result<_, _>>().map_err(|error| nonsense("its keys", &error))?;
                Ok(PublicKeys { keys, rotations: listed.rotations })
            }
        }
    }

    /// Where a partition's log ends now.
    pub(super) fn end(&self, partition: PartitionId) -> Result<u64, Failure> {
        self.log.end(partition).map_err(read_failed)
    }

    /// Reads a partition's records as they are stored, from an offset on.
    pub(super) fn reader(&self, partition: PartitionId, from: u64) -> Result<Box<dyn Reader>, Failure> {
        self.log.reader(&[(partition, from)]).map_err(read_failed)
    }

    /// A new checkpoint of a partition, signed by a key that the ledger says is its own.
    pub(super) fn checkpoint(&self, partition: PartitionId) -> Result<Head, Failure> {
        let note = match &self.prover {
            Prover::Here(trees) => trees.checkpoint(partition, 0).map_err(|error| refused(&error))?.note,
            Prover::There { runtime, client } => {
                let mut client = client.clone();
                let (family, index) = (partition.family.to_wire(), u32::from(partition.index));
                // Everything that was there when the export began.
                let min_size = self.log.end(partition).map_err(read_failed)?;
                let request = GetCheckpointRequest { family, partition: index, min_size };
                runtime.block_on(client.get_checkpoint(request))?.into_inner().note
            }
        };
        let keys = self.keys()?.keys;
        let opened = Note::parse(&note).and_then(|note| note.open(&keys)).and_then(Checkpoint::parse);
        let checkpoint = opened.map_err(|error| nonsense("its checkpoint", &error))?;
        Ok(Head { checkpoint, note })
    }

    /// Inclusion proofs of records in the tree of `size`.
    pub(super) fn inclusion(&self, partition: PartitionId, size: u64, seqs: &[u64]) -> Result<Vec<Vec<Hash>>, Failure> {
        match &self.prover {
            Prover::Here(trees) => {
                let proved = seqs.iter().map(|&seq| Ok(trees.inclusion(partition, seq, size)?.1));
                proved.collect::<Result<_, _>>().map_err(|error: ProofError| refused(&error))
            }
            Prover::There { runtime, client } => {
                let call = |seq: u64| {
                    let mut client = client.clone();
                    async move {
                        let position = Some(Position { partition, seq }.to_wire());
                        let proof = client.get_inclusion_proof(GetInclusionProofRequest { position, size }).await?;
                        let path = proof.into_inner().path.into_iter().map(TryInto::try_into);
                        path.collect::<Result<Vec<Hash>, _>>()
                            .map_err(|_| nonsense("its proof", &"a hash does not have 32 bytes"))
                    }
                };
                runtime.block_on(stream::iter(seqs.iter().copied().map(call)).buffered(CALLS_MAX).try_collect())
            }
        }
    }

    /// Hands the first `size` records of a partition to `take`, in order.
    pub(super) fn each(
        &self,
        partition: PartitionId,
        size: u64,
        take: &mut dyn FnMut(Accepted) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let from = std::collections::BTreeMap::from([(partition, Cursor::default())]);
        let mut follower = Follower::new(&*self.log, from).map_err(read_failed)?;
        let (mut next, mut idle) = (0, 0);
        while next < size {
            let accepted = follower.next(READ_WAIT).map_err(read_failed)?;
            idle = if accepted.is_empty() { idle + 1 } else { 0 };
            if idle == READ_ATTEMPTS_MAX {
                return Err(Failure::Unreachable(format!(
                    "{partition} gives no record {next}, although it has {size}"
                )));
            }
            for record in accepted.into_iter().take_while(|record| record.commit.position.seq < size) {
                next = record.commit.position.seq + 1;
                take(record)?;
            }
        }
        Ok(())
    }
}

fn open_failed(error: OpenError) -> Failure {
    match error {
        OpenError::Unavailable { .. } => Failure::Unreachable(error.to_string()),
        error => Failure::Usage(error.to_string()),
    }
}

pub(super) fn read_failed(error: ReadError) -> Failure {
    match error {
        ReadError::Unavailable { .. } => Failure::Unreachable(error.to_string()),
        error => Failure::Differs(format!("error: {error}")),
    }
}

fn refused(error: &ProofError) -> Failure {
    Failure::Differs(format!("error: {error}"))
}

fn nonsense(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::Differs(format!("error: the ledger sent {what} in a form that does not check out: {error}"))
}
