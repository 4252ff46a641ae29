//! `CatalogService`: offers, prices and partners, from the data that decisions refer to.

use std::sync::Arc;

use subledger_domain::{
    catalog::Catalog,
    ids::{OfferId, PartnerId},
    offer, partner,
};
use subledger_log::{
    Layout, Position,
    codec::{FieldError, Wire},
};
use subledger_proto::{
    api::{
        GetOfferRequest, GetPartnerRequest, ListOffersRequest, ListOffersResponse, ListPartnersRequest,
        ListPartnersResponse, Offer, Partner, Price, catalog_service_server::CatalogService,
    },
    common as pbc,
};
use subledger_writer::{ReferenceFollower, ReferenceView};
use tonic::{Request, Response, Status};

use super::{
    errors, paging,
    position::{self, Wanted},
};

/// The service.
pub(crate) struct CatalogApi {
    reference: Arc<ReferenceFollower>,
    layout: Layout,
    page_items_max: usize,
}

impl CatalogApi {
    /// A service over the reference data.
    pub(crate) fn new(reference: Arc<ReferenceFollower>, layout: Layout, page_items_max: usize) -> Self {
        Self { reference, layout, page_items_max }
    }

    /// Reads once everything wanted is reflected.
    async fn read<T: Send + 'static>(
        &self,
        wanted: Wanted,
        query: impl FnOnce(&ReferenceView, Vec<pbc::Position>) -> Result<T, Status> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let reference = Arc::clone(&self.reference);
        let reading = move || {
            // Positions of customers say nothing about the catalog.
            if !wanted.positions.is_empty() && !reference.wait_for(&wanted.positions, wanted.wait) {
                let reflects = reference.view().positions();
                return Err(position::too_far_behind(&wanted, &reflects));
            }
            let view = reference.view();
            let reflects: Vec<Position> = view.positions();
            query(&view, position::to_wire(&reflects)).map(Response::new)
        };
        tokio::task::spawn_blocking(reading)
            .await
            .map_err(|_| errors::unavailable("SHUTTING_DOWN", "the ledger is shutting down"))?
    }
}

#[tonic::async_trait]
impl CatalogService for CatalogApi {
    async fn get_offer(&self, request: Request<GetOfferRequest>) -> Result<Response<Offer>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let id: OfferId = id("offer_id", request.into_inner().offer_id)?;
        self.read(wanted, move |view, reflects| {
            let catalog = &view.reference.catalog;
            let offer = catalog.offer(&id).ok_or_else(|| errors::not_found("offer", id.as_str()))?;
            Ok(Offer { reflects, ..to_offer(catalog, offer) })
        })
        .await
    }

    async fn list_offers(&self, request: Request<ListOffersRequest>) -> Result<Response<ListOffersResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        self.read(wanted, move |view, reflects| {
            let catalog = &view.reference.catalog;
            let offers = catalog.offers().map(|offer| (offer.offer_id.as_str(), offer));
            let (page, next_page_token) = paging::slice(offers, size, &request.page_token)?;
            let offers = page.into_iter().map(|offer| to_offer(catalog, offer)).collect();
            Ok(ListOffersResponse { offers, next_page_token, reflects })
        })
        .await
    }

    async fn get_partner(&self, request: Request<GetPartnerRequest>) -> Result<Response<Partner>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let id: PartnerId = id("partner_id", request.into_inner().partner_id)?;
        self.read(wanted, move |view, reflects| {
            let partner = view.reference.partners.get(&id).ok_or_else(|| errors::not_found("partner", id.as_str()))?;
            Ok(Partner { reflects, ..to_partner(view, partner) })
        })
        .await
    }

    async fn list_partners(
        &self,
        request: Request<ListPartnersRequest>,
    ) -> Result<Response<ListPartnersResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        self.read(wanted, move |view, reflects| {
            let partners = view.reference.partners.iter().map(|(id, partner)| (id.as_str(), partner));
            let (page, next_page_token) = paging::slice(partners, size, &request.page_token)?;
            let partners = page.into_iter().map(|partner| to_partner(view, partner)).collect();
            Ok(ListPartnersResponse { partners, next_page_token, reflects })
        })
        .await
    }
}

/// Checks an id of a request.
pub(super) fn id<T: Wire<String>>(field: &str, text: String) -> Result<T, Status> {
    T::from_wire(text).map_err(|error: FieldError| errors::invalid_field(&error.within(field)))
}

fn to_offer(catalog: &Catalog, offer: &offer::Offer) -> Offer {
    let prices = catalog.price_rows(&offer.offer_id).map(|(currency, published)| Price {
        price_list_id: published.price_list_id.to_wire(),
        currency: currency.to_wire(),
        row: Some(published.row.to_wire()),
    });
    Offer { offer: Some(offer.to_wire()), prices: prices.collect(), reflects: Vec::new() }
}

fn to_partner(view: &ReferenceView, partner: &partner::Partner) -> Partner {
    Partner {
        partner_id: partner.partner_id.to_wire(),
        name: partner.name.clone(),
        kind: partner.kind.to_wire(),
        country: partner.country.clone(),
        currency: partner.currency.to_wire(),
        billing_day: partner.billing_day,
        mpn_id: partner.mpn_id.clone(),
        registered_on: partner.registered_on.to_wire(),
        version: view.versions.get(partner.partner_id.as_str()).copied().unwrap_or_default(),
        reflects: Vec::new(),
    }
}
