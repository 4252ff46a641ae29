//! Proration: what a part of a period costs. Four rules are published (billing.md section 2); they are one struct.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::{money::Currency, offer::ProrationRule};

/// The price of some days of a period, each number rounded to the currency's minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prorated {
    /// Price of one seat for the days billed. Not always `amount / quantity` (billing-details.md C8).
    pub unit_price: Decimal,
    /// Price of all seats for the days billed.
    pub amount: Decimal,
}

/// What is prorated.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Price of one seat for the whole period, not rounded; below 10^12, so no product overflows.
    pub period_price: Decimal,
    /// Seats.
    pub quantity: u32,
    /// Days billed.
    pub billed_days: u32,
    /// Days of the whole period.
    pub period_days: u32,
}

/// How the four published rules differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Preset {
    /// Digits at which the price of a day is held; none for not at all. `Scale::Minor` is the currency's own.
    daily_scale: Option<Scale>,
    /// Whether the price of a day is that of all seats.
    daily_includes_quantity: bool,
    /// Whether the amount is the rounded unit price times the seats.
    round_unit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Minor,
    Digits(u32),
}

impl From<ProrationRule> for Preset {
    fn from(rule: ProrationRule) -> Self {
        let (daily_scale, daily_includes_quantity, round_unit) = match rule {
            ProrationRule::Exact => (None, false, false),
            ProrationRule::DailyRate3dp => (Some(Scale::Digits(3)), false, true),
            ProrationRule::PublishedFormula => (Some(Scale::Minor), true, true),
            ProrationRule::RoundedUnit => (None, false, true),
        };
        Self { daily_scale, daily_includes_quantity, round_unit }
    }
}

/// One step of an arithmetic, as a person would write it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What comes out, such as `amount`.
    pub name: &'static str,
    /// What is computed, such as `48.00 × 19 / 365`.
    pub expression: String,
    /// Before rounding; to 28 digits, as far as a decimal goes.
    pub exact: Decimal,
    /// What comes out.
    pub value: Decimal,
    /// Digits it was rounded to, half up; none if it was not rounded.
    pub digits: Option<u32>,
}

/// Takes down steps, or does not.
pub(crate) trait Steps {
    /// `expression` is asked for only if the step is taken down.
    fn step(
        &mut self,
        name: &'static str,
        exact: Decimal,
        value: Decimal,
        digits: Option<u32>,
        expression: &dyn Fn() -> String,
    );
}

impl Steps for () {
    fn step(&mut self, _: &'static str, _: Decimal, _: Decimal, _: Option<u32>, _: &dyn Fn() -> String) {}
}

impl Steps for Vec<Step> {
    fn step(
        &mut self,
        name: &'static str,
        exact: Decimal,
        value: Decimal,
        digits: Option<u32>,
        expression: &dyn Fn() -> String,
    ) {
        self.push(Step { name, expression: expression(), exact, value, digits });
    }
}

/// Prices a part of a period, rounding half up. A whole period is exactly price times quantity and never days times a rate
/// (billing.md section 2, "Proration"); a price with more digits than the minor unit is rounded once, as the rule says.
pub fn prorate(rule: ProrationRule, currency: Currency, part: Part) -> Prorated {
    compute(rule, currency, part, &mut ())
}

/// The same, with every intermediate result. The last step is the amount.
pub fn prorate_in_steps(rule: ProrationRule, currency: Currency, part: Part) -> (Prorated, Vec<Step>) {
    let mut steps = Vec::new();
    let prorated = compute(rule, currency, part, &mut steps);
    (prorated, steps)
}

fn compute(rule: ProrationRule, currency: Currency, part: Part, steps: &mut impl Steps) -> Prorated {
    let preset = Preset::from(rule);
    let Part { period_price, quantity, .. } = part;
    let seats = Decimal::from(quantity);
    let days = if part.billed_days >= part.period_days {
        Days { unit: period_price, total: period_price * seats, shown: Shown::Whole(period_price) }
    } else {
        unrounded(preset, currency, part, steps)
    };
    let minor = Some(currency.minor_digits());
    let mut round = |name, exact: Decimal, expression: &dyn Fn() -> String| {
        let value = currency.round(exact);
        steps.step(name, exact, value, minor, expression);
        value
    };
    if !preset.round_unit {
        let unit_price = round("price of a seat", days.unit, &|| days.shown.of_a_seat());
        return Prorated { unit_price, amount: round("amount", days.total, &|| days.shown.of_all(seats)) };
    }
    let unit_price = if preset.daily_includes_quantity {
        // Only the price of all seats was computed, so one seat's share comes from it.
        let total = round("price of all seats", days.total, &|| days.shown.of_all(seats));
        round("price of a seat", share(total, seats), &|| format!("{total} / {seats}"))
    } else {
        round("price of a seat", days.unit, &|| days.shown.of_a_seat())
    };
    Prorated { unit_price, amount: round("amount", unit_price * seats, &|| format!("{unit_price} × {seats}")) }
}

/// Price of one seat and of all for the days billed, before the last rounding.
struct Days {
    unit: Decimal,
    total: Decimal,
    shown: Shown,
}

/// How these prices came to be.
enum Shown {
    /// The price of the whole period.
    Whole(Decimal),
    /// Price of the period, days billed, days of the period.
    Share(Decimal, Decimal, Decimal),
    /// Price of a day and days billed; whether it is that of all seats.
    Daily(Decimal, Decimal, bool),
}

impl Shown {
    fn of_a_seat(&self) -> String {
        match self {
            Self::Whole(price) => format!("{price}"),
            Self::Share(price, days, of) => format!("{price} × {days} / {of}"),
            Self::Daily(rate, days, _) => format!("{rate} × {days}"),
        }
    }

    fn of_all(&self, seats: Decimal) -> String {
        match self {
            Self::Whole(price) => format!("{price} × {seats}"),
            Self::Share(price, days, of) => format!("{price} × {seats} × {days} / {of}"),
            Self::Daily(rate, days, true) => format!("{rate} × {days}"),
            Self::Daily(rate, days, false) => format!("{rate} × {days} × {seats}"),
        }
    }
}

fn unrounded(preset: Preset, currency: Currency, part: Part, steps: &mut impl Steps) -> Days {
    let days = Decimal::from(part.billed_days);
    let period_days = Decimal::from(part.period_days);
    let seats = Decimal::from(part.quantity);
    let price = part.period_price;
    let Some(scale) = preset.daily_scale else {
        // Multiplied before divided, so only the final rounding loses anything.
        let shown = Shown::Share(price, days, period_days);
        return Days { unit: price * days / period_days, total: price * seats * days / period_days, shown };
    };
    let all = preset.daily_includes_quantity;
    let exact = if all { price * seats } else { price } / period_days;
    let (rate, digits) = match scale {
        Scale::Minor => (currency.round(exact), currency.minor_digits()),
        Scale::Digits(digits) => (exact.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero), digits),
    };
    steps.step(if all { "price of a day for all seats" } else { "price of a day" }, exact, rate, Some(digits), &|| {
        if all { format!("{price} × {seats} / {period_days}") } else { format!("{price} / {period_days}") }
    });
    let shown = Shown::Daily(rate, days, all);
    if all {
        Days { unit: share(rate * days, seats), total: rate * days, shown }
    } else {
        Days { unit: rate * days, total: rate * days * seats, shown }
    }
}

fn share(total: Decimal, seats: Decimal) -> Decimal {
    total.checked_div(seats).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: [ProrationRule; 4] = [
        ProrationRule::Exact,
        ProrationRule::DailyRate3dp,
        ProrationRule::PublishedFormula,
        ProrationRule::RoundedUnit,
    ];

    fn usd() -> Currency {
        Currency::new("USD").unwrap()
    }

    fn text(rule: ProrationRule, currency: &str, price: &str, quantity: u32, billed: u32, of: u32) -> String {
        let part = Part { period_price: price.parse().unwrap(), quantity, billed_days: billed, period_days: of };
        let Prorated { unit_price, amount } = prorate(rule, Currency::new(currency).unwrap(), part);
        format!("{unit_price} / {amount}")
    }

    /// The table at the end of billing-details.md section 5, all four columns of every row.
    #[test]
    fn reproduces_the_published_table() {
        let rows: &[(&str, u32, u32, u32, [&str; 4])] = &[
            ("4.00", 1, 19, 31, ["2.45 / 2.45", "2.45 / 2.45", "2.47 / 2.47", "2.45 / 2.45"]),
            ("4.00", 2, 12, 31, ["1.55 / 3.10", "1.55 / 3.10", "1.56 / 3.12", "1.55 / 3.10"]),
            ("4.00", 1, 12, 28, ["1.71 / 1.71", "1.72 / 1.72", "1.68 / 1.68", "1.71 / 1.71"]),
            ("48.00", 1, 19, 365, ["2.50 / 2.50", "2.51 / 2.51", "2.47 / 2.47", "2.50 / 2.50"]),
            ("48.00", 2, 346, 365, ["45.50 / 91.00", "45.67 / 91.34", "44.98 / 89.96", "45.50 / 91.00"]),
            ("48.00", 1, 318, 365, ["41.82 / 41.82", "41.98 / 41.98", "41.34 / 41.34", "41.82 / 41.82"]),
            ("211.20", 1, 1, 365, ["0.58 / 0.58", "0.58 / 0.58", "0.58 / 0.58", "0.58 / 0.58"]),
            ("211.20", 2, 27, 365, ["15.62 / 31.25", "15.63 / 31.26", "15.66 / 31.32", "15.62 / 31.24"]),
            ("211.20", 2, 337, 365, ["195.00 / 390.00", "195.12 / 390.24", "195.46 / 390.92", "195.00 / 390.00"]),
            ("4.00", 2, 29, 30, ["3.87 / 7.73", "3.86 / 7.72", "3.92 / 7.84", "3.87 / 7.74"]),
        ];
        for (price, quantity, billed, of, expected) in rows {
            let found = RULES.map(|rule| text(rule, "USD", price, *quantity, *billed, *of));
            assert_eq!(found, *expected, "{price} x {quantity}, {billed}/{of}");
        }
    }

    /// The published formula step by step (L10310): 48.00 / 365 = 0.13 a day, 19 days are 2.47.
    #[test]
    fn steps_are_what_a_person_would_write_down() {
        let part = Part { period_price: "48.00".parse().unwrap(), quantity: 2, billed_days: 346, period_days: 365 };
        let text = |rule| {
            let (_, steps) = prorate_in_steps(rule, usd(), part);
            steps.iter().map(|s| format!("{} = {} = {}", s.name, s.expression, s.value)).collect::<Vec<_>>()
        };
        assert_eq!(
            text(ProrationRule::PublishedFormula),
            [
                "price of a day for all seats = 48.00 × 2 / 365 = 0.26",
                "price of all seats = 0.26 × 346 = 89.96",
                "price of a seat = 89.96 / 2 = 44.98",
                "amount = 44.98 × 2 = 89.96",
            ]
        );
        assert_eq!(
            text(ProrationRule::DailyRate3dp),
            [
                "price of a day = 48.00 / 365 = 0.132",
                "price of a seat = 0.132 × 346 = 45.67",
                "amount = 45.67 × 2 = 91.34"
            ]
        );
        assert_eq!(
            text(ProrationRule::Exact),
            ["price of a seat = 48.00 × 346 / 365 = 45.50", "amount = 48.00 × 2 × 346 / 365 = 91.00"]
        );
    }

    #[test]
    fn rounds_to_the_minor_unit_of_the_currency() {
        // 1000 / 31 = 32.258; 12 days are 387.09; 32.258 x 12 = 387.096; round(2000 / 31) = 65, 65 x 12 / 2 = 390.
        let yen = RULES.map(|rule| text(rule, "JPY", "1000", 2, 12, 31));
        assert_eq!(yen, ["387 / 774", "387 / 774", "390 / 780", "387 / 774"]);
        // 1.234 / 31 = 0.039806; 12 days are 0.47768, two seats 0.95535; 0.040 x 12 = 0.480; 0.080 x 12 / 2 = 0.480.
        let dinar = RULES.map(|rule| text(rule, "KWD", "1.234", 2, 12, 31));
        assert_eq!(dinar, ["0.478 / 0.955", "0.480 / 0.960", "0.480 / 0.960", "0.478 / 0.956"]);
    }

    #[test]
    fn a_twelfth_of_a_yearly_price_is_rounded_as_the_rule_says() {
        let twelfth = Decimal::from(100) / Decimal::from(12);
        let part = Part { period_price: twelfth, quantity: 3, billed_days: 31, period_days: 31 };
        let amounts = RULES.map(|rule| prorate(rule, usd(), part).amount.to_string());
        assert_eq!(amounts, ["25.00", "24.99", "24.99", "24.99"]);
    }

    fn any_currency() -> impl Strategy<Value = Currency> {
        prop_oneof![Just("JPY"), Just("USD"), Just("KWD")].prop_map(|code| Currency::new(code).unwrap())
    }

    proptest! {
        #[test]
        fn a_whole_period_is_exactly_price_times_quantity(
            currency in any_currency(), minor in 0..100_000_000_i64, quantity in 1..100_000_u32, days in 1..400_u32,
        ) {
            let period_price = Decimal::new(minor, currency.minor_digits());
            for rule in RULES {
                let part = Part { period_price, quantity, billed_days: days, period_days: days };
                let Prorated { unit_price, amount } = prorate(rule, currency, part);
                prop_assert_eq!(unit_price, period_price);
                prop_assert_eq!(amount, period_price * Decimal::from(quantity));
            }
        }

        #[test]
        fn parts_are_not_negative_and_shown_in_minor_units(
            currency in any_currency(), price in 0..10_000_000_i64, scale in 0..6_u32,
            quantity in 1..10_000_u32, period_days in 1..400_u32, billed in 0..400_u32,
        ) {
            let billed_days = billed.min(period_days);
            for rule in RULES {
                let part = Part { period_price: Decimal::new(price, scale), quantity, billed_days, period_days };
                let Prorated { unit_price, amount } = prorate(rule, currency, part);
                prop_assert!(!unit_price.is_sign_negative() && !amount.is_sign_negative());
                prop_assert_eq!(unit_price.scale(), currency.minor_digits());
                prop_assert_eq!(amount.scale(), currency.minor_digits());
                if billed_days == 0 {
                    prop_assert!(amount.is_zero());
                }
            }
        }

        /// However a period is cut, the parts cost what the whole costs but for their roundings: of a day's rate, and of each part.
        #[test]
        fn parts_add_up_to_the_whole_within_their_roundings(
            currency in any_currency(), minor in 0..10_000_000_i64, quantity in 1..1_000_u32, period_days in 2..400_u32,
            cuts in prop::collection::btree_set(1..400_u32, 0..5),
        ) {
            let period_price = Decimal::new(minor, currency.minor_digits());
            let seats = Decimal::from(quantity);
            let half = Decimal::new(5, currency.minor_digits() + 1);
            let ends: Vec<u32> = cuts.into_iter().filter(|cut| *cut < period_days).chain([period_days]).collect();
            let parts = Decimal::from(ends.len());
            for rule in RULES {
                let mut start = 0;
                let mut sum = Decimal::ZERO;
                for end in &ends {
                    sum += prorate(rule, currency, Part { period_price, quantity, billed_days: end - start, period_days }).amount;
                    start = *end;
                }
                let days = Decimal::from(period_days);
                let most = match rule {
                    ProrationRule::Exact => parts * half,
                    ProrationRule::RoundedUnit => parts * half * seats,
                    ProrationRule::DailyRate3dp => (days * Decimal::new(5, 4) + parts * half) * seats,
                    ProrationRule::PublishedFormula => days * half + parts * half * (seats + Decimal::ONE),
                };
                let off = sum - period_price * seats;
                prop_assert!(off.abs() <= most, "{rule:?}: {off} over {most}");
            }
        }

        /// A day more never costs less.
        #[test]
        fn more_days_cost_no_less(
            currency in any_currency(), minor in 0..10_000_000_i64, quantity in 1..1_000_u32, period_days in 3..400_u32,
            billed in 1..400_u32,
        ) {
            let period_price = Decimal::new(minor, currency.minor_digits());
            let billed_days = billed.min(period_days - 2);
            for rule in RULES {
                let amount = |billed_days| prorate(rule, currency, Part { period_price, quantity, billed_days, period_days }).amount;
                prop_assert!(amount(billed_days) <= amount(billed_days + 1), "{rule:?}");
            }
        }

        #[test]
        fn two_exact_parts_differ_from_the_whole_by_a_minor_unit_at_most(
            minor in 0..10_000_000_i64, quantity in 1..1_000_u32, period_days in 2..400_u32, cut in 1..400_u32,
        ) {
            let period_price = Decimal::new(minor, 2);
            let amount = |billed_days| {
                prorate(ProrationRule::Exact, usd(), Part { period_price, quantity, billed_days, period_days }).amount
            };
            let cut = cut.min(period_days - 1);
            let off = amount(cut) + amount(period_days - cut) - period_price * Decimal::from(quantity);
            prop_assert!(off.abs() <= Decimal::new(1, 2), "{off}");
        }
    }
}
