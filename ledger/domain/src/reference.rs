//! What decisions about customers refer to: the whole catalog and all partners, as of recorded positions.

pub mod incident;
pub mod market;
pub mod partner_standing;
pub mod reservation_markets;
pub mod template;
pub mod transactions;
pub mod upgrade;

use serde::{Deserialize, Serialize};

use crate::{catalog::Catalog, partner::Partners};

/// The catalog and all partners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Offers, prices, business days.
    pub catalog: Catalog,
    /// Every partner.
    pub partners: Partners,
}
