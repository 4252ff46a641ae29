//! Programs and their rate cards: reference data, published to the catalog.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{IncentiveProgramId, OfferId},
    offer::ProductFamily,
    party::PartnerKind,
};

/// Digits after the point of an earning rate: 0.0375 is 3.75 percent.
pub const RATE_DECIMALS: u32 = 6;

/// Who earns on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProgramEarner {
    /// The partner that pays for it.
    Payer,
    /// The reseller of record (L17627).
    Reseller,
}

/// What an earning is (L9522).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EarningType {
    /// A fee.
    Fee,
    /// A rebate.
    Rebate,
    /// Funds for cooperative marketing.
    Coop,
    /// For a sale.
    Sell,
}

impl EarningType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Fee, Self::Rebate, Self::Coop, Self::Sell];

    /// As the exports print it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Fee => "fee",
            Self::Rebate => "rebate",
            Self::Coop => "coop",
            Self::Sell => "sell",
        }
    }
}

/// What a line sells, as far as a lever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum IncentiveProduct {
    /// Licenses.
    License,
    /// Software, reservations and other one-time and recurring purchases.
    OneTimeRecurring,
    /// SaaS of the marketplace.
    Marketplace,
    /// Rated use of Azure.
    AzureUsage,
}

impl IncentiveProduct {
    /// Of a line: whether it charges usage, and the family of its subscription.
    pub fn of(is_usage: bool, family: ProductFamily) -> Self {
        match family {
            _ if is_usage => Self::AzureUsage,
            ProductFamily::License => Self::License,
            ProductFamily::OneTimeRecurring => Self::OneTimeRecurring,
            ProductFamily::MarketplaceSaas => Self::Marketplace,
        }
    }
}

/// A rate that a large revenue reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accelerator {
    /// The revenue of the period, in US dollars, from which on it holds.
    pub from_revenue: Decimal,
    /// Then the rate of the whole period.
    pub rate: Decimal,
}

/// A business rule of a program that makes earnings (L9519).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lever {
    /// Its name, unique in the card.
    pub name: String,
    /// What it earns.
    pub earning_type: EarningType,
    /// What it applies to; empty for every product.
    pub products: BTreeSet<IncentiveProduct>,
    /// The only offers it applies to; empty for every offer.
    pub offer_ids: BTreeSet<OfferId>,
    /// What one unit of revenue earns: 0.04 is 4 percent.
    pub rate: Decimal,
    /// Higher rates, by rising revenue.
    pub accelerators: Vec<Accelerator>,
    /// Revenue of the period, in US dollars, below which nothing is earned; 0 for none.
    pub minimum_revenue: Decimal,
    /// What a period earns at most, in US dollars; none without a limit.
    pub cap: Option<Decimal>,
    /// Code of the co-op program whose funds it feeds (L9212, L9522); only of a lever that earns co-op. None: it is paid as money.
    pub coop_program: Option<String>,
}

impl Lever {
    /// The rate of a period with so much revenue, in US dollars: none below the minimum.
    pub fn rate_of(&self, revenue: Decimal) -> Option<Decimal> {
        if revenue < self.minimum_revenue {
            return None;
        }
        let reached = self.accelerators.iter().rev().find(|accelerator| revenue >= accelerator.from_revenue);
        Some(reached.map_or(self.rate, |accelerator| accelerator.rate))
    }

    /// Whether it applies to a line.
    pub fn applies(&self, product: IncentiveProduct, offer: &OfferId) -> bool {
        (self.products.is_empty() || self.products.contains(&product))
            && (self.offer_ids.is_empty() || self.offer_ids.contains(offer))
    }
}

/// What a program pays in a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateCard {
    /// First day, UTC.
    pub valid_from: NaiveDate,
    /// Last day, included; none while it is open.
    pub valid_to: Option<NaiveDate>,
    /// Its levers, at least one.
    pub levers: Vec<Lever>,
    /// Days from the end of the month to the payment order: the cooling period of the program guide (L9455).
    pub cooling_days: u32,
    /// Days from the end of the month to the payment, such as 45 (L13713).
    pub payment_days: u32,
    /// What a payment is at least, in US dollars; less is carried over.
    pub payment_threshold: Decimal,
    /// Months after that of an earning in which it is taken back when its charge is credited, and for which periods go on to be closed
    /// after an enrollment has ended.
    pub clawback_months: u32,
}

impl RateCard {
    /// Whether it holds on a day.
    pub fn holds(&self, on: NaiveDate) -> bool {
        self.valid_from <= on && self.valid_to.is_none_or(|to| on <= to)
    }

    /// The lever of a name.
    pub fn lever(&self, name: &str) -> Option<&Lever> {
        self.levers.iter().find(|lever| lever.name == name)
    }
}

/// An incentive program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncentiveProgram {
    /// Its id.
    pub program_id: IncentiveProgramId,
    /// As the exports print it.
    pub name: String,
    /// Who earns.
    pub earner: ProgramEarner,
    /// Which partners may enroll; empty for all.
    pub partner_kinds: BTreeSet<PartnerKind>,
    /// Countries whose partners may enroll, ISO 3166 alpha-2; empty for all.
    pub markets: BTreeSet<String>,
    /// Offers that never earn, such as those of shared services (L7825).
    pub excluded_offer_ids: BTreeSet<OfferId>,
    /// By rising first days, none over another.
    pub cards: Vec<RateCard>,
    /// The first day on which it is gone; none while it goes on (L9422).
    pub discontinued_on: Option<NaiveDate>,
}

impl IncentiveProgram {
    /// The card of a day; none where nothing holds.
    pub fn card(&self, on: NaiveDate) -> Option<&RateCard> {
        let gone = self.discontinued_on.is_some_and(|gone| gone <= on);
        self.cards.iter().find(|card| !gone && card.holds(on))
    }

    /// The card of a day, or the last one before it: it says how what was earned is paid and taken back.
    pub fn terms(&self, on: NaiveDate) -> Option<&RateCard> {
        self.cards.iter().rev().find(|card| card.valid_from <= on)
    }

    /// Whether a line can earn at all.
    pub fn includes(&self, offer: &OfferId) -> bool {
        !self.excluded_offer_ids.contains(offer)
    }

    /// Whether a partner may enroll.
    pub fn admits(&self, kind: PartnerKind, country: &str) -> bool {
        (self.partner_kinds.is_empty() || self.partner_kinds.contains(&kind))
            && (self.markets.is_empty() || self.markets.contains(country))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn an_accelerator_holds_for_the_whole_revenue() {
        let lever = Lever {
            name: "core".into(),
            earning_type: EarningType::Rebate,
            products: BTreeSet::from([IncentiveProduct::License]),
            offer_ids: BTreeSet::new(),
            rate: dec("0.03"),
            accelerators: vec![
                Accelerator { from_revenue: dec("1000"), rate: dec("0.05") },
                Accelerator { from_revenue: dec("5000"), rate: dec("0.08") },
            ],
            minimum_revenue: dec("100"),
            cap: None,
            coop_program: None,
        };
        for (revenue, rate) in [
            ("-1", None),
            ("99.99", None),
            ("100", Some("0.03")),
            ("999.99", Some("0.03")),
            ("1000", Some("0.05")),
            ("4999.99", Some("0.05")),
            ("5000", Some("0.08")),
        ] {
            assert_eq!(lever.rate_of(dec(revenue)), rate.map(dec), "{revenue}");
        }
        let offer = OfferId::new("e3").unwrap();
        assert!(lever.applies(IncentiveProduct::License, &offer));
        assert!(!lever.applies(IncentiveProduct::AzureUsage, &offer));
    }
}
