//! What a running ledger proves, and what it cannot prove any more after somebody put it back, wrote it again, or showed two histories.

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use prost::Message as _;
use subledger_proof::{Hash, Note, VerifierKey, leaf_hash, note, proof, text::TlogProof};
use subledger_proto::{
    api::{
        GetCheckpointRequest, GetConsistencyProofRequest, GetInclusionProofRequest, ListKeysRequest,
        ListPartitionsRequest,
    },
    common::{Family, Position},
    log::Commit,
};
use subledger_tests::{
    cli::{Ended, run},
    client::{Client, reason},
    commands::{change_quantity, purchase},
    folder::{Exported, copy},
    process::{Serve, free_port},
    shop::{self, FIRST_DAY, TEST_CLOCK},
};
use tonic::Code;

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}

async fn begin(client: &Client) -> anyhow::Result<Position> {
    shop::stock(client, ["fabrikam"], FIRST_DAY).await?;
    seats(client, "first").await
}

/// A purchase; where it is recorded.
async fn seats(client: &Client, id: &str) -> anyhow::Result<Position> {
    let outcome = client.accepted(&purchase(id, "fabrikam", "contoso", "e3", 10)).await?;
    outcome.position.context("recorded somewhere")
}

async fn keys(client: &Client) -> anyhow::Result<Vec<VerifierKey>> {
    let listed = client.audit.clone().list_keys(ListKeysRequest {}).await?.into_inner().keys;
    ensure!(listed.iter().map(|key| key.active).collect::<Vec<_>>() == [true]);
    listed.iter().map(|key| Ok(key.text.parse()?)).collect()
}

fn hashes(path: &[Vec<u8>]) -> anyhow::Result<Vec<Hash>> {
    path.iter().map(|hash| Ok(hash.as_slice().try_into()?)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_proved_as_soon_as_it_is_answered() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let metrics = format!("metrics_listen=127.0.0.1:{}", free_port()?);
    let serve = Serve::start(&dir.path().join("ledger"), &[TEST_CLOCK, &["--set", &metrics]].concat()).await?;
    let client = Client::connect(&serve.address).await?;
    let position = begin(&client).await?;
    let keys = keys(&client).await?;
    let mut audit = client.audit.clone();
    let proved = GetInclusionProofRequest { position: Some(position), size: 0 };
    let proved = audit.get_inclusion_proof(proved).await?.into_inner();
    let ledger = audit.list_partitions(ListPartitionsRequest {}).await?.into_inner().ledger_id;
    let stored =
        client.history().await?.into_iter().find(|record| record.position == Some(position)).context("it")?.stored;
    let checkpoint = TlogProof::parse(&proved.tlog_proof)?.verify(&stored, &keys)?;
    ensure!(checkpoint.origin == format!("subledger/{ledger}/customers/{}", position.partition));
    ensure!(proved.leaf == leaf_hash(&stored) && proved.size == checkpoint.size && checkpoint.size > position.seq);
    ensure!(TlogProof::parse(&proved.tlog_proof)?.verify(b"another record", &keys).is_err());

    // What follows continues it.
    let before = proved.checkpoint.context("a checkpoint")?;
    let later = seats(&client, "second").await?;
    let place = (Family::Customers.into(), position.partition);
    let request = GetCheckpointRequest { family: place.0, partition: place.1, min_size: later.seq + 1 };
    let after = audit.get_checkpoint(request).await?.into_inner();
    ensure!(after.size > before.size && after.origin == before.origin);
    Note::parse(&after.note)?.open(&keys)?;
    let request =
        GetConsistencyProofRequest { family: place.0, partition: place.1, from_size: before.size, to_size: after.size };
    let path = audit.get_consistency_proof(request).await?.into_inner().path;
    let [from, to]: [Hash; 2] = [before.root.as_slice().try_into()?, after.root.as_slice().try_into()?];
    proof::verify_consistency(before.size, &from, after.size, &to, &hashes(&path)?)?;

    // Tiles for monitors, beside the metrics.
    let url = format!("http://{}/log/customers/{}", &metrics["metrics_listen=".len()..], position.partition);
    let page = http(&format!("{url}/checkpoint")).await?;
    ensure!(Note::parse(std::str::from_utf8(&page)?)?.open(&keys)?.starts_with(&after.origin));
    let tile = http(&format!("{url}/tile/0/000.p/{}", before.size)).await?;
    let tile: Vec<Hash> = tile.chunks_exact(32).map(TryInto::try_into).collect::<Result<_, _>>()?;
    ensure!(proof::root(&tile[..], before.size)? == from, "the tile has the leaves of the tree");
    ensure!(http(&format!("{url}/tile/0/000")).await.is_err() && http(&format!("{url}/tile/0/1")).await.is_err());

    refusals(&client, position, after.size).await
}

async fn refusals(client: &Client, position: Position, size: u64) -> anyhow::Result<()> {
    let mut audit = client.audit.clone();
    let nowhere = Position { partition: 99, ..position };
    let past = Position { seq: 1_000_000, ..position };
    for (position, of, expected) in [
        (None, 0, (Code::InvalidArgument, "REQUIRED_FIELD_MISSING")),
        (Some(nowhere), 0, (Code::InvalidArgument, "PARTITION_NOT_FOUND")),
        (Some(past), size, (Code::InvalidArgument, "INVALID_VALUE")),
        (Some(position), size + 1_000, (Code::OutOfRange, "POSITION_PAST_END")),
        (Some(position), position.seq, (Code::InvalidArgument, "INVALID_VALUE")),
    ] {
        let request = GetInclusionProofRequest { position, size: of };
        let status = audit.get_inclusion_proof(request).await.err().context("should be refused")?;
        ensure!((status.code(), reason(&status).as_deref()) == (expected.0, Some(expected.1)), "{status:?}");
    }
    let place = (Family::Customers.into(), position.partition);
    let backwards = GetConsistencyProofRequest { family: place.0, partition: place.1, from_size: 5, to_size: 4 };
    let status = audit.get_consistency_proof(backwards).await.err().context("should be refused")?;
    ensure!(status.code() == Code::InvalidArgument, "{status:?}");
    Ok(())
}

/// The body of a page that is there.
async fn http(url: &str) -> anyhow::Result<Vec<u8>> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).context("an address")?;
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    stream.write_all(format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").context("no head")?;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    Ok(answer.split_off(head + 4))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_line_is_proved_to_somebody_who_has_two_files_and_the_key() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(&dir.path().join("ledger"), TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    let position = begin(&client).await?;
    let listed = run(&["list", "charges", "--customer", "fabrikam", "--output", "json", "--address", &serve.address])?;
    let listed: serde_json::Value = serde_json::from_str(&listed.expect_code(0)?.out)?;
    let line = listed[0]["line_id"].as_str().context("a charge")?.to_owned();
    let name = dir.path().join("line");
    run(&["prove", "--line", &line, "--out", text(&name)?, "--address", &serve.address])?.expect_code(0)?;
    let key = keys(&client).await?[0].to_string();
    let none =
        run(&["prove", "--line", "sub-first", "--out", text(&name)?, "--address", &serve.address])?.expect_code(1)?;
    ensure!(none.err.contains("no record charged a line or issued an invoice sub-first"), "{}", none.err);
    drop(serve);
    let (proof, record) = (name.with_extension("tlog-proof"), name.with_extension("record"));
    let good = run(&["verify", text(&proof)?, "--key", &key])?.expect_code(0)?;
    let place = format!("good: customers/{}@{} is in the signed tree", position.partition, position.seq);
    ensure!(good.out.contains(&line) && good.out.contains(&place), "{}", good.out);

    let mut commit = Commit::decode(fs::read(&record)?.as_slice())?;
    commit.seq += 1;
    fs::write(&record, commit.encode_to_vec())?;
    let bad = run(&["verify", text(&proof)?, "--key", &key])?.expect_code(1)?;
    ensure!(bad.err.contains("BAD: ") && bad.err.contains("another root"), "{}", bad.err);
    run(&["prove", "--line", "no-such-line", "--address", "http://127.0.0.1:1"])?.expect_code(3)?;
    Ok(())
}

/// A ledger whose data was copied, and what was signed after that.
struct PutBack {
    dir: tempfile::TempDir,
    key: String,
    /// Of the customers.
    partition: u32,
    /// Where signed checkpoints were appended all the time: another place than the data.
    checkpoints: String,
}

impl PutBack {
    async fn new() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let (data, old) = (dir.path().join("ledger"), dir.path().join("old"));
        let checkpoints = text(&dir.path().join("elsewhere/checkpoints"))?.to_owned();
        let place = format!("checkpoint_file={checkpoints}");
        let arguments = [TEST_CLOCK, &["--set", &place]].concat();
        let mut serve = Serve::start(&data, &arguments).await?;
        let client = Client::connect(&serve.address).await?;
        let partition = begin(&client).await?.partition;
        let key = keys(&client).await?[0].to_string();
        serve.process.stop()?;
        copy(&data, &old)?;
        let mut serve = Serve::start(&data, &arguments).await?;
        let client = Client::connect(&serve.address).await?;
        seats(&client, "told-to-others").await?;
        let whole = dir.path().join("whole");
        run(&["export", "--address", &serve.address, "--out", text(&whole)?])?.expect_code(0)?;
        serve.process.stop()?;
        Ok(Self { dir, key, partition, checkpoints })
    }

    /// Starts the old copy, and writes something else than there was.
    async fn old(&self, extra: &[&str]) -> anyhow::Result<(Serve, Client)> {
        let serve = Serve::start(&self.dir.path().join("old"), &[TEST_CLOCK, extra].concat()).await?;
        let client = Client::connect(&serve.address).await?;
        Ok((serve, client))
    }

    fn export(&self, serve: &Serve, name: &str) -> anyhow::Result<Ended> {
        run(&["export", "--address", &serve.address, "--out", text(&self.dir.path().join(name))?])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_put_back_signs_nothing_beside_its_own_checkpoints() -> anyhow::Result<()> {
    let put_back = PutBack::new().await?;
    let place = format!("checkpoint_file={}", put_back.checkpoints);
    let (serve, client) = put_back.old(&["--set", &place]).await?;
    let place = (Family::Customers.into(), put_back.partition);
    let request = GetCheckpointRequest { family: place.0, partition: place.1, min_size: 0 };
    let mut audit = client.audit.clone();
    // Its writer's start stands where another start stood; the record after it is missing.
    let status = audit.get_checkpoint(request).await.err().context("should be refused")?;
    ensure!(reason(&status).as_deref() == Some("CHECKPOINT_NOT_REACHED"), "{status:?}");
    ensure!(status.message().contains("older copy"), "{status:?}");
    // Another record in its place.
    client.accepted(&change_quantity("other", "fabrikam", "contoso", "sub-first", 11)).await?;
    let request = GetCheckpointRequest { min_size: 1, ..request };
    let status = audit.get_checkpoint(request).await.err().context("should be refused")?;
    ensure!(reason(&status).as_deref() == Some("HISTORY_CONTRADICTS_CHECKPOINT"), "{status:?}");
    let refused = put_back.export(&serve, "refused")?.expect_code(1)?;
    ensure!(refused.err.contains("HISTORY_CONTRADICTS_CHECKPOINT"), "{}", refused.err);
    ensure!(!put_back.dir.path().join("refused").exists() && !put_back.dir.path().join("refused.incomplete").exists());
    ensure!(refused.err.contains("written again"), "{}", refused.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_histories_are_found_by_whoever_compares() -> anyhow::Result<()> {
    let put_back = PutBack::new().await?;
    let dir = put_back.dir.path();
    // Its own list of what was signed is gone as well: it signs what it likes.
    let (serve, client) = put_back.old(&[]).await?;
    let whole = Exported(dir.join("whole"));
    let seats = client.accepted(&change_quantity("other-0", "fabrikam", "contoso", "sub-first", 11)).await?;
    let partition = format!("customers/{}", seats.position.context("recorded")?.partition);
    put_back.export(&serve, "shorter")?.expect_code(0)?;
    let verify = |folder: &str, against: &str| {
        run(&["verify", text(&dir.join(folder))?, "--key", &put_back.key, "--against", against])
    };
    // By itself each is good; the shorter one ends before what was signed, or parts from it.
    run(&["verify", text(&dir.join("shorter"))?, "--key", &put_back.key])?.expect_code(0)?;
    let bad = verify("shorter", whole.text()?)?.expect_code(1)?;
    ensure!(bad.err.contains("BAD: "), "{}", bad.err);
    for n in 1..9 {
        client.accepted(&change_quantity(&format!("other-{n}"), "fabrikam", "contoso", "sub-first", 11 + n)).await?;
    }
    put_back.export(&serve, "other")?.expect_code(0)?;
    let bad = verify("other", &put_back.checkpoints)?.expect_code(1)?;
    ensure!(bad.err.contains("two histories") && bad.err.contains(&partition), "{}", bad.err);
    // One auditor was shown the old checkpoint: the two that were signed do not fit.
    let theirs = whole.file("checkpoint", &partition);
    let bad = verify("other", text(&theirs)?)?.expect_code(1)?;
    ensure!(bad.err.contains("somebody was shown another one"), "{}", bad.err);

    // The ledger itself cannot prove that it continues what was signed.
    let since = ["prove", "--key", &put_back.key, "--address", &serve.address, "--since"];
    let bad = run(&[&since[..], &[text(&theirs)?]].concat())?.expect_code(1)?;
    ensure!(bad.err.contains("BAD: subledger/") && bad.err.contains("does not have any more"), "{}", bad.err);
    // Its own it does continue, and the new ones are kept for the next time.
    let own = Exported(dir.join("shorter")).file("checkpoint", &partition);
    let new = dir.join("new");
    let good = run(&[&since[..], &[text(&own)?, "--out", text(&new)?]].concat())?.expect_code(0)?;
    ensure!(good.out.contains("records continue the"), "{}", good.out);
    ensure!(note::split(&fs::read_to_string(&new)?).count() == 1);
    run(&[&since[..], &[text(&new)?]].concat())?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_of_a_stopped_ledger_is_the_same_and_a_new_key_is_vouched_for() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("ledger");
    let mut serve = Serve::start(&data, TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    begin(&client).await?;
    let key = keys(&client).await?[0].to_string();
    let (running, stopped) = (Exported(dir.path().join("running")), Exported(dir.path().join("stopped")));
    run(&["export", "--address", &serve.address, "--out", running.text()?])?.expect_code(0)?;
    let in_use = ["export", "--from", "data-dir", "--data-dir", text(&data)?, "--out", stopped.text()?];
    ensure!(run(&in_use)?.expect_code(2)?.err.contains("in use"), "a directory belongs to one process");
    serve.process.stop()?;
    let new = run(&["keys", "rotate", "--data-dir", text(&data)?])?.expect_code(0)?.out;
    ensure!(new.trim() != key);
    run(&in_use)?.expect_code(0)?;
    for partition in ["catalog/0", "partners/0", "customers/0", "customers/1", "customers/2", "customers/3", "access/0"]
    {
        ensure!(running.records(partition)? == stopped.records(partition)?, "{partition}");
    }
    let vouched = run(&["verify", stopped.text()?, "--key", &key, "--against", running.text()?])?.expect_code(0)?;
    ensure!(
        vouched.out.contains("is vouched for by yours") && vouched.out.contains("7 checkpoints, all fit"),
        "{}",
        vouched.out
    );
    run(&["verify", stopped.text()?, "--key", new.trim()])?.expect_code(0)?;
    run(&["verify", running.text()?, "--key", new.trim()])?.expect_code(1)?;
    Ok(())
}
