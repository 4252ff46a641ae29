//! Rating: when a day closes, every open day with something new is rated (azure-marketplace-software.md 2.16, 2.18).
//!
//! What a day costs is a function of the month's use, the published prices and the facts about access, never of the order in which
//! records came: a late record or a corrected one gives what an early and a right one would have given.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::{
    Usage,
    account::{Account, DayUse},
    budget, lost,
};
use crate::{
    Reference, calendar,
    charge::InvoiceFamily,
    customer::{Subscription, draft::Draft},
    event::UsageRated,
    ids::{MeterId, SubscriptionId},
    offer::ProductKind,
    partner::{Partner, cycle_end},
    party::PartnerKind,
    usage::{
        Candidate, CreditReason, Determined, HeldReason, HeldUsage, MeterQuote, RatedUsage, Resource, determine, split,
    },
};

/// Rows of one decision, so that its commit stays far below the longest record. Whoever runs it repeats it.
const ROWS_PER_DECISION: usize = 80;

/// What rating of one account needs.
struct Rating<'a> {
    reference: &'a Reference,
    usage: &'a Usage,
    subscription: &'a Subscription,
    partner: &'a Partner,
    account: &'a Account,
    /// Whether the customer stands for the partner itself: that earns nothing (accounts page section 2.10, L7825).
    own_tenant: bool,
    /// The day that closes.
    date: NaiveDate,
    rows: Vec<RatedUsage>,
    held: Vec<HeldUsage>,
}

/// Rates what is new up to the day.
pub(super) fn rate(draft: &mut Draft<'_>, id: &SubscriptionId, account: &Account, date: NaiveDate) {
    let (customer, reference) = (draft.customer, draft.reference);
    let Some(subscription) = customer.subscription(id) else { return };
    let Some(partner) = reference.partners.get(&subscription.partner_id) else { return };
    let usage = &customer.usage;
    let own_tenant = partner.account.shared_services() == Some(customer.id());
    let (rows, held) = (Vec::new(), Vec::new());
    let mut rating = Rating { reference, usage, subscription, partner, account, own_tenant, date, rows, held };
    let mut finished = true;
    for ((month, meter_id), first) in first_days(account, date) {
        finished = rating.month(month, meter_id, first);
        if !finished {
            break;
        }
    }
    let family = InvoiceFamily::of(subscription.product_family);
    let event = UsageRated {
        customer_id: customer.id().clone(),
        partner_id: subscription.partner_id.clone(),
        reseller_id: subscription.reseller_id.clone(),
        subscription_id: id.clone(),
        rated_on: date,
        charge_on: cycle_end(family, partner.billing_day, date).unwrap_or(date),
        family,
        currency: subscription.currency,
        rows: rating.rows,
        held: rating.held,
        finished,
    };
    let told = finished && partner.budget_notice.on;
    let notice = if told { budget::notice(&customer.usage, customer, &event) } else { None };
    let lost = lost::notices(account, &event);
    draft.push(event);
    for lost in lost {
        draft.push(lost);
    }
    if let Some(notice) = notice {
        draft.push(notice);
    }
}

/// For each month and meter the first day to be rated again.
fn first_days(account: &Account, date: NaiveDate) -> BTreeMap<(NaiveDate, &MeterId), NaiveDate> {
    let mut first = BTreeMap::new();
    for (day, meters) in account.dirty.range(..=date) {
        for meter_id in meters {
            first.entry((calendar::first_of_month(*day), meter_id)).or_insert(*day);
        }
    }
    first
}

impl Rating<'_> {
    /// Rates a month of a meter from a day on; false if there was no room for all of it.
    fn month(&mut self, month: NaiveDate, meter_id: &MeterId, first: NaiveDate) -> bool {
        let account = self.account;
        let Some(resources) = account.meters.get(meter_id) else { return true };
        let last = calendar::last_of_month(month).min(self.date);
        let mut days: Vec<(NaiveDate, &Resource, &DayUse)> = resources
            .iter()
            .flat_map(|(resource, days)| days.range(month..=last).map(move |(day, used)| (*day, resource, used)))
            .collect();
        days.sort_unstable_by_key(|(day, resource, _)| (*day, *resource));
        let mut used = Decimal::ZERO;
        for (day, resource, day_use) in days {
            let before = used;
            used += day_use.quantity;
            if day < first {
                continue;
            }
            let (quote, rate) = match self.priced(meter_id, day) {
                Ok(priced) => priced,
                Err(reason) => {
                    self.held.push(HeldUsage { meter_id: meter_id.clone(), usage_date: day, reason });
                    return true;
                }
            };
            // One price is the same whatever else was used; a tier may move with every day before.
            let is_new = account.dirty.get(&day).is_some_and(|meters| meters.contains(meter_id));
            if quote.tiers.len() == 1 && !is_new {
                continue;
            }
            let row = self.row(resource, meter_id, day, &quote, rate, (before, day_use.quantity));
            if is_rated(day_use, &row) {
                continue;
            }
            if self.rows.len() == ROWS_PER_DECISION {
                return false;
            }
            self.rows.push(row);
        }
        true
    }

    /// The price of a day and the month's exchange rate. An Azure plan is priced in dollars and billed in the customer's currency
    /// (L13832); prices in the billing currency need no rate (decision G19), and a classic subscription takes these first.
    fn priced(&self, meter_id: &MeterId, day: NaiveDate) -> Result<(MeterQuote, Decimal), HeldReason> {
        let catalog = self.reference.catalog.usage();
        let billing = self.subscription.currency;
        let dollars = crate::money::Currency::DOLLAR;
        let order = if self.is_plan() { [dollars, billing] } else { [billing, dollars] };
        let quote = order.into_iter().find_map(|currency| catalog.price(meter_id, currency, day));
        let quote = quote.ok_or(HeldReason::UsagePriceMissing)?;
        let rate = catalog.rate(day, quote.currency, billing).ok_or(HeldReason::ExchangeRateMissing)?;
        Ok((quote, rate))
    }

    fn row(
        &self,
        resource: &Resource,
        meter_id: &MeterId,
        day: NaiveDate,
        quote: &MeterQuote,
        exchange_rate: Decimal,
        (before, quantity): (Decimal, Decimal),
    ) -> RatedUsage {
        let portions = split(&quote.tiers, before, quantity);
        let terms = self.reference.catalog.usage().credit_terms(day);
        let costs = portions.iter().any(|portion| !portion.unit_price.is_zero());
        let meter = self.reference.catalog.usage().meter(meter_id);
        let can_earn = self.is_plan() && !self.own_tenant && meter.is_some_and(|meter| meter.earns_credit(day));
        let found = if !can_earn {
            Determined { reason: CreditReason::ServiceExcluded, earner_id: None }
        } else if !costs {
            Determined { reason: CreditReason::NotCharged, earner_id: None }
        } else {
            self.credit(resource, day, &terms.eligible_roles)
        };
        let earned = found.reason.earns();
        let (period_start, period_end) = self.period(day);
        RatedUsage {
            resource: resource.clone(),
            meter_id: meter_id.clone(),
            usage_date: day,
            period_start,
            period_end,
            portions,
            pricing_currency: quote.currency,
            exchange_rate,
            credit_percent: if earned { terms.percent } else { Decimal::ZERO },
            possible_percent: if can_earn && costs { terms.percent } else { Decimal::ZERO },
            reason: found.reason,
            earner_id: found.earner_id,
        }
    }

    /// Who earns: the billed partner, by its own access or that of its reseller (L13657-13658), or by a dispute that was granted.
    fn credit(&self, resource: &Resource, day: NaiveDate, roles: &std::collections::BTreeSet<String>) -> Determined {
        let partner_id = &self.partner.partner_id;
        if self.usage.disputes.grants(partner_id, resource, day) {
            return Determined { reason: CreditReason::DisputeAccepted, earner_id: Some(partner_id.clone()) };
        }
        if self.partner.network.is_barred(day) {
            return Determined { reason: CreditReason::PartnerBarred, earner_id: None };
        }
        let reseller =
            self.subscription.reseller_id.as_ref().filter(|_| self.partner.kind == PartnerKind::IndirectProvider);
        let reseller = reseller.and_then(|id| self.reference.partners.get(id));
        let candidates: Vec<_> = [self.partner]
            .into_iter()
            .chain(reseller)
            .map(|partner| Candidate {
                partner_id: &partner.partner_id,
                agreement: partner.network.has_agreement(day),
                barred: partner.network.is_barred(day),
            })
            .collect();
        let access = &self.usage.access;
        let since = self.usage.azure_subscriptions.get(&resource.azure_subscription_id).map(|known| known.created_at);
        let of = (day, since);
        determine(&candidates, roles, &access.assignments(), |assignment| access.links(assignment), resource, of)
    }

    /// The calendar month of a plan (L13709); the month up to the partner's billing day of a classic subscription (L10498).
    fn period(&self, day: NaiveDate) -> (NaiveDate, NaiveDate) {
        let family = InvoiceFamily::of(self.subscription.product_family);
        let end_of = |day| cycle_end(family, self.partner.billing_day, day);
        let end = end_of(day).unwrap_or(day);
        let month_before = calendar::first_of_month(end).pred_opt().map_or(end, calendar::first_of_month);
        let before = end_of(month_before).unwrap_or(end);
        let next = |day: NaiveDate| day.succ_opt().unwrap_or(day);
        (next(before), next(end))
    }

    fn is_plan(&self) -> bool {
        self.subscription.product_kind == Some(ProductKind::AzurePlan)
    }
}

/// Whether the day stands so already.
fn is_rated(day: &DayUse, row: &RatedUsage) -> bool {
    day.rated.as_ref().is_some_and(|rated| {
        rated.portions == row.portions
            && rated.percent == row.credit_percent
            && rated.reason == row.reason
            && rated.earner_id == row.earner_id
    })
}
