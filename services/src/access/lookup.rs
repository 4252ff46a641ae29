//! Asking the services behind the layer whose something is. The same calls that a client makes, so that it works wherever the read
//! model is, and with the caller's own credentials.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use prost::Message;
use prost_reflect::DynamicMessage;
use subledger_log::{Family, Log, Position, codec::Wire as _};
use subledger_proto::{
    api::{
        Association, CoopClaim, Customer, GetAssociationRequest, GetCoopClaimRequest, GetCustomerRequest,
        GetInvoiceRequest, GetSubscriptionRequest, GetTransferRequest, Invoice, ListSubscriptionsRequest,
        ListSubscriptionsResponse, Subscription, Transfer,
    },
    common as pbc,
};
use tonic::{Code, Status, body::Body};

use super::wire;
use crate::{
    api::{audit::seek::Seeker, errors},
    identity::Caller,
    router::BoxFuture,
};

/// Rows of one page of a count.
const PAGE_ROWS: i32 = 1_000;

/// As of when something is looked up.
#[derive(Clone, Debug)]
pub(super) enum When {
    /// As the read model has it, now or at a moment of the past.
    Known(Option<pbc::AsOf>),
    /// As of everything that is decided about it now.
    Decided,
}

/// What stands behind the layer.
pub(super) type Behind = Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Result<Response<Body>, Status>> + Send + Sync>;

/// Calls on behalf of a caller.
#[derive(Clone)]
pub(super) struct Lookup {
    behind: Behind,
    headers: HeaderMap,
    caller: Caller,
    ends: Arc<Ends>,
}

/// Where the history ends now.
pub(super) struct Ends {
    log: Arc<dyn Log>,
    seeker: Seeker,
}

impl Ends {
    pub(super) fn of(log: Arc<dyn Log>) -> Self {
        Self { seeker: Seeker::new(Arc::clone(&log)), log }
    }
}

impl Lookup {
    /// With the headers of the caller's call.
    pub(super) fn new(behind: Behind, headers: &HeaderMap, caller: Caller, ends: Arc<Ends>) -> Self {
        Self { behind, headers: headers.clone(), caller, ends }
    }

    async fn call<T: Message + Default>(&self, method: &str, message: &impl Message) -> Result<T, Status> {
        let body = Body::new(Full::new(wire::frame(&message.encode_to_vec())));
        let mut request = Request::new(body);
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = format!("/subledger.v1.{method}").parse().map_err(|_| Status::internal("no path"))?;
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().remove(http::header::CONTENT_LENGTH);
        request.extensions_mut().insert(self.caller.clone());
        let answer = collect((self.behind)(request).await?).await?;
        answer.ok()?;
        T::decode(wire::unframe(&answer.body)?).map_err(|error| Status::internal(error.to_string()))
    }

    /// A customer with its relationships; none if there is none.
    pub(super) async fn customer(&self, id: &str, when: When) -> Result<Option<DynamicMessage>, Status> {
        let (min_position, as_of) = match when {
            When::Known(as_of) => (Vec::new(), as_of),
            When::Decided => (self.newest(Family::Customers, id).await?, None),
        };
        let request = GetCustomerRequest { customer_id: id.to_owned(), min_position, as_of };
        let found = found(self.call::<Customer>("CustomerService/GetCustomer", &request).await)?;
        Ok(found.and_then(|customer| wire::dynamic(&customer, "subledger.v1.Customer")))
    }

    /// The last commit of the partition of a customer or a partner.
    async fn newest(&self, family: Family, key: &str) -> Result<Vec<pbc::Position>, Status> {
        let (ends, key) = (Arc::clone(&self.ends), key.to_owned());
        let last = move || {
            let partition = ends.log.layout().partition_of(family, &key);
            ends.seeker.next_seq(partition).map(|next| (partition, next))
        };
        let read = tokio::task::spawn_blocking(last).await;
        let read = read.map_err(|_| errors::unavailable("SHUTTING_DOWN", "the ledger is shutting down"))?;
        let (partition, next) = read.map_err(|error| error.to_status())?;
        Ok(next.checked_sub(1).map(|seq| Position { partition, seq }.to_wire()).into_iter().collect())
    }

    /// A customer's subscription; none if there is none.
    pub(super) async fn subscription(&self, customer: &str, id: &str) -> Result<Option<DynamicMessage>, Status> {
        let request = GetSubscriptionRequest {
            customer_id: customer.to_owned(),
            subscription_id: id.to_owned(),
            ..GetSubscriptionRequest::default()
        };
        let found = found(self.call::<Subscription>("CustomerService/GetSubscription", &request).await)?;
        Ok(found.and_then(|subscription| wire::dynamic(&subscription, "subledger.v1.Subscription")))
    }

    /// A customer's transfer; none if there is none. `fresh`: as with a customer.
    pub(super) async fn transfer(
        &self,
        customer: &str,
        id: &str,
        fresh: bool,
    ) -> Result<Option<DynamicMessage>, Status> {
        let min_position = if fresh { self.newest(Family::Customers, customer).await? } else { Vec::new() };
        let request = GetTransferRequest {
            customer_id: customer.to_owned(),
            transfer_id: id.to_owned(),
            min_position,
            as_of: None,
        };
        let found = found(self.call::<Transfer>("CustomerService/GetTransfer", &request).await)?;
        Ok(found.and_then(|transfer| wire::dynamic(&transfer, "subledger.v1.Transfer")))
    }

    /// An invoice; none if there is none.
    pub(super) async fn invoice(&self, number: &str) -> Result<Option<DynamicMessage>, Status> {
        let request = GetInvoiceRequest { invoice_number: number.to_owned(), ..GetInvoiceRequest::default() };
        let found = found(self.call::<Invoice>("BillingService/GetInvoice", &request).await)?;
        Ok(found.and_then(|invoice| wire::dynamic(&invoice, "subledger.v1.Invoice")))
    }

    /// A claim on co-op funds, as of everything that is decided now; none if there is none.
    pub(super) async fn coop_claim(&self, partner: &str, id: &str) -> Result<Option<DynamicMessage>, Status> {
        let min_position = self.newest(Family::Partners, partner).await?;
        let request = GetCoopClaimRequest { partner_id: partner.to_owned(), claim_id: id.to_owned(), min_position };
        let found = found(self.call::<CoopClaim>("ClaimService/GetCoopClaim", &request).await)?;
        Ok(found.and_then(|claim| wire::dynamic(&claim, "subledger.v1.CoopClaim")))
    }

    /// An association of a customer, as of everything that is decided now; none if there is none.
    pub(super) async fn association(&self, customer: &str, id: &str) -> Result<Option<DynamicMessage>, Status> {
        let min_position = self.newest(Family::Customers, customer).await?;
        let (customer_id, association_id) = (customer.to_owned(), id.to_owned());
        let request = GetAssociationRequest { customer_id, association_id, min_position };
        let found = found(self.call::<Association>("ClaimService/GetAssociation", &request).await)?;
        Ok(found.and_then(|association| wire::dynamic(&association, "subledger.v1.Association")))
    }

    /// The ids of a customer's subscriptions that `visible` lets through, now or as they were.
    pub(super) async fn subscription_ids(
        &self,
        customer: &str,
        as_of: Option<&pbc::AsOf>,
        visible: impl Fn(&DynamicMessage) -> bool,
    ) -> Result<Vec<String>, Status> {
        let rows = self.subscriptions(customer, as_of, visible).await?;
        Ok(rows.into_iter().map(|row| row.subscription_id).collect())
    }

    /// What can be said of them: their ids and those of their orders.
    pub(super) async fn subjects(
        &self,
        customer: &str,
        visible: impl Fn(&DynamicMessage) -> bool,
    ) -> Result<BTreeSet<String>, Status> {
        let rows = self.subscriptions(customer, None, visible).await?;
        Ok(rows.into_iter().flat_map(|row| [row.subscription_id, row.order_id]).filter(|id| !id.is_empty()).collect())
    }

    async fn subscriptions(
        &self,
        customer: &str,
        as_of: Option<&pbc::AsOf>,
        visible: impl Fn(&DynamicMessage) -> bool,
    ) -> Result<Vec<Subscription>, Status> {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListSubscriptionsRequest {
                customer_id: customer.to_owned(),
                page_size: PAGE_ROWS,
                page_token,
                as_of: as_of.cloned(),
                ..ListSubscriptionsRequest::default()
            };
            let page: ListSubscriptionsResponse = self.call("CustomerService/ListSubscriptions", &request).await?;
            let rows = page.subscriptions.into_iter();
            found.extend(
                rows.filter(|row| wire::dynamic(row, "subledger.v1.Subscription").is_some_and(|row| visible(&row))),
            );
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(found);
            }
        }
    }
}

fn found<T>(answer: Result<T, Status>) -> Result<Option<T>, Status> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status),
    }
}

/// The whole answer of a unary call.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

impl Answer {
    /// An error of the service as one.
    pub(super) fn ok(&self) -> Result<(), Status> {
        let status = Status::from_header_map(&self.trailers).or_else(|| Status::from_header_map(&self.headers));
        match status {
            Some(status) if status.code() != Code::Ok => Err(status),
            _ => Ok(()),
        }
    }
}

/// Takes an answer as a whole.
pub(super) async fn collect(response: Response<Body>) -> Result<Answer, Status> {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Ok(Answer { headers: parts.headers, body: collected.to_bytes(), trailers })
}
