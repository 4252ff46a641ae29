//! Events of the catalog.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    catalog::{PaymentInstructions, TrialTerms},
    ids::PriceListId,
    money::Currency,
    offer::{Offer, PriceRow, Promotion},
    tax::TaxRateRow,
};

event! {
    /// Catalog: an offer is sold from now on as it stands here.
    OfferPublished {
        /// The offer.
        offer: Offer,
    }

    /// Catalog: prices of one list.
    PricesPublished {
        /// The list.
        price_list_id: PriceListId,
        /// Of every row.
        currency: Currency,
        /// The prices.
        rows: Vec<PriceRow>,
    }

    /// Catalog: what free trials give.
    TrialsPublished {
        /// The terms.
        trials: Vec<TrialTerms>,
    }

    /// Catalog: a promotion holds as it stands here for what is bought from now on.
    PromotionPublished {
        /// The promotion.
        promotion: Promotion,
    }

    /// Catalog: the most that a year's refunds of reservations come to, per customer and partner.
    RefundCapPublished {
        /// Of the reservations.
        currency: Currency,
        /// First day it holds.
        valid_from: NaiveDate,
        /// In that currency.
        amount: Decimal,
    }

    /// Catalog: a business day is over.
    DayClosed {
        /// The day.
        date: NaiveDate,
    }

    /// Catalog: tax rates.
    TaxRatesPublished {
        /// With their treatment.
        rows: Vec<TaxRateRow>,
    }

    /// Catalog: what invoices say about payment from now on.
    PaymentInstructionsPublished {
        /// By country.
        instructions: Vec<PaymentInstructions>,
    }
}
