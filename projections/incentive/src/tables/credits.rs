//! Earned credit, by day and resource, and its sums.
//!
//! - [`Versions`]. Key: partner text, first day of the month, customer text, day of use, resource (three texts), meter text.
//! - [`CreditSums`]. Key: partner text, first day of the month of use, currency text.
//! - The credit of one charge line, a decimal. Key: as of its sums, then the day charged, partition (2 bytes), `seq` (8 bytes), number
//!   within the commit (4 bytes).
//! - [`CreditDispute`]. Key: partner text, customer text, dispute text.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    event::EarnedCreditDisputed,
    ids::{AzureSubscriptionId, CustomerId, DisputeId, MeterId, PartnerId, SubscriptionId},
    money::Currency,
    position::Position,
    usage::{CreditReason, Resource},
};
use subledger_fold::{Changes, Key, KeyReader, Rows, StoreError, as_of::Horizon};

use super::{
    enrollments::Told,
    prefix::{CREDIT_CHARGES, CREDIT_DISPUTES, CREDIT_SUMS, CREDITS},
};
use crate::month::Month;

/// What names a day and resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CreditOf {
    pub(crate) partner_id: PartnerId,
    pub(crate) customer_id: CustomerId,
    pub(crate) usage_date: NaiveDate,
    pub(crate) resource: Resource,
    pub(crate) meter_id: MeterId,
}

/// What a day and resource earned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credit {
    pub(crate) subscription_id: SubscriptionId,
    pub(crate) reseller_id: Option<PartnerId>,
    pub(crate) quantity: Decimal,
    /// At the prices, in the pricing currency.
    pub(crate) pricing_gross: Decimal,
    pub(crate) pricing_currency: Currency,
    pub(crate) exchange_rate: Decimal,
    pub(crate) currency: Currency,
    pub(crate) percent: Decimal,
    pub(crate) possible_percent: Decimal,
    pub(crate) reason: CreditReason,
    pub(crate) earner_id: Option<PartnerId>,
    pub(crate) rated_on: NaiveDate,
}

/// What a day and resource earned each time it was decided, the last one last: late use and changed access decide again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Versions(pub(crate) Vec<(Position, Credit)>);

impl Versions {
    /// The one that counts then.
    pub(crate) fn at(self, horizon: &Horizon) -> Option<Credit> {
        let seen =
            |(position, credit): &(Position, Credit)| horizon.knows(*position) && horizon.reaches(credit.rated_on);
        self.0.into_iter().rfind(seen).map(|(_, credit)| credit)
    }
}

/// Sums of a month, in the billing currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreditSums {
    /// Exact.
    pub(crate) gross: Decimal,
    /// Exact.
    pub(crate) earned: Decimal,
    /// Exact.
    pub(crate) forgone: Decimal,
    /// What charge lines have of it; each line is rounded.
    pub(crate) charged: Decimal,
}

impl Credit {
    /// Gross, earned and forgone in the billing currency, exact.
    pub(crate) fn amounts(&self) -> [Decimal; 3] {
        let gross = self.pricing_gross * self.exchange_rate;
        let share = |percent: Decimal| (gross * percent / Decimal::ONE_HUNDRED).normalize();
        [gross.normalize(), share(self.percent), share(self.possible_percent - self.percent)]
    }
}

/// The prefix of all days, of one partner's, of one of its months, of one customer in it.
pub(crate) fn prefix(partner: Option<&str>, month: Option<Month>, customer: Option<&str>) -> Vec<u8> {
    let mut key = Key::table(CREDITS);
    let Some(partner) = partner else { return key.build() };
    key = key.text(partner);
    let Some(month) = month else { return key.build() };
    key = key.date(month.first_day());
    customer.into_iter().fold(key, Key::text).build()
}

impl CreditOf {
    fn key(&self) -> Vec<u8> {
        let month = Month::of(self.usage_date);
        let prefix = prefix(Some(self.partner_id.as_str()), Some(month), Some(self.customer_id.as_str()));
        let Resource { azure_subscription_id, resource_group, resource_uri } = &self.resource;
        let key = Key::default().bytes(&prefix).date(self.usage_date).text(azure_subscription_id.as_str());
        key.text(resource_group).text(resource_uri).text(self.meter_id.as_str()).build()
    }

    /// Reads a key.
    pub(crate) fn read(key: &[u8]) -> Result<Self, StoreError> {
        let mut reader = KeyReader::table(CREDITS, key)?;
        let partner_id = reader.parse(PartnerId::new)?;
        let _month = reader.date()?;
        let customer_id = reader.parse(CustomerId::new)?;
        let usage_date = reader.date()?;
        let resource = Resource {
            azure_subscription_id: reader.parse(AzureSubscriptionId::new)?,
            resource_group: reader.text()?.to_owned(),
            resource_uri: reader.text()?.to_owned(),
        };
        let meter_id = reader.parse(MeterId::new)?;
        reader.end()?;
        Ok(Self { partner_id, customer_id, usage_date, resource, meter_id })
    }

    pub(crate) fn get(&self, rows: &(impl Rows + ?Sized)) -> Result<Versions, StoreError> {
        Ok(subledger_fold::get(rows, &self.key())?.unwrap_or_default())
    }

    pub(crate) fn put(&self, rows: &mut dyn Changes, versions: &Versions) -> Result<(), StoreError> {
        subledger_fold::put(rows, self.key(), versions)
    }
}

/// The prefix of all sums, of one partner's, of one of its months.
pub(crate) fn sums_prefix(partner: Option<&str>, month: Option<Month>) -> Vec<u8> {
    let key = partner.into_iter().fold(Key::table(CREDIT_SUMS), Key::text);
    month.filter(|_| partner.is_some()).into_iter().fold(key, |key, month| key.date(month.first_day())).build()
}

/// Reads the key of sums.
pub(crate) fn read_sums_key(key: &[u8]) -> Result<(PartnerId, Month, Currency), StoreError> {
    let mut reader = KeyReader::table(CREDIT_SUMS, key)?;
    let parts = (reader.parse(PartnerId::new)?, Month::of(reader.date()?), reader.parse(Currency::new)?);
    reader.end()?;
    Ok(parts)
}

/// Adds to the sums of a month: gross, earned, forgone, charged. Sums have no zeros at their end: one form whatever the order of adding.
pub(crate) fn add_sums(
    rows: &mut dyn Changes,
    (partner, month, currency): (&PartnerId, Month, Currency),
    amounts: [Decimal; 4],
) -> Result<(), StoreError> {
    let prefix = sums_prefix(Some(partner.as_str()), Some(month));
    let key = Key::default().bytes(&prefix).text(currency.as_str()).build();
    let mut sums: CreditSums = subledger_fold::get(rows, &key)?.unwrap_or_default();
    let fields = [&mut sums.gross, &mut sums.earned, &mut sums.forgone, &mut sums.charged];
    for (sum, amount) in fields.into_iter().zip(amounts) {
        let total = sum.checked_add(amount).ok_or_else(|| StoreError("a sum of credits is too large".to_owned()))?;
        *sum = total.normalize();
    }
    subledger_fold::put(rows, key, &sums)
}

fn charges_prefix(partner: &PartnerId, month: Month, currency: Currency) -> Key {
    Key::table(CREDIT_CHARGES).text(partner.as_str()).date(month.first_day()).text(currency.as_str())
}

/// A charge line with credit.
pub(crate) struct ChargedCredit {
    pub(crate) charged_on: NaiveDate,
    pub(crate) position: Position,
    pub(crate) index: u32,
    pub(crate) amount: Decimal,
}

pub(crate) fn put_charge(
    rows: &mut dyn Changes,
    (partner, month, currency): (&PartnerId, Month, Currency),
    charge: &ChargedCredit,
) -> Result<(), StoreError> {
    let key = charges_prefix(partner, month, currency).date(charge.charged_on).u16(charge.position.partition.index);
    let key = key.number(charge.position.seq).u32(charge.index).build();
    subledger_fold::put(rows, key, &(charge.position, charge.amount))
}

/// The sums of a month as they were then; none if nothing of it was rated or charged.
pub(crate) fn sums_at(
    rows: &dyn Rows,
    (partner, month, currency): (&PartnerId, Month, Currency),
    horizon: &Horizon,
) -> Result<Option<CreditSums>, StoreError> {
    let (mut sums, mut is_there) = (CreditSums::default(), false);
    let too_large = || StoreError("a sum of credits is too large".to_owned());
    let mut add = |sum: &mut Decimal, amount: Decimal| {
        is_there = true;
        *sum = sum.checked_add(amount).ok_or_else(too_large)?.normalize();
        Ok::<_, StoreError>(())
    };
    rows.scan(&prefix(Some(partner.as_str()), Some(month), None), &[], false, &mut |_, row| {
        let credit = subledger_fold::decode::<Versions>(row)?.at(horizon).filter(|credit| credit.currency == currency);
        let Some([gross, earned, forgone]) = credit.map(|credit| credit.amounts()) else { return Ok(true) };
        add(&mut sums.gross, gross)?;
        add(&mut sums.earned, earned)?;
        add(&mut sums.forgone, forgone)?;
        Ok(true)
    })?;
    rows.scan(&charges_prefix(partner, month, currency).build(), &[], false, &mut |key, row| {
        let mut reader = KeyReader::table(CREDIT_CHARGES, key)?;
        let (_, _, _) = (reader.text()?, reader.date()?, reader.text()?);
        let charged_on = reader.date()?;
        let (position, amount): (Position, Decimal) = subledger_fold::decode(row)?;
        if horizon.knows(position) && horizon.reaches(charged_on) {
            add(&mut sums.charged, amount)?;
        }
        Ok(true)
    })?;
    Ok(is_there.then_some(sums))
}

/// A dispute about credit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreditDispute {
    pub(crate) event: EarnedCreditDisputed,
    pub(crate) told: Told,
    pub(crate) answer: Option<CreditAnswer>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreditAnswer {
    /// None: it was withdrawn.
    pub(crate) accepted: Option<bool>,
    pub(crate) note: String,
    pub(crate) on: NaiveDate,
    pub(crate) told: Told,
}

impl CreditDispute {
    /// As it was then; none if it was not raised.
    pub(crate) fn at(mut self, horizon: &Horizon) -> Option<Self> {
        self.answer = self.answer.filter(|answer| answer.told.is_seen(horizon));
        self.told.is_seen(horizon).then_some(self)
    }

    pub(crate) fn put(&self, rows: &mut dyn Changes) -> Result<(), StoreError> {
        let e = &self.event;
        subledger_fold::put(rows, dispute_key(&e.partner_id, &e.customer_id, &e.dispute_id), self)
    }
}

/// The prefix of all disputes, or of one partner's.
pub(crate) fn disputes_prefix(partner: Option<&PartnerId>) -> Vec<u8> {
    partner.into_iter().fold(Key::table(CREDIT_DISPUTES), |key, id| key.text(id.as_str())).build()
}

fn dispute_key(partner: &PartnerId, customer: &CustomerId, id: &DisputeId) -> Vec<u8> {
    Key::table(CREDIT_DISPUTES).text(partner.as_str()).text(customer.as_str()).text(id.as_str()).build()
}

/// Answers a dispute that is known.
pub(crate) fn answer_dispute(
    rows: &mut dyn Changes,
    (partner, customer, id): (&PartnerId, &CustomerId, &DisputeId),
    answer: CreditAnswer,
) -> Result<(), StoreError> {
    let known: Option<CreditDispute> = subledger_fold::get(rows, &dispute_key(partner, customer, id))?;
    let known = known.ok_or_else(|| StoreError(format!("dispute {id} of {customer} does not exist")))?;
    CreditDispute { answer: Some(answer), ..known }.put(rows)
}
