//! A month of generated usage, hour by hour: records that come late or are corrected, roles that come and go; and a naive program that says
//! what it comes to by the rules as they are written, minute by minute.

mod naive;
mod story;

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

pub use self::story::Story;
use crate::{cli::run, client::Client};

/// The partner that is billed.
pub const PARTNER: &str = "contoso";
/// Euros for a dollar in October 2019 (L13821).
const RATE: &str = "0.913951469";

/// Commands that are sent together.
const COMMANDS: usize = 1_000;
/// Customers whose usage is looked back at.
const LOOKED_BACK_AT: usize = 20;
/// How often it is looked whether the month is invoiced, and how long between.
const LOOKS: u32 = 600;
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(100);

/// What makes a charge line: customer, meter, share of credit, price of a unit.
type LineKey = (String, String, Decimal, Decimal);

/// The sums of the charge lines of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    net: Decimal,
    credit: Decimal,
}

/// What a day of a resource earned: exact, in euros, and why.
type Credit = BTreeMap<(String, String, String), (Decimal, Decimal, String)>;

fn dec(text: &str) -> anyhow::Result<Decimal> {
    text.parse().with_context(|| format!("{text:?} is no number"))
}

fn floor(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::ToNegativeInfinity)
}

/// Plays the month and the next, and compares everything that is shown with what the naive program says.
pub async fn play_and_check(client: &Client, address: &str, story: &mut Story) -> anyhow::Result<()> {
    let mut records = 0;
    let began = std::time::Instant::now();
    while let Some((close_through, commands)) = story.next_day() {
        records +=
            commands.iter().filter_map(|it| it["record_usage"]["records"].as_array()).map(Vec::len).sum::<usize>();
        for part in commands.chunks(COMMANDS) {
            for outcome in client.submit_stream(part, 50).await? {
                ensure!(outcome.rejection.is_none(), "{outcome:?}");
            }
        }
        client.advance(&close_through).await?;
        eprintln!("{close_through} is closed; {records} records so far, {:.1} s", began.elapsed().as_secs_f64());
    }
    let seconds = began.elapsed().as_secs_f64();
    eprintln!("{records} records of usage in two months of days that were closed: {seconds:.1} s");
    // The second invoice is issued once everything is folded.
    for _ in 0..LOOKS {
        let (invoices, balances) = (client.invoices(PARTNER).await?, client.balances(PARTNER, None).await?);
        let unbilled = balances.iter().find(|(account, _)| account == "unbilled");
        if invoices.len() == 2 && unbilled.is_some_and(|(_, amount)| amount == "0.00") {
            return check(client, address, story).await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    anyhow::bail!("two invoices were to be issued: {:?}", client.invoices(PARTNER).await?)
}

async fn check(client: &Client, address: &str, story: &Story) -> anyhow::Result<()> {
    let naive = naive::month(story)?;
    // The lines of both invoices: October's own, and what came or was corrected after it.
    let mut charged: BTreeMap<LineKey, Line> = BTreeMap::new();
    for charge in listed(address, &["charges", "--partner", PARTNER])? {
        let (text, usage) = (|at: &str| charge[at].as_str().unwrap_or_default().to_owned(), &charge["usage"]);
        let of = |at: &str| dec(usage[at].as_str().unwrap_or("0"));
        let meter = usage["meter_id"].as_str().unwrap_or_default().to_owned();
        let key = (text("customer_id"), meter, of("credit_percent")?.normalize(), of("unit_price")?.normalize());
        let line = charged.entry(key).or_default();
        line.net += dec(&text("amount"))?;
        line.credit += of("earned_credit")?;
    }
    let (mut expected, mut gross, mut net) = (BTreeMap::new(), Decimal::ZERO, Decimal::ZERO);
    for (key, quantity) in &naive.quantities {
        let price = key.3 * (Decimal::ONE_HUNDRED - key.2) / Decimal::ONE_HUNDRED;
        let line_gross = floor(quantity * key.3 * dec(RATE)?);
        let line_net = floor(quantity * price * dec(RATE)?);
        (gross, net) = (gross + line_gross, net + line_net);
        expected.insert(key.clone(), Line { net: line_net, credit: line_gross - line_net });
    }
    for (key, line) in &expected {
        ensure!(charged.get(key) == Some(line), "{key:?}: {:?} is charged, and {line:?} is right", charged.get(key));
    }
    // What was charged once and is none of it any more was given back.
    for (key, line) in charged.iter().filter(|(key, _)| !expected.contains_key(*key)) {
        ensure!(line.net.is_zero() && line.credit.is_zero(), "{key:?}: {line:?} is left");
    }

    // Sum of the daily rated lines = invoices = entries.
    let mut daily: BTreeMap<LineKey, Decimal> = BTreeMap::new();
    for n in 0..story.customers {
        for row in listed(address, &["usage", "--partner", PARTNER, "--customer", &story::customer(n)])? {
            let text = |at: &str| row[at].as_str().unwrap_or_default().to_owned();
            let (percent, price) = (dec(&text("credit_percent"))?, dec(&text("unit_price"))?);
            let key = (text("customer_id"), text("meter_id"), percent.normalize(), price.normalize());
            *daily.entry(key).or_default() += dec(&text("amount"))?;
        }
    }
    let summed: Decimal = daily.values().map(|amount| floor(*amount)).sum();
    ensure!(summed == net, "the daily rated lines come to {summed}, and the month to {net}");
    let invoices = client.invoices(PARTNER).await?;
    let due = invoices.iter().map(|(_, total)| dec(total)).sum::<anyhow::Result<Decimal>>()?;
    ensure!(due == net, "{invoices:?} for {net}");
    let balances: BTreeMap<_, _> = client.balances(PARTNER, None).await?.into_iter().collect();
    let booked = |name: &str| dec(balances.get(name).map_or("0", String::as_str));
    ensure!(booked("receivable")? == net && booked("unbilled")?.is_zero(), "{balances:?} for {net}");
    ensure!(booked("earned_credit")? == gross - net, "{balances:?} for {gross} less {net}");
    ensure!(-(booked("revenue")? + booked("credits")?) == gross, "{balances:?} for {gross}");

    // Earned credit by day and resource, recomputed.
    let mut shown = Credit::new();
    for n in 0..story.customers {
        for row in listed(address, &["earned-credit", "--partner", PARTNER, "--customer", &story::customer(n)])? {
            let text = |at: &str| row[at].as_str().unwrap_or_default().to_owned();
            let key = (text("customer_id"), text("meter_id"), text("usage_date"));
            shown.insert(key, (dec(&text("earned"))?.normalize(), dec(&text("forgone"))?.normalize(), text("reason")));
        }
    }
    for (key, credit) in &naive.credits {
        ensure!(shown.get(key) == Some(credit), "{key:?}: {:?} is shown, and {credit:?} is right", shown.get(key));
    }
    ensure!(shown.len() == naive.credits.len(), "{} days are shown, {} used", shown.len(), naive.credits.len());
    totals(address, &naive.credits, gross - net)?;
    for n in 0..story.customers.min(LOOKED_BACK_AT) {
        let customer = story::customer(n);
        let rows = listed(address, &["usage", "--partner", PARTNER, "--customer", &customer, "--as-of", "2019-10-15"])?;
        let late = rows.iter().find(|row| row["rated_on"].as_str() > Some("2019-10-15"));
        ensure!(!rows.is_empty() && late.is_none(), "{customer}: {late:?} was not rated by then");
    }
    Ok(())
}

/// After [`play_and_check`]: a day that earned nothing is disputed and granted. The answer is listed, looked back at, and credited when the
/// next day closes.
pub async fn dispute_and_check(client: &Client, address: &str, story: &Story) -> anyhow::Result<()> {
    let text = |row: &Value, at: &str| row[at].as_str().unwrap_or_default().to_owned();
    let is_forgone = |row: &Value| dec(&text(row, "forgone")).is_ok_and(|it| it > Decimal::ZERO);
    let mut forgone = None;
    for n in 0..story.customers {
        let days = listed(address, &["earned-credit", "--partner", PARTNER, "--customer", &story::customer(n)])?;
        forgone = days.into_iter().find(is_forgone);
        if forgone.is_some() {
            break;
        }
    }
    let row = forgone.context("a day that could have earned")?;
    let (customer_id, day) = (text(&row, "customer_id"), text(&row, "usage_date"));
    let dispute = json!({ "command_id": "dispute", "dispute_earned_credit": {
        "customer_id": customer_id, "partner_id": PARTNER, "dispute_id": "d-1",
        "scope": { "azure_subscription_id": text(&row, "azure_subscription_id") }, "from": day, "to": day,
        "claimed_percent": "15", "evidence": "the activity log says otherwise" }});
    let decide = json!({ "command_id": "decide", "decide_earned_credit_dispute": { "customer_id": customer_id,
        "dispute_id": "d-1", "accepted": true, "note": "seen" }});
    let place = |outcome: subledger_proto::api::Outcome| {
        let at = outcome.position.unwrap_or_default();
        format!("customers/{}@{}", at.partition, at.seq)
    };
    let opened = place(client.accepted(&dispute).await?);
    let decided = place(client.accepted(&decide).await?);
    let state = |look: [&str; 2]| -> anyhow::Result<String> {
        let rows = listed(address, &[&["earned-credit-disputes", "--partner", PARTNER][..], &look].concat())?;
        ensure!(rows.len() == 1, "one dispute: {rows:?}");
        Ok(text(&rows[0], "state"))
    };
    ensure!(state(["--min-position", &decided])? == "accepted");
    ensure!(state(["--recorded-by", &opened])? == "open", "as it was before it was decided");
    let credited = || -> anyhow::Result<Decimal> {
        let balances = listed(address, &["balances", "--partner", PARTNER, "--account", "earned_credit"])?;
        balances.iter().map(|it| dec(&text(it, "amount"))).sum()
    };
    let before = credited()?;
    // The month in which the answer came is charged at its end.
    client.advance("2019-12-31").await?;
    for _ in 0..LOOKS {
        let days = listed(address, &["earned-credit", "--partner", PARTNER, "--customer", &customer_id])?;
        let of_day = days.iter().filter(|row| text(row, "usage_date") == day && dec(&text(row, "forgone")).is_ok());
        let granted = of_day.filter(|row| row["reason"] == "DISPUTE_ACCEPTED").count();
        if granted > 0 && credited()? > before {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    anyhow::bail!("the disputed {day} of {customer_id} was to be credited: {before} and {}", credited()?)
}

/// Sums of the month, now and as of the day that closed it.
fn totals(address: &str, credits: &Credit, charged: Decimal) -> anyhow::Result<()> {
    let earned: Decimal = credits.values().map(|(earned, ..)| earned).sum();
    let of = |arguments: &[&str], field: &str| -> anyhow::Result<Decimal> {
        let rows = listed(address, &[&["earned-credit-totals", "--partner", PARTNER], arguments].concat())?;
        let row = rows.iter().find(|row| row["month"] == "2019-10").context("October")?;
        dec(row[field].as_str().unwrap_or_default())
    };
    ensure!(of(&[], "earned")? == earned.normalize() && of(&[], "charged")? == charged, "{earned} {charged}");
    // Then it was what the first invoice has.
    let mut first = Decimal::ZERO;
    for charge in listed(address, &["charges", "--partner", PARTNER, "--as-of", "2019-10-31"])? {
        first += dec(charge["usage"]["earned_credit"].as_str().unwrap_or("0"))?;
    }
    let then = of(&["--as-of", "2019-10-31"], "charged")?;
    ensure!(then == first, "{then} was charged by then, and the lines have {first}");
    Ok(())
}

/// Every row of a list.
fn listed(address: &str, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
    let more = ["--limit", "0", "-o", "json", "--address", address];
    let out = run(&[&["list"][..], arguments, &more].concat())?.expect_code(0)?.out;
    let values = serde_json::Deserializer::from_str(&out).into_iter::<Value>().collect::<Result<Vec<_>, _>>()?;
    Ok(match values.as_slice() {
        [Value::Array(rows)] => rows.clone(),
        _ => values,
    })
}
