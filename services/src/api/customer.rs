//! `CustomerService`: customers, subscriptions, transfers, what happened.

use chrono::NaiveDate;
use subledger_customer::{
    self as model,
    look_back::{
        customers_of_subscription_as_of, get_customer_as_of, get_subscription_as_of, get_transfer_as_of,
        list_customers_as_of, list_subscriptions_as_of, list_transfers_as_of, list_users_as_of,
    },
    query::{self, Days, SubscriptionFilter, TransferFilter, Whose},
    search::{self, HITS_MAX, Wanted},
};
use subledger_domain::ids::{CustomerId, PartnerId, SubscriptionId, TransferId};
use subledger_fold::{
    Rows, StoreError,
    as_of::{AsOf, Horizon},
};
use subledger_log::codec::Wire;
use subledger_proto::api::{
    Customer, CustomerHit, GetCustomerRequest, GetSubscriptionRequest, GetSubscriptionStateRequest, GetTransferRequest,
    ListActivitiesRequest, ListActivitiesResponse, ListChangesResponse, ListCustomerChangesRequest,
    ListCustomersRequest, ListCustomersResponse, ListLicenseGroupsRequest, ListLicenseGroupsResponse,
    ListOrdersRequest, ListOrdersResponse, ListSubscriptionsRequest, ListSubscriptionsResponse, ListTransfersRequest,
    ListTransfersResponse, ListUsersRequest, ListUsersResponse, SearchCustomersRequest, SearchCustomersResponse,
    Subscription, SubscriptionState, Transfer, customer_service_server::CustomerService,
};
use tonic::{Code, Request, Response, Status};

use super::{billing::optional_id, catalog::id, errors, read_model::ReadModel};

mod changes;
mod wire;

use wire::{to_activity, to_license_group, to_order, to_user};
pub(crate) use wire::{to_customer, to_subscription, to_transfer};

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
        let (customer, reflects) = self.model.read_few_as_of(wanted, as_of, find).await?;
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
        let ((subscription, owners), reflects) = self.model.read_few_as_of(wanted, as_of, find).await?;
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
        // Other lists may leave out many of the rows that they read.
        let whole = as_of == AsOf::default() && state.is_none();
        let few = page.is_short() && whole && (customer.is_some() || partner.is_some());
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            let filter = SubscriptionFilter {
                customer_id: customer.as_ref().map(CustomerId::as_str),
                partner_id: partner.as_ref().map(PartnerId::as_str),
                state,
            };
            list_subscriptions_as_of(rows, filter, horizon, page.request())
        };
        let (page, reflects) = if few {
            self.model.read_few_as_of(wanted, as_of, list).await?
        } else {
            self.model.read_as_of(wanted, as_of, list).await?
        };
        let (subscriptions, next_page_token) = (page.items, page.next.unwrap_or_default());
        let subscriptions = subscriptions.into_iter().map(to_subscription).collect();
        Ok(Response::new(ListSubscriptionsResponse { subscriptions, next_page_token, reflects }))
    }

    async fn get_transfer(&self, request: Request<GetTransferRequest>) -> Result<Response<Transfer>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let customer: CustomerId = id("customer_id", request.customer_id)?;
        let transfer: TransferId = id("transfer_id", request.transfer_id)?;
        let (text, as_of) = (transfer.to_string(), self.model.as_of(request.as_of)?);
        let find = move |rows: &dyn Rows, horizon: &Horizon| {
            get_transfer_as_of(rows, customer.as_str(), transfer.as_str(), horizon)
        };
        let (transfer, reflects) = self.model.read_as_of(wanted, as_of, find).await?;
        let transfer = transfer.ok_or_else(|| errors::not_found("transfer", &text))?;
        Ok(Response::new(Transfer { reflects, ..to_transfer(transfer) }))
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
        let state = one_of("state", &request.state, model::TransferState::ALL, model::TransferState::label)?;
        let as_of = self.model.as_of(request.as_of)?;
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            let filter = TransferFilter {
                customer_id: customer.as_ref().map(CustomerId::as_str),
                partner_id: partner.as_ref().map(PartnerId::as_str),
                state,
            };
            list_transfers_as_of(rows, filter, horizon, page.request())
        };
        let (transfers, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let transfers = transfers.into_iter().map(to_transfer).collect();
        Ok(Response::new(ListTransfersResponse { transfers, next_page_token, reflects }))
    }

    async fn list_orders(&self, request: Request<ListOrdersRequest>) -> Result<Response<ListOrdersResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let owner = Owner::of(request.customer_id, request.partner_id)?;
        let from = optional_day("from_date", request.from_date)?;
        let days = Days { from, to: optional_day("to_date", request.to_date)? };
        let list = move |rows: &dyn Rows| query::list_orders(rows, owner.whose(), days, page.request());
        let (orders, next_page_token, reflects) = self.model.list(wanted, list).await?;
        let orders = orders.into_iter().map(to_order).collect();
        Ok(Response::new(ListOrdersResponse { orders, next_page_token, reflects }))
    }

    async fn list_activities(
        &self,
        request: Request<ListActivitiesRequest>,
    ) -> Result<Response<ListActivitiesResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let owner = Owner::of(request.customer_id, request.partner_id)?;
        let from = optional_day("from_date", request.from_date)?;
        let days = Days { from, to: optional_day("to_date", request.to_date)? };
        let list = move |rows: &dyn Rows| query::list_activities(rows, owner.whose(), days, page.request());
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
        let find = move |rows: &dyn Rows| {
            let wanted = Wanted { text: &request.text, most, alike: !request.beginnings_only };
            search::search(rows, partner.as_ref().map(PartnerId::as_str), wanted)
        };
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
        let as_of = self.model.as_of(request.as_of)?;
        let list = move |rows: &dyn Rows, horizon: &Horizon| {
            list_users_as_of(rows, customer.as_str(), horizon, page.request())
        };
        let (users, next_page_token, reflects) = self.model.list_as_of(wanted, as_of, list).await?;
        let users = users.into_iter().map(to_user).collect();
        Ok(Response::new(ListUsersResponse { users, next_page_token, reflects }))
    }

    async fn list_license_groups(
        &self,
        request: Request<ListLicenseGroupsRequest>,
    ) -> Result<Response<ListLicenseGroupsResponse>, Status> {
        let wanted = self.model.wanted(&request.get_ref().min_position, request.metadata())?;
        let request = request.into_inner();
        let page = self.model.page(request.page_size, request.page_token)?;
        let customer: CustomerId = id("customer_id", request.customer_id)?;
        let list = move |rows: &dyn Rows| query::list_license_groups(rows, customer.as_str(), page.request());
        let (groups, next_page_token, reflects) = self.model.list(wanted, list).await?;
        let groups = groups.into_iter().map(to_license_group).collect();
        Ok(Response::new(ListLicenseGroupsResponse { groups, next_page_token, reflects }))
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
    one_of("state", label, model::SubscriptionState::ALL, model::SubscriptionState::label)
}

/// The state of that label; none if it is empty.
fn one_of<T: Copy>(
    field: &str,
    label: &str,
    all: &[T],
    label_of: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Status> {
    if label.is_empty() {
        return Ok(None);
    }
    all.iter().copied().find(|state| label_of(*state) == label).map(Some).ok_or_else(|| {
        let labels: Vec<_> = all.iter().map(|state| label_of(*state)).collect();
        let what = format!("{label:?} is no state; these are: {}", labels.join(", "));
        errors::field_status("INVALID_VALUE", field, &what)
    })
}

/// Whose activities or orders are asked for.
struct Owner {
    customer: Option<CustomerId>,
    partner: Option<PartnerId>,
}

impl Owner {
    fn of(customer_id: String, partner_id: String) -> Result<Self, Status> {
        let customer = optional_id("customer_id", customer_id)?;
        let partner = optional_id("partner_id", partner_id)?;
        if customer.is_none() && partner.is_none() {
            return Err(errors::field_status(
                "REQUIRED_FIELD_MISSING",
                "customer_id",
                "name a customer, a partner, or both",
            ));
        }
        Ok(Self { customer, partner })
    }

    fn whose(&self) -> Whose<'_> {
        let partner = self.partner.as_ref().map(PartnerId::as_str);
        match &self.customer {
            Some(customer) => Whose::Customer(customer.as_str(), partner),
            None => Whose::Partner(partner.unwrap_or_default()),
        }
    }
}
