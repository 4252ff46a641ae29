//! Every call is checked before any service sees it.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, header::AUTHORIZATION};
use tonic::{
    Status,
    body::Body,
    transport::server::{TcpConnectInfo, TlsConnectInfo},
};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};

use super::{Caller, Identity, Principal, certificate, limits::Open, refused, until::Until};
use crate::{access::Access, router::BoxFuture};

/// Asked by what watches processes, which has no identity; it tells nothing of the ledger.
const HEALTH: &str = "/grpc.health.v1.Health/";
/// Before a token.
const BEARER: &str = "Bearer ";

/// Metadata in which a gateway says for whom it calls; of anybody else it is taken away.
const CALLER: &str = "subledger-caller";

/// Says in a call to another process for whom it is made, if this one shows who it is itself; else the caller's token goes on.
pub(crate) fn name_caller(headers: &mut http::HeaderMap, caller: Option<&Caller>, has_credentials: bool) {
    headers.remove(CALLER);
    let caller = caller.and_then(|caller| caller.principal.as_str().parse().ok());
    if let Some(caller) = caller.filter(|_| has_credentials) {
        headers.remove(AUTHORIZATION);
        headers.insert(CALLER, caller);
    }
}

/// Puts the [`Caller`] into each call, or refuses it.
#[derive(Clone)]
pub(crate) struct IdentityLayer(Arc<Identity>, Arc<Access>);

impl IdentityLayer {
    /// Checks callers so.
    pub(crate) fn new(identity: Arc<Identity>, access: Arc<Access>) -> Self {
        Self(identity, access)
    }
}

impl<S> Layer<S> for IdentityLayer {
    type Service = Checked<S>;

    fn layer(&self, inner: S) -> Checked<S> {
        Checked { identity: Arc::clone(&self.0), access: Arc::clone(&self.1), inner }
    }
}

/// A service that only known callers reach.
#[derive(Clone)]
pub(crate) struct Checked<S> {
    identity: Arc<Identity>,
    /// Told of who is refused.
    access: Arc<Access>,
    inner: S,
}

impl<S> Service<Request<Body>> for Checked<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if matches!(&*self.identity, Identity::Unchecked) || request.uri().path().starts_with(HEALTH) {
            request.headers_mut().remove(CALLER);
            return Box::pin(self.inner.call(request));
        }
        let (identity, access) = (Arc::clone(&self.identity), Arc::clone(&self.access));
        // What was made ready is used; the copy is not.
        let copy = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, copy);
        Box::pin(async move {
            match admit(&identity, &mut request).await {
                Ok((expires_at, open)) => {
                    let answer = inner.call(request).await?;
                    Ok(answer.map(|body| Body::new(Until::new(body, expires_at, open))))
                }
                Err(status) => {
                    tracing::info!(method = request.uri().path(), peer = ?peer(&request), refused = status.message(), "not let in");
                    access.note_nobody(request.uri().path(), &reason(&status), peer(&request));
                    Ok(status.into_http())
                }
            }
        })
    }
}

/// Puts the caller into the request; with the end of its token, and its place among the calls of its principal.
async fn admit(identity: &Identity, request: &mut Request<Body>) -> Result<(Option<u64>, Open), Status> {
    let Identity::Checked { tokens, gateways, throttle } = identity else {
        return Err(refused("NOT_CHECKED", "nobody is checked here"));
    };
    let forwarded = request.headers_mut().remove(CALLER);
    let shown = Shown::by(request);
    let known = caller(shown, tokens.as_deref()).await?;
    let is_gateway = gateways.contains(known.principal.as_str());
    let open = throttle.take(&known.principal, is_gateway)?;
    let caller = match forwarded.filter(|_| is_gateway) {
        Some(named) => Caller::forwarded(Principal::whole(named.to_str().unwrap_or_default())?),
        None => Caller { is_own: is_gateway, ..known },
    };
    let expires_at = caller.expires_at;
    let from = peer(request);
    request.extensions_mut().insert(Caller { from, ..caller });
    Ok((expires_at, open))
}

/// The token decides, if there is one; a token that is not good is not made up for by a certificate.
async fn caller(shown: Shown, tokens: Option<&super::Tokens>) -> Result<Caller, Status> {
    match (shown.token, tokens) {
        (Some(token), Some(tokens)) => tokens.caller(&token?).await,
        (_, tokens) => match shown.certificate {
            Some(certificate) => certificate::principal(&certificate).map(Caller::with_certificate),
            None if tokens.is_some() => {
                Err(refused("TOKEN_MISSING", "the call has no token; send it as `authorization: Bearer TOKEN`"))
            }
            None => Err(refused("CERTIFICATE_MISSING", "the client showed no certificate")),
        },
    }
}

/// What a call shows of its caller.
struct Shown {
    token: Option<Result<String, Status>>,
    certificate: Option<Vec<u8>>,
}

impl Shown {
    fn by(request: &Request<Body>) -> Self {
        let tls = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
        let chain = tls.and_then(TlsConnectInfo::peer_certs);
        let certificate = chain.as_ref().and_then(|chain| chain.first()).map(|certificate| certificate.to_vec());
        Self { token: request.headers().get(AUTHORIZATION).map(bearer), certificate }
    }
}

fn bearer(header: &http::HeaderValue) -> Result<String, Status> {
    let text = header.to_str().unwrap_or_default();
    match text.get(..BEARER.len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case(BEARER) => Ok(text[BEARER.len()..].trim().to_owned()),
        _ => Err(no_bearer()),
    }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

fn no_bearer() -> Status {
    refused("TOKEN_MALFORMED", "the authorization is no bearer token; send it as `authorization: Bearer TOKEN`")
}

fn peer(request: &Request<Body>) -> Option<std::net::SocketAddr> {
    let tls = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
    let tcp = tls.map(TlsConnectInfo::get_ref).or_else(|| request.extensions().get::<TcpConnectInfo>());
    tcp.and_then(TcpConnectInfo::remote_addr)
}
