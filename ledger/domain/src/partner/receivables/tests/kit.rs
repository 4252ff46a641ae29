//! One partner in memory, and short ways to talk to it.

use crate::{
    Command, Context, Event, Reason, Reference, Rejection,
    charge::{InvoiceFamily, InvoiceTotals},
    command::*,
    ids::{CommandId, InvoiceNumber, PartnerId, PaymentId, WithholdingId},
    money::Currency,
    partner::{Certificate, CreditNoteReason, Partner, Partners, decide},
    party::PartnerKind,
};
use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn usd() -> Currency {
    Currency::new("USD").unwrap()
}

pub(super) fn partner_id() -> PartnerId {
    PartnerId::new("p").unwrap()
}

pub(super) fn payment_id(id: &str) -> PaymentId {
    PaymentId::new(id).unwrap()
}

pub(super) fn request_id(id: &str) -> WithholdingId {
    WithholdingId::new(id).unwrap()
}

pub(super) fn number(text: &str) -> InvoiceNumber {
    InvoiceNumber::new(text).unwrap()
}

/// The reason and the field of a refusal.
pub(super) type Refused = (Reason, String);

pub(super) struct World {
    pub(super) partners: Partners,
    pub(super) today: NaiveDate,
    pub(super) last: Vec<Event>,
    periods: u64,
}

impl World {
    pub(super) fn new(country: &str, currency: &str) -> Self {
        let mut world = Self { partners: Partners::default(), today: day("2018-01-01"), last: Vec::new(), periods: 0 };
        let register = RegisterPartner {
            partner_id: partner_id(),
            name: "Partner".into(),
            kind: PartnerKind::DirectBill,
            country: country.into(),
            currency: Currency::new(currency).unwrap(),
            billing_day: 15,
            mpn_id: String::new(),
        };
        world.run(Command::RegisterPartner(register)).unwrap();
        world
    }

    pub(super) fn partner(&self) -> &Partner {
        self.partners.get(&partner_id()).unwrap()
    }

    #[allow(clippy::needless_pass_by_value, reason = "commands are made on the spot")]
    pub(super) fn run(&mut self, command: Command) -> Result<(), Rejection> {
        let at = self.today.and_time(NaiveTime::MIN).and_utc();
        let context = Context { command_id: CommandId::new("c").unwrap(), effective_at: at, recorded_at: at };
        let events = decide(self.partners.get(&partner_id()), &Reference::default(), &command, &context)?;
        events.iter().for_each(|event| self.partners.evolve(event));
        self.last = events;
        Ok(())
    }

    pub(super) fn refused(&mut self, command: Command) -> Refused {
        let before = self.partners.clone();
        let refusal = self.run(command).unwrap_err();
        assert_eq!(self.partners, before, "a refusal changes nothing");
        (refusal.reason, refusal.metadata.get("field").cloned().unwrap_or_default())
    }

    /// Issues the next invoice of a series with one line, dated today; its number.
    pub(super) fn invoice(&mut self, family: InvoiceFamily, currency: &str, subtotal: &str, tax: &str) -> String {
        self.periods += 1;
        let (subtotal, tax) = (amount(subtotal), amount(tax));
        let currency = Currency::new(currency).unwrap();
        let mut totals = InvoiceTotals { subtotal, tax, ..InvoiceTotals::default() };
        match family {
            InvoiceFamily::LicenseUsage => totals.license_charges = subtotal,
            InvoiceFamily::OneTimeRecurring => totals.one_time_charges = subtotal,
        }
        let last = self.partner().issued.get(&(family, currency)).map(|issued| issued.period_end);
        let period_start = last.unwrap_or_else(|| day("2017-01-01"));
        let period_end = period_start.succ_opt().unwrap();
        self.run(Command::IssueInvoice(IssueInvoice {
            partner_id: partner_id(),
            family,
            currency,
            period_start,
            period_end,
            invoice_date: self.today,
            total: subtotal + tax,
            totals,
            line_count: 1,
            lines_digest: vec![7; 32],
            reflects: Vec::new(),
        }))
        .unwrap();
        let [Event::InvoiceIssued(issued)] = self.last.as_slice() else { panic!("{:?}", self.last) };
        issued.invoice_number.to_string()
    }

    /// A license invoice in USD.
    pub(super) fn license(&mut self, subtotal: &str) -> String {
        self.invoice(InvoiceFamily::LicenseUsage, "USD", subtotal, "0.00")
    }

    /// A one-time invoice in USD.
    pub(super) fn one_time(&mut self, subtotal: &str, tax: &str) -> String {
        self.invoice(InvoiceFamily::OneTimeRecurring, "USD", subtotal, tax)
    }

    pub(super) fn due(&self, invoice: &str) -> String {
        self.partner().receivables.invoice(&number(invoice)).unwrap().due().to_string()
    }

    pub(super) fn unallocated(&self, id: &str) -> String {
        self.partner().receivables.payments[&payment_id(id)].left().to_string()
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.last.iter().map(Event::name).collect()
    }
}

pub(super) fn pay(id: &str, cost: &str, code: &str, invoice: Option<&str>) -> Command {
    Command::ReceivePayment(ReceivePayment {
        partner_id: partner_id(),
        payment_id: payment_id(id),
        amount: amount(cost),
        currency: Currency::new(code).unwrap(),
        value_date: day("2018-01-01"),
        reference: "transfer".into(),
        invoice_number: invoice.map(number),
    })
}

pub(super) fn allocate(id: &str, invoice: &str, cost: &str) -> Command {
    let (payment_id, invoice_number) = (payment_id(id), number(invoice));
    Command::AllocatePayment(AllocatePayment {
        partner_id: partner_id(),
        payment_id,
        invoice_number,
        amount: amount(cost),
    })
}

pub(super) fn refund(id: &str, cost: &str) -> Command {
    let (payment_id, reference) = (payment_id(id), String::new());
    Command::RefundPayment(RefundPayment { partner_id: partner_id(), payment_id, amount: amount(cost), reference })
}

pub(super) fn use_credit(from: &str, to: &str, cost: &str) -> Command {
    Command::AllocateCredit(AllocateCredit {
        partner_id: partner_id(),
        credit_invoice_number: number(from),
        invoice_number: number(to),
        amount: amount(cost),
    })
}

pub(super) fn review(date: &str) -> Command {
    Command::ReviewStanding(ReviewStanding { partner_id: partner_id(), date: day(date) })
}

pub(super) fn certificate(cost: &str) -> Certificate {
    Certificate { name: "wht-2018.pdf".into(), sha256: "0f".repeat(32), line_amount: amount(cost) }
}

pub(super) fn ask_withholding(id: &str, invoice: &str, cost: &str) -> RequestWithholding {
    RequestWithholding {
        partner_id: partner_id(),
        request_id: request_id(id),
        invoice_number: number(invoice),
        amount: amount(cost),
        currency: usd(),
        certificate: Some(certificate(cost)),
        contact_email: "tax@partner.example".into(),
    }
}

pub(super) fn approve(id: &str) -> Command {
    Command::ApproveWithholding(ApproveWithholding { partner_id: partner_id(), request_id: request_id(id) })
}

pub(super) fn send_back(id: &str) -> Command {
    let (request_id, comments) = (request_id(id), "unreadable".into());
    Command::ReturnWithholding(ReturnWithholding { partner_id: partner_id(), request_id, comments })
}

pub(super) fn resubmit(id: &str, cost: &str) -> Command {
    Command::ResubmitWithholding(ResubmitWithholding {
        partner_id: partner_id(),
        request_id: request_id(id),
        amount: amount(cost),
        certificate: Some(certificate(cost)),
    })
}

pub(super) fn ask_note(invoice: &str, reason: CreditNoteReason) -> Command {
    let (invoice_number, note) = (number(invoice), String::new());
    Command::RequestCreditNote(RequestCreditNote { partner_id: partner_id(), invoice_number, reason, note })
}

pub(super) fn issue_note(invoice: &str) -> Command {
    Command::IssueCreditNote(IssueCreditNote { partner_id: partner_id(), invoice_number: number(invoice) })
}

pub(super) fn rebill(invoice: &str, refund: &str) -> RebillInvoice {
    let refund = (!refund.is_empty()).then(|| amount(refund));
    let (partner_id, invoice_number) = (partner_id(), number(invoice));
    RebillInvoice { partner_id, invoice_number, refund, purchase_order: None, bill_to: None }
}
