//! `CustomerService`: customers, subscriptions, transfers, what happened.

use chrono::NaiveDate;
use subledger_customer::{
    self as model,
    look_back::{
        customers_of_subscription_as_of, get_customer_as_of, get_subscription_as_of, list_customers_as_of,
        list_subscriptions_as_of,
    },
    query::{self, Days, SubscriptionFilter},
    search::{self, HITS_MAX},
};
use subledger_domain::{
    charge::AppliedPromotion,
    ids::{CustomerId, PartnerId, SubscriptionId},
    offer::PriceComponent,
    reference::upgrade::{self, PathKind},
};
use subledger_fold::{Rows, StoreError, as_of::Horizon};
use subledger_log::codec::Wire;
use subledger_proto::api::{
    Activity, Agreement, Customer, CustomerHit, GetCustomerRequest, GetSubscriptionRequest,
    GetSubscriptionStateRequest, ListActivitiesRequest, ListActivitiesResponse, ListChangesResponse,
    ListCustomerChangesRequest, ListCustomersRequest, ListCustomersResponse, ListSubscriptionsRequest,
    ListSubscriptionsResponse, ListTransfersRequest, ListTransfersResponse, ListUsersRequest, ListUsersResponse,
    PartnerTags, Permission, Qualification, Relationship, SearchCustomersRequest, SearchCustomersResponse,
    Subscription, SubscriptionState, Transfer, TransferItem, User, customer_service_server::CustomerService,
};
use subledger_proto::common;
use tonic::{Code, Request, Response, Status};

use super::{billing::optional_id, catalog::id, errors, read_model::ReadModel};

mod changes;

/// Customers that a refusal names, if several have a subscription of one id.
const CUSTOMERS_NAMED_MAX: usize = 10;
/// Hits of a search that names no number.
const HITS_DEFAULT: usize = 20;
/// Longest text of a search, in characters.
const SEARCH_CHARS_MAX: usize = 256;

/// The service.
pub(crate) struct CustomerApi {
    model: ReadModel,
}

impl CustomerApi {
    /// A service over the customer read model.
    pub(crate) fn new(model: ReadModel) -> Self {
        Self { model }
    }
}

#[tonic::async_trait]
impl CustomerService for CustomerApi {
    async fn get_customer(&self, request: Request<GetCustomerRequest>) -> Result<Response<Customer>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let as_of = self.model.as_of(request.as_of)?;
        let id: CustomerId = id("customer_id", request.customer_id)?;
        let text = id.to_string();
        let find = move |rows: &dyn Rows, horizon: &Horizon| get_customer_as_of(rows, id.as_str(), horizon);
        let (customer, reflects) = self.model.read_as_of(wanted, as_of, find).await?;
        let customer = customer.ok_or_else(|| errors::not_found("customer", &text))?;
        Ok(Response::new(Customer { reflects, ..to_customer(customer) }))
    }

    async fn list_customers(
        &self,
        request: Request<ListCustomersRequest>,
    ) -> Result<Response<ListCustomersResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
        let (prefix, as_of) = (request.prefix, self.model.as_of(request.as_of)?);
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            list_customers_as_of(rows, partner.as_ref().map(PartnerId::as_str), &prefix, horizon, page.request())
        };
        let (customers, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let customers = customers.into_iter().map(to_customer).collect();
        Ok(Response::new(ListCustomersResponse { customers, next_page_token, reflects }))
    }

    async fn get_subscription(
        &self,
        request: Request<GetSubscriptionRequest>,
    ) -> Result<Response<Subscription>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let customer: Option<CustomerId> = optional_id("customer_id", request.customer_id)?;
        let id: SubscriptionId = id("subscription_id", request.subscription_id)?;
        let (text, as_of) = (id.to_string(), self.model.as_of(request.as_of)?);
        let find = move |rows: &dyn Rows, horizon: &Horizon| {
            let owners = match &customer {
                Some(customer) => vec![customer.to_string()],
                None => customers_of_subscription_as_of(rows, id.as_str(), CUSTOMERS_NAMED_MAX + 1, horizon)?,
            };
            let found = match owners.as_slice() {
                [owner] => get_subscription_as_of(rows, owner, id.as_str(), horizon)?,
                _ => None,
            };
            Ok::<_, StoreError>((found, owners))
        };
        let ((subscription, owners), reflects) = self.model.read_as_of(wanted, as_of, find).await?;
        if owners.len() > 1 {
            return Err(ambiguous(text, &owners));
        }
        let subscription = subscription.ok_or_else(|| errors::not_found("subscription", &text))?;
        Ok(Response::new(Subscription { reflects, ..to_subscription(subscription) }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<ListSubscriptionsRequest>,
    ) -> Result<Response<ListSubscriptionsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let customer: Option<CustomerId> = optional_id("customer_id", request.customer_id)?;
        let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
        let (state, as_of) = (subscription_state(&request.state)?, self.model.as_of(request.as_of)?);
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            let filter = SubscriptionFilter {
                customer_id: customer.as_ref().map(CustomerId::as_str),
                partner_id: partner.as_ref().map(PartnerId::as_str),
                state,
            };
            list_subscriptions_as_of(rows, filter, horizon, page.request())
        };
        let (subscriptions, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let subscriptions = subscriptions.into_iter().map(to_subscription).collect();
        Ok(Response::new(ListSubscriptionsResponse { subscriptions, next_page_token, reflects }))
    }

    async fn list_transfers(
        &self,
        request: Request<ListTransfersRequest>,
    ) -> Result<Response<ListTransfersResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let customer: Option<CustomerId> = optional_id("customer_id", request.customer_id)?;
        let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
        let list = move |rows: &dyn Rows| {
            let (customer, partner) =
                (customer.as_ref().map(CustomerId::as_str), partner.as_ref().map(PartnerId::as_str));
            query::list_transfers(rows, customer, partner, page.request())
        };
        let (transfers, next_page_token, reflects) = self.model.list(wanted, list).await?;
        let transfers = transfers.into_iter().map(to_transfer).collect();
        Ok(Response::new(ListTransfersResponse { transfers, next_page_token, reflects }))
    }

    async fn list_activities(
        &self,
        request: Request<ListActivitiesRequest>,
    ) -> Result<Response<ListActivitiesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let customer: CustomerId = id("customer_id", request.customer_id)?;
        let from = optional_day("from_date", request.from_date)?;
        let days = Days { from, to: optional_day("to_date", request.to_date)? };
        let list = move |rows: &dyn Rows| query::list_activities(rows, customer.as_str(), days, page.request());
        let (activities, next_page_token, reflects) = self.model.list(wanted, list).await?;
        let activities = activities.into_iter().map(to_activity).collect();
        Ok(Response::new(ListActivitiesResponse { activities, next_page_token, reflects }))
    }

    async fn search_customers(
        &self,
        request: Request<SearchCustomersRequest>,
    ) -> Result<Response<SearchCustomersResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let partner: Option<PartnerId> = optional_id("partner_id", request.partner_id)?;
        let most = match usize::try_from(request.page_size) {
            Ok(0) => HITS_DEFAULT,
            Ok(size) => size.min(HITS_MAX),
            Err(_) => return Err(errors::field_status("INVALID_VALUE", "page_size", "a page has 0 to 100 hits")),
        };
        if request.text.trim().is_empty() || request.text.chars().count() > SEARCH_CHARS_MAX {
            let what =
                format!("a search is for 1 to {SEARCH_CHARS_MAX} characters of an id, a tag, a name or a domain");
            return Err(errors::field_status("INVALID_VALUE", "text", &what));
        }
        let find =
            move |rows: &dyn Rows| search::search(rows, partner.as_ref().map(PartnerId::as_str), &request.text, most);
        let (found, reflects) = self.model.read(wanted, find).await?;
        let hit = |hit: search::Hit| CustomerHit {
            customer: Some(to_customer(hit.customer)),
            matched_by: hit.by.label().into(),
            likeness: hit.alike,
        };
        let hits = found.hits.into_iter().map(hit).collect();
        Ok(Response::new(SearchCustomersResponse { hits, complete: found.complete, reflects }))
    }

    async fn get_subscription_state(
        &self,
        request: Request<GetSubscriptionStateRequest>,
    ) -> Result<Response<SubscriptionState>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let customer: CustomerId = id("customer_id", request.customer_id)?;
        let subscription: SubscriptionId = id("subscription_id", request.subscription_id)?;
        let on: NaiveDate = id("on", request.on)?;
        let text = format!("{subscription} on {on}");
        let find = move |rows: &dyn Rows| query::state_on(rows, customer.as_str(), subscription.as_str(), on);
        let (state, reflects) = self.model.read(wanted, find).await?;
        let state = state.ok_or_else(|| errors::not_found("subscription", &text))?;
        Ok(Response::new(SubscriptionState {
            since: state.since.to_wire(),
            state: state.state.label().into(),
            state_reason: state.state_reason().into(),
            quantity: state.quantity,
            offer_id: state.offer_id.to_wire(),
            event: state.event,
            position: Some(state.position.to_wire()),
            command_id: state.command_id,
            principal: state.principal,
            reflects,
        }))
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Result<Response<ListUsersResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let customer: CustomerId = id("customer_id", request.customer_id)?;
        let list = move |rows: &dyn Rows| query::list_users(rows, customer.as_str(), page.request());
        let (users, next_page_token, reflects) = self.model.list(wanted, list).await?;
        let users = users.into_iter().map(to_user).collect();
        Ok(Response::new(ListUsersResponse { users, next_page_token, reflects }))
    }

    async fn list_customer_changes(
        &self,
        request: Request<ListCustomerChangesRequest>,
    ) -> Result<Response<ListChangesResponse>, Status> {
        changes::list(&self.model, request).await
    }
}

/// A day of a request; none if it is empty.
fn optional_day(field: &str, text: String) -> Result<Option<NaiveDate>, Status> {
    if text.is_empty() { Ok(None) } else { id(field, text).map(Some) }
}

fn to_user(user: model::UserRow) -> User {
    User {
        user_id: user.user_id.to_wire(),
        display_name: user.display_name,
        first_name: user.first_name,
        last_name: user.last_name,
        email: user.email,
        restorable_until: user.restorable_until.to_wire(),
        subscription_ids: user.licenses.to_wire(),
    }
}

/// Ids are unique for a customer only.
fn ambiguous(id: String, owners: &[String]) -> Status {
    let named = owners.iter().take(CUSTOMERS_NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if owners.len() > CUSTOMERS_NAMED_MAX { " and more" } else { "" };
    let message =
        format!("several customers have a subscription {id:?}: {named}{more}; say in customer_id which one is meant");
    let facts = [("id", id), ("customer_ids", named)];
    errors::status(Code::FailedPrecondition, "SUBSCRIPTION_AMBIGUOUS", message, &facts)
}

fn subscription_state(label: &str) -> Result<Option<model::SubscriptionState>, Status> {
    if label.is_empty() {
        return Ok(None);
    }
    model::SubscriptionState::from_label(label).map(Some).ok_or_else(|| {
        let labels: Vec<_> = model::SubscriptionState::ALL.iter().map(|state| state.label()).collect();
        let what = format!("{label:?} is no state; these are: {}", labels.join(", "));
        errors::field_status("INVALID_VALUE", "state", &what)
    })
}

/// The API's form.
pub(crate) fn to_customer(customer: model::Customer) -> Customer {
    let relationship = |relationship: model::Relationship| Relationship {
        partner_id: relationship.partner_id.to_wire(),
        state: relationship.state.label().into(),
        delegated_admin: relationship.delegated_admin,
        reseller_id: relationship.reseller_id.to_wire(),
        reseller_ids: relationship.resellers.to_wire(),
        delegated_admin_requested: relationship.admin_requested,
    };
    let agreement = |agreement: model::Agreement| Agreement {
        mode: agreement.mode.to_wire(),
        partner_id: agreement.partner_id.to_wire(),
        accepted_on: agreement.accepted_on.to_wire(),
        version: agreement.version.to_wire(),
        language: agreement.language.unwrap_or_default(),
    };
    let tags = |tags: model::PartnerTags| PartnerTags { partner_id: tags.partner_id.to_wire(), tags: tags.tags };
    let qualification = |known: model::QualificationRow| Qualification {
        segment: known.segment.to_wire(),
        state: known.state.label().into(),
        submissions: known.submissions,
        note: known.note,
    };
    let permission = |permission: &model::Permission| Permission {
        partner_id: permission.partner_id.to_wire(),
        permission: permission.permission.to_wire(),
    };
    Customer {
        customer_id: customer.customer_id.to_wire(),
        company_name: customer.company_name,
        domain_name: customer.domain_name,
        address: Some(customer.address.to_wire()),
        contact: Some(customer.contact.to_wire()),
        relationships: customer.relationships.into_iter().map(relationship).collect(),
        agreements: customer.agreements.into_iter().map(agreement).collect(),
        subscription_count: customer.subscription_count,
        version: customer.version,
        created_on: customer.created_on.to_wire(),
        bill_to_name: customer.bill_to_name.unwrap_or_default(),
        tags: customer.tags.into_iter().map(tags).collect(),
        qualifications: customer.qualifications.into_iter().map(qualification).collect(),
        permissions: customer.permissions.iter().map(permission).collect(),
        reflects: Vec::new(),
    }
}

/// The API's form.
pub(crate) fn to_subscription(subscription: model::Subscription) -> Subscription {
    let price = |price: &model::Price| {
        PriceComponent { component: price.component.clone(), unit_price: price.unit_price, per: price.per }.to_wire()
    };
    Subscription {
        subscription_id: subscription.subscription_id.to_wire(),
        customer_id: subscription.customer_id.to_wire(),
        partner_id: subscription.partner_id.to_wire(),
        order_id: subscription.order_id.to_wire(),
        offer_id: subscription.offer_id.to_wire(),
        state: subscription.state.label().into(),
        state_reason: subscription.state_reason().into(),
        quantity: subscription.quantity,
        billing_frequency: subscription.billing_frequency.to_wire(),
        term_months: subscription.term_months,
        start: subscription.start.to_wire(),
        term_end: subscription.term_end.to_wire(),
        auto_renew: subscription.auto_renew,
        base_subscription_id: subscription.base_subscription_id.to_wire(),
        reseller_id: subscription.reseller_id.to_wire(),
        prices: subscription.prices.iter().map(price).collect(),
        currency: subscription.currency.to_wire(),
        expires_on: subscription.expires_on.to_wire(),
        transferred_from_subscription_id: subscription.transferred_from_subscription_id.to_wire(),
        transferred_to_subscription_id: subscription.transferred_to_subscription_id.to_wire(),
        po_number: subscription.po_number.unwrap_or_default(),
        support_contact_id: subscription.support_contact_id.as_ref().unwrap_or(&subscription.partner_id).to_wire(),
        free_trial_ends_on: subscription.free_trial_ends_on.to_wire(),
        scheduled_change: subscription.scheduled.as_ref().map(Wire::to_wire),
        replaced_by_subscription_id: subscription.replaced_by_subscription_id.to_wire(),
        upgrade_targets: upgrade::targets(&subscription.offer_name, PathKind::Upgrade)
            .into_iter()
            .filter(|_| subscription.state == model::SubscriptionState::Active)
            .map(str::to_owned)
            .collect(),
        offer_name: subscription.offer_name,
        friendly_name: subscription.friendly_name.unwrap_or_default(),
        sku: subscription.sku.unwrap_or_default(),
        promotion: subscription.promotion.map(promotion),
        product_kind: subscription.product_kind.to_wire(),
        authorization_code: subscription.authorization_code.unwrap_or_default(),
        confirmed: subscription.confirmed.to_wire(),
        trial_end: subscription.trial_end.to_wire(),
        ends_on: subscription.ends_on.to_wire(),
        next_billing_frequency: subscription.next_billing_frequency.to_wire(),
        reservation: subscription.reservation.to_wire(),
        exchanged_for_subscription_id: subscription.exchanged_for_subscription_id.to_wire(),
        reflects: Vec::new(),
    }
}

fn promotion(promotion: model::Promotion) -> common::AppliedPromotion {
    let model::Promotion { promotion_id, percent, until } = promotion;
    AppliedPromotion { promotion_id, percent, until }.to_wire()
}

/// The API's form.
pub(crate) fn to_transfer(transfer: model::Transfer) -> Transfer {
    let item = |item: model::TransferItem| TransferItem {
        subscription_id: item.subscription_id.to_wire(),
        offer_id: item.offer_id.to_wire(),
        quantity: item.quantity,
        new_subscription_id: item.new_subscription_id.to_wire(),
    };
    Transfer {
        transfer_id: transfer.transfer_id.to_wire(),
        customer_id: transfer.customer_id.to_wire(),
        source_partner_id: transfer.source_partner_id.to_wire(),
        target_partner_id: transfer.target_partner_id.to_wire(),
        state: transfer.state.label().into(),
        requested_on: transfer.requested_on.to_wire(),
        expires_on: transfer.expires_on.to_wire(),
        lines: transfer.lines.into_iter().map(item).collect(),
    }
}

fn to_activity(activity: model::Activity) -> Activity {
    Activity {
        position: Some(activity.position.to_wire()),
        command_id: activity.command_id,
        effective_at: activity.effective_at.to_rfc3339(),
        recorded_at: activity.recorded_at.to_rfc3339(),
        principal: activity.principal,
        channel: activity.channel,
        action: activity.action,
        subject: activity.subject,
        detail: activity.detail,
    }
}
