//! `CustomerService`: customers, subscriptions, transfers, what happened.

use subledger_customer::{
    self as model, SubscriptionState,
    query::{self, SubscriptionFilter},
};
use subledger_domain::{
    ids::{CustomerId, PartnerId, SubscriptionId},
    offer::PriceComponent,
};
use subledger_fold::{Rows, StoreError};
use subledger_log::codec::Wire as _;
use subledger_proto::api::{
    Activity, Agreement, Customer, GetCustomerRequest, GetSubscriptionRequest, ListActivitiesRequest,
    ListActivitiesResponse, ListCustomersRequest, ListCustomersResponse, ListSubscriptionsRequest,
    ListSubscriptionsResponse, ListTransfersRequest, ListTransfersResponse, Relationship, Subscription, Transfer,
    TransferItem, customer_service_server::CustomerService,
};
use tonic::{Code, Request, Response, Status};

use super::{billing::optional_id, catalog::id, errors, read_model::ReadModel};

/// Customers that a refusal names, if several have a subscription of one id.
const CUSTOMERS_NAMED_MAX: usize = 10;

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
        let id: CustomerId = id("customer_id", request.into_inner().customer_id)?;
        let text = id.to_string();
        let (customer, reflects) = self.model.read(wanted, move |rows| query::get_customer(rows, id.as_str())).await?;
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
        let prefix = request.prefix;
        let list = move |rows: &dyn Rows| {
            query::list_customers(rows, partner.as_ref().map(PartnerId::as_str), &prefix, page.request())
        };
        let (customers, next_page_token, reflects) = self.model.list(wanted, list).await?;
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
        let text = id.to_string();
        let find = move |rows: &dyn Rows| {
            let owners = match &customer {
                Some(customer) => vec![customer.to_string()],
                None => query::customers_of_subscription(rows, id.as_str(), CUSTOMERS_NAMED_MAX + 1)?,
            };
            let found = match owners.as_slice() {
                [owner] => query::get_subscription(rows, Some(owner), id.as_str())?,
                _ => None,
            };
            Ok::<_, StoreError>((found, owners))
        };
        let ((subscription, owners), reflects) = self.model.read(wanted, find).await?;
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
        let state = subscription_state(&request.state)?;
        let list = move |rows: &dyn Rows| {
            let filter = SubscriptionFilter {
                customer_id: customer.as_ref().map(CustomerId::as_str),
                partner_id: partner.as_ref().map(PartnerId::as_str),
                state,
            };
            query::list_subscriptions(rows, filter, page.request())
        };
        let (subscriptions, next_page_token, reflects) = self.model.list(wanted, list).await?;
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
        let list = move |rows: &dyn Rows| query::list_activities(rows, customer.as_str(), page.request());
        let (activities, next_page_token, reflects) = self.model.list(wanted, list).await?;
        let activities = activities.into_iter().map(to_activity).collect();
        Ok(Response::new(ListActivitiesResponse { activities, next_page_token, reflects }))
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

fn subscription_state(label: &str) -> Result<Option<SubscriptionState>, Status> {
    if label.is_empty() {
        return Ok(None);
    }
    SubscriptionState::from_label(label).map(Some).ok_or_else(|| {
        let labels: Vec<_> = SubscriptionState::ALL.iter().map(|state| state.label()).collect();
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
    };
    let agreement = |agreement: model::Agreement| Agreement {
        mode: agreement.mode.to_wire(),
        partner_id: agreement.partner_id.to_wire(),
        accepted_on: agreement.accepted_on.to_wire(),
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
        offer_name: subscription.offer_name,
        friendly_name: subscription.friendly_name.unwrap_or_default(),
        sku: subscription.sku.unwrap_or_default(),
        reflects: Vec::new(),
    }
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
