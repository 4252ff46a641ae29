//! Every call is checked before any service sees it.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, header::AUTHORIZATION};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tonic::{
    Status,
    body::Body,
    transport::server::{TcpConnectInfo, TlsConnectInfo},
};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};

use super::{
    Caller, Identity, Principal, certificate,
    limits::Open,
    refused,
    until::{Ends, Until},
};
use crate::{
    access::Access,
    router::BoxFuture,
    tls::{Trust, Trusting},
};

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
pub(crate) struct IdentityLayer {
    identity: Arc<Identity>,
    access: Arc<Access>,
    trust: Option<Arc<Trust>>,
}

impl IdentityLayer {
    /// Checks callers so; those with certificates by whom the server trusts.
    pub(crate) fn new(identity: Arc<Identity>, access: Arc<Access>, trust: Option<Arc<Trust>>) -> Self {
        Self { identity, access, trust }
    }
}

impl<S> Layer<S> for IdentityLayer {
    type Service = Checked<S>;

    fn layer(&self, inner: S) -> Checked<S> {
        let Self { identity, access, trust } = self.clone();
        Checked { identity, access, trust, inner }
    }
}

/// A service that only known callers reach.
#[derive(Clone)]
pub(crate) struct Checked<S> {
    identity: Arc<Identity>,
    /// Told of who is refused.
    access: Arc<Access>,
    trust: Option<Arc<Trust>>,
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
        let (identity, access, trust) = (Arc::clone(&self.identity), Arc::clone(&self.access), self.trust.clone());
        // What was made ready is used; the copy is not.
        let copy = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, copy);
        Box::pin(async move {
            match admit(&identity, trust, &mut request).await {
                Ok((ends, open)) => {
                    let answer = inner.call(request).await?;
                    Ok(answer.map(|body| Body::new(Until::new(body, ends, open))))
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

/// Puts the caller into the request; with what ends its answer, and its place among the calls of its principal.
async fn admit(
    identity: &Identity,
    trust: Option<Arc<Trust>>,
    request: &mut Request<Body>,
) -> Result<(Option<Ends>, Open), Status> {
    let Identity::Checked { tokens, gateways, throttle } = identity else {
        return Err(refused("NOT_CHECKED", "nobody is checked here"));
    };
    let forwarded = request.headers_mut().remove(CALLER);
    let shown = Shown::by(request, trust);
    let (known, certificate) = caller(shown, tokens.as_deref()).await?;
    let is_gateway = gateways.contains(known.principal.as_str());
    let open = throttle.take(&known.principal, is_gateway)?;
    let caller = match forwarded.filter(|_| is_gateway) {
        Some(named) => Caller::forwarded(Principal::whole(named.to_str().unwrap_or_default())?),
        None => Caller { is_own: is_gateway, ..known },
    };
    let ends = caller.expires_at.map(Ends::Token).or(certificate.map(Ends::Certificate));
    let from = peer(request);
    request.extensions_mut().insert(Caller { from, ..caller });
    Ok((ends, open))
}

/// The token decides, if there is one; a token that is not good is not made up for by a certificate.
async fn caller(shown: Shown, tokens: Option<&super::Tokens>) -> Result<(Caller, Option<Trusting>), Status> {
    match (shown.token, tokens) {
        (Some(token), Some(tokens)) => Ok((tokens.caller(&token?).await?, None)),
        (_, tokens) => match shown.certificate {
            Some((_, trusting)) if !trusting.is_good() => Err(untrusted()),
            Some((certificate, trusting)) => {
                Ok((Caller::with_certificate(certificate::principal(&certificate)?), Some(trusting)))
            }
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
    certificate: Option<(CertificateDer<'static>, Trusting)>,
}

impl Shown {
    fn by(request: &Request<Body>, trust: Option<Arc<Trust>>) -> Self {
        let tls = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
        let chain = tls.and_then(TlsConnectInfo::peer_certs).filter(|chain| !chain.is_empty());
        let certificate = chain.zip(trust).map(|(chain, trust)| (chain[0].clone(), Trusting::new(trust, chain)));
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

/// What a certificate is told that was good when its connection was made.
pub(super) fn untrusted() -> Status {
    refused(
        "CERTIFICATE_UNTRUSTED",
        "the certificate is not good any more: its days are over, or its authority is not trusted now; connect with another one",
    )
}

fn no_bearer() -> Status {
    refused("TOKEN_MALFORMED", "the authorization is no bearer token; send it as `authorization: Bearer TOKEN`")
}

fn peer(request: &Request<Body>) -> Option<std::net::SocketAddr> {
    let tls = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
    let tcp = tls.map(TlsConnectInfo::get_ref).or_else(|| request.extensions().get::<TcpConnectInfo>());
    tcp.and_then(TcpConnectInfo::remote_addr)
}
