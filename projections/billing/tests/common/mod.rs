//! Hand-made histories.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use subledger_billing::{BillingProjection, DueInvoice, due_invoices, due_reviews, has_due_invoices};
use subledger_domain::{
    Command, Context, Event, Reference, Rejection,
    charge::{ChargeType, Charged, Derivation, InvoiceFamily},
    command::Target,
    event::{InvoiceIssued, PartitionDayClosed, PartnerRegistered},
    ids::{CommandId, CustomerId, InvoiceNumber, LineId, OfferId, OrderId, PartnerId, SubscriptionId},
    money::Currency,
    offer::{BillingFrequency, ProrationRule},
    partner,
    party::PartnerKind,
    position::{Family, PartitionId, Position},
};
use subledger_fold::{Projection, Recorded, memory::Memory, page::PageRequest};

/// The whole list in one page.
pub(crate) const ALL: PageRequest<'_> = PageRequest { size: 1_000, token: "" };

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) fn partner_id(id: &str) -> PartnerId {
    PartnerId::new(id).unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    Currency::new(code).unwrap()
}

/// A commit: where it stands, and its events.
pub(crate) type Commit = (Position, Vec<Event>);

/// When a commit was recorded: later ones of a partition later, and never two at the same time.
pub(crate) fn recorded_at(position: Position) -> DateTime<Utc> {
    let Position { partition, seq } = position;
    let family = Family::ALL.iter().position(|family| *family == partition.family).unwrap();
    let seconds = i64::try_from(seq).unwrap() * 60 + i64::from(partition.index) * 3 + i64::try_from(family).unwrap();
    day("2018-01-01").and_time(NaiveTime::MIN).and_utc() + chrono::TimeDelta::seconds(seconds)
}

pub(crate) fn partition(family: Family, index: u16) -> PartitionId {
    PartitionId::new(family, index)
}

/// Folds commits in the order given.
pub(crate) fn fold(rows: &mut Memory, commits: &[Commit]) {
    let at: DateTime<Utc> = day("2018-01-01").and_time(NaiveTime::MIN).and_utc();
    for (position, events) in commits {
        let recorded = Recorded {
            position: *position,
            stream: "",
            stream_version: 0,
            command_id: "",
            effective_at: at,
            recorded_at: recorded_at(*position),
            principal: "",
            channel: "",
            outcome: Ok(events),
        };
        BillingProjection.fold(&recorded, rows).unwrap();
    }
}

/// A ledger in the small: it appends commits to partitions and folds them at once.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) rows: Memory,
    pub(crate) commits: Vec<Commit>,
    pub(crate) partitions: u16,
    pub(crate) reference: Reference,
    pub(crate) lines: u32,
}

impl History {
    pub(crate) fn new(partitions: u16) -> Self {
        Self { partitions, ..Self::default() }
    }

    pub(crate) fn append(&mut self, family: Family, index: u16, events: Vec<Event>) -> Position {
        let partition = PartitionId::new(family, index);
        let seq = self.commits.iter().filter(|(position, _)| position.partition == partition).count() as u64;
        let position = Position { partition, seq };
        for event in &events {
            self.reference.partners.evolve(event);
            self.reference.catalog.evolve(event);
        }
        let commit = (position, events);
        fold(&mut self.rows, std::slice::from_ref(&commit));
        self.commits.push(commit);
        position
    }

    pub(crate) fn register(&mut self, id: &str, code: &str, billing_day: u32, registered_on: &str) {
        let event = PartnerRegistered {
            partner_id: partner_id(id),
            name: id.to_owned(),
            kind: PartnerKind::DirectBill,
            country: "US".to_owned(),
            currency: currency(code),
            billing_day,
            mpn_id: String::new(),
            registered_on: day(registered_on),
        };
        self.append(Family::Partners, 0, vec![event.into()]);
    }

    /// A line with an id of its own.
    pub(crate) fn line(&mut self, id: &str, family: InvoiceFamily, code: &str, on: &str, cost: &str) -> Charged {
        self.lines += 1;
        line(self.lines, id, family, code, day(on), amount(cost))
    }

    /// A license line in USD, charged in partition 0.
    pub(crate) fn charge(&mut self, id: &str, on: &str, cost: &str) {
        self.charge_in(0, id, InvoiceFamily::LicenseUsage, "USD", on, cost);
    }

    pub(crate) fn charge_in(
        &mut self,
        partition: u16,
        id: &str,
        family: InvoiceFamily,
        code: &str,
        on: &str,
        cost: &str,
    ) {
        let line = self.line(id, family, code, on, cost);
        self.append(Family::Customers, partition, vec![line.into()]);
    }

    pub(crate) fn close(&mut self, date: &str) {
        for index in 0..self.partitions {
            self.close_partition(index, date);
        }
    }

    pub(crate) fn close_partition(&mut self, index: u16, date: &str) -> Position {
        self.append(Family::Customers, index, vec![PartitionDayClosed { date: day(date) }.into()])
    }

    pub(crate) fn due(&self) -> Vec<DueInvoice> {
        let due = due_invoices(&self.rows, self.partitions).unwrap();
        assert_eq!(has_due_invoices(&self.rows, self.partitions).unwrap(), !due.is_empty());
        due
    }

    /// What is due, in short: command id, first and last day, lines, total.
    pub(crate) fn due_in_short(&self) -> Vec<String> {
        self.due().iter().map(short).collect()
    }

    /// Runs a command of a partner's stream at the end of a day; the events, or why it is refused.
    pub(crate) fn partner_command(&mut self, on: &str, command: &Command) -> Result<Vec<Event>, Rejection> {
        let at = day(on).and_time(NaiveTime::MIN).and_utc();
        let context = Context { command_id: CommandId::new("c").unwrap(), effective_at: at, recorded_at: at };
        let Target::Partner(id) = command.target() else { panic!("{command:?}") };
        let events = partner::decide(self.reference.partners.get(id), &self.reference, command, &context)?;
        self.append(Family::Partners, 0, events.clone());
        Ok(events)
    }

    /// Sends every review that is due; returns their ids.
    pub(crate) fn review(&mut self) -> Vec<String> {
        let due = due_reviews(&self.rows, self.partitions).unwrap();
        for review in &due {
            let on = review.effective_at.date_naive().to_string();
            self.partner_command(&on, &Command::ReviewStanding(review.command.clone())).unwrap();
        }
        due.iter().map(|review| review.command_id.to_string()).collect()
    }

    /// Issues everything that is due, as the partner's stream decides; returns how many.
    pub(crate) fn issue(&mut self) -> usize {
        let due = self.due();
        for invoice in &due {
            let context = Context {
                command_id: invoice.command_id.clone(),
                effective_at: invoice.effective_at,
                recorded_at: invoice.effective_at,
            };
            let state = self.reference.partners.get(&invoice.command.partner_id);
            let command = Command::IssueInvoice(invoice.command.clone());
            let events = partner::decide(state, &self.reference, &command, &context).unwrap();
            self.append(Family::Partners, 0, events);
        }
        due.len()
    }
}

pub(crate) fn short(due: &DueInvoice) -> String {
    let c = &due.command;
    let last = c.period_end.pred_opt().unwrap();
    format!("{} {}..{last} {} x {}", due.command_id, c.period_start, c.total, c.line_count)
}

pub(crate) fn issued(due: &DueInvoice, number: u32) -> InvoiceIssued {
    let c = due.command.clone();
    InvoiceIssued {
        partner_id: c.partner_id,
        invoice_number: InvoiceNumber::new(format!("N{number}")).unwrap(),
        family: c.family,
        currency: c.currency,
        period_start: c.period_start,
        period_end: c.period_end,
        invoice_date: c.invoice_date,
        due_date: c.invoice_date + chrono::Days::new(60),
        total: c.total,
        totals: c.totals,
        line_count: c.line_count,
        lines_digest: c.lines_digest,
        reflects: c.reflects,
        header: None,
        withholding_credits: Vec::new(),
    }
}

pub(crate) fn line(number: u32, id: &str, family: InvoiceFamily, code: &str, on: NaiveDate, cost: Decimal) -> Charged {
    Charged {
        line_id: LineId::new(format!("line-{number}")).unwrap(),
        customer_id: CustomerId::new(format!("c-{}", number % 3)).unwrap(),
        partner_id: partner_id(id),
        subscription_id: SubscriptionId::new(format!("s-{}", number % 2)).unwrap(),
        order_id: OrderId::new("o").unwrap(),
        offer_id: OfferId::new("offer").unwrap(),
        offer_name: "Office 365 E3".to_owned(),
        invoice_family: family,
        charge_type: ChargeType::CycleFee,
        charge_start: on,
        charge_end: on + chrono::Days::new(30),
        unit_price: cost,
        quantity: 1,
        amount: cost,
        currency: currency(code),
        charged_on: on,
        component: None,
        sku: Some("P1".to_owned()),
        subscription_description: None,
        purchase_date: on,
        billing_frequency: Some(BillingFrequency::Monthly),
        reverses_line_id: None,
        derivation: Derivation { rule: ProrationRule::Exact, period_price: cost, period_days: 30, billed_days: 30 },
        reseller_id: None,
        discount: None,
        tax: None,
        reference: None,
        usage: None,
    }
}
