//! A ledger with a writer for each partition, on the embedded log.

#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set itself up has failed")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU32, Ordering},
};

use chrono::{DateTime, NaiveDate, Utc};
use subledger_domain::Event;
use subledger_log::{Actor, Follower, Layout, LedgerId, Log, PartitionId, codec, embedded::EmbeddedLog, ends};
use subledger_writer::{
    Clock, CommandError, Decided, Handle, Options, Outcome, PartitionService, Preview, ReferenceFollower, Submission,
    stream_of,
};

/// Noon of the ledger's first day.
pub(crate) fn noon() -> DateTime<Utc> {
    "2018-01-13T12:00:00Z".parse().unwrap()
}

/// A clock that is moved by hand, in seconds of Unix time.
pub(crate) struct ManualClock(pub(crate) AtomicI64, Mutex<Vec<String>>);

/// What the clock shows when whoever asks it panics.
pub(crate) const BROKEN: i64 = i64::MIN;

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        self.1.lock().unwrap().push(std::thread::current().name().unwrap_or_default().to_owned());
        let seconds = self.0.load(Ordering::Relaxed);
        assert_ne!(seconds, BROKEN, "the clock is broken");
        DateTime::from_timestamp(seconds, 0).unwrap()
    }
}

impl ManualClock {
    /// The names of the threads that asked it since this was called.
    pub(crate) fn take_askers(&self) -> Vec<String> {
        std::mem::take(&mut *self.1.lock().unwrap())
    }
}

/// A day.
pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A command as a writer gets it.
pub(crate) fn submission(text: &str) -> Submission {
    let actor = Actor { principal: "test".into(), channel: "test".into() };
    Submission::new(codec::command_from_json(text).unwrap(), actor, None).unwrap()
}

/// A ledger with one writer per partition.
pub(crate) struct Ledger {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) reference: Arc<ReferenceFollower>,
    pub(crate) writers: Vec<PartitionService>,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) const LAYOUT: Layout = Layout { partners: 1, customers: 2 };

impl Ledger {
    pub(crate) fn start(dir: &std::path::Path, options: &Options) -> Self {
        static STARTS: AtomicU32 = AtomicU32::new(0);
        let log: Arc<dyn Log> =
            Arc::new(EmbeddedLog::open_or_create(dir.join("log"), LAYOUT, LedgerId(uuid::Uuid::from_u128(7))).unwrap());
        let reference = ReferenceFollower::start(Arc::clone(&log)).unwrap();
        let clock = Arc::new(ManualClock(AtomicI64::new(noon().timestamp()), Mutex::default()));
        let writers = LAYOUT
            .all()
            .map(|partition| {
                let id = format!("test-{}", STARTS.fetch_add(1, Ordering::Relaxed));
                PartitionService::start(
                    Arc::clone(&log),
                    partition,
                    Arc::clone(&reference),
                    Arc::clone(&clock) as Arc<dyn Clock>,
                    &id,
                    options.clone(),
                )
                .unwrap()
            })
            .collect();
        Self { log, reference, writers, clock }
    }

    pub(crate) fn stop(self) {
        self.writers.into_iter().for_each(PartitionService::stop);
        self.reference.stop();
    }

    /// The writer that a command goes to.
    pub(crate) fn writer_of(&self, submission: &Submission) -> &Handle {
        let (_, partition) = stream_of(LAYOUT, &submission.envelope.command).unwrap();
        self.writer(partition)
    }

    pub(crate) fn writer(&self, partition: PartitionId) -> &Handle {
        self.writers.iter().map(|writer| &writer.handle).find(|writer| writer.partition() == partition).unwrap()
    }

    /// Its outcome, or that there is no writer for it.
    pub(crate) async fn submit(&self, text: &str) -> Result<Outcome, CommandError> {
        let submission = submission(text);
        self.writer_of(&submission).submit(vec![submission]).await?.remove(0)
    }

    pub(crate) async fn preview(&self, text: &str) -> Result<Preview, CommandError> {
        let submission = submission(text);
        self.writer_of(&submission).preview(submission).await
    }

    pub(crate) async fn would_be(&self, text: &str) -> Decided {
        match self.preview(text).await.unwrap() {
            Preview::Decided(decided) => decided,
            Preview::Recorded(outcome) => panic!("{outcome:?}"),
        }
    }

    pub(crate) async fn accepted(&self, text: &str) -> Outcome {
        let outcome = self.submit(text).await.unwrap();
        assert!(outcome.result.is_ok(), "{text} was refused: {:?}", outcome.result);
        outcome
    }

    pub(crate) async fn with_customer(&self) {
        for text in [PARTNER, OFFER, PRICE, CUSTOMER, AGREEMENT] {
            self.accepted(text).await;
        }
    }

    pub(crate) fn commits(&self) -> Vec<subledger_log::Commit> {
        let mut follower = Follower::from_start(&*self.log, LAYOUT.all()).unwrap();
        let ends = ends(&*self.log, LAYOUT.all()).unwrap();
        let mut commits = Vec::new();
        while !follower.reached(&ends) {
            let next = follower.next(std::time::Duration::from_millis(100)).unwrap();
            commits.extend(next.into_iter().map(|accepted| accepted.commit));
        }
        commits
    }

    /// Waits until every customers partition has marked the day.
    pub(crate) fn wait_day(&self, date: NaiveDate) {
        for _ in 0..500 {
            let marks = self
                .commits()
                .iter()
                .flat_map(|commit| commit.events().to_vec())
                .filter(|event| matches!(event, Event::PartitionDayClosed(closed) if closed.date == date))
                .count();
            if marks == usize::from(LAYOUT.customers) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{date} was not closed in time");
    }
}

pub(crate) const PARTNER: &str = r#"{"command_id": "p-1", "register_partner": {"partner_id": "contoso", "name": "Contoso",
    "kind": "PARTNER_KIND_DIRECT_BILL", "country": "US", "currency": "USD", "billing_day": 15, "mpn_id": "4390934"}}"#;
pub(crate) const OFFER: &str = r#"{"command_id": "o-1", "publish_offers": {"offers": [{"offer_id": "e3", "display_name": "Office 365 E3",
    "product_family": "PRODUCT_FAMILY_LICENSE", "kind": "OFFER_KIND_BASE", "term_months": 12,
    "billing_frequencies": ["BILLING_FREQUENCY_MONTHLY", "BILLING_FREQUENCY_ANNUAL"], "minimum_quantity": 1, "maximum_quantity": 300,
    "limit_scope": "OFFER_LIMIT_SCOPE_NONE", "proration_rule": "PRORATION_RULE_DAILY_RATE_3DP"}]}}"#;
pub(crate) const PRICE: &str = r#"{"command_id": "l-1", "publish_price_list": {"price_list_id": "2018-01", "currency": "USD", "rows": [{
    "change_flag": "ADD", "valid_from": "2018-01-01", "offer_display_name": "Office 365 E3", "offer_id": "e3",
    "license_agreement_type": "corporate", "purchase_unit": "month", "secondary_license_type": "non-specific",
    "end_customer_type": "cloud reseller corporate", "list_price": "4.00"}]}}"#;
pub(crate) const CUSTOMER: &str = r#"{"command_id": "c-1", "create_customer": {"customer_id": "fabrikam", "partner_id": "contoso",
    "company_name": "Fabrikam", "domain_prefix": "fabrikam", "address": {"country": "US", "line1": "1 Main Street",
    "city": "Redmond", "state": "WA", "postal_code": "98052"},
    "contact": {"first_name": "Kim", "last_name": "Lee", "email": "kim@fabrikam.example"}}}"#;
pub(crate) const AGREEMENT: &str = r#"{"command_id": "a-1", "accept_agreement": {"customer_id": "fabrikam",
    "mode": "AGREEMENT_MODE_CUSTOMER_DIRECT", "accepted_on": "2018-01-13",
    "signatory": {"first_name": "Kim", "last_name": "Lee", "email": "kim@fabrikam.example"}}}"#;
pub(crate) const PURCHASE: &str = r#"{"command_id": "b-1", "purchase": {"customer_id": "fabrikam", "partner_id": "contoso", "order_id": "order-1",
    "lines": [{"subscription_id": "sub-1", "offer_id": "e3", "quantity": 1, "billing_frequency": "BILLING_FREQUENCY_MONTHLY"}]}}"#;

/// A change of seats that is different each time.
pub(crate) fn seats(n: u32) -> String {
    format!(
        r#"{{"command_id": "s-{n}", "change_quantity": {{"customer_id": "fabrikam", "partner_id": "contoso",
            "subscription_id": "sub-1", "quantity": {}}}}}"#,
        n + 2
    )
}
