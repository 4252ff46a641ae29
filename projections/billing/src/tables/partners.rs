//! Partners: what decides their billing dates.
//!
//! Key: partner text. Row: [`Partner`].

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use subledger_domain::{event::PartnerRegistered, ids::PartnerId, money::Currency};
use subledger_fold::{Changes, Key, Rows, StoreError};

use super::prefix::PARTNERS;

/// One partner's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partner {
    /// 1 to 31, clamped to the month's last day; never changes (L9838).
    pub(crate) billing_day: u32,
    /// Billing currency.
    pub(crate) currency: Currency,
    /// The day of the registration.
    pub(crate) registered_on: NaiveDate,
}

impl From<&PartnerRegistered> for Partner {
    fn from(event: &PartnerRegistered) -> Self {
        Self { billing_day: event.billing_day, currency: event.currency, registered_on: event.registered_on }
    }
}

fn key(partner: &PartnerId) -> Vec<u8> {
    Key::table(PARTNERS).text(partner.as_str()).build()
}

pub(crate) fn get(rows: &(impl Rows + ?Sized), partner: &PartnerId) -> Result<Option<Partner>, StoreError> {
    subledger_fold::get(rows, &key(partner))
}

pub(crate) fn put(rows: &mut dyn Changes, partner: &PartnerId, row: &Partner) -> Result<(), StoreError> {
    subledger_fold::put(rows, key(partner), row)
}

#[cfg(test)]
mod tests {
    use subledger_fold::memory::Memory;

    use super::*;

    #[test]
    fn comes_back() {
        let id = PartnerId::new("contoso").unwrap();
        let row = Partner {
            billing_day: 31,
            currency: Currency::new("EUR").unwrap(),
            registered_on: "2018-01-31".parse().unwrap(),
        };
        let mut rows = Memory::default();
        put(&mut rows, &id, &row).unwrap();
        assert_eq!(get(&rows, &id).unwrap(), Some(row));
        assert_eq!(get(&rows, &PartnerId::new("contos").unwrap()).unwrap(), None);
    }
}
