//! Charging: a working copy of the subscription beside the decision, and how lines are written.

use std::borrow::Cow;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    billing::{self, BilledLine, Sums},
    line::{AppliedPromotion, ChargeType, Charged, Derivation, Discount, InvoiceFamily},
    period::{self, Span},
};
use crate::{
    customer::{Standing, Subscription},
    decision::Decision,
    event::{Event, PeriodStarted},
    ids::LineId,
    offer::{BillingFrequency, ProductFamily, ProrationRule},
    proration::{self, Part, Prorated},
    tax::{LineTax, TaxRule},
    usage::UsageCharge,
};

/// Charges in the making. Each event is applied at once, so that the next line rests on those before it; there is a copy from the first on.
pub(super) struct Charging<'a, 'c> {
    pub(super) subscription: Cow<'a, Subscription>,
    pub(super) decision: &'a mut Decision<'c>,
}

/// What a line shows and costs.
pub(super) struct Money {
    pub(super) unit_price: Decimal,
    pub(super) amount: Decimal,
    pub(super) discount: Option<Discount>,
    pub(super) tax: Option<LineTax>,
}

/// What differs from line to line.
pub(super) struct Draft {
    pub(super) charge_type: ChargeType,
    pub(super) charge_start: NaiveDate,
    pub(super) charge_end: NaiveDate,
    pub(super) money: Money,
    pub(super) quantity: u32,
    pub(super) component: Option<String>,
    pub(super) purchase_date: NaiveDate,
    pub(super) reverses_line_id: Option<LineId>,
    pub(super) derivation: Derivation,
    pub(super) reference: Option<String>,
    pub(super) usage: Option<UsageCharge>,
}

impl<'a, 'c> Charging<'a, 'c> {
    pub(super) fn new(subscription: &'a Subscription, decision: &'a mut Decision<'c>) -> Self {
        Self { subscription: Cow::Borrowed(subscription), decision }
    }

    /// The day the cause takes effect.
    pub(super) fn effective_on(&self) -> NaiveDate {
        self.decision.effective_on()
    }

    /// The events decided so far.
    pub(super) fn decided(&self) -> &[Event] {
        self.decision.events()
    }

    pub(super) fn is_license(&self) -> bool {
        self.subscription.product_family == ProductFamily::License
    }

    pub(super) fn emit(&mut self, event: impl Into<Event>) {
        let event = event.into();
        billing::evolve(self.subscription.to_mut(), &event);
        self.decision.push(event);
    }

    pub(super) fn start_period(&mut self, span: Span, quantity: u32) {
        self.emit(PeriodStarted {
            customer_id: self.subscription.customer_id.clone(),
            subscription_id: self.subscription.subscription_id.clone(),
            start: span.start,
            end: span.end,
            quantity,
        });
    }

    /// The period that begins when the current one ends: its days and its seats, which are those held at the end of the period
    /// before (L9771). None while nothing runs, or if the term ends.
    pub(super) fn next_period(&self) -> Option<(Span, u32)> {
        let subscription = &self.subscription;
        let start = period::next_start(subscription)?;
        if subscription.standing != Standing::Active || start >= subscription.term_end {
            return None;
        }
        let last_day = start.pred_opt()?;
        let span = Span::starting(subscription, start, period::next_frequency(subscription));
        let quantity = if self.is_license() { subscription.billing.next_quantity(last_day) } else { None };
        Some((span, quantity.unwrap_or(subscription.quantity)))
    }

    /// Charges the days of a span at the prices of now, a line for each component.
    pub(super) fn charge(&mut self, charge_type: ChargeType, span: Span, quantity: u32, purchase_date: NaiveDate) {
        self.charge_days(charge_type, span, span.days(), quantity, purchase_date);
    }

    /// Charges some days of a span; the line shows the whole span and, outside of license files, the price of a whole period.
    pub(super) fn charge_days(
        &mut self,
        charge_type: ChargeType,
        span: Span,
        billed_days: u32,
        quantity: u32,
        purchase_date: NaiveDate,
    ) {
        for price in self.subscription.prices.clone() {
            let derivation = Derivation {
                rule: self.subscription.proration_rule,
                period_price: period::period_price(&self.subscription, &price),
                period_days: span.period_days,
                billed_days,
            };
            let priced = self.shown(&derivation, quantity);
            let promotion = self.subscription.promotion.clone().filter(|promotion| promotion.covers(span.end));
            let money = self.money(priced, promotion.as_ref(), self.tax_rule(price.component.as_deref()).as_ref());
            self.write(Draft {
                charge_type,
                charge_start: span.start,
                charge_end: span.end,
                money,
                quantity,
                component: price.component,
                purchase_date,
                reverses_line_id: None,
                derivation,
                reference: None,
                usage: None,
            });
        }
    }

    /// Charges the last days of a stretch anew at the price that a line was charged at, which a renewal may have changed since.
    pub(super) fn charge_again(
        &mut self,
        charge_type: ChargeType,
        like: &BilledLine,
        ((start, end), billed_days): ((NaiveDate, NaiveDate), u32),
        quantity: u32,
        purchase_date: NaiveDate,
    ) {
        let derivation = Derivation { billed_days, ..like.derivation.clone() };
        let priced = self.shown(&derivation, quantity);
        let money = self.money(priced, like.promotion.as_ref(), like.tax.as_ref());
        self.write(Draft {
            charge_type,
            charge_start: start,
            charge_end: end,
            money,
            quantity,
            component: like.component.clone(),
            purchase_date,
            reverses_line_id: None,
            derivation,
            reference: None,
            usage: None,
        });
    }

    /// Charges an amount that no price list has, taxed as a line of the subscription.
    pub(super) fn charge_amount(
        &mut self,
        charge_type: ChargeType,
        (start, end): (NaiveDate, NaiveDate),
        amount: Decimal,
        reference: String,
    ) {
        let derivation =
            Derivation { rule: ProrationRule::Exact, period_price: amount, period_days: 1, billed_days: 1 };
        let priced = Prorated { unit_price: amount, amount };
        self.write(Draft {
            charge_type,
            charge_start: start,
            charge_end: end,
            money: self.money(priced, None, self.tax_rule(None).as_ref()),
            quantity: 1,
            component: None,
            purchase_date: start,
            reverses_line_id: None,
            derivation,
            reference: Some(reference),
            usage: None,
        });
    }

    /// Takes back the last `days` of a line, but no more than an amount, which the line then names; says how much it was.
    pub(super) fn take_back_at_most(
        &mut self,
        charge_type: ChargeType,
        line: &BilledLine,
        days: u32,
        most: Decimal,
    ) -> Decimal {
        let derivation = Derivation { billed_days: days, ..line.derivation.clone() };
        let whole = days >= line.derivation.billed_days;
        let priced = self.shown(&derivation, line.quantity);
        let due = if whole { line.left.amount } else { priced.amount };
        let today = self.effective_on();
        if due <= most {
            self.take_back_days(charge_type, line, days, line.charge_start, today);
            return due;
        }
        let cut = Prorated { amount: most, ..priced };
        let mut money = self.money(cut, line.promotion.as_ref(), line.tax.as_ref());
        money.negate();
        self.write(Draft {
            charge_type,
            charge_start: line.charge_start,
            charge_end: line.charge_end,
            money,
            quantity: line.quantity,
            component: line.component.clone(),
            purchase_date: today,
            reverses_line_id: Some(line.line_id.clone()),
            derivation,
            reference: Some(format!("{due} cut to {most} by the cap on refunds")),
            usage: None,
        });
        most
    }

    /// Takes back what is left of a line.
    pub(super) fn take_back(&mut self, charge_type: ChargeType, line: &BilledLine, purchase_date: NaiveDate) {
        let days = line.derivation.billed_days;
        self.take_back_days(charge_type, line, days, line.charge_start, purchase_date);
    }

    /// Takes back the last `days` of a line, from `start` on. All its days are exactly its amount, fewer are prorated as it was and
    /// never more than what is left of it.
    pub(super) fn take_back_days(
        &mut self,
        charge_type: ChargeType,
        line: &BilledLine,
        days: u32,
        start: NaiveDate,
        purchase_date: NaiveDate,
    ) {
        let derivation = Derivation { billed_days: days, ..line.derivation.clone() };
        let priced = self.shown(&derivation, line.quantity);
        let mut money = if days >= line.derivation.billed_days || priced.amount > line.left.amount {
            whats_left(line)
        } else {
            self.money(priced, line.promotion.as_ref(), line.tax.as_ref())
        };
        money.negate();
        // License files negate both, the others the amount only (L10195, L10410).
        if self.is_license() {
            money.unit_price = negative(money.unit_price);
        }
        self.write(Draft {
            charge_type,
            charge_start: start,
            charge_end: line.charge_end,
            money,
            quantity: line.quantity,
            component: line.component.clone(),
            purchase_date,
            reverses_line_id: Some(line.line_id.clone()),
            derivation,
            reference: None,
            usage: None,
        });
    }

    /// Discount and tax of a price, each rounded to the minor unit.
    fn money(&self, priced: Prorated, promotion: Option<&AppliedPromotion>, tax: Option<&TaxRule>) -> Money {
        let Prorated { unit_price, amount } = priced;
        let currency = self.subscription.currency;
        let discount = promotion.map(|promotion| promotion.on(currency, amount));
        let subtotal = amount - discount.as_ref().map_or(Decimal::ZERO, |discount| discount.amount);
        Money { unit_price, amount, discount, tax: tax.map(|rule| rule.on(currency, subtotal)) }
    }

    /// How a new line is taxed.
    fn tax_rule(&self, component: Option<&str>) -> Option<TaxRule> {
        self.decision.tax_rule(&self.subscription, component)
    }

    fn shown(&self, derivation: &Derivation, quantity: u32) -> Prorated {
        let &Derivation { rule, period_price, period_days, billed_days } = derivation;
        let currency = self.subscription.currency;
        let priced = proration::prorate(rule, currency, Part { period_price, quantity, billed_days, period_days });
        // One-time and recurring files show the price of the whole period (L10428).
        if self.is_license() { priced } else { Prorated { unit_price: currency.round(period_price), ..priced } }
    }

    /// Writes a line of the subscription as it is.
    pub(super) fn write(&mut self, draft: Draft) {
        let line_id = self.decision.next_line_id();
        let s = &self.subscription;
        let description = description(s, &draft);
        let line = Charged {
            line_id,
            customer_id: s.customer_id.clone(),
            partner_id: s.partner_id.clone(),
            subscription_id: s.subscription_id.clone(),
            order_id: s.order_id.clone(),
            offer_id: s.offer_id.clone(),
            offer_name: s.offer_name.clone(),
            invoice_family: InvoiceFamily::of(s.product_family),
            charge_type: draft.charge_type,
            charge_start: draft.charge_start,
            charge_end: draft.charge_end,
            unit_price: draft.money.unit_price,
            quantity: draft.quantity,
            amount: draft.money.amount,
            currency: s.currency,
            charged_on: self.decision.charged_on,
            component: draft.component,
            sku: s.sku.clone(),
            subscription_description: description.map(str::to_owned),
            purchase_date: draft.purchase_date,
            billing_frequency: s.billing_frequency,
            reverses_line_id: draft.reverses_line_id,
            derivation: draft.derivation,
            reseller_id: s.reseller_id.clone(),
            discount: draft.money.discount,
            tax: draft.money.tax,
            reference: draft.reference,
            usage: draft.usage,
        };
        self.emit(line);
    }

    /// The frequency of the current period; none for a custom meter.
    pub(super) fn frequency(&self) -> Option<BillingFrequency> {
        self.subscription.billing_frequency
    }
}

/// The words that tell a trial from what follows it (L10597-10598), and a custom meter from other products (L10625-10640).
fn description(subscription: &Subscription, draft: &Draft) -> Option<&'static str> {
    let rebilled = draft.charge_type == ChargeType::Convert && draft.reverses_line_id.is_some();
    if subscription.standing == Standing::Trial {
        Some("Free trial")
    } else if subscription.is_metered() && rebilled {
        Some("Prorated rebill for custom meter SaaS subscription")
    } else if subscription.is_metered() {
        Some("Custom meter SaaS subscription")
    } else if subscription.billing.anchor().is_some() && subscription.product_family != ProductFamily::License {
        Some("Paid subscription")
    } else {
        None
    }
}

/// Everything that was not credited of a line yet.
fn whats_left(line: &BilledLine) -> Money {
    let Sums { amount, discount, tax, included } = line.left;
    Money {
        unit_price: line.unit_price,
        amount,
        discount: line.promotion.clone().map(|promotion| Discount { promotion, amount: discount }),
        tax: line.tax.clone().map(|rule| LineTax { rule, amount: tax, included }),
    }
}

impl Money {
    /// Everything but the unit price.
    fn negate(&mut self) {
        self.amount = negative(self.amount);
        if let Some(discount) = &mut self.discount {
            discount.amount = negative(discount.amount);
        }
        if let Some(tax) = &mut self.tax {
            tax.amount = negative(tax.amount);
            tax.included = negative(tax.included);
        }
    }
}

/// A credit of nothing is nothing, not minus nothing.
fn negative(amount: Decimal) -> Decimal {
    if amount.is_zero() { amount } else { -amount }
}
