//! Associations, co-op funds and claims on them.

use subledger_domain::{
    Command, Event,
    association::{
        AssociationActivity, AssociationContact, AssociationDetails, AssociationEndReason, ClaimedProduct,
        RevenueDetails, SolutionArea,
    },
    command as c,
    coop::{CoopClaimDetails, Expense, UsagePeriod},
    event as e,
    evidence::{Evidence, EvidenceKind},
    ids::{AssociationId, CoopClaimId, DocumentId, UsagePeriodId},
};

use super::*;

const PROGRAM: &str = "coop-marketing-fund";

fn association() -> AssociationId {
    AssociationId::new("a-1").unwrap()
}

fn other_association() -> AssociationId {
    AssociationId::new("a-0").unwrap()
}

fn document_id() -> DocumentId {
    DocumentId::new("d-1").unwrap()
}

fn claim() -> CoopClaimId {
    CoopClaimId::new("claim-1").unwrap()
}

fn period_id() -> UsagePeriodId {
    UsagePeriodId::new("FY18-H2").unwrap()
}

fn period() -> UsagePeriod {
    UsagePeriod { program: PROGRAM.into(), usage_period_id: period_id(), first_day: day(1), last_day: day(28) }
}

fn document() -> Evidence {
    Evidence {
        document_id: document_id(),
        kind: EvidenceKind::ProofOfExecution,
        proof: Some("final-piece".into()),
        name: "flyer.pdf".into(),
        sha256: "ab".repeat(32),
        note: "as printed".into(),
    }
}

fn person(name: &str) -> AssociationContact {
    let [name, title, email] = [name, "Buyer", "ada@contoso.example"].map(str::to_owned);
    AssociationContact { name, title, email }
}

fn details() -> AssociationDetails {
    AssociationDetails {
        name: "CRM 2018".into(),
        location_mpn_id: "4242".into(),
        domain_name: "contoso.onmicrosoft.com".into(),
        solution_area: SolutionArea::BusinessApplications,
        activities: [AssociationActivity::PreSales, AssociationActivity::Usage].into(),
        products: vec![ClaimedProduct { offer_id: offer_id(), subscription_id: Some(subscription()) }],
        workloads: vec!["Teams".into()],
        customer_contact: Some(person("Ada Lovelace")),
        technical_contact: Some(person("Grace Hopper")),
        partner_contact: Some(person("Alan Turing")),
        documents: vec![document()],
        revenue: Some(RevenueDetails {
            solution_seller: "Jane Doe".into(),
            customer_name: "Contoso".into(),
            isv_product: "Fabrikam CRM".into(),
        }),
        comments: "as agreed".into(),
        replaces: Some(other_association()),
    }
}

fn claim_details() -> CoopClaimDetails {
    let expense = Expense {
        expense: "agency".into(),
        amount: amount("1200.50"),
        in_house: true,
        document_id: Some(document_id()),
        attendee: Some("Ada Lovelace".into()),
    };
    CoopClaimDetails {
        activity_date: day(14),
        currency: usd(),
        expenses: vec![expense],
        conference: Some("Inspire".into()),
    }
}

fn association_events() -> Vec<Event> {
    macro_rules! on {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Event::from(e::$name {
                customer_id: customer(), partner_id: partner(), association_id: association(), $($field: $value),*
            })
        };
    }
    vec![
        on!(AssociationDrafted { details: details() }),
        on!(AssociationSubmitted { details: details(), submitted_on: day(2) }),
        on!(AssociationInformationRequested { question: "since when?".into(), asked_on: day(5) }),
        on!(AssociationInformationProvided {
            answer: "since January".into(),
            documents: vec![document()],
            answered_on: day(6),
        }),
        on!(AssociationCustomerNotified { notified_on: day(7), opt_out_until: day(14) }),
        on!(AssociationOptedOut { reason: "no".into(), opted_out_on: day(8) }),
        on!(AssociationRejected { reason: "no".into(), rejected_on: day(8) }),
        on!(AssociationActivated { from: day(15) }),
        on!(AssociationExtended { subscription_id: subscription(), until: day(28) }),
        on!(AssociationEnded {
            reason: AssociationEndReason::Replaced,
            note: "another one".into(),
            replaced_by: Some(other_association()),
            ended_on: day(27),
        }),
        e::DigitalPartnerRecorded {
            customer_id: customer(),
            subscription_id: subscription(),
            partner_id: Some(partner()),
            recorded_on: day(3),
        }
        .into(),
    ]
}

/// One of each event.
pub(super) fn events() -> Vec<Event> {
    macro_rules! on {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Event::from(e::$name { partner_id: partner(), $($field: $value),* })
        };
    }
    let mut events = association_events();
    events.extend([
        e::UsagePeriodsPublished { periods: vec![period()] }.into(),
        on!(CoopFundsAccrued {
            program: PROGRAM.into(),
            location_mpn_id: "4242".into(),
            usage_period_id: period_id(),
            amount: amount("20000.00"),
            currency: usd(),
            reference: "earnings of January".into(),
            accrued_on: day(3),
            claim_deadline: day(28),
        }),
        on!(CoopClaimCreated {
            claim_id: claim(),
            program: PROGRAM.into(),
            location_mpn_id: "4242".into(),
            usage_period_id: period_id(),
            activity: "print-advertising".into(),
            details: claim_details(),
            created_on: day(15),
            claim_deadline: day(28),
            retained_until: day(28),
        }),
        on!(CoopClaimRevised { claim_id: claim(), details: claim_details(), retained_until: day(28) }),
        on!(CoopClaimDocumentAdded { claim_id: claim(), document: document() }),
        on!(CoopClaimCommented { claim_id: claim(), text: "done".into() }),
        on!(CoopClaimSubmitted {
            claim_id: claim(),
            amount: amount("1200.50"),
            currency: usd(),
            submitted_on: day(16),
        }),
        on!(CoopClaimInformationRequested {
            claim_id: claim(),
            document_id: Some(document_id()),
            question: "the back of it?".into(),
            answer_by: day(20),
            asked_on: day(17),
        }),
        on!(CoopClaimApproved { claim_id: claim(), amount: amount("1200.00"), currency: usd(), approved_on: day(21) }),
        on!(CoopClaimRejected { claim_id: claim(), reason: "no".into(), rejected_on: day(21) }),
        on!(CoopClaimHandedOver {
            claim_id: claim(),
            amount: amount("1200.00"),
            currency: usd(),
            payment_reference: "pay-2018-03".into(),
            handed_over_on: day(22),
        }),
        on!(CoopFundsExpired {
            program: PROGRAM.into(),
            location_mpn_id: "4242".into(),
            usage_period_id: period_id(),
            amount: amount("18800.00"),
            currency: usd(),
            expired_on: day(28),
        }),
    ]);
    events
}

/// One of each command.
pub(super) fn commands() -> Vec<Command> {
    macro_rules! of {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Command::$name(c::$name { customer_id: customer(), association_id: association(), $($field: $value),* })
        };
    }
    macro_rules! by {
        ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
            Command::$name(c::$name { partner_id: partner(), $($field: $value),* })
        };
    }
    vec![
        of!(DraftAssociation { partner_id: partner(), details: details() }),
        of!(SubmitAssociation { partner_id: partner() }),
        of!(AskAboutAssociation { question: "since when?".into() }),
        of!(AnswerAboutAssociation {
            partner_id: partner(),
            answer: "since January".into(),
            documents: vec![document()],
        }),
        of!(NotifyAssociationCustomer {}),
        of!(OptOutOfAssociation { reason: "no".into() }),
        of!(RejectAssociation { reason: "no".into() }),
        of!(EndAssociation { partner_id: Some(partner()), reason: "over".into() }),
        Command::RecordDigitalPartner(c::RecordDigitalPartner {
            customer_id: customer(),
            subscription_id: subscription(),
            partner_id: Some(partner()),
        }),
        Command::PublishUsagePeriods(c::PublishUsagePeriods { periods: vec![period()] }),
        by!(AccrueCoopFunds {
            program: PROGRAM.into(),
            location_mpn_id: "4242".into(),
            usage_period_id: period_id(),
            amount: amount("20000.00"),
            currency: usd(),
            reference: "earnings of January".into(),
        }),
        by!(CreateCoopClaim {
            claim_id: claim(),
            program: PROGRAM.into(),
            location_mpn_id: "4242".into(),
            usage_period_id: period_id(),
            activity: "print-advertising".into(),
            details: claim_details(),
        }),
        by!(ReviseCoopClaim { claim_id: claim(), details: claim_details() }),
        by!(AddCoopClaimDocument { claim_id: claim(), document: document() }),
        by!(CommentOnCoopClaim { claim_id: claim(), text: "done".into() }),
        by!(SubmitCoopClaim { claim_id: claim() }),
        by!(AskAboutCoopClaim {
            claim_id: claim(),
            document_id: Some(document_id()),
            question: "the back of it?".into(),
            answer_by: Some(day(20)),
        }),
        by!(ApproveCoopClaim { claim_id: claim(), amount: amount("1200.00") }),
        by!(RejectCoopClaim { claim_id: claim(), reason: "no".into() }),
        by!(HandOverCoopClaim { claim_id: claim(), payment_reference: "pay-2018-03".into() }),
        by!(ExpireCoopFunds { program: PROGRAM.into(), location_mpn_id: "4242".into(), usage_period_id: period_id() }),
    ]
}
