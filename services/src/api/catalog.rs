//! `CatalogService`: offers, prices and partners, from the data that decisions refer to.

use std::{borrow::Cow, sync::Arc};

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use subledger_domain::{
    catalog::{Catalog, PriceChange},
    ids::{ExemptionId, OfferId, PartnerId},
    money::Currency,
    offer, partner,
    tax::{self, ExemptionState, TaxIdState},
};
use subledger_log::{
    Layout, Position,
    codec::{FieldError, Wire},
};
use subledger_proto::{
    api::{
        GetOfferRequest, GetPartnerRequest, ListOffersRequest, ListOffersResponse, ListPartnersRequest,
        ListPartnersResponse, ListPricesRequest, ListPricesResponse, ListTaxRatesRequest, ListTaxRatesResponse,
        ListedPrice, Offer, Partner, Price, TaxExemption, TaxId, catalog_service_server::CatalogService,
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
        let request = request.into_inner();
        let as_of = day("as_of_date", request.as_of_date)?;
        let id: OfferId = id("offer_id", request.offer_id)?;
        self.read(wanted, move |view, reflects| {
            let catalog = &*catalog(view, as_of);
            let offer = catalog.offer(&id).ok_or_else(|| errors::not_found("offer", id.as_str()))?;
            Ok(Offer { reflects, ..to_offer(catalog, offer) })
        })
        .await
    }

    async fn list_offers(&self, request: Request<ListOffersRequest>) -> Result<Response<ListOffersResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        let as_of = day("as_of_date", request.as_of_date)?;
        self.read(wanted, move |view, reflects| {
            let catalog = &*catalog(view, as_of);
            let offers = catalog.offers().map(|offer| (offer.offer_id.as_str(), offer));
            let (page, next_page_token) = paging::slice(offers, size, &request.page_token)?;
            let offers = page.into_iter().map(|offer| to_offer(catalog, offer)).collect();
            Ok(ListOffersResponse { offers, next_page_token, reflects })
        })
        .await
    }

    async fn list_prices(&self, request: Request<ListPricesRequest>) -> Result<Response<ListPricesResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        let currency: Currency = id("currency", request.currency)?;
        let on: NaiveDate = id("on", request.on)?;
        let month_before = on.with_day(1).and_then(|first| first.pred_opt()).unwrap_or(on);
        let since = day("since", request.since)?.unwrap_or(month_before);
        let as_of = day("as_of_date", request.as_of_date)?;
        self.read(wanted, move |view, reflects| {
            let catalog = &*catalog(view, as_of);
            let changes = catalog.price_changes(currency, on, since);
            let key = |change: &PriceChange| {
                format!("{}|{}", change.offer_id, change.component.as_deref().unwrap_or_default())
            };
            let mut changes: Vec<_> = changes.into_iter().map(|change| (key(&change), change)).collect();
            changes.sort_by(|one, other| one.0.cmp(&other.0));
            let listed = changes.iter().map(|(key, change)| (key.as_str(), change));
            let (page, next_page_token) = paging::slice(listed, size, &request.page_token)?;
            let prices = page.into_iter().map(|change| to_listed(catalog, change)).collect();
            Ok(ListPricesResponse { prices, next_page_token, reflects })
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
            let wanted =
                |id: &PartnerId| request.partner_ids.is_empty() || request.partner_ids.iter().any(|w| w == id.as_str());
            let partners = view.reference.partners.iter().filter(|(id, _)| wanted(id));
            let partners = partners.map(|(id, partner)| (id.as_str(), partner));
            let (page, next_page_token) = paging::slice(partners, size, &request.page_token)?;
            let partners = page.into_iter().map(|partner| to_partner(view, partner)).collect();
            Ok(ListPartnersResponse { partners, next_page_token, reflects })
        })
        .await
    }

    async fn list_tax_rates(
        &self,
        request: Request<ListTaxRatesRequest>,
    ) -> Result<Response<ListTaxRatesResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        self.read(wanted, move |view, reflects| {
            let rows = view.reference.catalog.tax_rates().rows();
            let rows = rows.filter(|row| request.country.is_empty() || row.country == request.country);
            let named: Vec<_> = rows.map(|row| (rate_name(row), row)).collect();
            let named = named.iter().map(|(name, row)| (name.as_str(), *row));
            let (page, next_page_token) = paging::slice(named, size, &request.page_token)?;
            let rates = page.into_iter().map(Wire::to_wire).collect();
            Ok(ListTaxRatesResponse { rates, next_page_token, reflects })
        })
        .await
    }
}

/// What tells a rate from all others, in the order of the list.
fn rate_name(row: &tax::TaxRateRow) -> String {
    let region = row.region.as_deref().unwrap_or_default();
    format!("{}\t{}\t{region}\t{}\t{}", row.country, row.scope as u8, row.tax, row.valid_from)
}

/// A day of a request; none if it is empty.
fn day(field: &str, text: String) -> Result<Option<NaiveDate>, Status> {
    if text.is_empty() { Ok(None) } else { id(field, text).map(Some) }
}

/// The catalog of now, or as it was published by the end of a day.
fn catalog(view: &ReferenceView, as_of: Option<NaiveDate>) -> Cow<'_, Catalog> {
    as_of.map_or(Cow::Borrowed(&view.reference.catalog), |day| Cow::Owned(view.catalog_on(day)))
}

fn to_listed(catalog: &Catalog, change: &PriceChange) -> ListedPrice {
    let text = |price: Option<Decimal>| price.map(|price| price.to_string()).unwrap_or_default();
    ListedPrice {
        offer_id: change.offer_id.to_wire(),
        offer_name: catalog.offer(&change.offer_id).map(|offer| offer.display_name.clone()).unwrap_or_default(),
        component: change.component.clone().unwrap_or_default(),
        change_flag: change.flag.label().into(),
        list_price: text(change.now),
        previous_price: text(change.before),
        price_list_id: change.price_list_id.to_wire(),
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
        profile: partner.profile.as_ref().map(Wire::to_wire),
        tax_ids: partner.tax.ids().iter().map(to_tax_id).collect(),
        tax_exemptions: partner.tax.exemptions().map(|(id, exemption)| to_exemption(id, exemption)).collect(),
    }
}

fn to_tax_id(id: &tax::TaxId) -> TaxId {
    let (state, effective_from, reason) = match &id.state {
        TaxIdState::Submitted => ("submitted", None, ""),
        TaxIdState::Validated { from } => ("validated", Some(from.to_wire()), ""),
        TaxIdState::Rejected { reason, .. } => ("rejected", None, reason.as_str()),
    };
    let (state, reason) = (state.to_owned(), reason.to_owned());
    TaxId { kind: id.kind.to_wire(), value: id.value.clone(), state, effective_from, reason }
}

fn to_exemption(id: &ExemptionId, exemption: &tax::TaxExemption) -> TaxExemption {
    let (state, from, to, reason) = match &exemption.state {
        ExemptionState::Submitted => ("submitted", None, String::new(), String::new()),
        ExemptionState::Granted { from, to } => ("granted", Some(from.to_wire()), to.to_wire(), String::new()),
        ExemptionState::Refused { reason } => ("refused", None, String::new(), reason.clone()),
    };
    TaxExemption {
        exemption_id: id.to_wire(),
        region: exemption.region.to_wire(),
        tax: exemption.tax.clone(),
        document_kind: exemption.document_kind.to_wire(),
        state: state.to_owned(),
        from,
        to,
        reason,
    }
}
