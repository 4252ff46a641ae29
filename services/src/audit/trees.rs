//! All trees of a ledger: a thread that follows the log, and answers for whoever asks for checkpoints and proofs.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use subledger_log::{Follower, LedgerId, Log, PartitionId, ends, limits};
use subledger_proof::{
    Checkpoint, Hash, note,
    proof::{self, verify_consistency, verify_inclusion},
    tile::{self, Hashes as _, Tile, Tiled},
};
use tokio::sync::watch;

use super::{
    checkpoints::CheckpointFile,
    keys::{Keys, PublicKeys},
    part::{Part, ProofError, Signed},
    tree::Tree,
};

/// How long to wait for news before looking whether to stop.
const POLL: Duration = Duration::from_millis(200);
/// How long to wait after something failed.
const RETRY: Duration = Duration::from_secs(1);
/// How often the index is made durable: what is not is read again after a restart.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Failures after which reading a log to its end is given up.
const CATCH_UP_FAILURES_MAX: u32 = 3;
/// A signed checkpoint is given again so long, if nobody wants a newer one.
const FRESH: Duration = Duration::from_secs(1);

/// Where things are, and how often checkpoints go to the file.
pub(crate) struct Settings {
    /// Directory of the index.
    pub(crate) dir: PathBuf,
    /// Signs; none for trees without checkpoints.
    pub(crate) signing_key_file: Option<PathBuf>,
    /// Where checkpoints are appended; none for nowhere.
    pub(crate) checkpoint_file: Option<PathBuf>,
    /// At most so long after a commit its partition's checkpoint is appended.
    pub(crate) checkpoint_every: Duration,
    /// And after so many commits.
    pub(crate) checkpoint_commits: u64,
}

/// The signer's files.
struct Signer {
    keys: Keys,
    file: Option<CheckpointFile>,
}

/// All trees of a ledger.
pub(crate) struct Trees {
    log: Arc<dyn Log>,
    ledger: LedgerId,
    parts: BTreeMap<PartitionId, Mutex<Part>>,
    signer: Option<Mutex<Signer>>,
    checkpoint_every: Duration,
    checkpoint_commits: u64,
    news: watch::Sender<u64>,
    stop: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Keeps other processes out of the index.
    _lock: File,
}

/// Makes the directory of the index, and keeps other processes out of it.
fn hold(dir: &Path) -> anyhow::Result<File> {
    let path = dir.join("lock");
    let made = fs::create_dir_all(dir).and_then(|()| File::create(&path));
    let file = made.with_context(|| format!("cannot make the index of the trees in {}", dir.display()))?;
    file.try_lock().map_err(|error| {
        anyhow::anyhow!("{}: {error}; another process has it: name another data_dir for one of the two", path.display())
    })?;
    Ok(file)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Trees {
    /// Opens the index and the signer's files. Blocks.
    pub(crate) fn open(log: Arc<dyn Log>, settings: &Settings) -> anyhow::Result<Self> {
        let ledger = log.ledger_id();
        let held = hold(&settings.dir)?;
        let mut last = BTreeMap::new();
        let mut signer = None;
        if let Some(path) = &settings.signing_key_file {
            let mut keys = Keys::open_or_create(path, ledger)?;
            let mut file = None;
            if let Some(path) = &settings.checkpoint_file {
                let (opened, found) = CheckpointFile::open(path, &keys.public()?.keys)?;
                (file, last) = (Some(opened), found);
            }
            signer = Some(Mutex::new(Signer { keys, file }));
        }
        let mut parts = BTreeMap::new();
        for partition in log.layout().all() {
            let dir = settings.dir.join(format!("{}-{}", partition.family, partition.index));
            let tree = Tree::open(dir, ledger, partition)?;
            let owed = last.remove(&super::origin(ledger, partition));
            let filed = (owed.as_ref().map_or(0, |owed| owed.size), Instant::now());
            parts.insert(partition, Mutex::new(Part { tree, signed: None, owed, broken: None, filed }));
        }
        Ok(Self {
            log,
            ledger,
            parts,
            signer,
            checkpoint_every: settings.checkpoint_every,
            checkpoint_commits: settings.checkpoint_commits,
            news: watch::Sender::new(0),
            stop: AtomicBool::new(false),
            thread: Mutex::default(),
            _lock: held,
        })
    }

    /// Opens everything and follows the log on a thread of its own.
    pub(crate) fn start(log: Arc<dyn Log>, settings: &Settings) -> anyhow::Result<Arc<Self>> {
        let this = Arc::new(Self::open(log, settings)?);
        let runner = Arc::clone(&this);
        let thread = std::thread::Builder::new().name("trees".into()).spawn(move || runner.run())?;
        *lock(&this.thread) = Some(thread);
        Ok(this)
    }

    /// Stops following. Blocks.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the trees panicked");
        }
    }

    fn run(&self) {
        let mut saved = Instant::now();
        let mut follower = None;
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.step(&mut follower) {
                tracing::error!(error = %format_args!("{error:#}"), "the trees do not grow; trying again");
                follower = None;
                std::thread::sleep(RETRY);
            }
            if saved.elapsed() >= SAVE_EVERY {
                saved = Instant::now();
                self.save();
            }
            self.file_checkpoints(false);
        }
        self.file_checkpoints(true);
        self.save();
    }

    /// Reads everything that is in the log now. Blocks; for trees that no thread lets grow. `progress` is told how many records it is.
    pub(crate) fn catch_up(&self, progress: &mut dyn FnMut(u64)) -> anyhow::Result<()> {
        let ends = ends(&*self.log, self.parts.keys().copied())?;
        let (mut follower, mut failures) = (None, 0);
        loop {
            if let Err(error) = self.step(&mut follower) {
                failures += 1;
                // The first time the index is made again; what fails then is not the index.
                anyhow::ensure!(failures <= CATCH_UP_FAILURES_MAX, error);
                tracing::warn!(error = %format_args!("{error:#}"), "trying again");
            }
            progress(self.parts.values().map(|part| lock(part).tree.size()).sum());
            let there = |(partition, &end): (&PartitionId, &u64)| {
                let part = lock(&self.parts[partition]);
                part.broken.is_some() || part.tree.cursor.offset >= end
            };
            if ends.iter().all(there) {
                self.save();
                return Ok(());
            }
        }
    }

    /// Takes what comes next. Opens the follower if there is none.
    fn step(&self, open: &mut Option<Follower>) -> anyhow::Result<()> {
        if self.parts.values().any(|part| lock(part).tree.stale()) {
            *open = None;
        }
        let follower = match open {
            Some(follower) => follower,
            None => open.insert(self.follow()?),
        };
        let accepted = follower.next_heads(limits::READ_BYTES, POLL)?;
        let mut failed = None;
        for (&partition, &cursor) in follower.cursors() {
            let mut part = lock(&self.parts[&partition]);
            if part.tree.cursor == cursor {
                continue;
            }
            let records = accepted.iter().filter(|record| record.head.position.partition == partition);
            if let Err(error) = part.add(records, cursor) {
                failed = Some(error);
            }
        }
        if !accepted.is_empty() {
            self.news.send_modify(|news| *news += 1);
        }
        // Other places to read from are known now.
        failed.map_or(Ok(()), |error| {
            *open = None;
            Err(error.into())
        })
    }

    fn follow(&self) -> anyhow::Result<Follower> {
        let mut from = BTreeMap::new();
        for (&partition, part) in &self.parts {
            let mut part = lock(part);
            if part.broken.is_some() {
                continue;
            }
            if part.tree.cursor.offset > self.log.end(partition)? {
                part.tree.is_stale("the log is shorter than the index");
            }
            part.tree.make_ready()?;
            from.insert(partition, part.tree.cursor);
        }
        Ok(Follower::new(&*self.log, from)?)
    }

    fn save(&self) {
        for part in self.parts.values() {
            if let Err(error) = lock(part).tree.save() {
                tracing::warn!(%error, "the index of a tree is not durable; a restart takes longer");
            }
        }
    }

    /// Appends checkpoints that are due to the file: all that are new if `now`.
    fn file_checkpoints(&self, now: bool) {
        if self.signer.is_none() {
            return;
        }
        for part in self.parts.values() {
            let mut part = lock(part);
            let (size, (filed, at)) = (part.tree.size(), part.filed);
            let due = now || size >= filed + self.checkpoint_commits || at.elapsed() >= self.checkpoint_every;
            if size <= filed || !due || part.broken.is_some() {
                continue;
            }
            match self.sign(&mut part) {
                Ok(_) | Err(ProofError::Behind { .. }) => {}
                Err(error) => tracing::error!(%error, "no checkpoint"),
            }
            part.filed.1 = Instant::now();
        }
    }

    /// Signs the tree as it is, and appends that to the file.
    fn sign(&self, part: &mut Part) -> Result<Signed, ProofError> {
        let files = self.signer.as_ref().ok_or(ProofError::NoKey)?;
        part.check()?;
        let partition = part.tree.partition;
        let origin = super::origin(self.ledger, partition);
        let checkpoint = Checkpoint { origin, size: part.tree.size(), root: part.tree.root() };
        let unavailable = |error: anyhow::Error| ProofError::Unavailable(format!("{error:#}"));
        let mut files = lock(files);
        let note = note::sign(&checkpoint.text(), [files.keys.signer().map_err(unavailable)?]);
        // What is not recorded is not given out: nobody could hold the ledger against it later.
        if let Some(file) = &mut files.file {
            file.append(&note).map_err(unavailable)?;
        }
        part.filed = (checkpoint.size, Instant::now());
        let signed = Signed { partition, checkpoint, note };
        part.signed = Some((signed.clone(), Instant::now()));
        Ok(signed)
    }

    fn part(&self, partition: PartitionId) -> Result<&Mutex<Part>, ProofError> {
        self.parts.get(&partition).ok_or(ProofError::NoSuchPartition(partition))
    }

    /// A signed checkpoint over at least `min_size` records. Blocks for a moment.
    pub(crate) fn checkpoint(&self, partition: PartitionId, min_size: u64) -> Result<Signed, ProofError> {
        let mut part = lock(self.part(partition)?);
        part.check()?;
        part.reaches(min_size)?;
        if let Some((signed, at)) = &part.signed {
            let fresh = signed.checkpoint.size == part.tree.size() || at.elapsed() < FRESH;
            if fresh && signed.checkpoint.size >= min_size && self.is_by_current_key(signed) {
                return Ok(signed.clone());
            }
        }
        self.sign(&mut part)
    }

    fn is_by_current_key(&self, signed: &Signed) -> bool {
        let keys = self.public_keys().map(|public| public.keys).unwrap_or_default();
        keys.first().is_some_and(|key| {
            note::Note::parse(&signed.note).and_then(|note| note.open(std::slice::from_ref(key)).map(|_| ())).is_ok()
        })
    }

    /// Waits until a partition's tree has `size` leaves.
    pub(crate) async fn wait_for(&self, partition: PartitionId, size: u64, wait: Duration) {
        let mut news = self.news.subscribe();
        let there = || self.parts.get(&partition).is_none_or(|part| lock(part).is_there(size));
        let waiting = async { while !there() && news.changed().await.is_ok() {} };
        // Who comes too early learns it from what is there.
        let _ = tokio::time::timeout(wait, waiting).await;
    }

    /// The leaf at `index`, and that it is in the tree of the first `size` records. Blocks for a moment.
    pub(crate) fn inclusion(
        &self,
        partition: PartitionId,
        index: u64,
        size: u64,
    ) -> Result<(Hash, Vec<Hash>), ProofError> {
        let mut part = lock(self.part(partition)?);
        part.reaches(size)?;
        if index >= size {
            return Err(ProofError::Invalid(format!("record {index} is not among the first {size} of {partition}")));
        }
        let nodes = Tiled(&part.tree.index);
        let made = proof::root(&nodes, size).and_then(|root| {
            let leaf = part.tree.index.read(0, index, 1)?;
            Ok((root, leaf.first().copied().unwrap_or_default(), proof::inclusion(&nodes, index, size)?))
        });
        let (root, leaf, path) = made.map_err(|error| part.unreadable(&error))?;
        verify_inclusion(&leaf, index, size, &path, &root).map_err(|error| part.unreadable(&error))?;
        Ok((leaf, path))
    }

    /// That the tree of the first `to` records continues the one of the first `from`. Gives both roots. Blocks for a moment.
    pub(crate) fn consistency(
        &self,
        partition: PartitionId,
        from: u64,
        to: u64,
    ) -> Result<([Hash; 2], Vec<Hash>), ProofError> {
        let mut part = lock(self.part(partition)?);
        part.reaches(to)?;
        if from > to {
            return Err(ProofError::Invalid(format!("a tree of {to} records cannot continue one of {from}")));
        }
        let nodes = Tiled(&part.tree.index);
        let made = proof::consistency(&nodes, from, to)
            .and_then(|path| Ok(([proof::root(&nodes, from)?, proof::root(&nodes, to)?], path)));
        let (roots, path) = made.map_err(|error| part.unreadable(&error))?;
        verify_consistency(from, &roots[0], to, &roots[1], &path).map_err(|error| part.unreadable(&error))?;
        Ok((roots, path))
    }

    /// The bytes of a tile; none if the tree does not have it (yet). Blocks for a moment.
    pub(crate) fn tile(&self, partition: PartitionId, tile: Tile) -> Result<Option<Vec<u8>>, ProofError> {
        let mut part = lock(self.part(partition)?);
        let there = tile::hashes(part.tree.index.size(), tile.level);
        if tile.first().checked_add(tile.width).is_none_or(|end| end > there) {
            return Ok(None);
        }
        let hashes = part.tree.index.read(tile.level, tile.first(), tile.width);
        Ok(Some(hashes.map_err(|error| part.unreadable(&error))?.concat()))
    }

    /// The public keys. Blocks for a moment.
    pub(crate) fn public_keys(&self) -> Result<PublicKeys, ProofError> {
        let signer = self.signer.as_ref().ok_or(ProofError::NoKey)?;
        lock(signer).keys.public().map_err(|error| ProofError::Unavailable(format!("{error:#}")))
    }
}
