//! Events of the catalog.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    catalog::{PaymentInstructions, TrialTerms},
    ids::PriceListId,
    money::Currency,
    offer::{Offer, PriceRow},
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
