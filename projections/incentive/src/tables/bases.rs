//! Bases: sums of a month.
//!
//! Key: partner text, first day of the month, reseller text (empty if none), offer text, currency text. Row: [`Sums`].

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    ids::{OfferId, PartnerId},
    money::Currency,
};
use subledger_fold::{Changes, Key, KeyReader, StoreError};

use super::prefix::BASES;
use crate::month::Month;

/// What a base is kept for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Base {
    pub(crate) partner_id: PartnerId,
    pub(crate) month: Month,
    pub(crate) reseller_id: Option<PartnerId>,
    pub(crate) offer_id: OfferId,
    pub(crate) currency: Currency,
}

/// The sums of a base.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    /// In the currency's unit, without zeros at its end: one form whatever the order of adding.
    pub(crate) net_revenue: Decimal,
    pub(crate) net_seats: i64,
    pub(crate) charge_count: u64,
}

impl Sums {
    /// Both; none if that is too large.
    pub(crate) fn plus(&self, more: &Self) -> Option<Self> {
        Some(Self {
            net_revenue: self.net_revenue.checked_add(more.net_revenue)?.normalize(),
            net_seats: self.net_seats.checked_add(more.net_seats)?,
            charge_count: self.charge_count + more.charge_count,
        })
    }
}

impl Base {
    fn key(&self) -> Vec<u8> {
        self.write(Key::table(BASES)).build()
    }

    /// Adds the parts of its key.
    pub(super) fn write(&self, key: Key) -> Key {
        key.text(self.partner_id.as_str())
            .date(self.month.first_day())
            .text(self.reseller_id.as_ref().map_or("", |id| id.as_str()))
            .text(self.offer_id.as_str())
            .text(self.currency.as_str())
    }

    /// Reads a key.
    pub(crate) fn read(key: &[u8]) -> Result<Self, StoreError> {
        let mut reader = KeyReader::table(BASES, key)?;
        let base = Self {
            partner_id: reader.parse(PartnerId::new)?,
            month: Month::of(reader.date()?),
            reseller_id: reader
                .parse(|text| if text.is_empty() { Ok(None) } else { PartnerId::new(text).map(Some) })?,
            offer_id: reader.parse(OfferId::new)?,
            currency: reader.parse(Currency::new)?,
        };
        reader.end()?;
        Ok(base)
    }

    /// Adds to the sums.
    pub(crate) fn add(&self, rows: &mut dyn Changes, more: &Sums) -> Result<(), StoreError> {
        let key = self.key();
        let sums: Sums = subledger_fold::get(rows, &key)?.unwrap_or_default();
        subledger_fold::put(rows, key, &sums.plus(more).ok_or_else(|| self.too_large())?)
    }

    pub(super) fn too_large(&self) -> StoreError {
        StoreError(format!("the sums of {} in {} are too large", self.partner_id, self.month))
    }
}

/// The prefix of all bases, of one partner's, of those in one month: as far as the parts are given in turn.
pub(crate) fn prefix(partner: Option<&str>, month: Option<Month>) -> Vec<u8> {
    let key = Key::table(BASES);
    let Some(partner) = partner else { return key.build() };
    let key = key.text(partner);
    month.into_iter().fold(key, |key, month| key.date(month.first_day())).build()
}

#[cfg(test)]
mod tests {
    use subledger_fold::memory::Memory;

    use super::*;

    #[test]
    fn keys_come_back_by_partner_month_and_reseller() {
        let base = |partner: &str, month: &str, reseller: &str, offer: &str| Base {
            partner_id: PartnerId::new(partner).unwrap(),
            month: month.parse().unwrap(),
            reseller_id: PartnerId::new(reseller).ok(),
            offer_id: OfferId::new(offer).unwrap(),
            currency: Currency::new("USD").unwrap(),
        };
        let bases = [
            base("p1", "2017-12", "r1", "z"),
            base("p1", "2018-01", "", "z"),
            base("p1", "2018-01", "r1", "a"),
            base("p1", "2018-01", "r1", "b"),
            base("p12", "2017-01", "", "a"),
        ];
        let keys: Vec<_> = bases.iter().map(Base::key).collect();
        assert!(keys.is_sorted());
        for (key, base) in keys.iter().zip(&bases) {
            assert_eq!(&Base::read(key).unwrap(), base);
        }
        let january = prefix(Some("p1"), Some(bases[1].month));
        assert_eq!(keys.iter().filter(|key| key.starts_with(&january)).count(), 3);
    }

    #[test]
    fn equal_sums_are_equal_rows() {
        let base = Base {
            partner_id: PartnerId::new("p1").unwrap(),
            month: "2018-01".parse().unwrap(),
            reseller_id: None,
            offer_id: OfferId::new("o").unwrap(),
            currency: Currency::new("USD").unwrap(),
        };
        let fold = |amounts: &[&str]| {
            let mut rows = Memory::default();
            for amount in amounts {
                let sums = Sums { net_revenue: amount.parse().unwrap(), net_seats: 1, charge_count: 1 };
                base.add(&mut rows, &sums).unwrap();
            }
            rows
        };
        assert_eq!(fold(&["1.50", "-1.5", "2"]), fold(&["2", "1.50", "-1.5"]));
    }
}
