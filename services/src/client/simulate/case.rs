//! A golden case: a little story of commands, and the lines that must come out.

use chrono::{DateTime, Datelike as _, FixedOffset, Months, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use subledger_domain::money::Currency;
use subledger_proto::common::{BillingFrequency, PricePer, ProductFamily, ProrationRule};

use super::fields::Fields;
use crate::client::times;

/// One case.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) family: ProductFamily,
    pub(super) currency: Currency,
    /// None: invoices by calendar month.
    pub(super) billing_day: Option<u32>,
    pub(super) proration_rule: ProrationRule,
    pub(super) split_rebill_at_anniversary: bool,
    pub(super) prices: Vec<Price>,
    pub(super) per: PricePer,
    /// In which purchase dates are shown.
    pub(super) offset: Option<FixedOffset>,
    pub(super) until: Option<NaiveDate>,
    /// In the order of time; at least one.
    pub(super) commands: Vec<Step>,
    pub(super) invoices: Vec<Expected>,
    /// How much later than written it happens; what is printed has the dates as written.
    pub(super) years_later: u32,
}

/// One price of the case's offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) component: Option<String>,
    pub(super) unit: String,
}

/// A command of the case.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// As the case writes it.
    pub(super) at_text: String,
    pub(super) at: DateTime<Utc>,
    pub(super) action: Action,
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Purchase { quantity: u32, billing_frequency: BillingFrequency, sku: Option<String>, free_trial_days: u32 },
    ChangeQuantity { to: u32 },
    Suspend,
    Reactivate,
    Cancel,
    Convert { to_sku: String, unit_price: String },
}

impl Action {
    /// Its name in the case.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Purchase { .. } => "purchase",
            Self::ChangeQuantity { .. } => "change_quantity",
            Self::Suspend => "suspend",
            Self::Reactivate => "reactivate",
            Self::Cancel => "cancel",
            Self::Convert { .. } => "convert",
        }
    }
}

/// An invoice that must come out.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// Its date, or its month.
    pub(super) name: String,
    /// The day after which it must be there.
    pub(super) last_day: NaiveDate,
    /// The fields that each line must have.
    pub(super) lines: Vec<Map<String, Value>>,
}

/// Fields of a line.
pub(super) const LINE_FIELDS: [&str; 10] = [
    "charge_start",
    "charge_end",
    "charge_type",
    "unit_price",
    "quantity",
    "amount",
    "purchase_date",
    "sku",
    "subscription_description",
    "component",
];

impl Case {
    /// Reads a case; an error names the field.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        let mut fields = Fields::of(&json, "")?;
        let id = fields.text("id", non_empty)?;
        fields.optional_text("source", |_| Ok(()))?;
        fields.optional_text("note", |_| Ok(()))?;
        let family = fields.text("kind", kind)?;
        let currency = fields.text("currency", |text| Currency::new(text).map_err(|error| error.to_string()))?;
        let billing_day = fields.optional_number("billing_day")?;
        if billing_day.is_some_and(|day| !(1..=31).contains(&day)) {
            return Err("billing_day: a day of the month is wanted, 1 to 31".to_owned());
        }
        let proration_rule = fields.text("proration_rule", rule)?;
        let split_rebill_at_anniversary = fields.optional_switch("split_rebill_at_anniversary")?.unwrap_or(false);
        let (prices, per) = prices(fields.required("price")?)?;
        let offset = fields.optional_text("purchase_utc_offset", offset)?;
        let until = fields.optional_text("until", times::date)?;
        let commands = fields.list("commands")?;
        let commands: Vec<_> = commands.into_iter().map(|(at, value)| step(value, &at)).collect::<Result<_, _>>()?;
        let invoices = fields.list("invoices")?;
        let by_date = family == ProductFamily::License;
        let invoices =
            invoices.into_iter().map(|(at, value)| expected(value, &at, by_date)).collect::<Result<_, _>>()?;
        fields.end()?;
        in_order(&commands)?;
        Ok(Self {
            id,
            family,
            currency,
            billing_day,
            proration_rule,
            split_rebill_at_anniversary,
            prices,
            per,
            offset,
            until,
            commands,
            invoices,
            years_later: 0,
        })
    }

    /// The same case so many years later, a multiple of four: every month then has the same days. None where the Gregorian calendar leaves
    /// out a leap day, or ends.
    pub(super) fn later(mut self, years: u32) -> Option<Self> {
        let months = Months::new(years.checked_mul(12)?);
        let last = self.last_day().checked_add_months(months)?;
        if !years.is_multiple_of(4) || (years > 0 && !(1901..2100).contains(&last.year())) {
            return None;
        }
        for step in &mut self.commands {
            step.at = step.at.checked_add_months(months)?;
        }
        for day in self.until.iter_mut().chain(self.invoices.iter_mut().map(|invoice| &mut invoice.last_day)) {
            *day = day.checked_add_months(months)?;
        }
        self.years_later += years;
        Some(self)
    }

    /// A day of the run as the case would write it.
    pub(super) fn as_written(&self, day: NaiveDate) -> NaiveDate {
        day.checked_sub_months(Months::new(self.years_later * 12)).unwrap_or(day)
    }

    /// The first day: before it, nothing happens.
    pub(super) fn first_day(&self) -> NaiveDate {
        self.commands.first().map(|step| step.at.date_naive()).unwrap_or_default()
    }

    /// The last day to run.
    pub(super) fn last_day(&self) -> NaiveDate {
        let expected = self.invoices.iter().map(|invoice| invoice.last_day).max();
        let commanded = self.commands.last().map(|step| step.at.date_naive());
        self.until.or(expected).or(commanded).unwrap_or_default()
    }
}

fn non_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn kind(text: &str) -> Result<ProductFamily, String> {
    match text {
        "license" => Ok(ProductFamily::License),
        "one_time_and_recurring" => Ok(ProductFamily::OneTimeRecurring),
        "saas" => Ok(ProductFamily::MarketplaceSaas),
        _ => Err(format!("{text:?} is none of license, one_time_and_recurring, saas")),
    }
}

fn rule(text: &str) -> Result<ProrationRule, String> {
    match text {
        "exact" => Ok(ProrationRule::Exact),
        "daily_rate_3dp" => Ok(ProrationRule::DailyRate3dp),
        "published_formula" => Ok(ProrationRule::PublishedFormula),
        "rounded_unit" => Ok(ProrationRule::RoundedUnit),
        _ => Err(format!("{text:?} is none of exact, daily_rate_3dp, published_formula, rounded_unit")),
    }
}

fn per(text: &str) -> Result<PricePer, String> {
    match text {
        "month" => Ok(PricePer::Month),
        "year" => Ok(PricePer::Year),
        _ => Err(format!("{text:?} is neither month nor year")),
    }
}

fn frequency(text: &str) -> Result<BillingFrequency, String> {
    match text {
        "monthly" => Ok(BillingFrequency::Monthly),
        "annual" => Ok(BillingFrequency::Annual),
        _ => Err(format!("{text:?} is neither monthly nor annual")),
    }
}

/// A price: digits with a decimal point.
fn price(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let ends = text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_digit());
    if plain && ends && text.parse::<Decimal>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not a price; one looks like 48.00"))
    }
}

fn offset(text: &str) -> Result<FixedOffset, String> {
    text.parse().map_err(|_| format!("{text:?} is not an offset; one looks like +12:00"))
}

fn prices(value: &Value) -> Result<(Vec<Price>, PricePer), String> {
    let mut fields = Fields::of(value, "price")?;
    let per = fields.text("per", per)?;
    let unit = fields.optional_text("unit", price)?;
    let components = fields.optional("components").is_some();
    let prices = match (unit, components) {
        (Some(unit), false) => vec![Price { component: None, unit }],
        (None, true) => {
            let parts = fields.list("components")?;
            parts.into_iter().map(|(at, value)| component(value, &at)).collect::<Result<Vec<_>, _>>()?
        }
        _ => return Err("price: one of unit and components is wanted".to_owned()),
    };
    if prices.is_empty() {
        return Err("price.components: is empty".to_owned());
    }
    fields.end()?;
    Ok((prices, per))
}

fn component(value: &Value, at: &str) -> Result<Price, String> {
    let mut fields = Fields::of(value, at)?;
    let component = Some(fields.text("component", non_empty)?);
    let unit = fields.text("unit", price)?;
    fields.end()?;
    Ok(Price { component, unit })
}

fn step(value: &Value, at: &str) -> Result<Step, String> {
    let mut fields = Fields::of(value, at)?;
    let (at_text, instant) = fields.text("at", |text| Ok((text.to_owned(), times::instant(text)?)))?;
    let mut actions = Vec::new();
    for name in ["purchase", "change_quantity", "suspend", "reactivate", "cancel", "convert"] {
        if let Some(value) = fields.optional(name) {
            actions.push(action(name, value, &fields.at(name))?);
        }
    }
    fields.end()?;
    match actions.pop() {
        Some(action) if actions.is_empty() => Ok(Step { at_text, at: instant, action }),
        _ => Err(format!("{at}: one of purchase, change_quantity, suspend, reactivate, cancel, convert is wanted")),
    }
}

fn action(name: &str, value: &Value, at: &str) -> Result<Action, String> {
    let mut fields = Fields::of(value, at)?;
    let action = match name {
        "purchase" => Action::Purchase {
            quantity: fields.number("quantity")?,
            billing_frequency: fields.optional_text("billing_frequency", frequency)?.unwrap_or_default(),
            sku: fields.optional_text("sku", non_empty)?,
            free_trial_days: fields.optional_number("free_trial_days")?.unwrap_or(0),
        },
        "change_quantity" => Action::ChangeQuantity { to: fields.number("to")? },
        "suspend" => Action::Suspend,
        "reactivate" => Action::Reactivate,
        "cancel" => Action::Cancel,
        _ => {
            Action::Convert { to_sku: fields.text("to_sku", non_empty)?, unit_price: fields.text("unit_price", price)? }
        }
    };
    fields.end()?;
    Ok(action)
}

/// Time goes forward, and nothing happens before something is bought.
fn in_order(commands: &[Step]) -> Result<(), String> {
    match commands.first() {
        Some(Step { action: Action::Purchase { .. }, .. }) => {}
        _ => return Err("commands[0]: a purchase comes first".to_owned()),
    }
    match commands.windows(2).position(|pair| pair[1].at < pair[0].at) {
        None => Ok(()),
        Some(index) => Err(format!("commands[{}].at: is before the command above it", index + 1)),
    }
}

fn expected(value: &Value, at: &str, by_date: bool) -> Result<Expected, String> {
    let mut fields = Fields::of(value, at)?;
    let (name, last_day) = if by_date {
        fields.text("invoice_date", |text| Ok((text.to_owned(), times::date(text)?)))?
    } else {
        fields.text("invoice_month", |text| Ok((text.to_owned(), month_end(text)?)))?
    };
    let lines = fields.list("lines")?;
    let lines = lines.into_iter().map(|(at, value)| line(value, &at)).collect::<Result<_, _>>()?;
    fields.end()?;
    Ok(Expected { name, last_day, lines })
}

/// The last day of `2019-06`.
fn month_end(text: &str) -> Result<NaiveDate, String> {
    let first = times::date(&format!("{text}-01")).ok().filter(|first| first.day() == 1 && text.len() == 7);
    let next = first.and_then(|first| first.checked_add_months(Months::new(1)));
    next.and_then(|next| next.pred_opt()).ok_or_else(|| format!("{text:?} is not a month; one looks like 2019-06"))
}

fn line(value: &Value, at: &str) -> Result<Map<String, Value>, String> {
    let mut fields = Fields::of(value, at)?;
    for name in LINE_FIELDS {
        match name {
            "quantity" => drop(fields.optional_number(name)?),
            "charge_start" | "charge_end" | "purchase_date" => drop(fields.optional_text(name, times::date)?),
            "unit_price" | "amount" => {
                fields.optional_text(name, |text| price(text.strip_prefix('-').unwrap_or(text)))?;
            }
            _ => drop(fields.optional_text(name, |_| Ok(()))?),
        }
    }
    fields.end()?;
    Ok(value.as_object().cloned().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn golden() -> Vec<(String, Value)> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
        let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let texts = paths.map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()));
        texts.map(|(path, text)| (path, serde_json::from_str(&text).unwrap())).collect()
    }

    fn case() -> Value {
        let cases = golden();
        let found = cases.into_iter().find(|(path, _)| path.ends_with("/onetime-add-seat-next-day.json"));
        found.unwrap().1
    }

    #[test]
    fn every_golden_case_is_one() {
        let cases = golden();
        assert_eq!(cases.len(), 19);
        for (path, case) in cases {
            let case = Case::read(&case.to_string()).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(path.ends_with(&format!("/{}.json", case.id)));
            assert!(case.first_day() <= case.last_day());
        }
    }

    #[test]
    fn instants_and_last_day_are_read() {
        let case = Case::read(&case().to_string()).unwrap();
        assert_eq!(case.first_day().to_string(), "2019-06-10");
        assert_eq!(case.last_day().to_string(), "2019-06-30");
        assert_eq!(case.commands[1].action, Action::ChangeQuantity { to: 2 });
    }

    #[test]
    fn what_is_no_case_names_the_field() {
        let wrong: &[(&str, Value, &str)] = &[
            ("/kind", "saass".into(), "kind: \"saass\" is none of"),
            ("/currency", "usd".into(), "currency: "),
            ("/proration_rule", 3.into(), "proration_rule: a text is wanted"),
            ("/price/unit", "4,00".into(), "price.unit: \"4,00\" is not a price"),
            ("/price/per", "week".into(), "price.per: "),
            ("/commands", serde_json::json!([]), "commands[0]: a purchase comes first"),
            ("/commands/0/at", "10.06.2019".into(), "commands[0].at: "),
            ("/commands/0/at", "2019-06-12".into(), "commands[1].at: is before"),
            ("/commands/1/change_quantity/to", (-1).into(), "commands[1].change_quantity.to: a whole number"),
            ("/commands/0/purchase/quantity", "1".into(), "commands[0].purchase.quantity: a whole number"),
            ("/purchase_utc_offset", "UTC+12".into(), "purchase_utc_offset: "),
            ("/invoices/0/invoice_month", "2019-6".into(), "invoices[0].invoice_month: "),
            ("/invoices/0/lines/2/amount", 7.into(), "invoices[0].lines[2].amount: a text is wanted"),
        ];
        for (pointer, value, error) in wrong {
            let mut case = case();
            *case.pointer_mut(pointer).unwrap() = value.clone();
            let found = Case::read(&case.to_string()).unwrap_err();
            assert!(found.starts_with(error), "{pointer}: {found}");
        }
    }

    #[test]
    fn missing_and_unknown_fields_are_named() {
        for name in ["id", "kind", "currency", "proration_rule", "price", "commands", "invoices"] {
            let mut case = case();
            case.as_object_mut().unwrap().remove(name);
            assert_eq!(Case::read(&case.to_string()).unwrap_err(), format!("{name}: is required"));
        }
        let objects =
            [("", "x"), ("/price", "price.x"), ("/commands/1", "commands[1].x"), ("/invoices/0", "invoices[0].x")];
        for (pointer, path) in objects {
            let mut case = case();
            case.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert("x".into(), 1.into());
            let found = Case::read(&case.to_string()).unwrap_err();
            assert!(found.starts_with(&format!("{path}: is no field here")), "{found}");
        }
        assert!(Case::read("[]").unwrap_err().starts_with("the case: an object"));
        assert!(Case::read("{").unwrap_err().starts_with("is not JSON"));
    }
}
