//! Two tenants at work at once, each reading what it guessed or stole of the other: nothing of the other is ever seen.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use subledger_tests::{callers::Checked, commands, random::Random};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Reads by each tenant; `SUBLEDGER_TEST_READS=100000` for the full count.
const READS: usize = 3_000;
/// Customers of each.
const CUSTOMERS: usize = 4;
/// Times of a method that say something.
const TIMES_MIN: usize = 50;
/// How far medians may be apart.
const MEDIANS_APART: f64 = 0.03;
/// How far it may be from a half how often one kind is faster, beyond what chance does.
const FASTER_APART: f64 = 0.02;

/// Everything of a tenant has its name in it.
#[derive(Clone, Copy)]
struct Tenant(&'static str);

const TENANTS: [Tenant; 2] = [Tenant("alpha"), Tenant("bravo")];

impl Tenant {
    fn partner(self) -> String {
        format!("p-{}", self.0)
    }

    fn customer(self, n: usize) -> String {
        format!("c-{}-{n}", self.0)
    }

    fn subject(self) -> String {
        format!("admin@{}", self.0)
    }
}

/// What one of them can name of the other's.
#[derive(Clone, Debug, Default)]
struct Stolen {
    invoices: Vec<String>,
    lines: Vec<String>,
    tokens: Vec<(String, String)>,
}

async fn world(ledger: &Checked) -> anyhow::Result<()> {
    ledger.accepted(&commands::offer("o-1")).await?;
    ledger.accepted(&commands::price("o-1", "5.00")).await?;
    for tenant in TENANTS {
        ledger.accepted(&commands::partner(&tenant.partner())).await?;
        for n in 0..CUSTOMERS {
            let customer = tenant.customer(n);
            ledger.accepted(&commands::customer(&customer, &tenant.partner())).await?;
            ledger.accepted(&commands::agreement(&customer, "2018-01-01")).await?;
            ledger.accepted(&buy(tenant, &customer, 0)).await?;
        }
        for role in ["ROLE_GLOBAL_ADMIN", "ROLE_ADMIN_AGENT", "ROLE_BILLING_ADMIN", "ROLE_SALES_AGENT"] {
            ledger.assign(&tenant.subject(), role, &tenant.partner(), "").await?;
        }
    }
    ledger.operate("AdminService/AdvanceClock", &json!({ "close_through": "2018-02-15" })).await?;
    Ok(())
}

fn buy(tenant: Tenant, customer: &str, n: usize) -> Value {
    json!({ "command_id": format!("buy-{customer}-{n}"), "purchase": {
        "customer_id": customer, "partner_id": tenant.partner(), "order_id": format!("order-{customer}-{n}"), "lines": [{
            "subscription_id": format!("s-{customer}-{n}"), "offer_id": "o-1", "quantity": 2,
            "billing_frequency": "BILLING_FREQUENCY_MONTHLY" }] } })
}

async fn steal(ledger: &Checked, of: Tenant) -> anyhow::Result<Stolen> {
    let filter = json!({ "partner_id": of.partner(), "page_size": 1 });
    let mut stolen = Stolen::default();
    while stolen.invoices.is_empty() {
        let invoices = ledger.operate("BillingService/ListInvoices", &json!({ "partner_id": of.partner() })).await?;
        let all = invoices["invoices"].as_array().cloned().unwrap_or_default();
        stolen.invoices = all.iter().map(|row| row["invoice_number"].as_str().unwrap().to_owned()).collect();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let charges = ledger.operate("BillingService/ListCharges", &json!({ "partner_id": of.partner() })).await?;
    let all = charges["charges"].as_array().cloned().unwrap_or_default();
    stolen.lines = all.iter().map(|row| row["line_id"].as_str().unwrap().to_owned()).collect();
    for method in ["BillingService/ListCharges", "CustomerService/ListSubscriptions", "CustomerService/ListCustomers"] {
        let page = ledger.operate(method, &filter).await?;
        stolen.tokens.push((method.to_owned(), page["next_page_token"].as_str().unwrap_or_default().to_owned()));
    }
    Ok(stolen)
}

/// A read of something that is the other's, or that nobody has; with a word for what it is.
fn read(random: &mut Random, other: Tenant, stolen: &Stolen, guessed: bool) -> (&'static str, Value) {
    let pick = |list: &[String], random: &mut Random| list[random.index(list.len())].clone();
    let (customer, partner) = if guessed {
        (format!("c-guess-{}", random.number() % 1_000_000), format!("p-guess-{}", random.number() % 1_000_000))
    } else {
        (other.customer(random.index(CUSTOMERS)), other.partner())
    };
    let subscription = format!("s-{customer}-0");
    let invoice =
        if guessed { format!("p-guess-L-USD-{:06}", random.number() % 1_000) } else { pick(&stolen.invoices, random) };
    let line = if guessed { format!("guess-{}", random.number()) } else { pick(&stolen.lines, random) };
    let cases: [(&'static str, Value); 20] = [
        ("CustomerService/GetCustomer", json!({ "customer_id": customer })),
        ("CustomerService/GetSubscription", json!({ "customer_id": customer, "subscription_id": subscription })),
        ("CustomerService/ListSubscriptions", json!({ "customer_id": customer })),
        ("CustomerService/ListSubscriptions", json!({ "partner_id": partner })),
        ("CustomerService/ListActivities", json!({ "customer_id": customer })),
        ("CustomerService/ListUsers", json!({ "customer_id": customer })),
        ("CustomerService/ListTransfers", json!({ "customer_id": customer })),
        ("CustomerService/ListCustomers", json!({ "partner_id": partner })),
        ("CustomerService/SearchCustomers", json!({ "text": customer, "partner_id": partner })),
        (
            "CustomerService/GetSubscriptionState",
            json!({ "customer_id": customer, "subscription_id": subscription, "on": "2018-02-10" }),
        ),
        ("CatalogService/GetPartner", json!({ "partner_id": partner })),
        ("BillingService/ListInvoices", json!({ "partner_id": partner })),
        ("BillingService/GetInvoice", json!({ "invoice_number": invoice })),
        ("BillingService/GetInvoiceDocument", json!({ "invoice_number": invoice, "format": "DOCUMENT_FORMAT_JSON" })),
        ("BillingService/ListReconciliationLines", json!({ "selection": { "invoice_number": invoice } })),
        ("BillingService/ExplainCharge", json!({ "line_id": line })),
        ("BillingService/ListBalances", json!({ "partner_id": partner })),
        ("BillingService/ListStatement", json!({ "partner_id": partner })),
        ("AccessService/ListRoles", json!({ "partner_id": partner })),
        (
            "CommandService/Submit",
            json!({ "command": { "command_id": format!("steal-{}", random.number()), "suspend": {
                "customer_id": customer, "partner_id": partner, "subscription_id": subscription,
                "reason": "SUSPENSION_REASON_CUSTOMER_REQUEST" } } }),
        ),
    ];
    cases[random.index(cases.len())].clone()
}

/// A list that is the caller's own, in which nothing of the other may stand.
fn own_list(random: &mut Random, tenant: Tenant, stolen: &Stolen) -> (String, Value) {
    if random.index(4) == 0 {
        // A page token of the other's list, with one's own filter.
        let (method, token) = stolen.tokens[random.index(stolen.tokens.len())].clone();
        return (method, json!({ "partner_id": tenant.partner(), "page_token": token }));
    }
    let lists = [
        "CustomerService/ListCustomers",
        "CustomerService/ListSubscriptions",
        "CustomerService/ListTransfers",
        "CatalogService/ListPartners",
        "BillingService/ListCharges",
        "BillingService/ListInvoices",
        "BillingService/ListBalances",
        "BillingService/ListEntries",
        "AccessService/ListRoles",
        "CustomerService/ListCustomerChanges",
    ];
    let method = lists[random.index(lists.len())];
    let search = random.index(10) == 0;
    if search {
        ("CustomerService/SearchCustomers".to_owned(), json!({ "text": "Company" }))
    } else {
        (method.to_owned(), json!({}))
    }
}

/// An error without the ids that the caller named itself.
fn shape(status: &Status, request: &Value) -> String {
    let details = status.get_error_details();
    let info = details.error_info();
    let mut text = format!(
        "{:?} {} {} {:?}",
        status.code(),
        info.map(|info| info.reason.as_str()).unwrap_or_default(),
        status.message(),
        info.map(|info| info.metadata.keys().collect::<Vec<_>>())
    );
    let mut named = Vec::new();
    names(request, &mut named);
    named.sort_by_key(|name| std::cmp::Reverse(name.len()));
    for name in named {
        text = text.replace(&name, "ID");
    }
    text
}

fn names(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if text.len() > 4 => into.push(text.clone()),
        Value::Object(fields) => fields.values().for_each(|value| names(value, into)),
        _ => {}
    }
}

/// What one tenant's reads came to.
#[derive(Default)]
struct Seen {
    reads: usize,
    /// Errors for guesses and for stolen ids, by method.
    shapes: BTreeMap<&'static str, [std::collections::BTreeSet<String>; 2]>,
    /// How long they took, by method.
    times: BTreeMap<&'static str, [Vec<Duration>; 2]>,
}

async fn pry(ledger: Arc<Checked>, me: Tenant, other: Tenant, stolen: Stolen, reads: usize) -> anyhow::Result<Seen> {
    let token = ledger.token(&me.subject())?;
    let mut random = Random::new(me.0.len() as u64 + u64::from(me.0.as_bytes()[0]));
    let mut seen = Seen::default();
    for n in 0..reads {
        if n % 50 == 0 {
            // One's own work goes on meanwhile.
            let customer = me.customer(random.index(CUSTOMERS));
            let bought =
                ledger.call(&token, "CommandService/Submit", &json!({ "command": buy(me, &customer, n + 1) })).await;
            anyhow::ensure!(bought.is_ok(), "its own work is refused: {bought:?}");
        }
        seen.reads += 1;
        // By chance: what went before a read may not tell which kind it is, or the clocks of both are compared, not their answers.
        let kind = random.index(3);
        if kind == 2 {
            let (method, request) = own_list(&mut random, me, &stolen);
            match ledger.call_raw(&token, &method, &request).await {
                Ok(bytes) => no_trace(&bytes, other, &method, &request)?,
                Err(status) => anyhow::ensure!(
                    status.code() == Code::InvalidArgument && !status.message().contains(other.0),
                    "{method} {request}: {status:?}"
                ),
            }
            continue;
        }
        let guessed = kind == 0;
        let (method, request) = read(&mut random, other, &stolen, guessed);
        let before = Instant::now();
        let answer = ledger.call_raw(&token, method, &request).await;
        seen.times.entry(method).or_default()[usize::from(guessed)].push(before.elapsed());
        match answer {
            Ok(bytes) => anyhow::bail!("{method} {request} is answered: {:?}", String::from_utf8_lossy(&bytes)),
            Err(status) => {
                anyhow::ensure!(status.code() == Code::NotFound, "{method} {request}: {status:?}");
                seen.shapes.entry(method).or_default()[usize::from(guessed)].insert(shape(&status, &request));
            }
        }
    }
    Ok(seen)
}

fn no_trace(bytes: &[u8], other: Tenant, method: &str, request: &Value) -> anyhow::Result<()> {
    let found = bytes.windows(other.0.len()).any(|window| window == other.0.as_bytes());
    anyhow::ensure!(!found, "{method} {request} shows something of {}: {:?}", other.0, String::from_utf8_lossy(bytes));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_another_tenant_is_ever_seen() -> anyhow::Result<()> {
    let reads = std::env::var("SUBLEDGER_TEST_READS").ok().and_then(|text| text.parse().ok()).unwrap_or(READS);
    let ledger = Arc::new(Checked::start(&[]).await?);
    world(&ledger).await?;
    let [alpha, bravo] = TENANTS;
    let (of_alpha, of_bravo) = (steal(&ledger, alpha).await?, steal(&ledger, bravo).await?);
    let one = tokio::spawn(pry(Arc::clone(&ledger), alpha, bravo, of_bravo, reads));
    let two = tokio::spawn(pry(Arc::clone(&ledger), bravo, alpha, of_alpha, reads));
    let mut times: BTreeMap<&'static str, [Vec<Duration>; 2]> = BTreeMap::new();
    for (tenant, seen) in [(alpha, one.await??), (bravo, two.await??)] {
        println!("{}: {} reads", tenant.0, seen.reads);
        for (method, [stolen, guessed]) in &seen.shapes {
            if !stolen.is_empty() && !guessed.is_empty() {
                assert_eq!(stolen, guessed, "{method}: an error tells what is there from what is not");
            }
        }
        for (method, of) in seen.times {
            let all = times.entry(method).or_default();
            for (all, of) in all.iter_mut().zip(of) {
                all.extend(of);
            }
        }
    }
    alike(&times);
    Ok(())
}

/// Nobody tells by the clock what another has from what nobody has: neither by the medians nor by who is faster more often.
fn alike(times: &BTreeMap<&'static str, [Vec<Duration>; 2]>) {
    let all = |which: usize| times.values().flat_map(|times| times[which].clone()).collect::<Vec<_>>();
    println!("{:<42}{:>12}{:>12}{:>9}", "median, ms", "another's", "nobody's", "faster");
    for (method, [stolen, guessed]) in
        times.iter().map(|(method, of)| (*method, of.clone())).chain([("all", [all(0), all(1)])])
    {
        if stolen.len() < TIMES_MIN || guessed.len() < TIMES_MIN {
            continue;
        }
        let [(one, one_chance), (other, other_chance)] = [&stolen, &guessed].map(|times| median(times));
        let faster = faster(&stolen, &guessed);
        println!("{method:<42}{one:>12.3}{other:>12.3}{faster:>9.3}");
        let chance = one_chance.hypot(other_chance);
        assert!(
            (one - other).abs() <= MEDIANS_APART * one.max(other) + 5.0 * chance,
            "{method}: medians tell them apart, {one:.3} ms and {other:.3} ms, by chance {chance:.3} ms"
        );
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        let (n, m) = (stolen.len() as f64, guessed.len() as f64);
        // How far chance alone brings it from a half, of alike times: one standard deviation.
        let chance = ((n + m + 1.0) / (12.0 * n * m)).sqrt();
        assert!(
            (faster - 0.5).abs() <= FASTER_APART + 5.0 * chance,
            "{method}: what another has is faster {faster:.3} of the time"
        );
    }
}

/// The median in milliseconds, and how far chance alone moves it: one standard deviation, as the middle half of the times has it.
fn median(times: &[Duration]) -> (f64, f64) {
    let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_unstable_by(f64::total_cmp);
    let at = |quarters: usize| times.get(times.len() * quarters / 4).copied().unwrap_or_default();
    #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
    let count = times.len() as f64;
    // Of a normal distribution the middle half is 1.349 deviations wide, and a median moves by 1.253 of them over the root of the count.
    (at(2), 1.253 / 1.349 * (at(3) - at(1)) / count.sqrt())
}

/// How often one of the first is faster than one of the second, all pairs compared.
fn faster(first: &[Duration], second: &[Duration]) -> f64 {
    let mut all: Vec<_> =
        first.iter().map(|time| (time, true)).chain(second.iter().map(|time| (time, false))).collect();
    all.sort_unstable();
    let (mut seen, mut pairs) = (0_u64, 0_u64);
    for (_, is_first) in all {
        if is_first { seen += 1 } else { pairs += seen }
    }
    #[allow(clippy::cast_precision_loss, reason = "a few million")]
    let share = pairs as f64 / (first.len() * second.len()) as f64;
    share
}
