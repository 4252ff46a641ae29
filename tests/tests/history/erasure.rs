//! A customer is erased: nobody can read who it was, in no file of the ledger, its export or its backup, while every byte that was signed,
//! every decision and every amount stays as it was.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::json;
use subledger_proto::{
    api::{EraseCustomerRequest, EraseCustomerResponse, GetStatusRequest},
    common::Position,
};
use subledger_tests::{
    cli::run,
    client::{Client, reason},
    commands::{change_quantity, offer, partner, price, purchase},
    erasure::{NAMES, found, named, names_in, refused, shown},
    folder::Exported,
    process::Serve,
    shop::TEST_CLOCK,
};

/// How long read models may take to be folded again.
const FORGOTTEN_MAX: Duration = Duration::from_secs(60);

struct Ledger {
    dir: tempfile::TempDir,
    serve: Serve,
    client: Client,
    key: String,
}

impl Ledger {
    async fn new() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let serve = Serve::start(&dir.path().join("ledger"), TEST_CLOCK).await?;
        let client = Client::connect(&serve.address).await?;
        let key = run(&["keys", "list", "--address", &serve.address])?.expect_code(0)?.out.trim().to_owned();
        let this = Self { dir, serve, client, key };
        for command in [partner("contoso"), offer("e3"), price("e3", "4.00")].iter().chain(&named()) {
            this.client.accepted(command).await?;
        }
        for command in refused() {
            this.client.refused(&command).await?;
        }
        this.client.accepted(&subledger_tests::commands::customer("c-2", "contoso")).await?;
        this.client.accepted(&purchase("p-1", "c-1", "contoso", "e3", 10)).await?;
        this.client.advance("2018-02-16").await?;
        let seats = this.client.accepted(&change_quantity("seats", "c-1", "contoso", "sub-p-1", 12)).await?.position;
        // What is read from now on has all of it.
        this.client.subscription("sub-p-1", seats).await?;
        this.client.balances("contoso", seats).await?;
        Ok(this)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    async fn erase(&self) -> Result<EraseCustomerResponse, tonic::Status> {
        let request = EraseCustomerRequest {
            customer_id: "c-1".into(),
            reason: "asked for, ticket 4711".into(),
            request_id: "erase-1".into(),
            accept_plain_records: false,
        };
        Ok(self.client.admin.clone().erase_customer(request).await?.into_inner())
    }

    async fn forgotten(&self, erased: Position) -> anyhow::Result<()> {
        let deadline = Instant::now() + FORGOTTEN_MAX;
        loop {
            let status = self.client.admin.clone().get_status(GetStatusRequest {}).await?.into_inner();
            let done = status.projectors.iter().all(|known| {
                let at =
                    known.reflects.iter().find(|at| (at.family, at.partition) == (erased.family, erased.partition));
                !known.forgetting && at.is_some_and(|at| at.seq >= erased.seq)
            });
            if done {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{status:?}\n{}", self.serve.process.printed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn export(&self, name: &str) -> anyhow::Result<Exported> {
        let folder = Exported(self.dir.path().join(name));
        run(&["export", "--address", &self.serve.address, "--out", folder.text()?])?.expect_code(0)?;
        Ok(folder)
    }
}

async fn money(client: &Client) -> anyhow::Result<String> {
    Ok(format!("{:?} {:?}", client.balances("contoso", None).await?, client.invoices("contoso").await?))
}

fn verify(folder: &Exported, key: &str, more: &[&str]) -> anyhow::Result<String> {
    Ok(run(&[&["verify", folder.text()?, "--key", key], more].concat())?.expect_code(0)?.out)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_customer_is_nowhere_and_everything_else_stays() -> anyhow::Result<()> {
    let mut ledger = Ledger::new().await?;
    let before = (money(&ledger.client).await?, shown(&ledger.client).await?);
    ensure!(names_in(&before.1).len() == NAMES.len(), "the test looks for what is shown: {:?}", names_in(&before.1));
    // The log has nothing in plain from the start; what a reader needs fast has.
    ensure!(found(&ledger.data().join("log"), NAMES)?.is_empty(), "{:?}", found(&ledger.data().join("log"), NAMES)?);
    let old = ledger.export("before")?;
    ensure!(found(&old.0, NAMES)?.is_empty(), "{:?}", found(&old.0, NAMES)?);
    let good = verify(&old, &ledger.key, &[])?;
    ensure!(good.contains("all come out as recorded") && good.contains("2 refusals rest on names"), "{good}");
    // A restart leaves snapshots behind, which have names.
    ledger.serve.process.stop()?;
    ledger.serve = ledger.serve.restart().await?;
    ledger.client = Client::connect(&ledger.serve.address).await?;

    let erased = ledger.erase().await?;
    let position = erased.position.context("a position")?;
    ensure!((erased.erased_records, erased.plain_records) == (10, 0), "{erased:?}");
    ledger.forgotten(position).await?;
    ensure!(ledger.erase().await? == erased, "sent again it gives the same answer");

    let after = shown(&ledger.client).await?;
    ensure!(names_in(&after).is_empty() && after.contains("(erased)"), "{:?}", names_in(&after));
    ensure!(found(&ledger.data(), NAMES)?.is_empty(), "{:?}", found(&ledger.data(), NAMES)?);
    ensure!(money(&ledger.client).await? == before.0, "{} {}", money(&ledger.client).await?, before.0);
    // The old export still verifies, the new one continues it, and nothing names the customer.
    verify(&old, &ledger.key, &[])?;
    let new = ledger.export("after")?;
    let good = verify(&new, &ledger.key, &["--against", old.text()?])?;
    ensure!(good.contains("all come out as recorded"), "{good}");
    ensure!(good.contains("events/s") && good.contains("MB/s (SHA-256)"), "{good}");
    ensure!(found(&new.0, NAMES)?.is_empty(), "{:?}", found(&new.0, NAMES)?);

    // No new names; everything else goes on.
    let update =
        json!({ "command_id": "again", "update_customer": { "customer_id": "c-1", "company_name": "Another" } });
    ensure!(ledger.client.refused(&update).await? == "CUSTOMER_ERASED");
    ledger.client.accepted(&change_quantity("seats-2", "c-1", "contoso", "sub-p-1", 5)).await?;
    // A command that was sent before the erasure has its outcome still.
    let again = ledger.client.accepted(&named()[0]).await?;
    ensure!(again.duplicate, "{again:?}");
    // All of it again after a crash, and from a rebuild of everything.
    ledger.serve = ledger.serve.restart().await?;
    ledger.client = Client::connect(&ledger.serve.address).await?;
    let again = ledger.client.accepted(&named()[0]).await?;
    ensure!(again.duplicate, "{again:?}");
    run(&["compare", "--address", &ledger.serve.address])?.expect_code(0)?;
    ensure!(names_in(&shown(&ledger.client).await?).is_empty());
    let backup = Exported(ledger.dir.path().join("backup"));
    run(&["backup", "--address", &ledger.serve.address, "--out", backup.text()?])?.expect_code(0)?;
    verify(&backup, &ledger.key, &[])?;
    ensure!(found(ledger.dir.path(), NAMES)?.is_empty(), "{:?}", found(ledger.dir.path(), NAMES)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_record_and_the_key_loses_no_erasure() -> anyhow::Result<()> {
    let mut ledger = Ledger::new().await?;
    let keys = ledger.data().join("keys/customers");
    let copies: Vec<_> = fs::read_dir(&keys)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    let copies: Vec<_> =
        copies.into_iter().map(|path| fs::read(&path).map(|bytes| (path, bytes))).collect::<Result<_, _>>()?;
    ledger.erase().await?;
    ledger.serve.process.kill()?;
    // As if the machine had lost what was written to the keys after the record: the old copy is back.
    for (path, bytes) in copies {
        fs::write(path, bytes)?;
    }
    ledger.serve = ledger.serve.restart().await?;
    ledger.client = Client::connect(&ledger.serve.address).await?;
    let erased = ledger.erase().await?;
    ledger.forgotten(erased.position.context("a position")?).await?;
    ensure!(names_in(&shown(&ledger.client).await?).is_empty(), "{:?}", names_in(&shown(&ledger.client).await?));
    let mut text = String::new();
    for entry in fs::read_dir(&keys)?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "keys"))
    {
        text += &fs::read_to_string(entry.path())?;
    }
    ensure!(text.contains("erased c-1") && !text.contains(" c-1 ") && text.contains(" c-2 "), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_come_back_with_their_keys_and_an_auditor_may_get_them() -> anyhow::Result<()> {
    let mut ledger = Ledger::new().await?;
    let status = ledger.client.admin.clone().get_status(GetStatusRequest {}).await?.into_inner();
    let data = ledger.data();
    let (data, names) = (data.to_str().context("text")?, ledger.dir.path().join("names"));
    let names = names.to_str().context("text")?;
    let folder = ledger.export("audit")?;
    let of_ledger = ["--ledger", &status.ledger_id, "--data-dir", data];
    // While the ledger runs: rotated, wrapped anew, and given to an auditor.
    run(&[&["customer-keys", "rotate", "--customer", "c-1"][..], &of_ledger].concat())?.expect_code(0)?;
    run(&[&["customer-keys", "rotate-master"][..], &of_ledger].concat())?.expect_code(0)?;
    let more =
        json!({ "command_id": "more", "update_customer": { "customer_id": "c-1", "company_name": "Quixotic Zebra" } });
    ledger.client.accepted(&more).await?;
    run(&[&["customer-keys", "export", "--customer", "c-1", "--out", names][..], &of_ledger].concat())?
        .expect_code(0)?;
    let good = verify(&folder, &ledger.key, &["--customer-keys", names])?;
    ensure!(good.contains("all come out as recorded") && !good.contains("rest on names"), "{good}");

    let (backup, keys) = (Exported(ledger.dir.path().join("backup")), format!("{data}/keys/customers"));
    run(&["backup", "--address", &ledger.serve.address, "--out", backup.text()?])?.expect_code(0)?;
    ledger.serve.process.stop()?;
    for (name, with_keys) in [("with", true), ("without", false)] {
        let place = ledger.dir.path().join(name);
        let place = place.to_str().context("text")?;
        let mut restore = vec!["restore", backup.text()?, "--data", place, "--key", &ledger.key];
        if with_keys {
            restore.extend(["--customer-keys", &keys]);
        }
        run(&restore)?.expect_code(0)?;
        let serve = Serve::start(Path::new(place), &[]).await?;
        let client = Client::connect(&serve.address).await?;
        client.accepted(&change_quantity("on", "c-1", "contoso", "sub-p-1", 7)).await?;
        let shown = shown(&client).await?;
        let found = names_in(&shown);
        ensure!(found.len() == if with_keys { NAMES.len() } else { 0 }, "{name}: {found:?}");
        ensure!(with_keys || shown.contains("(sealed)"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_for_a_name_is_no_name() -> anyhow::Result<()> {
    let ledger = Ledger::new().await?;
    let update =
        json!({ "command_id": "fake", "update_customer": { "customer_id": "c-1", "company_name": "(erased)" } });
    let status = ledger.client.submit(&update).await.err().context("refused")?;
    ensure!(status.message().contains("company_name"), "{status:?}");
    let request = EraseCustomerRequest { customer_id: "nobody".into(), reason: "r".into(), ..Default::default() };
    let status = ledger.client.admin.clone().erase_customer(request).await.err().context("refused")?;
    ensure!(reason(&status).as_deref() == Some("CUSTOMER_NOT_FOUND"), "{status:?}");
    Ok(())
}
