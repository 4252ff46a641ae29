//! Why two lines that belong together probably differ.

use rust_decimal::Decimal;
use subledger_domain::{
    charge::Derivation,
    money::Currency,
    offer::ProrationRule,
    proration::{Part, prorate},
};

use super::{Cause, FieldDifference, Finding, Kind, Line, mangled};
use crate::text;

/// Digits of an implied tax rate.
const PERCENT_DIGITS: u32 = 2;

const RULES: [(ProrationRule, &str); 4] = [
    (ProrationRule::Exact, "exact"),
    (ProrationRule::DailyRate3dp, "daily_rate_3dp"),
    (ProrationRule::PublishedFormula, "published_formula"),
    (ProrationRule::RoundedUnit, "rounded_unit"),
];

/// Types of lines that only a change of the subscription makes (billing-details.md section 3.9).
const CHANGES: [&str; 9] = [
    "cycle instance prorate",
    "cancel fee",
    "addquantity",
    "removequantity",
    "convert",
    "cancel",
    "cancel immediate",
    "line-item offset",
    "customercredit",
];

/// The difference of a pair; none if there is none.
pub(super) fn of_pair(file: Line, ledger: Line) -> Option<Finding> {
    let fields = fields(&file, &ledger);
    if fields.is_empty() {
        return None;
    }
    let (cause, detail) = explain(&file, &ledger);
    let difference = file.total - ledger.total;
    Some(Finding { kind: Kind::Differs, cause, detail, fields, difference, file: Some(file), ledger: Some(ledger) })
}

/// The difference of a pair whose subscription's id differs as a spreadsheet makes it differ.
pub(super) fn of_mangled(file: Line, ledger: Line) -> Finding {
    let column = "SyndicationPartnerSubscriptionNumber";
    let id = FieldDifference { column, file: file.subscription.clone(), ledger: ledger.subscription.clone() };
    let mut fields = fields(&file, &ledger);
    let mut detail = mangled_text(&file.subscription, &ledger.subscription);
    if !fields.is_empty() {
        let (cause, other) = explain(&file, &ledger);
        detail = format!("{detail}; besides, {}: {other}", cause.name());
    }
    fields.insert(0, id);
    let difference = file.total - ledger.total;
    let (kind, cause) = (Kind::Differs, Cause::MangledId);
    Finding { kind, cause, detail, fields, difference, file: Some(file), ledger: Some(ledger) }
}

fn mangled_text(file: &str, ledger: &str) -> String {
    format!("a spreadsheet took the id {ledger} for a number and wrote {file}; import the column as text")
}

/// A line that stands in the file once more than in the ledger.
pub(super) fn of_duplicate(line: Line, first: u64) -> Finding {
    Finding {
        kind: Kind::OnlyInFile,
        cause: Cause::DuplicateLine,
        detail: format!("the same as row {first} of the file"),
        fields: Vec::new(),
        difference: line.total,
        file: Some(line),
        ledger: None,
    }
}

/// A line of one side.
pub(super) fn of_single(kind: Kind, line: Line) -> Finding {
    let change = CHANGES.contains(&line.charge_type.to_ascii_lowercase().as_str());
    let (side, other) = if kind == Kind::OnlyInFile { ("file", "ledger") } else { ("ledger", "file") };
    let (cause, detail) = if change {
        (
            Cause::MissedChange,
            format!("the {side} has a change of the subscription, or its correction, that the {other} does not have"),
        )
    } else {
        (Cause::MissingCharge, format!("the {side} has a charge that the {other} does not have"))
    };
    let (difference, file, ledger) = match kind {
        Kind::OnlyInLedger => (-line.total, None, Some(line)),
        Kind::OnlyInFile | Kind::Differs => (line.total, Some(line), None),
    };
    Finding { kind, cause, detail, fields: Vec::new(), difference, file, ledger }
}

fn fields(file: &Line, ledger: &Line) -> Vec<FieldDifference> {
    let mut fields = Vec::new();
    let mut check = |column, equal: bool, file: String, ledger: String| {
        if !equal {
            fields.push(FieldDifference { column, file, ledger });
        }
    };
    let mut text = |column, a: &str, b: &str| check(column, a.eq_ignore_ascii_case(b), a.to_owned(), b.to_owned());
    text("CustomerId", &file.customer_id, &ledger.customer_id);
    text("DurableOfferId", &file.offer_id, &ledger.offer_id);
    text("ChargeType", &file.charge_type, &ledger.charge_type);
    text("Currency", &file.currency, &ledger.currency);
    let mut date = |column, a, b| check(column, a == b, text::date(a), text::date(b));
    date("ChargeStartDate", file.charge_start, ledger.charge_start);
    date("ChargeEndDate", file.charge_end, ledger.charge_end);
    let mut amount = |column, a: Decimal, b: Decimal| check(column, a == b, a.to_string(), b.to_string());
    amount("UnitPrice", file.unit_price, ledger.unit_price);
    amount("Quantity", file.quantity, ledger.quantity);
    amount("Amount", file.amount, ledger.amount);
    amount("TotalOtherDiscount", file.discount, ledger.discount);
    amount("Subtotal", file.subtotal, ledger.subtotal);
    amount("Tax", file.tax, ledger.tax);
    amount("TotalForCustomer", file.total, ledger.total);
    fields
}

/// The first cause that there is, the gravest first.
fn explain(file: &Line, ledger: &Line) -> (Cause, String) {
    if !file.currency.eq_ignore_ascii_case(&ledger.currency) {
        return (Cause::Currency, format!("{} in the file, {} in the ledger", file.currency, ledger.currency));
    }
    if file.quantity != ledger.quantity {
        let text = format!("a quantity of {} in the file, {} in the ledger", file.quantity, ledger.quantity);
        return (Cause::Quantity, text);
    }
    let same_days = (file.charge_start, file.charge_end) == (ledger.charge_start, ledger.charge_end);
    if !same_days {
        let text = format!(
            "{} to {} in the file, {} to {} in the ledger",
            file.charge_start, file.charge_end, ledger.charge_start, ledger.charge_end
        );
        return (Cause::Period, text);
    }
    if file.amount != ledger.amount || file.unit_price != ledger.unit_price {
        return of_amount(file, ledger);
    }
    if file.discount != ledger.discount {
        return (Cause::Discount, format!("{} in the file, {} in the ledger", file.discount, ledger.discount));
    }
    if file.tax != ledger.tax {
        let text = format!("{} in the file, {} in the ledger", file.tax, ledger.tax);
        return (Cause::Tax, format!("{text}: about {} and {} percent", percent(file), percent(ledger)));
    }
    if file.subtotal != ledger.subtotal || file.total != ledger.total {
        let text = format!("Subtotal must be {}, TotalForCustomer {}", ledger.subtotal, ledger.total);
        return (Cause::TotalMismatch, text);
    }
    if !file.charge_type.eq_ignore_ascii_case(&ledger.charge_type) {
        return (Cause::ChargeType, format!("{} in the file, {} in the ledger", file.charge_type, ledger.charge_type));
    }
    for (theirs, ours) in [(&file.customer_id, &ledger.customer_id), (&file.offer_id, &ledger.offer_id)] {
        if mangled::is_mangled(theirs, ours) {
            return (Cause::MangledId, mangled_text(theirs, ours));
        }
    }
    (Cause::Identity, "the file names another customer or offer".to_owned())
}

/// The rate that a line's tax comes to.
fn percent(line: &Line) -> Decimal {
    let share = line.tax.checked_mul(Decimal::ONE_HUNDRED).and_then(|tax| tax.checked_div(line.subtotal));
    share.unwrap_or_default().round_dp(PERCENT_DIGITS).normalize()
}

/// Other money for the same seats and days.
fn of_amount(file: &Line, ledger: &Line) -> (Cause, String) {
    let currency = Currency::new(&ledger.currency).ok();
    let digits = currency.map_or(2, Currency::minor_digits);
    if let (Some(derivation), Some(currency)) = (&ledger.derivation, currency)
        && let Some((theirs, ours)) = other_rule(file, derivation, currency)
    {
        return (Cause::ProrationRule, format!("the file prorates by {theirs}, the ledger by {ours}"));
    }
    let minor = Decimal::new(1, digits);
    let off = (file.amount - ledger.amount).abs();
    if off <= minor * ledger.quantity.max(Decimal::ONE) && (file.unit_price - ledger.unit_price).abs() <= minor {
        return (Cause::Rounding, format!("{off} apart: rounded otherwise"));
    }
    let text = match &ledger.derivation {
        Some(derivation) if derivation.billed_days > 0 && ledger.quantity > Decimal::ZERO => {
            // What the file's amount makes of a whole period.
            let seats = ledger.quantity;
            let (days, of) = (Decimal::from(derivation.billed_days), Decimal::from(derivation.period_days));
            let implied = (file.amount.abs() * of / (seats * days)).round_dp(digits);
            format!("the file's period price is about {implied}, the ledger's {}", derivation.period_price)
        }
        _ => format!("{} a seat in the file, {} in the ledger", file.unit_price, ledger.unit_price),
    };
    (Cause::PriceVersion, text)
}

/// The rule that gives exactly the file's amount at the ledger's price, and the ledger's own.
fn other_rule(file: &Line, derivation: &Derivation, currency: Currency) -> Option<(&'static str, &'static str)> {
    let &Derivation { rule, period_price, period_days, billed_days } = derivation;
    let quantity = u32::try_from(file.quantity).ok().filter(|_| file.quantity.fract().is_zero())?;
    let part = Part { period_price, quantity, billed_days, period_days };
    let ours = RULES.iter().find(|(other, _)| *other == rule)?.1;
    let gives = |other: ProrationRule| prorate(other, currency, part).amount == file.amount.abs();
    let theirs = RULES.iter().find(|(other, _)| *other != rule && gives(*other))?.1;
    (!gives(rule)).then_some((theirs, ours))
}
