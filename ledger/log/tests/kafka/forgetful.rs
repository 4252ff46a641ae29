//! A broker that has just started, and says of topics that there are no brokers. librdkafka takes its word and forgets the one it knew (its
//! issue 5301).

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use subledger_log::{Log, Tail, kafka::KafkaOptions, kafka::topics::RecordProducer, limits};

use crate::{
    broker::{Cluster, ledger, options, skipped},
    history::{P, claim, draft},
    ingress::{Writer, command, publish, until, until_within},
};

/// Long enough for every client to come back, ask, and report twice that it knows nobody.
const FORGETFUL: Duration = Duration::from_secs(12);
/// How long clients may take once the real broker is back.
const PATIENCE: Duration = Duration::from_secs(60);

const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
const UNSUPPORTED_VERSION: i16 = 35;
const LEADER_NOT_AVAILABLE: i16 = 5;
/// All that it speaks, each as key, oldest and newest version.
const SPOKEN: [[i16; 3]; 2] = [[METADATA, 0, 1], [API_VERSIONS, 0, 0]];

/// Listens where the real broker was, and answers whoever asks about topics that they have no leaders and that there are no brokers.
struct FalseBroker {
    stop: Arc<AtomicBool>,
    told: Arc<AtomicUsize>,
    listening: JoinHandle<()>,
}

impl FalseBroker {
    fn listen(address: &str) -> Self {
        // The broker was killed a moment ago: its port is free soon.
        let listener = insist("the broker's port", || TcpListener::bind(address));
        listener.set_nonblocking(true).unwrap();
        let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (ending, telling) = (Arc::clone(&stop), Arc::clone(&told));
        let listening = thread::spawn(move || {
            let mut connections = Vec::new();
            while !ending.load(Ordering::Relaxed) {
                if let Ok((connection, _)) = listener.accept() {
                    let (stop, told) = (Arc::clone(&ending), Arc::clone(&telling));
                    connections.push(thread::spawn(move || drop(converse(connection, &stop, &told))));
                }
                thread::sleep(Duration::from_millis(5));
            }
            for connection in connections {
                connection.join().unwrap();
            }
        });
        Self { stop, told, listening }
    }

    /// Goes away, and says how often it told somebody that there are no brokers.
    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.listening.join().unwrap();
        self.told.load(Ordering::Relaxed)
    }
}

/// Answers requests until the client goes, or it is time to stop.
fn converse(mut connection: TcpStream, stop: &AtomicBool, told: &AtomicUsize) -> io::Result<()> {
    connection.set_nonblocking(false)?;
    connection.set_read_timeout(Some(Duration::from_millis(100)))?;
    while !stop.load(Ordering::Relaxed) {
        let mut size = [0; 4];
        match connection.peek(&mut size) {
            Ok(4) => connection.read_exact(&mut size)?,
            Ok(0) => return Ok(()),
            Ok(_) => continue,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => continue,
            Err(error) => return Err(error),
        }
        let mut request = vec![0; usize::try_from(u32::from_be_bytes(size)).unwrap()];
        connection.read_exact(&mut request)?;
        let mut asked = &request[..];
        let (key, version) = (short(&mut asked), short(&mut asked));
        let mut answer = take(&mut asked, 4).to_vec();
        if key == METADATA {
            text(&mut asked);
            let topics: Vec<&[u8]> = (0..long(&mut asked)).map(|_| text(&mut asked)).collect();
            told.fetch_add(usize::from(!topics.is_empty()), Ordering::Relaxed);
            // No brokers and no controller. An answer without topics would be asked for again.
            [0, -1, i32::try_from(topics.len()).unwrap()].iter().for_each(|number| answer.extend(number.to_be_bytes()));
            for topic in topics {
                answer.extend(LEADER_NOT_AVAILABLE.to_be_bytes());
                answer.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
                answer.extend(topic);
                // Not internal, and no partitions.
                answer.extend([0; 5]);
            }
        } else {
            let error = if version == 0 { 0 } else { UNSUPPORTED_VERSION };
            answer.extend(error.to_be_bytes());
            answer.extend(i32::try_from(SPOKEN.len()).unwrap().to_be_bytes());
            SPOKEN.as_flattened().iter().for_each(|number| answer.extend(number.to_be_bytes()));
        }
        connection.write_all(&u32::try_from(answer.len()).unwrap().to_be_bytes())?;
        connection.write_all(&answer)?;
    }
    Ok(())
}

fn take<'a>(asked: &mut &'a [u8], bytes: usize) -> &'a [u8] {
    asked.split_off(..bytes).unwrap()
}

fn short(asked: &mut &[u8]) -> i16 {
    i16::from_be_bytes(take(asked, 2).try_into().unwrap())
}

fn long(asked: &mut &[u8]) -> i32 {
    i32::from_be_bytes(take(asked, 4).try_into().unwrap())
}

/// A text; none is empty.
fn text<'a>(asked: &mut &'a [u8]) -> &'a [u8] {
    let bytes = short(asked).max(0).unsigned_abs();
    take(asked, bytes.into())
}

/// Tries until it works.
fn insist<T, E: std::fmt::Display>(what: &str, mut attempt: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(done) => return done,
            Err(error) => assert!(Instant::now() < deadline, "{what}: {error}"),
        }
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn clients_that_were_told_of_no_brokers_find_them_again() {
    if skipped() {
        return;
    }
    let cluster = Cluster::start();
    let options = KafkaOptions {
        append_timeout: Duration::from_secs(2),
        request_timeout: Duration::from_secs(4),
        ..options(&cluster.bootstrap)
    };
    let log = ledger(&options);
    let mut appending = claim(&log, Tail::default(), &mut Vec::new());
    appending.append(vec![draft("before", 300)]).unwrap();
    let mut reader = log.reader(&[(P, 0)]).unwrap();
    let producer = RecordProducer::new(&options).unwrap();
    publish(&producer, 0, 10);
    let mut member = Writer::join(&options, None);
    let start = BTreeMap::new();
    until("commands before", vec![&mut member], &start, |w| w[0].records.len() == 10);
    member.records.clear();

    cluster.kill();
    let broker = FalseBroker::listen(&cluster.bootstrap);
    let until_when = Instant::now() + FORGETFUL;
    while Instant::now() < until_when {
        // Whoever lives through this only waits.
        reader.next(limits::READ_BYTES, Duration::from_millis(50)).unwrap();
        member.poll(&start);
    }
    let told = broker.end();
    assert!(told >= 2, "clients asked about topics only {told} times");
    cluster.restart();

    // The topic's end is asked for, a partition claimed and written, a command published and taken, the history read on.
    insist("the end of a partition", || log.end(P));
    let tail = appending.into_tail();
    let mut writer = claim(&log, tail, &mut Vec::new());
    writer.append(vec![draft("after", 300)]).unwrap();
    insist("publishing", || producer.try_send(&command(10, 0)).unwrap().wait());
    until_within(PATIENCE, "a command afterwards", vec![&mut member], &BTreeMap::from([(0, 5), (1, 5)]), |w| {
        !w[0].records.is_empty()
    });
    let (end, mut last) = (log.end(P).unwrap(), None);
    let deadline = Instant::now() + PATIENCE;
    while last != Some(end - 1) && Instant::now() < deadline {
        let records = reader.next(limits::READ_BYTES, Duration::from_millis(200)).unwrap();
        last = records.last().map(|record| record.offset).or(last);
    }
    assert_eq!(last, Some(end - 1), "the reader is where it was");
}
