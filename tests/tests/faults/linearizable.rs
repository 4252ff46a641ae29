//! What concurrent clients of one customer are told can be put into one order: each command takes effect at one moment between its
//! sending and its answer, also across restarts of the ledger by SIGKILL. Checked by a linearizability checker that knows nothing of
//! the ledger but what the clients saw.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde_json::json;
use subledger_proto::{api::Outcome, log::event};
use subledger_tests::{
    client::{Client, reason},
    commands::{change_quantity, purchase},
    process::Serve,
    shop::{self, FIRST_DAY, TEST_CLOCK},
};
use todc_utils::{
    linearizability::{
        WGLChecker,
        history::{Action, History},
    },
    specifications::Specification,
};
use tokio::sync::RwLock;

const CUSTOMERS: usize = 2;
const CLIENTS: usize = 4;
/// Commands of each client and customer. Every one sets another number of seats, of which an offer has 300.
const COMMANDS: u32 = 40;
const KILLS: usize = 2;

/// A change of seats, as a client saw it: which version it insisted on, and what it was told.
#[derive(Clone, Debug)]
struct Change {
    to: u32,
    expected: Option<u64>,
    told: Option<Told>,
}

#[derive(Clone, Debug)]
enum Told {
    /// Seats before, and the stream's version after.
    Changed { from: u32, version: u64 },
    /// It stands at that version.
    Mismatch { found: u64 },
}

/// Seats and version of a customer with one subscription.
struct Seats;

/// After the customer's creation, the agreement and the purchase.
const VERSION_AT_START: u64 = 3;
const SEATS_AT_START: u32 = 300;

impl Specification for Seats {
    type State = (u32, u64);
    type Operation = Change;

    fn init() -> Self::State {
        (SEATS_AT_START, VERSION_AT_START)
    }

    fn apply(change: &Change, &(seats, version): &Self::State) -> (bool, Self::State) {
        let fits = change.expected.is_none_or(|expected| expected == version);
        match change.told {
            Some(Told::Changed { from, version: after }) => {
                (fits && from == seats && after == version + 1, (change.to, version + 1))
            }
            Some(Told::Mismatch { found }) => (!fits && found == version, (seats, version)),
            None => (false, (seats, version)),
        }
    }
}

type Actions = Vec<(usize, Action<Change>)>;

struct World {
    address: RwLock<String>,
    /// By customer, in the order in which things were sent and told.
    actions: Vec<Mutex<Actions>>,
    next: Vec<AtomicU32>,
}

impl World {
    fn record(&self, customer: usize, client: usize, action: Action<Change>) {
        if let Ok(mut actions) = self.actions[customer].lock() {
            actions.push((client, action));
        }
    }
}

fn told(outcome: &Outcome) -> anyhow::Result<Told> {
    let changed = outcome.events.iter().find_map(|event| match &event.body {
        Some(event::Body::QuantityChanged(changed)) => Some(changed.from),
        _ => None,
    });
    let from = changed.with_context(|| format!("no change of seats: {outcome:?}"))?;
    Ok(Told::Changed { from, version: outcome.stream_version })
}

/// Sends until there is an outcome, whatever becomes of the ledger meanwhile.
async fn insist(world: &World, value: &serde_json::Value) -> anyhow::Result<Told> {
    for _ in 0..600 {
        let address = world.address.read().await.clone();
        let Ok(client) = Client::connect(&address).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        match client.submit(value).await {
            Ok(outcome) => return told(&outcome),
            Err(status) => match reason(&status).as_deref() {
                Some("VERSION_MISMATCH") => {
                    use tonic_types::StatusExt as _;
                    let info = status.get_error_details().error_info().cloned().context("details")?;
                    return Ok(Told::Mismatch { found: info.metadata.get("found").context("found")?.parse()? });
                }
                None | Some("WRITER_UNAVAILABLE" | "OUTCOME_UNKNOWN" | "WRITER_OVERLOADED") => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Some(other) => anyhow::bail!("{other}: {status:?}"),
            },
        }
    }
    anyhow::bail!("no outcome of {value}")
}

async fn client(world: Arc<World>, number: usize) -> anyhow::Result<()> {
    let mut seen = [VERSION_AT_START; CUSTOMERS];
    for n in 0..COMMANDS {
        for (customer, seen) in seen.iter_mut().enumerate() {
            let to = world.next[customer].fetch_add(1, Ordering::Relaxed);
            // Every other one insists on the version it saw last.
            let expected = (n % 2 == 1).then_some(*seen);
            let name = format!("customer-{customer}");
            let mut value =
                change_quantity(&format!("{name}-{number}-{n}"), &name, "contoso", &format!("sub-buy-{name}"), to);
            if let Some(expected) = expected {
                value["expected_version"] = json!(expected.to_string());
            }
            world.record(customer, number, Action::Call(Change { to, expected, told: None }));
            let told = insist(&world, &value).await?;
            *seen = match told {
                Told::Changed { version, .. } => version,
                Told::Mismatch { found } => found,
            };
            world.record(customer, number, Action::Response(Change { to, expected, told: Some(told) }));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_concurrent_clients_are_linearizable() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let mut serve = Serve::start(dir.path(), TEST_CLOCK).await?;
    let operator = Client::connect(&serve.address).await?;
    shop::stock(&operator, (0..CUSTOMERS).map(|n| format!("customer-{n}")), FIRST_DAY).await?;
    for n in 0..CUSTOMERS {
        let name = format!("customer-{n}");
        let bought =
            operator.accepted(&purchase(&format!("buy-{name}"), &name, "contoso", "e3", SEATS_AT_START)).await?;
        ensure!(bought.stream_version == VERSION_AT_START, "{bought:?}");
    }
    let world = Arc::new(World {
        address: RwLock::new(serve.address.clone()),
        actions: (0..CUSTOMERS).map(|_| Mutex::default()).collect(),
        next: (0..CUSTOMERS).map(|_| AtomicU32::new(1)).collect(),
    });
    let clients: Vec<_> = (0..CLIENTS).map(|number| tokio::spawn(client(Arc::clone(&world), number))).collect();
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let mut address = world.address.write().await;
        serve.process.kill()?;
        serve = serve.restart().await?;
        address.clone_from(&serve.address);
    }
    for client in clients {
        client.await??;
    }
    for (n, actions) in world.actions.iter().enumerate() {
        let actions = actions.lock().map_err(|error| anyhow::anyhow!("{error}"))?.clone();
        ensure!(actions.len() == 2 * CLIENTS * COMMANDS as usize, "{} actions", actions.len());
        let mismatches = actions
            .iter()
            .filter(|(_, action)| matches!(action, Action::Response(Change { told: Some(Told::Mismatch { .. }), .. })));
        println!("customer {n}: {} actions, {} refused for their version", actions.len(), mismatches.count());
        ensure!(
            WGLChecker::<Seats>::is_linearizable(History::from_actions(actions.clone())),
            "not linearizable: {actions:#?}"
        );
        // The checker would notice: an answer that names the seats before as they never were.
        let mut forged = actions;
        let changed = forged.iter_mut().find_map(|(_, action)| match action {
            Action::Response(Change { told: Some(Told::Changed { from, .. }), .. }) => Some(from),
            _ => None,
        });
        *changed.context("nothing was changed")? += 1_000;
        ensure!(!WGLChecker::<Seats>::is_linearizable(History::from_actions(forged)), "a forged history passes");
    }
    Ok(())
}
