//! `CatalogService`: offers, prices and partners, from the data that decisions refer to.

use std::sync::Arc;

use subledger_log::{Layout, Position};
use subledger_proto::api::{
    GetOfferRequest, GetPartnerRequest, ListOffersRequest, ListOffersResponse, ListPartnersRequest,
    ListPartnersResponse, Offer, Partner, catalog_service_server::CatalogService,
};
use subledger_writer::{ReferenceFollower, ReferenceView};
use tonic::{Request, Response, Status};

use super::{errors, paging, position};

/// The service.
pub(crate) struct CatalogApi {
    reference: Arc<ReferenceFollower>,
    layout: Layout,
    page_items_max: usize,
}
