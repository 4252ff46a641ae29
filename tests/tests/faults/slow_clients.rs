//! Clients that connect and say nothing, say it very slowly, ask and never read, or go away in the middle: memory stays bounded, and
//! everybody else is served as before.

use std::{
    io::Write as _,
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use prost::Message as _;
use subledger_proto::api::{ReadEventsRequest, SubmitRequest};
use subledger_tests::{
    client::Client,
    commands::{command, purchase},
    process::Serve,
    shop,
};
use tonic::Request;

/// Connections that do nothing.
const IDLE: usize = 1_000;
/// What they may cost: sockets, tasks and a handshake's buffers.
const IDLE_KIB_EACH_MAX: u64 = 96;
/// Streams that nobody reads; a ledger has at most 64 at a time.
const STUCK: usize = 40;
/// What each may cost: one read of the log, decoded, and the messages that wait.
const STUCK_KIB_EACH_MAX: u64 = 6 * 1024;
/// How long a command of somebody else may take meanwhile.
const UNHARMED_MAX: Duration = Duration::from_secs(5);
/// What an HTTP/2 client says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async fn ledger(dir: &Path) -> anyhow::Result<(Serve, Client)> {
    shop::open(dir, ["fabrikam"]).await
}

/// Somebody who was there, and somebody who comes now, are served in time.
async fn unharmed(serve: &Serve, client: &Client, id: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    client.accepted(&purchase(&format!("{id}-a"), "fabrikam", "contoso", "e3", 1)).await?;
    let fresh = Client::connect(&serve.address).await?;
    fresh.accepted(&purchase(&format!("{id}-b"), "fabrikam", "contoso", "e3", 1)).await?;
    ensure!(began.elapsed() < UNHARMED_MAX, "{id}: others wait {:?}", began.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_and_dribbling_connections_cost_little_and_harm_nobody() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let address = serve.address.trim_start_matches("http://").to_owned();
    unharmed(&serve, &client, "before").await?;
    let before = serve.process.resident_kib()?;
    let mut connections = Vec::with_capacity(IDLE);
    for n in 0..IDLE {
        let mut connection = TcpStream::connect(&address).with_context(|| format!("connection {n}"))?;
        // A third says nothing, a third begins the preface and stops, a third is done with it and says no more.
        let said = match n % 3 {
            0 => 0,
            1 => 1 + n % (PREFACE.len() - 1),
            _ => PREFACE.len(),
        };
        connection.write_all(&PREFACE[..said])?;
        connections.push((connection, said));
    }
    unharmed(&serve, &client, "idle").await?;
    // One more byte each, now and then.
    for round in 0..3 {
        for (connection, said) in &mut connections {
            if *said < PREFACE.len() && connection.write_all(&PREFACE[*said..=*said]).is_ok() {
                *said += 1;
            }
        }
        unharmed(&serve, &client, &format!("dribble-{round}")).await?;
    }
    let grown = serve.process.resident_kib()?.saturating_sub(before);
    println!("{IDLE} connections: {grown} KiB, {} KiB each", grown / IDLE as u64);
    ensure!(grown < IDLE_KIB_EACH_MAX * IDLE as u64, "{grown} KiB for {IDLE} connections");
    drop(connections);
    unharmed(&serve, &client, "after").await
}

/// Bytes that a stream of everything sends.
async fn history_bytes(client: &Client) -> anyhow::Result<u64> {
    let mut stream = client.audit.clone().read_events(ReadEventsRequest::default()).await?.into_inner();
    let mut bytes = 0;
    while let Some(message) = stream.message().await? {
        bytes += message.encoded_len() as u64;
    }
    Ok(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_nobody_reads_are_held_back() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let bought: Vec<_> = (0..6_000).map(|n| purchase(&format!("b-{n}"), "fabrikam", "contoso", "e3", 1)).collect();
    client.submit_stream(&bought, 100).await?;
    let history_kib = history_bytes(&client).await? / 1024;
    let before = serve.process.resident_kib()?;
    // The whole history again and again, each on a connection of its own; nobody takes a message.
    let mut stuck = Vec::new();
    for _ in 0..STUCK {
        let mut reader = Client::connect(&serve.address).await?;
        stuck.push(reader.audit.read_events(ReadEventsRequest::default()).await?.into_inner());
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    unharmed(&serve, &client, "stuck").await?;
    let grown = serve.process.resident_kib()?.saturating_sub(before);
    println!("{STUCK} stuck streams of {history_kib} KiB each: {grown} KiB");
    ensure!(grown < STUCK_KIB_EACH_MAX * STUCK as u64, "{grown} KiB for {STUCK} streams that nobody reads");
    ensure!(grown < history_kib * STUCK as u64, "{grown} KiB: nothing is held back");
    drop(stuck);
    unharmed(&serve, &client, "gone").await
}

/// Cancelled before it is sent, while it waits and while it is answered: the command is recorded once or not at all, and sending it
/// again tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_given_up_is_recorded_once_or_not_at_all() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    let (mut in_time, mut given_up) = (0, 0);
    for n in 0..150_u64 {
        let value = purchase(&format!("g-{n}"), "fabrikam", "contoso", "e3", 1);
        let mut request = Request::new(SubmitRequest { command: Some(command(&value)?), ..SubmitRequest::default() });
        let patience = Duration::from_micros(n * 40);
        if n % 2 == 0 {
            request.set_timeout(patience.max(Duration::from_micros(1)));
        }
        let mut commands = client.commands.clone();
        match tokio::time::timeout(patience, commands.submit(request)).await {
            Ok(Ok(_)) => in_time += 1,
            Ok(Err(_)) | Err(_) => given_up += 1,
        }
    }
    println!("{in_time} in time, {given_up} given up");
    ensure!(given_up > 10, "nothing was given up");
    let version = client.accepted(&purchase("g-0", "fabrikam", "contoso", "e3", 1)).await?.stream_version;
    ensure!(version >= 1, "{version}");
    let mut positions = std::collections::BTreeSet::new();
    for n in 0..150 {
        let outcome = client.accepted(&purchase(&format!("g-{n}"), "fabrikam", "contoso", "e3", 1)).await?;
        let position = outcome.position.context("a position")?;
        ensure!(positions.insert((position.partition, position.seq)), "two commands at one place");
    }
    // Two records of the customer come before: its creation and the agreement.
    let last = client.accepted(&purchase("last", "fabrikam", "contoso", "e3", 1)).await?;
    ensure!(last.stream_version == 2 + 150 + 1, "version {} after 150 purchases", last.stream_version);
    unharmed(&serve, &client, "after").await
}
