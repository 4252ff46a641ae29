//! Subscriptions whose seats count, or will after a trial; one that gave its seats back has no row.
//!
//! Key: customer text, subscription text. Row: [`Holding`]. All events of a customer are in one partition, so their order is fixed.

use serde::{Deserialize, Serialize};
use subledger_domain::{
    ids::{CustomerId, OfferId, PartnerId, SubscriptionId},
    money::Currency,
};
use subledger_fold::{Changes, Key, Rows, StoreError};

use super::prefix::SUBSCRIPTIONS;

/// What a subscription holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holding {
    pub(crate) partner_id: PartnerId,
    pub(crate) reseller_id: Option<PartnerId>,
    pub(crate) offer_id: OfferId,
    pub(crate) currency: Currency,
    /// Seats.
    pub(crate) quantity: u32,
    /// In a marketplace trial: its seats do not count yet.
    pub(crate) trial: bool,
}

/// Names a subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) customer: &'a CustomerId,
    pub(crate) subscription: &'a SubscriptionId,
}

impl Name<'_> {
    fn key(self) -> Vec<u8> {
        Key::table(SUBSCRIPTIONS).text(self.customer.as_str()).text(self.subscription.as_str()).build()
    }

    pub(crate) fn get(self, rows: &(impl Rows + ?Sized)) -> Result<Option<Holding>, StoreError> {
        subledger_fold::get(rows, &self.key())
    }

    pub(crate) fn put(self, rows: &mut dyn Changes, holding: &Holding) -> Result<(), StoreError> {
        subledger_fold::put(rows, self.key(), holding)
    }

    pub(crate) fn delete(self, rows: &mut dyn Changes) {
        rows.delete(self.key());
    }
}

#[cfg(test)]
mod tests {
    use subledger_fold::memory::Memory;

    use super::*;

    #[test]
    fn the_same_subscription_id_of_two_customers_is_two_rows() {
        let (a, b) = (CustomerId::new("a").unwrap(), CustomerId::new("b").unwrap());
        let subscription = SubscriptionId::new("s").unwrap();
        let (of_a, of_b) =
            (Name { customer: &a, subscription: &subscription }, Name { customer: &b, subscription: &subscription });
        let holding = Holding {
            partner_id: PartnerId::new("p1").unwrap(),
            reseller_id: PartnerId::new("r1").ok(),
            offer_id: OfferId::new("o").unwrap(),
            currency: Currency::new("USD").unwrap(),
            quantity: 5,
            trial: false,
        };
        let mut rows = Memory::default();
        of_a.put(&mut rows, &holding).unwrap();
        assert_eq!(of_b.get(&rows).unwrap(), None);
        assert_eq!(of_a.get(&rows).unwrap(), Some(holding));
        of_a.delete(&mut rows);
        assert_eq!(rows, Memory::default());
    }
}
