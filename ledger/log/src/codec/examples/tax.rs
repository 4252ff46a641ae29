//! Examples about taxes and billing profiles.

use subledger_domain::{
    Command, Event,
    catalog::PaymentInstructions,
    command as c, event as e,
    ids::ExemptionId,
    partner::{BillingProfile, CycleStart, InvoiceHeader},
    party::Recipient,
    tax::{TaxDocumentKind, TaxIdKind, TaxRateRow, TaxScope, TaxTreatment},
};

use super::{address, amount, day, partner};

fn tax_rates() -> Vec<TaxRateRow> {
    vec![TaxRateRow {
        country: "CA".into(),
        region: Some("BC".into()),
        tax: "BC PST".into(),
        scope: TaxScope::Pstn,
        rate_percent: amount("7.5"),
        treatment: Some(TaxTreatment::Inclusive),
        valid_from: day(1),
        valid_to: Some(day(28)),
    }]
}

fn payment_instructions() -> Vec<PaymentInstructions> {
    vec![PaymentInstructions {
        country: Some("US".into()),
        text: "Quote {invoice_number}".into(),
        customer_service: "https://help.example".into(),
    }]
}

fn recipient(name: &str) -> Recipient {
    Recipient { name: name.into(), address: address() }
}

fn profile() -> BillingProfile {
    BillingProfile {
        address: address(),
        bill_to: Some(recipient("Accounts payable")),
        service_recipient: Some(recipient("Fabrikam Inc.")),
        customer_po: "PO-7".into(),
        us_fein: "12-3456789".into(),
        contact_email: "bills@fabrikam.example".into(),
    }
}

pub(super) fn invoice_header() -> InvoiceHeader {
    InvoiceHeader {
        us_fein: "12-3456789".into(),
        customer_number: "p-1".into(),
        bill_to: recipient("Accounts payable"),
        payment_instructions: "Quote D020001IQP".into(),
        payment_terms: "Net 60 days".into(),
        customer_po: "PO-7".into(),
        customer_service: "https://help.example".into(),
        service_recipient: recipient("Fabrikam Inc."),
        tax_id: "DE123456789".into(),
    }
}

fn exemption() -> ExemptionId {
    ExemptionId::new("x-1").unwrap()
}

fn cycle() -> CycleStart {
    CycleStart { license_usage: day(16), one_time_recurring: day(1) }
}

pub(super) fn events() -> Vec<Event> {
    let (kind, value) = (TaxIdKind::Other, || "DE123456789".to_owned());
    let (partner_id, exemption_id) = (partner, exemption);
    vec![
        e::TaxRatesPublished { rows: tax_rates() }.into(),
        e::PaymentInstructionsPublished { instructions: payment_instructions() }.into(),
        e::BillingProfileUpdated { partner_id: partner(), profile: profile(), region_from: cycle() }.into(),
        e::TaxIdSubmitted { partner_id: partner_id(), kind, value: value() }.into(),
        e::TaxIdValidated { partner_id: partner_id(), kind, value: value(), effective_from: cycle() }.into(),
        e::TaxIdRejected {
            partner_id: partner_id(),
            kind,
            value: value(),
            reason: "not registered".into(),
            effective_from: cycle(),
        }
        .into(),
        e::TaxExemptionSubmitted {
            partner_id: partner_id(),
            exemption_id: exemption_id(),
            region: Some("BC".into()),
            tax: "BC PST".into(),
            document_kind: TaxDocumentKind::BcPstNumber,
            document_hash: (0..32).collect(),
        }
        .into(),
        e::TaxExemptionGranted {
            partner_id: partner_id(),
            exemption_id: exemption_id(),
            from: cycle(),
            to: Some(day(28)),
        }
        .into(),
        e::TaxExemptionRefused { partner_id: partner_id(), exemption_id: exemption_id(), reason: "expired".into() }
            .into(),
    ]
}

pub(super) fn commands() -> Vec<Command> {
    let (kind, value) = (TaxIdKind::Vat, || "DE123456789".to_owned());
    vec![
        Command::PublishTaxRates(c::PublishTaxRates { rows: tax_rates() }),
        Command::PublishPaymentInstructions(c::PublishPaymentInstructions { instructions: payment_instructions() }),
        Command::UpdateBillingProfile(c::UpdateBillingProfile { partner_id: partner(), profile: profile() }),
        Command::SubmitTaxId(c::SubmitTaxId { partner_id: partner(), kind, value: value() }),
        Command::ValidateTaxId(c::ValidateTaxId { partner_id: partner(), kind, value: value() }),
        Command::RejectTaxId(c::RejectTaxId { partner_id: partner(), kind, value: value(), reason: "no".into() }),
        Command::SubmitTaxExemption(c::SubmitTaxExemption {
            partner_id: partner(),
            exemption_id: Some(exemption()),
            region: Some("BC".into()),
            tax: "BC PST".into(),
            document_kind: TaxDocumentKind::BcCertificateOfExemption,
            document_hash: (0..32).collect(),
        }),
        Command::GrantTaxExemption(c::GrantTaxExemption {
            partner_id: partner(),
            exemption_id: exemption(),
            from: Some(day(2)),
            to: Some(day(28)),
        }),
        Command::RefuseTaxExemption(c::RefuseTaxExemption {
            partner_id: partner(),
            exemption_id: exemption(),
            reason: "expired".into(),
        }),
    ]
}
