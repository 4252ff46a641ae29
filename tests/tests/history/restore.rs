//! A running ledger is backed up, and a ledger is made of the backup: the same one, or one of an earlier moment that proves how far it is it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context as _, ensure};
use subledger_proto::{api::ListPartitionsRequest, common::Position};
use subledger_tests::{
    cli::{Ended, run},
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    folder::Exported,
    process::Serve,
    shop::TEST_CLOCK,
};

const CUSTOMERS: [&str; 4] = ["fabrikam", "northwind", "tailspin", "wingtip"];
const PARTITIONS: [&str; 6] = ["catalog/0", "partners/0", "customers/0", "customers/1", "customers/2", "customers/3"];

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}

/// A ledger with customers, closed days and invoices, its backup, and what was so then.
struct BackedUp {
    dir: tempfile::TempDir,
    serve: Serve,
    client: Client,
    key: String,
    backup: Exported,
    then: Vec<String>,
}

async fn so(client: &Client) -> anyhow::Result<Vec<String>> {
    let mut partitions = client.audit.clone().list_partitions(ListPartitionsRequest {}).await?.into_inner().partitions;
    partitions.retain(|partition| partition.next_seq > 0);
    let ends = partitions.iter().map(|p| Position { family: p.family, partition: p.partition, seq: p.next_seq - 1 });
    let ends: Vec<_> = ends.collect();
    let mut lines = Vec::new();
    for id in CUSTOMERS {
        let request = subledger_proto::api::GetSubscriptionRequest {
            subscription_id: format!("sub-p-{id}"),
            min_position: ends.clone(),
            ..Default::default()
        };
        let found = client.customers.clone().get_subscription(request).await?.into_inner();
        lines.push(format!("{id} {} {}", found.state, found.quantity));
    }
    let request = subledger_proto::api::ListBalancesRequest { min_position: ends, ..Default::default() };
    let balances = client.billing.clone().list_balances(request).await?.into_inner().balances;
    lines.extend(balances.into_iter().map(|it| format!("{} {} {}", it.partner_id, it.account, it.amount)));
    lines.extend(client.invoices("contoso").await?.into_iter().map(|(date, total)| format!("{date} {total}")));
    Ok(lines)
}

impl BackedUp {
    async fn new() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let serve = Serve::start(&dir.path().join("ledger"), TEST_CLOCK).await?;
        let client = Client::connect(&serve.address).await?;
        for command in [partner("contoso"), offer("e3"), price("e3", "4.00")] {
            client.accepted(&command).await?;
        }
        for id in CUSTOMERS {
            client.accepted(&customer(id, "contoso")).await?;
            client.accepted(&agreement(id, "2018-01-13")).await?;
            client.accepted(&purchase(&format!("p-{id}"), id, "contoso", "e3", 10)).await?;
        }
        client.advance("2018-02-16").await?;
        let key = run(&["keys", "list", "--address", &serve.address])?.expect_code(0)?.out.trim().to_owned();
        let then = so(&client).await?;
        let backup = Exported(dir.path().join("backup"));
        let made = run(&["backup", "--address", &serve.address, "--out", backup.text()?])?.expect_code(0)?;
        ensure!(made.out.contains("the signing key is not in it"), "{}", made.out);
        Ok(Self { dir, serve, client, key, backup, then })
    }

    fn place(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn restore(&self, name: &str, more: &[&str]) -> anyhow::Result<Ended> {
        let place = self.place(name);
        run(&[&["restore", self.backup.text()?, "--data", text(&place)?, "--key", &self.key], more].concat())
    }

    fn export(&self, serve: &Serve, name: &str) -> anyhow::Result<Exported> {
        let folder = Exported(self.place(name));
        run(&["export", "--address", &serve.address, "--out", folder.text()?])?.expect_code(0)?;
        Ok(folder)
    }
}

fn verify(folder: &Exported, key: &str, more: &[&str]) -> anyhow::Result<Ended> {
    run(&[&["verify", folder.text()?, "--key", key], more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_restored_as_a_whole_serves_and_continues_what_was_signed() -> anyhow::Result<()> {
    let mut first = BackedUp::new().await?;
    let good = verify(&first.backup, &first.key, &[])?.expect_code(0)?;
    ensure!(good.out.contains("all come out as recorded"), "{}", good.out);
    let secret = first.place("ledger/keys/signing.key");
    ensure!(!fs::read_dir(&first.backup.0)?.any(|entry| entry.is_ok_and(|entry| entry.file_name() == "signing.key")));
    let restored = first.restore("restored", &["--signing-key", text(&secret)?])?.expect_code(0)?;
    ensure!(restored.out.contains("as it was backed up; the first one must not go on"), "{}", restored.out);
    ensure!(!first.place("restored.incomplete").exists());
    // The first ledger is gone. The restored one has its clock without being told.
    first.serve.process.stop()?;
    let serve = Serve::start(&first.place("restored"), &[]).await?;
    let client = Client::connect(&serve.address).await?;
    ensure!(so(&client).await? == first.then, "{:?}", so(&client).await?);
    // It goes on: commands, days, and duplicates of old commands.
    client.accepted(&change_quantity("after", "fabrikam", "contoso", "sub-p-fabrikam", 12)).await?;
    ensure!(client.accepted(&purchase("p-fabrikam", "fabrikam", "contoso", "e3", 10)).await?.duplicate);
    client.advance("2018-03-16").await?;
    ensure!(client.invoices("contoso").await?.len() == 3);
    let after = first.export(&serve, "after")?;
    let good = verify(&after, &first.key, &["--against", first.backup.text()?])?.expect_code(0)?;
    ensure!(
        good.out.contains("7 checkpoints, all fit") && good.out.contains("all come out as recorded"),
        "{}",
        good.out
    );
    let prefix = verify(&after, &first.key, &["--restored-from", first.backup.text()?])?.expect_code(0)?;
    for partition in PARTITIONS {
        let (before, now) = (first.backup.records(partition)?.len(), after.records(partition)?.len());
        let said =
            format!("the first {before} of the {before} that were signed there; {} of its own follow", now - before);
        let line = prefix.out.lines().find(|line| line.starts_with(partition) && line.contains("signed there"));
        ensure!(now > before && line.is_some_and(|line| line.ends_with(&said)), "{partition}: {said}:\n{}", prefix.out);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_ledger_that_went_on_is_found() -> anyhow::Result<()> {
    let mut first = BackedUp::new().await?;
    let secret = first.place("ledger/keys/signing.key");
    first.restore("restored", &["--signing-key", text(&secret)?])?.expect_code(0)?;
    // Both go on, each in its own way, under one name.
    for n in 0..5 {
        let command = change_quantity(&format!("first-{n}"), "fabrikam", "contoso", "sub-p-fabrikam", 20 + n);
        first.client.accepted(&command).await?;
    }
    let theirs = first.export(&first.serve, "theirs")?;
    first.serve.process.stop()?;
    let serve = Serve::start(&first.place("restored"), &[]).await?;
    let client = Client::connect(&serve.address).await?;
    for n in 0..5 {
        let command = change_quantity(&format!("second-{n}"), "fabrikam", "contoso", "sub-p-fabrikam", 30 + n);
        client.accepted(&command).await?;
    }
    let ours = first.export(&serve, "ours")?;
    verify(&ours, &first.key, &[])?.expect_code(0)?;
    let fork = verify(&ours, &first.key, &["--against", theirs.text()?])?.expect_code(1)?;
    ensure!(fork.err.contains("two histories"), "{}", fork.err);
    // The operator's file of checkpoints, which the first ledger went on to write, keeps the restored one from signing at all.
    drop(serve);
    let file = format!("checkpoint_file={}", text(&first.place("ledger/checkpoints"))?);
    let serve = Serve::start(&first.place("restored"), &["--set", &file]).await?;
    let folder = first.place("refused");
    let refused = run(&["export", "--address", &serve.address, "--out", text(&folder)?])?.expect_code(1)?;
    ensure!(refused.err.contains("HISTORY_CONTRADICTS_CHECKPOINT"), "{}", refused.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_moment_is_another_ledger_that_proves_its_beginning() -> anyhow::Result<()> {
    let first = BackedUp::new().await?;
    let partition = PARTITIONS[2..]
        .iter()
        .find(|at| first.backup.commits(at).is_ok_and(|commits| commits.iter().any(|it| it.stream == "wingtip")))
        .context("the customer is somewhere")?;
    let commits = first.backup.commits(partition)?;
    let bought = commits.iter().find(|commit| commit.command_id == "p-wingtip").context("the purchase")?;
    let until = format!("{partition}@{}", bought.seq);
    let secret = first.place("ledger/keys/signing.key");
    let refused = first.restore("earlier", &["--until", &until, "--signing-key", text(&secret)?])?.expect_code(2)?;
    ensure!(refused.err.contains("a key of its own") && !first.place("earlier").exists(), "{}", refused.err);
    let made = first.restore("earlier", &["--until", &until])?.expect_code(0)?;
    ensure!(made.out.contains("it is a new ledger, "), "{}", made.out);
    let serve = Serve::start(&first.place("earlier"), &[]).await?;
    let client = Client::connect(&serve.address).await?;
    // Everything that was there then, and no invoice yet.
    let at = Position { family: bought.family, partition: bought.partition, seq: bought.seq };
    ensure!(client.subscription("sub-p-wingtip", Some(at)).await?.quantity == 10);
    ensure!(client.invoices("contoso").await?.is_empty());
    let clock = client.admin.clone().get_clock(subledger_proto::api::GetClockRequest {}).await?.into_inner();
    ensure!(clock.test_clock && clock.last_closed.is_empty() && clock.test_clock_start == "2018-01-13", "{clock:?}");
    client.advance("2018-02-16").await?;
    ensure!(so(&client).await? == first.then, "decided again, it comes out the same");
    let own = run(&["keys", "list", "--address", &serve.address])?.expect_code(0)?.out.trim().to_owned();
    ensure!(own.split('+').next() != first.key.split('+').next(), "another ledger: {own}");
    let export = first.export(&serve, "export")?;
    let from = ["--restored-from", first.backup.text()?, "--restored-key", &first.key];
    let good = verify(&export, &own, &from)?.expect_code(0)?;
    let signed = first.backup.records(partition)?.len();
    let said = format!("the first {} of the {signed} that were signed there; ", bought.seq + 1);
    ensure!(good.out.contains(&said), "{said}:\n{}", good.out);
    ensure!(verify(&export, &own, &["--restored-from", first.backup.text()?])?.expect_code(1)?.err.contains("BAD"));
    // One that began otherwise was not restored from it.
    let stranger = Serve::start(&first.place("stranger"), TEST_CLOCK).await?;
    let strange = first.export(&stranger, "strange")?;
    let key = run(&["keys", "list", "--address", &stranger.address])?.expect_code(0)?.out.trim().to_owned();
    let bad = verify(&strange, &key, &from)?.expect_code(1)?;
    ensure!(bad.err.contains("it was not restored from it"), "{}", bad.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_is_one_for_all_partitions() -> anyhow::Result<()> {
    let first = BackedUp::new().await?;
    let commits: Vec<_> = PARTITIONS.iter().map(|at| first.backup.commits(at)).collect::<Result<_, _>>()?;
    let invoice = commits[1].iter().find(|commit| commit.command_id.starts_with("inv:")).context("an invoice")?;
    let made = first.restore("invoiced", &["--until", &format!("partners/0@{}", invoice.seq)])?.expect_code(0)?;
    let serve = Serve::start(&first.place("invoiced"), &[]).await?;
    let export = first.export(&serve, "export")?;
    let key = run(&["keys", "list", "--address", &serve.address])?.expect_code(0)?.out.trim().to_owned();
    // What the invoice reflects is there: its lines are those that were issued, and everything is decided again.
    let good = verify(&export, &key, &[])?.expect_code(0)?;
    ensure!(good.out.contains("1 have the lines and totals that were issued"), "{}\n{}", made.out, good.out);
    // Before anything, and what never was.
    let none = first.restore("none", &["--until", "1999-01-01"])?.expect_code(2)?;
    ensure!(none.err.contains("nothing was recorded by then"), "{}", none.err);
    let missing = first.restore("none", &["--until", "customers/0@99999"])?.expect_code(2)?;
    ensure!(missing.err.contains("the backup has no customers/0@99999"), "{}", missing.err);
    let nonsense = first.restore("none", &["--until", "last week"])?.expect_code(2)?;
    ensure!(nonsense.err.contains("is not a time"), "{}", nonsense.err);
    ensure!(!first.place("none").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_of_one_moment_while_commands_and_days_go_on() -> anyhow::Result<()> {
    let first = BackedUp::new().await?;
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, client) = (Arc::clone(&stop), first.client.clone());
    let load = tokio::spawn(async move {
        let mut n = 0;
        while !stopped.load(Ordering::Relaxed) {
            let id = CUSTOMERS[n % CUSTOMERS.len()];
            let quantity = 11 + u32::try_from(n % 200).unwrap_or(0);
            let command = change_quantity(&format!("load-{n}"), id, "contoso", &format!("sub-p-{id}"), quantity);
            let _ = client.submit(&command).await;
            if n % 20 == 0 {
                let day =
                    chrono::NaiveDate::from_ymd_opt(2018, 2, 17).unwrap_or_default() + chrono::Days::new(n as u64 / 2);
                let _ = client.advance(&day.to_string()).await;
            }
            n += 1;
        }
        n
    });
    for n in 0..4 {
        let backup = Exported(first.place(&format!("backup-{n}")));
        run(&["backup", "--address", &first.serve.address, "--out", backup.text()?])?.expect_code(0)?;
        let data = first.place(&format!("data-{n}"));
        run(&["restore", backup.text()?, "--data", text(&data)?, "--key", &first.key])?.expect_code(0)?;
        verify(&backup, &first.key, &["--against", first.backup.text()?])?.expect_code(0)?;
    }
    stop.store(true, Ordering::Relaxed);
    ensure!(load.await? > 20, "commands were sent all the while");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_torn_or_changed_or_in_the_way_is_refused() -> anyhow::Result<()> {
    let first = BackedUp::new().await?;
    // A directory with something in it stays as it is.
    let occupied = first.place("occupied");
    fs::create_dir(&occupied)?;
    fs::write(occupied.join("precious"), "1")?;
    let refused = first.restore("occupied", &[])?.expect_code(2)?;
    ensure!(refused.err.contains("occupied: the directory is not empty"), "{}", refused.err);
    ensure!(fs::read_dir(&occupied)?.count() == 1);
    fs::create_dir(first.place("empty"))?;
    first.restore("empty", &[])?.expect_code(0)?;
    let partition = PARTITIONS[2];
    let at = first.backup.offsets(partition)?[2];
    let tampered = |name: &str, tamper: &dyn Fn(&Exported) -> anyhow::Result<()>| {
        let copy = first.backup.copy_to(&first.place(name))?;
        tamper(&copy)?;
        let place = first.place(&format!("{name}-data"));
        let ended = run(&["restore", copy.text()?, "--data", text(&place)?, "--key", &first.key])?;
        ensure!(!place.exists() && !first.place(&format!("{name}-data.incomplete")).exists(), "{name}");
        Ok(ended)
    };
    let changed = tampered("changed", &|copy| {
        let path = copy.file("records", partition);
        let mut bytes = fs::read(&path)?;
        bytes[at + 40] ^= 1;
        Ok(fs::write(path, bytes)?)
    })?;
    let place = format!("{partition}@2 in records/customers-0.records at byte {at}: ");
    ensure!(changed.expect_code(1)?.err.contains(&place), "{place}");
    let torn = tampered("torn", &|copy| {
        let path = copy.file("records", partition);
        let bytes = fs::read(&path)?;
        Ok(fs::write(path, &bytes[..at + 5])?)
    })?;
    let place = format!("in records/customers-0.records at byte {at}: the file ends inside this record");
    let torn = torn.expect_code(1)?;
    ensure!(torn.err.contains(&place), "{place}: {}", torn.err);
    let shorter = tampered("shorter", &|copy| {
        let path = copy.file("records", partition);
        let bytes = fs::read(&path)?;
        Ok(fs::write(path, &bytes[..at])?)
    })?;
    ensure!(shorter.expect_code(1)?.err.contains("records are missing"));
    let unfinished = tampered("unfinished", &|copy| Ok(fs::remove_file(copy.0.join("manifest.json"))?))?;
    ensure!(unfinished.expect_code(2)?.err.contains("manifest.json cannot be read"));
    // A part of a ledger is none, and somebody else's key opens nothing.
    let part = first.place("part");
    run(&["export", "--address", &first.serve.address, "--out", text(&part)?, "--partition", "customers/0"])?
        .expect_code(0)?;
    let refused = run(&["restore", text(&part)?, "--data", text(&first.place("part-data"))?])?.expect_code(2)?;
    ensure!(refused.err.contains("a ledger is made of a whole one"), "{}", refused.err);
    let stranger = Serve::start(&first.place("stranger"), TEST_CLOCK).await?;
    let key = first.place("stranger/keys/signing.key");
    let refused = first.restore("foreign", &["--signing-key", text(&key)?])?.expect_code(2)?;
    ensure!(refused.err.contains("--signing-key: the key in ") && !first.place("foreign").exists(), "{}", refused.err);
    drop(stranger);
    let again = run(&["backup", "--address", &first.serve.address, "--out", first.backup.text()?])?.expect_code(2)?;
    ensure!(again.err.contains("is there already"), "{}", again.err);
    Ok(())
}
