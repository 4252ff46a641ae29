//! `CatalogService`: offers, prices and partners, from the data that decisions refer to.

mod partners;

use std::{borrow::Cow, sync::Arc};

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use subledger_domain::{
    catalog::{Catalog, PriceChange, TrialTerms},
    ids::{ExemptionId, OfferId, PartnerId},
    money::Currency,
    offer, partner,
    party::Segment,
    tax::{self, ExemptionState, TaxIdState},
};
use subledger_log::{
    Layout, Position,
    codec::{FieldError, Wire},
};
use subledger_proto::{
    api::{
        GetOfferRequest, GetPartnerRequest, ListLocationsRequest, ListLocationsResponse, ListMembershipsRequest,
        ListMembershipsResponse, ListMergesRequest, ListMergesResponse, ListOffersRequest, ListOffersResponse,
        ListPartnerAgreementsRequest, ListPartnerAgreementsResponse, ListPartnersRequest, ListPartnersResponse,
        ListPartnershipsRequest, ListPartnershipsResponse, ListPricesRequest, ListPricesResponse,
        ListPromotionsRequest, ListPromotionsResponse, ListTaxRatesRequest, ListTaxRatesResponse, ListTrialsRequest,
        ListTrialsResponse, ListedPrice, Offer, Partner, Price, TaxExemption, TaxId,
        catalog_service_server::CatalogService,
    },
    common as pbc,
};
use subledger_writer::{ReferenceFollower, ReferenceView};
use tonic::{Request, Response, Status};

use self::partners::Asked;
use super::{
    billing::optional_id,
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

    /// Which page of a list about partners is asked for.
    fn asked(
        &self,
        partner_id: String,
        as_of_date: String,
        (page_size, token): (i32, String),
    ) -> Result<Asked, Status> {
        let partner_id = if partner_id.is_empty() { None } else { Some(id("partner_id", partner_id)?) };
        let size = paging::size(page_size, self.page_items_max)?;
        Ok(Asked { partner_id, as_of: day("as_of_date", as_of_date)?, size, token })
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
        let as_of = day("as_of_date", request.as_of_date.clone())?;
        let filter = OfferFilter::of(&request)?;
        self.read(wanted, move |view, reflects| {
            let catalog = &*catalog(view, as_of);
            let offers = catalog.offers().filter(|offer| filter.takes(offer));
            let offers = offers.map(|offer| (offer.offer_id.as_str(), offer));
            let (page, next_page_token) = paging::slice(offers, size, &request.page_token)?;
            let offers = page.into_iter().map(|offer| to_offer(catalog, offer)).collect();
            Ok(ListOffersResponse { offers, next_page_token, reflects })
        })
        .await
    }

    async fn list_promotions(
        &self,
        request: Request<ListPromotionsRequest>,
    ) -> Result<Response<ListPromotionsResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        let (as_of, on) = (day("as_of_date", request.as_of_date)?, day("on", request.on)?);
        let offer_id: Option<OfferId> = optional_id("offer_id", request.offer_id)?;
        let country = request.country;
        self.read(wanted, move |view, reflects| {
            let catalog = &*catalog(view, as_of);
            let holds = |known: &&offer::Promotion| {
                offer_id.as_ref().is_none_or(|offer_id| known.offer_ids.contains(offer_id))
                    && on.is_none_or(|on| known.first_day <= on && known.last_day.is_none_or(|last| on <= last))
                    && (country.is_empty() || known.markets.is_empty() || known.markets.contains(&country))
            };
            let known = catalog.promotions().filter(holds).map(|known| (known.promotion_id.as_str(), known));
            let (page, next_page_token) = paging::slice(known, size, &request.page_token)?;
            let promotions = page.into_iter().map(Wire::to_wire).collect();
            Ok(ListPromotionsResponse { promotions, next_page_token, reflects })
        })
        .await
    }

    async fn list_trials(&self, request: Request<ListTrialsRequest>) -> Result<Response<ListTrialsResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let size = paging::size(request.page_size, self.page_items_max)?;
        let as_of = day("as_of_date", request.as_of_date)?;
        self.read(wanted, move |view, reflects| {
            let catalog = &*catalog(view, as_of);
            let known = catalog.trials().map(|terms| (terms.offer_id.as_str(), terms));
            let (page, next_page_token) = paging::slice(known, size, &request.page_token)?;
            // What holds where the terms name no days and seats, too.
            let terms =
                |terms: &TrialTerms| TrialTerms { days: terms.days(), quantity: terms.quantity(), ..terms.clone() };
            let trials = page.into_iter().map(|known| terms(known).to_wire()).collect();
            Ok(ListTrialsResponse { trials, next_page_token, reflects })
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
        let request = request.into_inner();
        let as_of = day("as_of_date", request.as_of_date)?;
        let id: PartnerId = id("partner_id", request.partner_id)?;
        self.read(wanted, move |view, reflects| {
            let partners = partners::partners(view, as_of);
            let partner = partners.get(&id).ok_or_else(|| errors::not_found("partner", id.as_str()))?;
            Ok(Partner { reflects, ..to_partner(view, partner, as_of) })
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
        let as_of = day("as_of_date", request.as_of_date)?;
        self.read(wanted, move |view, reflects| {
            let partners = partners::partners(view, as_of);
            let wanted =
                |id: &PartnerId| request.partner_ids.is_empty() || request.partner_ids.iter().any(|w| w == id.as_str());
            let partners = partners.iter().filter(|(id, _)| wanted(id));
            let partners = partners.map(|(id, partner)| (id.as_str(), partner));
            let (page, next_page_token) = paging::slice(partners, size, &request.page_token)?;
            let partners = page.into_iter().map(|partner| to_partner(view, partner, as_of)).collect();
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

    async fn list_locations(
        &self,
        request: Request<ListLocationsRequest>,
    ) -> Result<Response<ListLocationsResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let asked = self.asked(request.partner_id, request.as_of_date, (request.page_size, request.page_token))?;
        self.read(wanted, move |view, reflects| partners::locations(view, &asked, reflects)).await
    }

    async fn list_partnerships(
        &self,
        request: Request<ListPartnershipsRequest>,
    ) -> Result<Response<ListPartnershipsResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let asked = self.asked(request.partner_id, request.as_of_date, (request.page_size, request.page_token))?;
        self.read(wanted, move |view, reflects| partners::partnerships(view, &asked, reflects)).await
    }

    async fn list_memberships(
        &self,
        request: Request<ListMembershipsRequest>,
    ) -> Result<Response<ListMembershipsResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let asked = self.asked(request.partner_id, request.as_of_date, (request.page_size, request.page_token))?;
        self.read(wanted, move |view, reflects| partners::memberships(view, &asked, reflects)).await
    }

    async fn list_merges(&self, request: Request<ListMergesRequest>) -> Result<Response<ListMergesResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let asked = self.asked(request.partner_id, request.as_of_date, (request.page_size, request.page_token))?;
        self.read(wanted, move |view, reflects| partners::merges(view, &asked, reflects)).await
    }

    async fn list_partner_agreements(
        &self,
        request: Request<ListPartnerAgreementsRequest>,
    ) -> Result<Response<ListPartnerAgreementsResponse>, Status> {
        let wanted = position::wanted(&request.get_ref().min_position, request.metadata(), self.layout)?;
        let request = request.into_inner();
        let asked = self.asked(request.partner_id, request.as_of_date, (request.page_size, request.page_token))?;
        self.read(wanted, move |view, reflects| {
            partners::agreements(view, &asked, &catalog(view, asked.as_of), reflects)
        })
        .await
    }
}

/// Which offers a list has.
struct OfferFilter {
    country: String,
    segment: Option<Segment>,
    family: Option<offer::ProductFamily>,
    kind: Option<offer::OfferKind>,
    on_sale_on: Option<NaiveDate>,
    text: String,
}

impl OfferFilter {
    fn of(request: &ListOffersRequest) -> Result<Self, Status> {
        Ok(Self {
            country: request.country.clone(),
            segment: choice("segment", request.segment)?,
            family: choice("product_family", request.product_family)?,
            kind: choice("kind", request.kind)?,
            on_sale_on: day("on_sale_on", request.on_sale_on.clone())?,
            text: request.text.to_lowercase(),
        })
    }

    fn takes(&self, offer: &offer::Offer) -> bool {
        let named = |text: &str| text.to_lowercase().contains(&self.text);
        (self.country.is_empty() || offer.markets.is_empty() || offer.markets.contains(&self.country))
            && self.segment.is_none_or(|segment| offer.product().segments.contains(&segment))
            && self.family.is_none_or(|family| offer.product_family == family)
            && self.kind.is_none_or(|kind| offer.kind == kind)
            && self.on_sale_on.is_none_or(|on| offer.end_of_sale.is_none_or(|end| on < end))
            && (named(&offer.display_name) || named(offer.offer_id.as_str()))
    }
}

/// One of an enumeration's values; none if it is unspecified.
fn choice<T: Wire<i32>>(field: &str, value: i32) -> Result<Option<T>, Status> {
    if value == 0 {
        return Ok(None);
    }
    T::from_wire(value).map(Some).map_err(|error: FieldError| errors::invalid_field(&error.within(field)))
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

fn to_partner(view: &ReferenceView, partner: &partner::Partner, as_of: Option<NaiveDate>) -> Partner {
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
        ..partners::with_account(partner, view, as_of)
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
