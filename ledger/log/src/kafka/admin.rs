//! Questions to the brokers about topics, and making them. Blocking.

use std::{
    collections::BTreeMap,
    pin::pin,
    task::{Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication},
    config::FromClientConfigAndContext as _,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{
    context::Context,
    options::KafkaOptions,
    settings::{Plan, Topics},
};
use crate::OpenError;

/// How often an answer is looked for. The admin client's own thread receives it.
const ANSWER_POLL: Duration = Duration::from_millis(2);
/// How often it is looked whether a broker refused this client, which then goes on trying.
const REFUSAL_POLL: Duration = Duration::from_secs(1);
/// How often the brokers are asked whether new topics have leaders, and again after a connection broke.
const LEADERS_POLL: Duration = Duration::from_millis(50);

/// What the brokers say of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) partitions: usize,
    pub(super) replication: usize,
    /// Whether every partition has a leader now.
    pub(super) led: bool,
}

/// Asks a broker for anything. Who is not let in is told why: other requests know only that no connection came about.
fn reach(options: &KafkaOptions) -> Result<(), OpenError> {
    let client = options.metadata_client().map_err(|error| options.cannot_open(error))?;
    let topic = Topics::new(&options.topic_prefix).ledger;
    let deadline = Instant::now() + options.request_timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let answer = client.client().fetch_metadata(Some(&topic), left.min(REFUSAL_POLL));
        let Err(error) = answer else { return Ok(()) };
        if matches!(error, KafkaError::MetadataFetch(code) if is_unknown(code)) {
            return Ok(());
        }
        // What happened meanwhile waits in the client's queue.
        while client.poll(ANSWER_POLL).is_some() {}
        if let Some(why) = client.context().refused() {
            return Err(options.cannot_open(why));
        }
        if left.is_zero() {
            return Err(options.cannot_open(error));
        }
    }
}

pub(super) struct Admin<'a> {
    options: &'a KafkaOptions,
    client: AdminClient<Context>,
}

impl<'a> Admin<'a> {
    /// Once the brokers let this client in.
    pub(super) fn new(options: &'a KafkaOptions) -> Result<Self, OpenError> {
        reach(options)?;
        let client = AdminClient::from_config_and_context(&options.client("admin"), Context::default())
            .map_err(|error| options.cannot_open(error))?;
        Ok(Self { options, client })
    }

    /// The topic, if there is one.
    pub(super) fn find(&self, topic: &str) -> Result<Option<Found>, OpenError> {
        let deadline = Instant::now() + self.options.request_timeout;
        let metadata = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.client.inner().fetch_metadata(Some(topic), left) {
                Ok(metadata) => break metadata,
                Err(KafkaError::MetadataFetch(code)) if is_unknown(code) => return Ok(None),
                // A connection that breaks is made again.
                Err(KafkaError::MetadataFetch(RDKafkaErrorCode::BrokerTransportFailure)) if !left.is_zero() => {
                    thread::sleep(LEADERS_POLL);
                }
                Err(error) => return Err(self.options.cannot_open(error)),
            }
        };
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        if let Some(error) = found.error() {
            let code = RDKafkaErrorCode::from(error);
            // No leader yet is told by the partitions.
            if is_unknown(code) {
                return Ok(None);
            } else if code != RDKafkaErrorCode::LeaderNotAvailable {
                return Err(self.options.cannot_open(format!("topic {topic}: {code}")));
            }
        }
        let partitions = found.partitions();
        Ok(Some(Found {
            partitions: partitions.len(),
            replication: partitions.iter().map(|partition| partition.replicas().len()).min().unwrap_or(0),
            led: !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0),
        }))
    }

    /// What the brokers say of a topic that was just made. Each of them learns of it in its own time, so they are asked until it is known.
    pub(super) fn find_made(&self, name: &str) -> Result<Option<Found>, OpenError> {
        let deadline = Instant::now() + self.options.request_timeout;
        loop {
            let found = self.find(name)?;
            if found.is_some() || Instant::now() >= deadline {
                return Ok(found);
            }
            thread::sleep(LEADERS_POLL);
        }
    }

    /// Makes the topic unless it is there, and waits until it can be used. Says whether it made it.
    pub(super) fn create(&self, plan: &Plan, replication: u16) -> Result<bool, OpenError> {
        let settings = plan.settings(usize::from(replication));
        let mut topic =
            NewTopic::new(&plan.name, i32::from(plan.partitions), TopicReplication::Fixed(i32::from(replication)));
        for setting in &settings {
            topic = topic.set(setting.name, &setting.value);
        }
        let answers = self.wait(self.client.create_topics([&topic], &self.admin_options()))?;
        let created = match answers.into_iter().next() {
            Some(Ok(_)) => true,
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => false,
            Some(Err((_, code))) => {
                let what = format!("cannot make topic {} with {replication} replicas: {code}", plan.name);
                return Err(self.options.cannot_open(what));
            }
            None => return Err(self.options.cannot_open(format!("no answer to making topic {}", plan.name))),
        };
        let deadline = Instant::now() + self.options.request_timeout;
        while !self.find(&plan.name)?.is_some_and(|found| found.led) {
            if Instant::now() >= deadline {
                let what = format!("topic {} has partitions without a leader", plan.name);
                return Err(self.options.cannot_open(what));
            }
            thread::sleep(LEADERS_POLL);
        }
        Ok(created)
    }

    /// The settings of topics that are there, by topic. A broker knows of a new topic before it knows its settings, so it is asked until it
    /// does.
    pub(super) fn settings(&self, topics: &[&str]) -> Result<BTreeMap<String, BTreeMap<String, String>>, OpenError> {
        let deadline = Instant::now() + self.options.request_timeout;
        loop {
            let settings = self.settings_known(topics)?;
            let Some(unknown) = topics.iter().find(|topic| !settings.contains_key(**topic)) else {
                return Ok(settings);
            };
            if Instant::now() >= deadline {
                return Err(self
                    .options
                    .cannot_open(format!("the brokers do not tell the settings of topic {unknown}")));
            }
            thread::sleep(LEADERS_POLL);
        }
    }

    /// The settings of those topics of which the asked broker knows any.
    fn settings_known(&self, topics: &[&str]) -> Result<BTreeMap<String, BTreeMap<String, String>>, OpenError> {
        let specifiers: Vec<_> = topics.iter().map(|&topic| ResourceSpecifier::Topic(topic)).collect();
        let mut settings = BTreeMap::new();
        for answer in self.wait(self.client.describe_configs(&specifiers, &self.admin_options()))? {
            let described = match answer {
                Err(code) if is_unknown(code) => continue,
                answer => answer
                    .map_err(|code| self.options.cannot_open(format!("cannot read the settings of topics: {code}")))?,
            };
            if let OwnedResourceSpecifier::Topic(topic) = described.specifier
                && !described.entries.is_empty()
            {
                let entries = described.entries.into_iter();
                settings.insert(topic, entries.filter_map(|entry| Some((entry.name, entry.value?))).collect());
            }
        }
        Ok(settings)
    }

    fn admin_options(&self) -> AdminOptions {
        let timeout = self.options.request_timeout;
        AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout))
    }

    /// Waits for an answer on this thread. The client bounds the time; the margin is for a client that does not.
    fn wait<T>(&self, answer: impl Future<Output = Result<T, KafkaError>>) -> Result<T, OpenError> {
        let deadline = Instant::now() + self.options.request_timeout * 2;
        let mut answer = pin!(answer);
        let mut context = std::task::Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(answer) = answer.as_mut().poll(&mut context) {
                return answer.map_err(|error| self.options.cannot_open(error));
            }
            if Instant::now() >= deadline {
                return Err(self.options.cannot_open("the brokers did not answer in time"));
            }
            thread::sleep(ANSWER_POLL);
        }
    }
}

fn is_unknown(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)
}
