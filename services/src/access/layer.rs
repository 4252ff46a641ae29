//! Every call is judged before any service sees it, and every answer before the caller does.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use tonic::{Code, body::Body};
use tower::{Layer, Service};

use subledger_domain::{
    access::AccessOutcome,
    ids::{CustomerId, PartnerId},
};

use super::{
    Access, Call, Checks,
    commands::Gate,
    even,
    lookup::{self, Answer, Behind, Lookup},
    matrix::{Operation, Scope},
    refusal::Refusal,
    request::{self, Asked},
    standing::{Reach, Standing, Tenant},
    visible, wire,
};
use crate::{api::errors, identity::Caller, router::BoxFuture};

/// Judges calls.
#[derive(Clone)]
pub(crate) struct AccessLayer(Arc<Access>);

impl AccessLayer {
    /// Judges so.
    pub(crate) fn new(access: Arc<Access>) -> Self {
        Self(access)
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = Judged<S>;

    fn layer(&self, inner: S) -> Judged<S> {
        Judged { access: Arc::clone(&self.0), inner }
    }
}

/// A service that callers reach as far as they may.
#[derive(Clone)]
pub(crate) struct Judged<S> {
    access: Arc<Access>,
    inner: S,
}

impl<S> Service<Request<Body>> for Judged<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Send + std::fmt::Display + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(checks) = &self.access.checks else { return Box::pin(self.inner.call(request)) };
        // Without a caller it is the health, which everybody may ask; a gateway judged what it forwards.
        let caller = request.extensions().get::<Caller>().filter(|caller| !caller.is_forwarded).cloned();
        let (Some(caller), Some(operation)) = (caller, checks.matrix.method(request.uri().path())) else {
            return Box::pin(self.inner.call(request));
        };
        let began = Instant::now();
        let standing = checks.standing(&caller);
        checks.count(&caller, &standing);
        let notes = Notes {
            access: Arc::clone(&self.access),
            operation: operation.clone(),
            caller: caller.clone(),
            home: standing.home(),
            why: why(request.headers()),
        };
        let refused = |refusal: Refusal| -> Self::Future {
            notes.refused(&refusal, None, None);
            Box::pin(std::future::ready(Ok((*refusal.status).into_http())))
        };
        let behind = behind(self.inner.clone());
        let tenant = match standing {
            Standing::Operator => {
                return match checks.check_operator(operation, &caller) {
                    Err(refusal) => refused(refusal),
                    Ok(()) if matches!(operation.scope, Scope::Any | Scope::Command) => {
                        Box::pin(self.inner.call(request))
                    }
                    Ok(()) => Box::pin(async move { Ok(notes.let_operator(request, behind).await) }),
                };
            }
            Standing::Tenant(tenant) => tenant,
        };
        let Some(ledger) = checks.ledger.get() else {
            return refused(Refusal::of(errors::unavailable(
                "STARTING",
                "the ledger is starting; roles are not read yet",
            )));
        };
        let lookup = Lookup::new(Arc::clone(&behind), request.headers(), caller.clone(), Arc::clone(&ledger.ends));
        match operation.scope {
            Scope::Any => Box::pin(self.inner.call(request)),
            Scope::Command => {
                request.extensions_mut().insert(Gate::new(Arc::clone(&self.access), caller, lookup));
                Box::pin(self.inner.call(request))
            }
            _ => match checks.reach(operation, &tenant, &caller) {
                Err(refusal) => refused(refusal),
                Ok(reach) => {
                    let judge = Judge { notes, tenant, reach, lookup, began };
                    Box::pin(async move { Ok(judge.run(request, behind).await) })
                }
            },
        }
    }
}

/// The services behind the layer, without their type.
fn behind<S>(inner: S) -> Behind
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Send + std::fmt::Display + 'static,
{
    Arc::new(move |request| {
        let mut inner = inner.clone();
        Box::pin(async move {
            let failed = |error: S::Error| errors::unavailable("SERVICE_UNAVAILABLE", error.to_string());
            std::future::poll_fn(|context| inner.poll_ready(context)).await.map_err(failed)?;
            inner.call(request).await.map_err(failed)
        })
    })
}

/// Metadata in which a caller says why it reads what is not its own.
const WHY: &str = "subledger-reason";

fn why(headers: &HeaderMap) -> String {
    headers.get(WHY).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// What is noted of one call.
struct Notes {
    access: Arc<Access>,
    operation: Operation,
    caller: Caller,
    /// In whose account the caller is at home.
    home: Option<PartnerId>,
    why: String,
}

impl Notes {
    fn note(&self, outcome: AccessOutcome, reason: &str, partner: Option<PartnerId>, customer: Option<CustomerId>) {
        let Some(checks) = &self.access.checks else { return };
        checks.recorder.note(&Call {
            outcome,
            caller: Some(&self.caller),
            operation: &self.operation.name,
            reason,
            partner: partner.or_else(|| self.home.clone()),
            customer,
            from: self.caller.from.map(|from| from.ip()),
        });
    }

    fn refused(&self, refusal: &Refusal, partner: Option<PartnerId>, customer: Option<CustomerId>) {
        let (operation, principal) = (&self.operation.name, self.caller.principal.as_str());
        tracing::info!(operation, principal, from = ?self.caller.from, reason = refusal.reason, "refused");
        self.note(AccessOutcome::Refused, &refusal.reason, partner, customer);
    }

    /// An operator's read is one across tenants.
    async fn let_operator(&self, request: Request<Body>, behind: Behind) -> Response<Body> {
        let let_through = async {
            let Some(checks) = &self.access.checks else { return Err(Refusal::operators_only(&self.operation)) };
            let Some(method) = method(request.uri().path()) else { return behind(request).await.map_err(Refusal::of) };
            let (parts, body) = request.into_parts();
            let body = whole(body, checks).await?;
            let message = wire::unframe(&body).ok().and_then(|message| wire::decode(method.input(), &message).ok());
            let named = |field| message.as_ref().map(|message| wire::text(message, field).into_owned());
            let partner = named("partner_id").and_then(|id| PartnerId::new(id).ok());
            let customer = named("customer_id").and_then(|id| CustomerId::new(id).ok());
            self.note(AccessOutcome::Privileged, &self.why, partner, customer);
            behind(Request::from_parts(parts, Body::new(Full::new(body)))).await.map_err(Refusal::of)
        };
        let_through.await.unwrap_or_else(|refusal: Refusal| (*refusal.status).into_http())
    }
}

/// One call of somebody with roles.
struct Judge {
    notes: Notes,
    tenant: Tenant,
    reach: Reach,
    lookup: Lookup,
    began: Instant,
}

impl Judge {
    async fn run(self, request: Request<Body>, behind: Behind) -> Response<Body> {
        let (response, hides) = match self.judge(request, behind).await {
            Ok(response) => (response, false),
            Err(refusal) => {
                self.notes.refused(&refusal, None, None);
                (refusal.status.clone().into_http(), refusal.hides())
            }
        };
        // Rows of a customer that are all another's, and those of nobody, are the same empty list.
        if hides || self.notes.operation.scope == Scope::CustomerRows {
            even::tick(self.began).await;
        }
        response
    }

    async fn judge(&self, request: Request<Body>, behind: Behind) -> Result<Response<Body>, Refusal> {
        let operation = &self.notes.operation;
        let Some(checks) = &self.notes.access.checks else { return Err(Refusal::operators_only(operation)) };
        let Some(method) = method(request.uri().path()) else { return Err(Refusal::operators_only(operation)) };
        let (parts, body) = request.into_parts();
        let body = whole(body, checks).await?;
        let message = wire::unframe(&body).map_err(Refusal::of)?;
        let message = wire::decode(method.input(), &message).map_err(Refusal::of)?;
        let asked = Asked { operation, tenant: &self.tenant, reach: &self.reach, lookup: &self.lookup };
        let (message, look_at) = asked.check(message).await?;
        if operation.is_recorded {
            let partner = PartnerId::new(wire::text(&message, "partner_id")).ok();
            self.notes.note(
                AccessOutcome::Privileged,
                &self.notes.why,
                partner,
                CustomerId::new(wire::text(&message, "customer_id")).ok(),
            );
        }
        let body = Full::new(wire::frame(&message.encode_to_vec()));
        let mut request = Request::from_parts(parts, Body::new(body));
        request.headers_mut().remove(http::header::CONTENT_LENGTH);
        let response = behind(request).await.map_err(Refusal::of)?;
        if method.is_server_streaming() {
            return Ok(response);
        }
        let answer = lookup::collect(response).await.map_err(Refusal::of)?;
        match answer.ok() {
            Ok(()) => self.show(&method, answer, &message, look_at).await,
            Err(status) if status.code() == Code::NotFound => match look_at {
                Some(look) => Err(look.missing(&message)),
                None => Err(Refusal::of(status)),
            },
            Err(_) => Ok(respond(answer.headers, answer.body, answer.trailers)),
        }
    }

    /// The answer as far as the caller sees it.
    async fn show(
        &self,
        method: &MethodDescriptor,
        answer: Answer,
        message: &DynamicMessage,
        look_at: Option<request::Look>,
    ) -> Result<Response<Body>, Refusal> {
        let body = wire::unframe(&answer.body).map_err(Refusal::of)?;
        let mut shown = wire::decode(method.output(), &body).map_err(Refusal::of)?;
        if let Some(look) = look_at {
            look.check(&shown, message, &self.reach)?;
        }
        let shared = visible::prune(&mut shown, &self.reach);
        request::complete(&mut shown, message, &shared, &self.reach, &self.lookup).await?;
        Ok(respond(answer.headers, wire::frame(&shown.encode_to_vec()), answer.trailers))
    }
}

fn method(path: &str) -> Option<MethodDescriptor> {
    let (service, method) = path.trim_start_matches('/').split_once('/')?;
    let service = subledger_proto::POOL.get_service_by_name(service)?;
    service.methods().find(|known| known.name() == method)
}

async fn whole(body: Body, checks: &Checks) -> Result<Bytes, Refusal> {
    let most = checks.message_bytes_max;
    let limited = Limited::new(body, most.saturating_add(wire::HEAD_BYTES)).collect().await;
    limited.map(http_body_util::Collected::to_bytes).map_err(|_| {
        let message = format!("the message has more than {most} bytes, which is the limit limits.message_bytes");
        let facts = [("setting", "limits.message_bytes".to_owned()), ("limit_bytes", most.to_string())];
        Refusal::of(errors::status(Code::ResourceExhausted, "MESSAGE_TOO_LARGE", message, &facts))
    })
}

fn respond(headers: HeaderMap, body: Bytes, trailers: HeaderMap) -> Response<Body> {
    let body = Full::new(body).with_trailers(std::future::ready((!trailers.is_empty()).then_some(Ok(trailers))));
    let mut response = Response::new(Body::new(body));
    *response.headers_mut() = headers;
    response.headers_mut().remove(http::header::CONTENT_LENGTH);
    response
}
