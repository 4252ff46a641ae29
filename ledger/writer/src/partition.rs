//! The service of one partition's writer: options in, a handle out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use subledger_log::{ClaimError, Log, PartitionId, ReadError};
use tokio::sync::oneshot;

use crate::{
    Clock, CommandError, Options, Outcome, Preview, ReferenceFollower, Submission,
    alone::{self, Desk},
    run::{self, Writer},
};

/// A writer could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The partition could not be claimed.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No thread could be had.
    #[error("cannot start the thread of a writer: {0}")]
    Thread(#[from] std::io::Error),
}

/// What a writer's thread is asked to do.
pub(crate) enum Job {
    /// Decide this without recording it.
    Preview(Box<Submission>, oneshot::Sender<Previewed>),
    /// Decide these, answer all at once.
    Commands(Vec<Submission>, oneshot::Sender<Answers>),
    /// The reference data changed: a day may have closed.
    Wake,
    /// Finish what waits and end.
    Stop,
}

pub(crate) type Answers = Vec<Result<Outcome, CommandError>>;
pub(crate) type Previewed = Result<Preview, CommandError>;

/// What the handle and the thread share.
pub(crate) struct Shared {
    pub(crate) partition: PartitionId,
    pub(crate) queued: AtomicUsize,
    pub(crate) next_seq: AtomicU64,
    pub(crate) epoch: AtomicU64,
    pub(crate) running: AtomicBool,
    /// It was told to stop, in a job that may wait behind others.
    pub(crate) stopping: AtomicBool,
    /// Customers with something due on the day that is being closed, and how many of them are decided.
    pub(crate) due_total: AtomicU64,
    pub(crate) due_done: AtomicU64,
    pub(crate) options: Options,
}

impl Shared {
    pub(crate) fn new(partition: PartitionId, options: Options) -> Self {
        Self {
            partition,
            queued: AtomicUsize::new(0),
            next_seq: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            running: AtomicBool::new(true),
            stopping: AtomicBool::new(false),
            due_total: AtomicU64::new(0),
            due_done: AtomicU64::new(0),
            options,
        }
    }

    /// So many commands take room in the queue; how many there were before.
    fn came(&self, commands: usize) -> usize {
        if let Some(traffic) = &self.options.traffic {
            traffic.came(commands);
        }
        self.queued.fetch_add(commands, Ordering::AcqRel)
    }

    /// So many commands are answered, or refused.
    pub(crate) fn went(&self, commands: usize) {
        self.queued.fetch_sub(commands, Ordering::AcqRel);
        if let Some(traffic) = &self.options.traffic {
            traffic.went(commands);
        }
    }
}

/// Sends commands to a partition's writer. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    jobs: mpsc::Sender<Job>,
}

impl Handle {
    /// Submits commands of this partition, in order, and waits until each has its durable outcome. Overload refuses all of them.
    ///
    /// Dropping the future does not take the commands back.
    pub async fn submit(&self, mut submissions: Vec<Submission>) -> Result<Answers, CommandError> {
        if submissions.is_empty() {
            return Ok(Vec::new());
        }
        self.queue(&mut submissions)?.await
    }

    /// [`Self::submit`] in two steps: the commands are in the queue when this returns, or, if there is no room, still where they were. A
    /// command that is alone is decided before this returns, if [`Options::traffic`] says so.
    pub fn queue(
        &self,
        submissions: &mut Vec<Submission>,
    ) -> Result<impl Future<Output = Result<Answers, CommandError>> + Send + use<>, CommandError> {
        let count = submissions.len();
        self.reserve(count)?;
        let (answer, answered) = oneshot::channel();
        if let Some(answers) = alone::decide(&self.shared, &self.desk, &self.jobs, submissions) {
            submissions.clear();
            // Whoever asks for it is right below.
            let _ = answer.send(answers);
        } else {
            self.send(count, Job::Commands(std::mem::take(submissions), answer))?;
        }
        let partition = self.shared.partition;
        Ok(async move {
            answered.await.map_err(|_| CommandError::Unknown {
                reason: format!("the writer of {partition} stopped before it answered"),
            })
        })
    }

    /// Decides a command of this partition against the state as it is, without recording anything. It waits in the same queue, under
    /// the same limit.
    pub async fn preview(&self, submission: Submission) -> Result<Preview, CommandError> {
        let (answer, answered) = oneshot::channel();
        self.reserve(1)?;
        self.send(1, Job::Preview(Box::new(submission), answer))?;
        let stopped = || CommandError::Unavailable {
            reason: format!("the writer of {} stopped before it answered", self.shared.partition),
        };
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Takes room for so many commands, or says that the queue is full.
    fn reserve(&self, count: usize) -> Result<(), CommandError> {
        let limit = self.shared.options.queue_commands_max;
        let waiting = self.shared.came(count);
        if waiting > 0 && waiting + count > limit {
            self.shared.went(count);
            metrics::counter!("subledger_overload_total", "partition" => self.shared.partition.to_string())
                .increment(count as u64);
            return Err(CommandError::Overloaded {
                partition: self.shared.partition.to_string(),
                limit,
                retry_after: self.shared.options.retry_after,
            });
        }
        Ok(())
    }

    /// Puts a job into the room that was taken for it.
    fn send(&self, count: usize, job: Job) -> Result<(), CommandError> {
        if self.jobs.send(job).is_err() {
            self.shared.went(count);
            return Err(CommandError::Unavailable {
                reason: format!("the writer of {} has stopped", self.shared.partition),
            });
        }
        Ok(())
    }

    /// Its partition.
    pub fn partition(&self) -> PartitionId {
        self.shared.partition
    }

    /// Commands waiting now.
    pub fn queue_depth(&self) -> usize {
        self.shared.queued.load(Ordering::Relaxed)
    }

    /// The most commands that may wait.
    pub fn queue_limit(&self) -> usize {
        self.shared.options.queue_commands_max
    }

    /// Commits of the partition, and the epoch of its writer.
    pub fn tail(&self) -> (u64, u64) {
        (self.shared.next_seq.load(Ordering::Relaxed), self.shared.epoch.load(Ordering::Relaxed))
    }

    /// Of the day that was closed last or is being closed: how many customers with something due are decided, and how many there are.
    pub fn due(&self) -> (u64, u64) {
        (self.shared.due_done.load(Ordering::Relaxed), self.shared.due_total.load(Ordering::Relaxed))
    }

    /// Whether the writer runs.
    pub fn is_running(&self) -> bool {
        self.shared.running.load(Ordering::Relaxed)
    }
}

/// A running writer.
pub struct PartitionService {
    /// To send commands to it.
    pub handle: Handle,
    sources: Vec<((String, u32), u64)>,
    thread: JoinHandle<()>,
}

impl PartitionService {
    /// Claims the partition, restores its state and starts the writer's thread. Blocks until it is ready to take commands.
    ///
    /// `writer_id` must be unique for each start in the world.
    #[allow(clippy::needless_pass_by_value, reason = "the thread keeps it")]
    pub fn start(
        log: Arc<dyn Log>,
        partition: PartitionId,
        reference: Arc<ReferenceFollower>,
        clock: Arc<dyn Clock>,
        writer_id: &str,
        options: Options,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::new(partition, options));
        let (jobs, inbox) = mpsc::channel();
        let writer = Writer::start(log, Arc::clone(&reference), clock, writer_id, Arc::clone(&shared))?;
        let sources = writer.sources();
        let wake = jobs.clone();
        reference.subscribe(Box::new(move || wake.send(Job::Wake).is_ok()));
        let desk = Arc::new(Desk::new(Some(writer)));
        let thread = {
            let (shared, desk) = (Arc::clone(&shared), Arc::clone(&desk));
            let name = format!("writer {partition}");
            std::thread::Builder::new().name(name).spawn(move || run::run(&shared, &desk, &inbox))?
        };
        Ok(Self { handle: Handle { shared, desk, jobs }, sources, thread })
    }

    /// Stops: commands that wait are still decided, later ones refused; writes a snapshot; blocks until done.
    pub fn stop(self) {
        self.handle.shared.stopping.store(true, Ordering::Relaxed);
        // A send that fails means that it has stopped already.
        let _ = self.handle.jobs.send(Job::Stop);
        if self.thread.join().is_err() {
            tracing::error!(partition = %self.handle.shared.partition, "the writer's thread panicked");
        }
    }

    /// The next offset to take from a topic of commands, as of the start, so that nothing is taken twice or left out; none if no
    /// command of it is recorded here.
    pub fn source_offset(&self, topic: &str, partition: u32) -> Option<u64> {
        self.sources.iter().find(|((t, p), _)| t == topic && *p == partition).map(|(_, offset)| *offset)
    }
}
