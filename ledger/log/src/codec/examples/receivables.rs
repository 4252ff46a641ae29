//! Payments, standing, withholding, credit notes, claims and adjustments.

use subledger_domain::{
    Command, Event, command as c,
    customer::SlaCredit,
    event as e,
    ids::{ClaimId, CreditNoteNumber, InvoiceNumber, PaymentId, WithholdingId},
    money::Money,
    partner::{Certificate, CreditNoteReason, SuspensionTrigger, WithholdingCredit, WithholdingRelease},
};

use super::*;

fn payment() -> PaymentId {
    PaymentId::new("pay-1").unwrap()
}

fn request() -> WithholdingId {
    WithholdingId::new("w-1").unwrap()
}

fn invoice() -> InvoiceNumber {
    InvoiceNumber::new("p-1-O-USD-000001").unwrap()
}

fn other_invoice() -> InvoiceNumber {
    InvoiceNumber::new("p-1-L-USD-000002").unwrap()
}

fn credit_note() -> CreditNoteNumber {
    CreditNoteNumber::new("p-1-C-USD-000001").unwrap()
}

fn claim() -> ClaimId {
    ClaimId::new("claim-1").unwrap()
}

fn certificate() -> Certificate {
    Certificate { name: "wht_2018-02.PDF".into(), sha256: "ab".repeat(32), line_amount: amount("45.00") }
}

fn overdue() -> Vec<Money> {
    vec![Money { amount: amount("45.00"), currency: usd() }]
}

fn sla_credits() -> Vec<SlaCredit> {
    vec![SlaCredit { subscription_id: subscription(), amount: amount("1.50"), currency: usd() }]
}

fn payment_events() -> Vec<Event> {
    macro_rules! on {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Event::from(e::$name { partner_id: partner(), $($field: $value),* })
        };
    }
    vec![
        on!(PaymentReceived {
            payment_id: payment(),
            amount: amount("345.00"),
            currency: usd(),
            value_date: day(20),
            reference: "for p-1-O-USD-000001".into(),
            invoice_number: Some(invoice()),
        }),
        on!(PaymentAllocated {
            payment_id: payment(),
            invoice_number: invoice(),
            amount: amount("300.00"),
            currency: usd(),
            allocated_on: day(21),
        }),
        on!(PaymentReleased {
            payment_id: payment(),
            invoice_number: invoice(),
            amount: amount("300.00"),
            currency: usd(),
            released_on: day(22),
        }),
        on!(PaymentRefunded {
            payment_id: payment(),
            amount: amount("45.00"),
            currency: usd(),
            refunded_on: day(23),
            reference: "back".into(),
        }),
        on!(CreditAllocated {
            credit_invoice_number: other_invoice(),
            invoice_number: invoice(),
            amount: amount("5.00"),
            currency: usd(),
            allocated_on: day(21),
        }),
        on!(CreditReleased {
            credit_invoice_number: other_invoice(),
            invoice_number: invoice(),
            amount: amount("5.00"),
            currency: usd(),
            released_on: day(22),
        }),
        on!(PartnerBecameDelinquent { invoice_numbers: vec![invoice()], overdue: overdue(), since: day(24) }),
        on!(PartnerAccountSuspended {
            invoice_numbers: vec![invoice()],
            overdue: overdue(),
            since: day(25),
            trigger: Some(SuspensionTrigger::Overdue),
            note: "see the ticket".into(),
        }),
        on!(PartnerAccountReinstated {
            since: day(26),
            trigger: Some(SuspensionTrigger::Abuse),
            basis: "119040921001234".into(),
        }),
    ]
}

fn request_events() -> Vec<Event> {
    macro_rules! on {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Event::from(e::$name { partner_id: partner(), $($field: $value),* })
        };
    }
    let withholding_credits = vec![WithholdingCredit {
        request_id: request(),
        invoice_number: other_invoice(),
        written_off: amount("45.00"),
        credited: amount("12.50"),
    }];
    vec![
        on!(WithholdingRequested {
            request_id: request(),
            invoice_number: invoice(),
            amount: amount("45.00"),
            currency: usd(),
            certificate: certificate(),
            country: "AR".into(),
            contact_email: "tax@partner.example".into(),
            requested_on: day(5),
            replaces: Some(WithholdingId::new("w-0").unwrap()),
        }),
        on!(WithholdingReturned { request_id: request(), comments: "unreadable".into(), returned_on: day(6) }),
        on!(WithholdingResubmitted {
            request_id: request(),
            amount: amount("45.00"),
            certificate: certificate(),
            resubmitted_on: day(7),
        }),
        on!(WithholdingApproved {
            request_id: request(),
            invoice_number: invoice(),
            currency: usd(),
            written_off: amount("40.00"),
            rest: amount("5.00"),
            approved_on: day(8),
        }),
        on!(CreditNoteRequested {
            invoice_number: invoice(),
            reason: CreditNoteReason::AddressCorrection,
            note: "moved".into(),
            requested_on: day(9),
        }),
        on!(CreditNoteRefused { invoice_number: invoice(), comments: "no".into(), refused_on: day(10) }),
        on!(CreditNoteIssued {
            credit_note_number: credit_note(),
            invoice_number: invoice(),
            family: InvoiceFamily::OneTimeRecurring,
            currency: usd(),
            issued_on: day(11),
            total: amount("-1234.56"),
            totals: totals(),
            line_count: 17,
            lines_digest: (0..32).collect(),
            withholding_released: vec![WithholdingRelease { request_id: request(), amount: amount("40.00") }],
        }),
        e::InvoiceRebilled {
            rebills: invoice(),
            credit_note_number: credit_note(),
            reason: CreditNoteReason::OtherRefund,
            refund: amount("1.00"),
            purchase_order: Some("PO 17".into()),
            bill_to: Some(address()),
            invoice: e::InvoiceIssued { withholding_credits, ..invoice_issued() },
        }
        .into(),
    ]
}

fn claim_events() -> Vec<Event> {
    macro_rules! on {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Event::from(e::$name { customer_id: customer(), partner_id: partner(), $($field: $value),* })
        };
    }
    vec![
        on!(SlaClaimSubmitted {
            claim_id: claim(),
            incident_id: "EX25194".into(),
            incident_date: day(15),
            service_code: "EX".into(),
            service: Some("Exchange Online".into()),
            submitted_on: day(16),
            deadline: NaiveDate::from_ymd_opt(2018, 3, 31).unwrap(),
        }),
        on!(SlaClaimantAsked { claim_id: claim(), question: "how long?".into(), asked_on: day(17) }),
        on!(SlaClaimAnswered { claim_id: claim(), answer: "an hour".into(), answered_on: day(18) }),
        on!(SlaClaimApproved { claim_id: claim(), credits: sla_credits(), approved_on: day(19) }),
        on!(SlaClaimRefused { claim_id: claim(), comments: "too short".into(), refused_on: day(19) }),
        on!(AdjustmentPosted {
            subscription_id: subscription(),
            line_id: Some(line_id()),
            amount: amount("-5.00"),
            currency: usd(),
            reason: "goodwill".into(),
        }),
    ]
}

pub(super) fn events() -> Vec<Event> {
    [payment_events(), request_events(), claim_events()].concat()
}

fn partner_commands() -> Vec<Command> {
    macro_rules! of {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Command::$name(c::$name { partner_id: partner(), $($field: $value),* })
        };
    }
    vec![
        of!(ReceivePayment {
            payment_id: payment(),
            amount: amount("345.00"),
            currency: usd(),
            value_date: day(20),
            reference: "for p-1-O-USD-000001".into(),
            invoice_number: Some(invoice()),
        }),
        of!(AllocatePayment { payment_id: payment(), invoice_number: invoice(), amount: amount("300.00") }),
        of!(RefundPayment { payment_id: payment(), amount: amount("45.00"), reference: "back".into() }),
        of!(AllocateCredit {
            credit_invoice_number: other_invoice(),
            invoice_number: invoice(),
            amount: amount("5.00"),
        }),
        of!(ReviewStanding { date: day(24) }),
        of!(RequestWithholding {
            request_id: request(),
            invoice_number: invoice(),
            amount: amount("45.00"),
            currency: usd(),
            certificate: Some(certificate()),
            contact_email: "tax@partner.example".into(),
        }),
        of!(ReturnWithholding { request_id: request(), comments: "unreadable".into() }),
        of!(ResubmitWithholding { request_id: request(), amount: amount("45.00"), certificate: Some(certificate()) }),
        of!(ApproveWithholding { request_id: request() }),
        of!(RequestCreditNote { invoice_number: invoice(), reason: CreditNoteReason::LateTaxId, note: "moved".into() }),
        of!(RefuseCreditNote { invoice_number: invoice(), comments: "no".into() }),
        of!(IssueCreditNote { invoice_number: invoice() }),
        of!(RebillInvoice {
            invoice_number: invoice(),
            refund: Some(amount("1.00")),
            purchase_order: Some("PO 17".into()),
            bill_to: Some(address()),
        }),
    ]
}

fn claim_commands() -> Vec<Command> {
    macro_rules! of {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Command::$name(c::$name { customer_id: customer(), $($field: $value),* })
        };
    }
    vec![
        of!(SubmitSlaClaim {
            partner_id: partner(),
            claim_id: claim(),
            incident_id: "EX25194".into(),
            incident_date: day(15),
            service_code: Some("EX".into()),
            purchased_through_csp: true,
        }),
        of!(AskSlaClaimant { claim_id: claim(), question: "how long?".into() }),
        of!(AnswerSlaClaim { partner_id: partner(), claim_id: claim(), answer: "an hour".into() }),
        of!(ApproveSlaClaim { claim_id: claim(), credits: sla_credits() }),
        of!(RefuseSlaClaim { claim_id: claim(), comments: "too short".into() }),
        of!(PostAdjustment {
            partner_id: partner(),
            subscription_id: subscription(),
            line_id: Some(line_id()),
            amount: amount("-5.00"),
            currency: usd(),
            reason: "goodwill".into(),
        }),
    ]
}

pub(super) fn commands() -> Vec<Command> {
    [partner_commands(), claim_commands()].concat()
}
