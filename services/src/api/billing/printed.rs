//! What a printed invoice says, from the API's own messages. Every field that the header has is printed, also one that this code does not
//! know by name, so that no field of an invoice is missing on paper.

use std::collections::BTreeSet;

use serde_json::Value;
use subledger_billing::{PartnerProfile, REFUND_OF_TAX};
use subledger_documents::{Field, Invoice as Printed, Line, Money, Total};
use subledger_log::codec::{JsonError, to_json};
use subledger_proto::{
    api::{Charge, Invoice},
    common::TaxTreatment,
};

/// Sums in the published order (billing-details.md section 3.5), with their names. A memo is contained in another sum.
const TOTALS: [(&str, &str, bool); 9] = [
    ("license_charges", "License-based charges", false),
    ("usage_charges", "Usage-based charges", false),
    ("one_time_charges", "One-time and recurring charges", false),
    ("discounts", "Discounts, contained in the charges", true),
    ("credits", "Credits, contained in the charges", true),
    ("subtotal", "Subtotal", false),
    ("tax", "Tax", false),
    ("tax_included", "Tax contained in the subtotal", true),
    ("other_credits", "Other credits", false),
];
/// Sums that are left out while they are zero.
const OPTIONAL: [&str; 5] = ["usage_charges", "one_time_charges", "license_charges", "tax_included", "other_credits"];

/// What stands beside the address, in order.
const FIELDS: [(&str, &str); 10] = [
    ("invoice_number", "Invoice number"),
    ("invoice_date", "Invoice date"),
    ("billing_period", "Billing period"),
    ("payment_terms", "Payment terms"),
    ("payment_due_date", "Payment due date"),
    ("customer_number", "Customer number"),
    ("customer_po", "Customer PO"),
    ("us_fein", "US FEIN"),
    ("tax_id", "Tax ID"),
    ("service_recipient", "Service recipient"),
];
/// Fields that are sentences, in order.
const NOTES: [(&str, &str); 3] =
    [("payment_instructions", "Payment instructions: "), ("customer_service", "Customer service: "), ("footnote", "")];
/// Fields with a place of their own.
const PLACED: [&str; 2] = ["bill_to", "total_current_charges"];

/// The words of an invoice; lines come with the names of their customers.
pub(super) fn invoice(
    header: &Invoice,
    partner: Option<PartnerProfile>,
    lines: Vec<(String, Charge)>,
) -> Result<Printed, JsonError> {
    let of = to_json("subledger.v1.InvoiceFields", &header.fields.clone().unwrap_or_default())?;
    let negative = header.total.starts_with('-');
    let due =
        if negative { "Nothing to be paid; credit".to_owned() } else { format!("To be paid by {}", header.due_date) };
    let all_lines = lines.len() == header.line_count as usize;
    let mut notes = notes(&of);
    notes.extend(taxes(&lines));
    if !all_lines {
        notes.push(format!("The {} lines stand in the reconciliation file of this invoice.", header.line_count));
    }
    notes.push(format!("{} lines, SHA-256 {}", header.line_count, hex(&header.lines_digest)));
    Ok(Printed {
        title: "Invoice".to_owned(),
        number: header.invoice_number.clone(),
        date: header.invoice_date.parse().unwrap_or_default(),
        issuer: String::new(),
        bill_to: bill_to(&of, header, partner),
        fields: fields(&of),
        totals: totals(&of, header),
        currency: header.currency.clone(),
        due: Field { label: due, value: format!("{} {}", grouped(&header.total), header.currency) },
        lines: lines.into_iter().map(|(customer, charge)| line(&customer, charge)).collect(),
        notes,
    })
}

fn bill_to(fields: &Value, header: &Invoice, partner: Option<PartnerProfile>) -> Vec<String> {
    let address = fields.get("bill_to").map(texts).unwrap_or_default();
    let partner = partner.unwrap_or(PartnerProfile {
        name: header.partner_id.clone(),
        country: String::new(),
        mpn_id: String::new(),
    });
    let mut lines = if address.is_empty() { vec![partner.name, partner.country] } else { address };
    if !partner.mpn_id.is_empty() {
        lines.push(format!("MPN ID {}", partner.mpn_id));
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn fields(of: &Value) -> Vec<Field> {
    let named = FIELDS.iter().map(|(name, label)| ((*name).to_owned(), (*label).to_owned()));
    let known = |name: &str| {
        FIELDS.iter().any(|(known, _)| *known == name)
            || TOTALS.iter().any(|(known, ..)| *known == name)
            || NOTES.iter().any(|(known, _)| *known == name)
            || PLACED.contains(&name)
    };
    let present = of.as_object().into_iter().flatten().map(|(name, _)| name);
    let others = present.filter(|name| !known(name)).map(|name| (name.clone(), words(name)));
    let field = |(name, label): (String, String)| {
        let value = of.get(&name).map(texts).unwrap_or_default().join(", ");
        let value = if name == "billing_period" { value.replace('/', " to ") } else { value };
        Some(Field { label, value }).filter(|field| !field.value.is_empty())
    };
    named.chain(others).filter_map(field).collect()
}

fn totals(of: &Value, header: &Invoice) -> Vec<Total> {
    let total = |label: &str, amount: &str, memo| Total {
        label: label.to_owned(),
        amount: Money(grouped(amount)),
        strong: false,
        memo,
    };
    let shown = |(name, label, memo): &(&str, &str, bool)| {
        let amount = of.get(*name)?.as_str()?;
        let left_out = OPTIONAL.contains(name) && is_zero(amount);
        (!left_out).then(|| total(label, amount, *memo))
    };
    let mut totals: Vec<Total> = TOTALS.iter().filter_map(shown).collect();
    totals.push(Total { strong: true, ..total("Total current charges", &header.total, false) });
    totals
}

fn notes(of: &Value) -> Vec<String> {
    let note = |(name, label): &(&str, &str)| {
        let text = of.get(*name)?.as_str()?;
        (!text.is_empty()).then(|| format!("{label}{text}"))
    };
    NOTES.iter().filter_map(note).collect()
}

/// Which taxes the lines carry, each once.
fn taxes(lines: &[(String, Charge)]) -> BTreeSet<String> {
    let rules = lines.iter().filter_map(|(_, charge)| charge.tax_detail.as_ref()?.rule.as_ref());
    let rules = rules.filter(|rule| rule.name != REFUND_OF_TAX);
    let sentence = |rule: &subledger_proto::common::TaxRule| match rule.treatment() {
        TaxTreatment::Exclusive => format!("{}: {} % on top of the subtotal.", rule.name, rule.rate_percent),
        TaxTreatment::Inclusive => format!("{}: {} %, contained in the prices.", rule.name, rule.rate_percent),
        TaxTreatment::Exempt => format!("{}: exempt.", rule.name),
        TaxTreatment::ReverseCharge => format!("{}: reverse charge, the recipient accounts for the tax.", rule.name),
        TaxTreatment::Unspecified => rule.name.clone(),
    };
    rules.map(sentence).collect()
}

fn line(customer: &str, charge: Charge) -> Line {
    let component = if charge.component.is_empty() { String::new() } else { format!(" ({})", charge.component) };
    let customer = if customer.is_empty() { &charge.customer_id } else { customer };
    let details =
        [customer, &charge.subscription_id, &charge.charge_type, &charge.subscription_description, &charge.reference];
    let details: Vec<&str> = details.into_iter().filter(|text| !text.is_empty()).map(AsRef::as_ref).collect();
    let amounts = [&charge.unit_price, &charge.amount, &charge.discount, &charge.tax, &charge.total];
    Line {
        title: format!("{}{component}", charge.offer_name),
        details: details.join(" · "),
        from: charge.charge_start,
        to: charge.charge_end,
        quantity: grouped(&charge.quantity.to_string()),
        amounts: amounts.map(|amount| Money(grouped(amount))),
    }
}

/// The parts of an address, in the order in which it is written.
const ADDRESS: [&str; 7] = ["name", "address", "line1", "postal_code", "city", "state", "country"];

/// The texts in a value: an address in its order, anything else as it comes.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => {
            let rest = fields.iter().filter(|(name, _)| !ADDRESS.contains(&name.as_str()));
            ADDRESS
                .iter()
                .filter_map(|name| fields.get(*name))
                .chain(rest.map(|(_, value)| value))
                .flat_map(texts)
                .collect()
        }
        Value::Null | Value::Bool(_) => Vec::new(),
        Value::Number(number) => vec![number.to_string()],
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `customer_po` as `Customer po`.
fn words(name: &str) -> String {
    let text = name.replace('_', " ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn is_zero(amount: &str) -> bool {
    amount.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'))
}

/// `-1234567.89` as `-1,234,567.89`.
fn grouped(amount: &str) -> String {
    let (sign, digits) = amount.strip_prefix('-').map_or(("", amount), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = String::from(sign);
    for (at, c) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped() {
        for (plain, shown) in [
            ("0", "0"),
            ("1016.00", "1,016.00"),
            ("-40.00", "-40.00"),
            ("-1234567.89", "-1,234,567.89"),
            ("999", "999"),
            ("100000", "100,000"),
        ] {
            assert_eq!(grouped(plain), shown);
        }
    }
}
