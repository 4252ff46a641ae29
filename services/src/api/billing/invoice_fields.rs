//! The published fields of an invoice (billing-details.md 3.5): its sums and dates, and what it says of the partner.

use rust_decimal::Decimal;
use subledger_billing::Invoice;
use subledger_domain::tax;
use subledger_log::codec::Wire as _;
use subledger_proto::api::InvoiceFields;

/// Under an invoice with lines of telephone services (L10893-10895).
const TELEPHONE_FOOTNOTE: &str = "Prices of telephone services are without tax, except in the United States and Puerto Rico, where \
    they contain tax and required fees. The services are provided by the affiliate that is licensed for them.";

/// All fields. Those about the partner are as they were issued; a document older than profiles has none.
pub(super) fn of(invoice: &Invoice) -> InvoiceFields {
    let Invoice { totals, header, currency, .. } = invoice;
    let show = |amount: Decimal| currency.round(amount).to_wire();
    let sums = InvoiceFields {
        license_charges: show(totals.license_charges),
        usage_charges: show(totals.usage_charges),
        one_time_charges: show(totals.one_time_charges),
        discounts: show(totals.discounts),
        credits: show(totals.credits),
        subtotal: show(totals.subtotal),
        tax: show(totals.tax),
        tax_included: show(totals.tax_included),
        other_credits: show(invoice.other_credits()),
        total_current_charges: show(invoice.total),
        invoice_number: invoice.invoice_number.to_wire(),
        billing_period: format!("{}/{}", invoice.billing_period_start, invoice.period_end),
        invoice_date: invoice.invoice_date.to_wire(),
        payment_due_date: invoice.due_date.to_wire(),
        footnote: footnote(&invoice.lines).to_owned(),
        ..InvoiceFields::default()
    };
    let Some(header) = header.clone() else { return sums };
    InvoiceFields {
        us_fein: header.us_fein,
        customer_number: header.customer_number,
        bill_to: Some(header.bill_to.to_wire()),
        service_recipient: Some(header.service_recipient.to_wire()),
        customer_po: header.customer_po,
        payment_instructions: header.payment_instructions,
        payment_terms: header.payment_terms,
        customer_service: header.customer_service,
        tax_id: header.tax_id,
        ..sums
    }
}

/// What stands under an invoice with these lines; empty if nothing does.
pub(super) fn footnote(lines: &[subledger_billing::Charge]) -> &'static str {
    let telephone = |line: &subledger_billing::Charge| line.line.component.as_deref().is_some_and(tax::is_telephone);
    if lines.iter().any(telephone) { TELEPHONE_FOOTNOTE } else { "" }
}
