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
use tower::{Layer, Service};

use super::{Identity, Principal, certificate, refused};
use crate::router::BoxFuture;

/// Asked by what watches processes, which has no identity; it tells nothing of the ledger.
const HEALTH: &str = "/grpc.health.v1.Health/";
/// Before a token.
const BEARER: &str = "Bearer ";

/// Puts the [`Principal`] into each call, or refuses it.
#[derive(Clone, Debug)]
pub(crate) struct IdentityLayer(Arc<Identity>);

impl IdentityLayer {
    /// Checks callers so.
    pub(crate) fn new(identity: Arc<Identity>) -> Self {
        Self(identity)
    }
}

impl<S> Layer<S> for IdentityLayer {
    type Service = Checked<S>;

    fn layer(&self, inner: S) -> Checked<S> {
        Checked { identity: Arc::clone(&self.0), inner }
    }
}

/// A service that only known callers reach.
#[derive(Clone, Debug)]
pub(crate) struct Checked<S> {
    identity: Arc<Identity>,
    inner: S,
}

impl<S> Service<Request<Body>> for Checked<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Send,
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
        let Identity::Checked { tokens } = &*self.identity else { return Box::pin(self.inner.call(request)) };
        if request.uri().path().starts_with(HEALTH) {
            return Box::pin(self.inner.call(request));
        }
        match principal(&request, tokens.as_ref()) {
            Ok(principal) => {
                request.extensions_mut().insert(principal);
                Box::pin(self.inner.call(request))
            }
            Err(status) => {
                tracing::info!(method = request.uri().path(), peer = ?peer(&request), refused = status.message(), "nobody known");
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

/// The token decides, if there is one; a token that is not good is not made up for by a certificate.
fn principal(request: &Request<Body>, tokens: Option<&super::Tokens>) -> Result<Principal, Status> {
    let header = request.headers().get(AUTHORIZATION);
    match (header, tokens) {
        (Some(header), Some(tokens)) => {
            let text = header.to_str().unwrap_or_default();
            let Some(scheme) = text.get(..BEARER.len()) else { return Err(no_bearer()) };
            if !scheme.eq_ignore_ascii_case(BEARER) {
                return Err(no_bearer());
            }
            tokens.principal(text[BEARER.len()..].trim())
        }
        (_, tokens) => {
            let tls = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
            let certificates = tls.and_then(TlsConnectInfo::peer_certs);
            match certificates.as_ref().and_then(|chain| chain.first()) {
                Some(certificate) => certificate::principal(certificate),
                None if tokens.is_some() => {
                    Err(refused("TOKEN_MISSING", "the call has no token; send it as `authorization: Bearer TOKEN`"))
                }
                None => Err(refused("CERTIFICATE_MISSING", "the client showed no certificate")),
            }
        }
    }
}

fn no_bearer() -> Status {
    refused("TOKEN_MALFORMED", "the authorization is no bearer token; send it as `authorization: Bearer TOKEN`")
}

fn peer(request: &Request<Body>) -> Option<std::net::SocketAddr> {
    let tls = request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>();
    let tcp = tls.map(TlsConnectInfo::get_ref).or_else(|| request.extensions().get::<TcpConnectInfo>());
    tcp.and_then(TcpConnectInfo::remote_addr)
}
