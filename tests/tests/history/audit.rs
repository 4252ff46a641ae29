//! Whoever changes an exported folder is found, whatever they change and whatever they know: the first bad record is named with its file
//! and byte.

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use serde_json::json;
use subledger_proof::SigningKey;
use subledger_proto::log::{Commit, event::Body};
use subledger_tests::{
    cli::{Ended, run},
    client::Client,
    commands::{agreement, change_quantity, customer, offer, partner, price, purchase},
    folder::Exported,
    process::Serve,
    random::Random,
    shop::TEST_CLOCK,
};

const CUSTOMERS: [&str; 6] = ["fabrikam", "northwind", "tailspin", "wingtip", "adatum", "litware"];

/// An export of a ledger with purchases, refusals, closed days and invoices, and the ledger's keys.
struct Audited {
    dir: tempfile::TempDir,
    whole: Exported,
    /// The public key.
    key: String,
    /// The secret one, stolen.
    secret: SigningKey,
    /// A partition with a customer in it, and how many records it has.
    partition: String,
    records: usize,
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}

async fn history(client: &Client) -> anyhow::Result<()> {
    for command in [partner("contoso"), offer("e3"), price("e3", "4.00")] {
        client.accepted(&command).await?;
    }
    for id in CUSTOMERS {
        client.accepted(&customer(id, "contoso")).await?;
        client.accepted(&agreement(id, "2018-01-13")).await?;
        client.accepted(&purchase(&format!("p-{id}"), id, "contoso", "e3", 10)).await?;
        client.accepted(&change_quantity(&format!("q-{id}"), id, "contoso", &format!("sub-p-{id}"), 25)).await?;
        let too_many = change_quantity(&format!("r-{id}"), id, "contoso", &format!("sub-p-{id}"), 301);
        ensure!(client.refused(&too_many).await? == "QUANTITY_ABOVE_MAXIMUM");
    }
    // What a document prints is decided from the catalog of that moment, which changes between two of them.
    for (n, through) in ["2018-01-20", "2018-02-16"].into_iter().enumerate() {
        client
            .accepted(&json!({ "command_id": format!("pay-{n}"), "publish_payment_instructions": { "instructions": [{
                "country": "US", "text": format!("Account {n}"), "customer_service": format!("Desk {n}"),
            }]}}))
            .await?;
        client.advance(through).await?;
    }
    Ok(())
}

impl Audited {
    async fn new() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let serve = Serve::start(&dir.path().join("ledger"), TEST_CLOCK).await?;
        let client = Client::connect(&serve.address).await?;
        history(&client).await?;
        let whole = Exported(dir.path().join("whole"));
        run(&["export", "--address", &serve.address, "--out", whole.text()?])?.expect_code(0)?;
        let partial = dir.path().join("fabrikam");
        run(&["export", "--address", &serve.address, "--out", text(&partial)?, "--customer", "fabrikam"])?
            .expect_code(0)?;
        let key = run(&["keys", "list", "--address", &serve.address])?.expect_code(0)?.out.trim().to_owned();
        let secret = SigningKey::parse(&fs::read_to_string(dir.path().join("ledger/keys/signing.key"))?)?;
        let of_customer = |commit: &Commit| commit.stream == "fabrikam";
        let partitions = (0..4).map(|n| format!("customers/{n}"));
        let mut holds = partitions.filter(|at| whole.commits(at).is_ok_and(|commits| commits.iter().any(of_customer)));
        let partition = holds.next().context("the customer is somewhere")?;
        let records = whole.records(&partition)?.len();
        Ok(Self { dir, whole, key, secret, partition, records })
    }

    fn verify(&self, folder: &Exported, more: &[&str]) -> anyhow::Result<Ended> {
        let mut arguments = vec!["verify", folder.text()?, "--key", &self.key];
        arguments.extend(more);
        run(&arguments)
    }

    /// A copy to tamper with.
    fn copy(&self, name: &str) -> anyhow::Result<Exported> {
        self.whole.copy_to(&self.dir.path().join(name))
    }

    /// Tampers with a copy; it must be found, with these words.
    fn found(
        &self,
        name: &str,
        tamper: impl FnOnce(&Exported) -> anyhow::Result<()>,
        words: &[&str],
    ) -> anyhow::Result<()> {
        let copy = self.copy(name)?;
        tamper(&copy)?;
        let ended = self.verify(&copy, &[])?.expect_code(1).context(name.to_owned())?;
        let missing = words.iter().find(|word| !ended.err.contains(**word));
        ensure!(missing.is_none(), "{name}: does not say {missing:?}:\n{}", ended.err);
        fs::remove_dir_all(&copy.0)?;
        Ok(())
    }

    fn records_file(&self) -> String {
        format!("records/{}.records", self.partition.replace('/', "-"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_export_is_good_with_the_program_and_without() -> anyhow::Result<()> {
    let audited = Audited::new().await?;
    let ended = audited.verify(&audited.whole, &[])?.expect_code(0)?;
    for words in
        ["all come out as recorded", "have the lines and totals that were issued", "debits = credits", "good: "]
    {
        ensure!(ended.out.contains(words), "does not say {words}:\n{}", ended.out);
    }
    ensure!(!ended.out.contains(" 0 repeated") && !ended.out.contains(" 0 have"), "{}", ended.out);
    let left_out = audited.verify(&audited.whole, &["--no-decide", "--no-books"])?.expect_code(0)?;
    ensure!(left_out.out.contains("decisions      left out") && left_out.out.contains("books          left out"));
    let partial = Exported(audited.dir.path().join("fabrikam"));
    let ended = audited.verify(&partial, &[])?.expect_code(0)?;
    ensure!(
        ended.out.contains("records of customer fabrikam") && ended.out.contains("are in the signed tree of"),
        "{}",
        ended.out
    );

    // What the folder brings with it comes to the same.
    for folder in [&audited.whole, &partial] {
        let python = |key: &str| std::process::Command::new("python3").arg(folder.0.join("check.py")).arg(key).output();
        let good = python(&audited.key)?;
        ensure!(good.status.success(), "{good:?}");
        ensure!(String::from_utf8(good.stdout)?.trim_end().ends_with("good"));
        let other = SigningKey::new(audited.secret.verifier().name(), &[7; 32])?.verifier().to_string();
        ensure!(!python(&other)?.status.success());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_the_records_is_named() -> anyhow::Result<()> {
    let audited = Audited::new().await?;
    let (partition, file) = (audited.partition.as_str(), audited.records_file());
    let at = audited.records / 2;
    let offsets = audited.whole.offsets(partition)?;
    let place = |seq: usize| format!("BAD: {partition}@{seq} in {file} at byte {}: ", offsets[seq]);
    let (here, last) = (place(at), audited.records - 1);
    let with = |change: fn(&mut Vec<Vec<u8>>, usize)| {
        move |folder: &Exported| {
            let mut records = folder.records(partition)?;
            change(&mut records, at);
            folder.put_records(partition, &records)
        }
    };
    let flip = |records: &mut Vec<Vec<u8>>, at: usize| {
        let middle = records[at].len() / 2;
        records[at][middle] ^= 1;
    };
    audited.found("a changed byte", with(flip), &[&here])?;
    audited.found(
        "a removed record",
        with(|records, at| drop(records.remove(at))),
        &[&here, &format!("this is {partition}@{}", at + 1)],
    )?;
    audited.found(
        "a record twice",
        with(|records, at| records.insert(at, records[at - 1].clone())),
        &[&here, "removed, added or moved"],
    )?;
    audited.found("two records in another order", with(|records, at| records.swap(at, at + 1)), &[&here])?;
    let end = audited.whole.file("records", partition).metadata()?.len();
    let more = format!("BAD: {partition}@{} in {file} at byte {end}: the signed tree ends before it", audited.records);
    audited.found("one more record", with(|records, at| records.push(records[at].clone())), &[&more])?;
    audited.found(
        "one less",
        with(|records, _| drop(records.pop())),
        &[&format!("BAD: {partition}@{last} in {file}: the file ends before")],
    )?;
    audited.found(
        "a file cut off",
        |folder| {
            let path = folder.file("records", partition);
            let bytes = fs::read(&path)?;
            Ok(fs::write(path, &bytes[..bytes.len() - 1])?)
        },
        &[&format!("BAD: {partition} in {file} at byte {}: the file ends inside", offsets[last])],
    )?;
    audited.found(
        "a file that is gone",
        |folder| Ok(fs::remove_file(folder.file("records", partition))?),
        &[&file, "cannot be read"],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_records_checkpoints_and_hashes_can_be_another() -> anyhow::Result<()> {
    let audited = Audited::new().await?;
    let mut random = Random::new(20_180_113);
    let partial = Exported(audited.dir.path().join("fabrikam"));
    for (folder, kinds) in
        [(&audited.whole, ["records", "checkpoint", "hashes"]), (&partial, ["records", "checkpoint", "proofs"])]
    {
        for kind in kinds {
            for round in 0..12 {
                let copy = folder.copy_to(&audited.dir.path().join("flipped"))?;
                let path = copy.file(kind, &audited.partition);
                let mut bytes = fs::read(&path)?;
                let at = usize::try_from(random.below(bytes.len() as u64))?;
                bytes[at] ^= 1 << (round % 8);
                fs::write(&path, &bytes)?;
                let ended = audited.verify(&copy, &["--no-decide", "--no-books"])?;
                ended.expect_code(1).with_context(|| format!("{kind}: byte {at}, bit {}", round % 8))?;
                fs::remove_dir_all(&copy.0)?;
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_is_in_the_folder_cannot_be_exchanged() -> anyhow::Result<()> {
    let audited = Audited::new().await?;
    let partition = audited.partition.as_str();
    let other = (0..4).map(|n| format!("customers/{n}")).find(|other| other != partition).context("another")?;
    let exchange = |kind: &'static str| {
        let other = other.clone();
        move |folder: &Exported| {
            fs::copy(folder.file(kind, &other), folder.file(kind, partition))?;
            anyhow::Ok(())
        }
    };
    audited.found("another partition's checkpoint", exchange("checkpoint"), &["it is of subledger/", &other])?;
    audited.found(
        "another partition's records",
        exchange("records"),
        &[&format!("the record belongs to {other}@0")],
    )?;
    audited.found(
        "another partition's hashes",
        exchange("hashes"),
        &["hashes/", "the hash is not that of the record"],
    )?;
    let manifest = |from: String, to: String| {
        move |folder: &Exported| {
            let path = folder.0.join("manifest.json");
            let text = fs::read_to_string(&path)?;
            ensure!(text.contains(&from), "{text}");
            Ok(fs::write(path, text.replacen(&from, &to, 1))?)
        }
    };
    let count = format!("\"records\": {}", audited.records);
    audited.found("another count", manifest(count, "\"records\": 7".into()), &["manifest.json: it says 7"])?;
    let listed = format!("    {{\n      \"partition\": \"{partition}\"");
    let name = format!("    {{\n      \"partition\": \"{other}\"");
    let twice = audited.copy("twice")?;
    manifest(listed, name)(&twice)?;
    audited.verify(&twice, &[])?.expect_code(2)?;
    audited.found(
        "a partition left out",
        |folder| {
            let path = folder.0.join("manifest.json");
            let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
            let parts = manifest["partitions"].as_array_mut().context("a list")?;
            parts.retain(|part| part["partition"] != partition);
            Ok(fs::write(path, manifest.to_string())?)
        },
        &[&format!("BAD: {partition} in manifest.json: the partition is missing")],
    )?;
    // Somebody else's key, in the folder too.
    let stranger = SigningKey::new(audited.secret.verifier().name(), &[9; 32])?;
    let by_stranger = |folder: &Exported| {
        fs::write(folder.0.join("keys/verifier-keys.txt"), format!("{}\n", stranger.verifier()))?;
        folder.sign(partition, &stranger)
    };
    audited.found("a stranger's signature", by_stranger, &["is not signed by the key", &stranger.verifier().id()])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_export_is_said_to_be_none() -> anyhow::Result<()> {
    let audited = Audited::new().await?;
    let dir = audited.dir.path();
    let key = audited.key.as_str();
    for (arguments, words) in [
        (vec!["verify", "/nowhere/at/all", "--key", key], "is not an export"),
        (vec!["verify", text(&dir.join("ledger"))?, "--key", key], "manifest.json cannot be read"),
        (vec!["verify", audited.whole.text()?, "--key", "/no/such/file"], "neither a key"),
        (vec!["verify", audited.whole.text()?, "--key", "a+b+c"], "--key"),
        (vec!["verify", audited.whole.text()?, "--key", key, "--against", "/no/such/file"], "--against"),
        (vec!["verify", audited.whole.text()?], "--key"),
        (vec!["verify", text(&audited.whole.0.join("README.txt"))?, "--key", key], "neither an export nor a proof"),
    ] {
        let ended = run(&arguments)?.expect_code(2)?;
        ensure!(ended.err.contains(words), "{arguments:?} does not say {words}:\n{}", ended.err);
    }
    let secret = fs::read_to_string(dir.join("ledger/keys/signing.key"))?;
    let ended = run(&["verify", audited.whole.text()?, "--key", secret.trim()])?.expect_code(2)?;
    ensure!(ended.err.contains("keep it secret") && !ended.err.contains(secret.trim()), "{}", ended.err);
    // What a stopped export leaves has another name and no manifest; a folder that is there stays as it is.
    let unfinished = audited.copy("unfinished")?;
    fs::remove_file(unfinished.0.join("manifest.json"))?;
    audited.verify(&unfinished, &[])?.expect_code(2)?;
    let ended =
        run(&["export", "--from", "data-dir", "--data-dir", text(&dir.join("ledger"))?, "--out", unfinished.text()?])?;
    ensure!(ended.expect_code(2)?.err.contains("is there already"));
    Ok(())
}

/// Changes a charge everywhere it stands in its commit.
fn cheaper(commits: &mut [Commit]) -> u64 {
    let commit = commits.iter_mut().find_map(|commit| {
        let charged = commit.events.iter_mut().find_map(|event| match &mut event.body {
            Some(Body::Charged(charged)) => Some(charged),
            _ => None,
        })?;
        "1.00".clone_into(&mut charged.amount);
        Some(commit.seq)
    });
    commit.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_written_again_fits_itself_but_not_what_was_signed() -> anyhow::Result<()> {
    let audited = Audited::new().await?;
    let partition = audited.partition.as_str();
    let mut seq = 0;
    let forged = audited.copy("forged")?;
    forged.rewrite(partition, |commits| seq = cheaper(commits))?;
    let ended = audited.verify(&forged, &[])?.expect_code(1)?;
    ensure!(ended.err.contains("the history was written again") && ended.err.contains(partition), "{}", ended.err);

    // With the stolen key everything fits; but what the rules say is another amount.
    forged.sign(partition, &audited.secret)?;
    let ended = audited.verify(&forged, &[])?.expect_code(1)?;
    let offset = forged.offsets(partition)?[usize::try_from(seq)?];
    let place = format!(
        "BAD: {partition}@{seq} in {} at byte {offset}: decided again it comes out otherwise",
        audited.records_file()
    );
    ensure!(ended.err.contains(&place), "{}", ended.err);
    // And the invoice that has the line does not come to its total.
    let ended = audited.verify(&forged, &["--no-decide"])?.expect_code(1)?;
    ensure!(
        ended.err.contains("is not what its charges come to") && ended.err.contains("partners/0@"),
        "{}",
        ended.err
    );

    // A forgery that no rule forbids: somebody else is said to have sent the commands.
    let renamed = audited.copy("renamed")?;
    let mut senders = 0;
    renamed.rewrite(partition, |commits| {
        for actor in commits.iter_mut().filter_map(|commit| commit.actor.as_mut()) {
            actor.principal.push_str("-not");
            senders += 1;
        }
    })?;
    ensure!(senders > 0, "no commit says who sent it");
    renamed.sign(partition, &audited.secret)?;
    audited.verify(&renamed, &[])?.expect_code(0)?;
    // Only who kept a checkpoint finds it: one file, or all of another folder.
    let kept = audited.whole.file("checkpoint", partition);
    for against in [text(&kept)?, audited.whole.text()?] {
        let ended = audited.verify(&renamed, &["--against", against])?.expect_code(1)?;
        ensure!(ended.err.contains("two histories") && ended.err.contains(partition), "{}", ended.err);
    }
    audited.verify(&audited.whole, &["--against", text(&kept)?])?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_records_are_proved_one_by_one() -> anyhow::Result<()> {
    let audited = Audited::new().await?;
    let partial = Exported(audited.dir.path().join("fabrikam"));
    let partition = audited.partition.as_str();
    let records = partial.records(partition)?;
    ensure!(records.len() >= 6, "{} records of the customer", records.len());
    let tampered: [(&str, Vec<Vec<u8>>, &str); 4] = [
        ("one less", records[..records.len() - 1].to_vec(), "more proofs than there are records"),
        ("one more", [records.clone(), vec![records[0].clone()]].concat(), "has no proof of it"),
        ("moved", [&records[1..], &records[..1]].concat(), "of the signed tree"),
        (
            "another's",
            [vec![audited.whole.records(partition)?[0].clone()], records[1..].to_vec()].concat(),
            "of the signed tree",
        ),
    ];
    for (name, records, words) in tampered {
        let copy = partial.copy_to(&audited.dir.path().join("partial"))?;
        copy.put_records(partition, &records)?;
        let ended = audited.verify(&copy, &[])?.expect_code(1).context(name)?;
        ensure!(ended.err.contains(words), "{name}: does not say {words}:\n{}", ended.err);
        fs::remove_dir_all(&copy.0)?;
    }
    Ok(())
}
