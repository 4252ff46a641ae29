//! Passing calls of a query service on to the process that has its read model.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use subledger_log::remote::{Calls, Dial};
use tonic::{body::Body, server::NamedService};
use tower::Service;

use super::errors;
use crate::{
    identity::{Caller, name_caller},
    router::BoxFuture,
};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Silence after which the other side is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

macro_rules! proxies {
    ($($(#[$doc:meta])* $name:ident = $service:literal)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $name(Proxy);

        impl $name {
            /// Passes calls on to `address`.
            pub(crate) fn to(address: &str, dial: &Dial) -> anyhow::Result<Self> {
                Proxy::to(address, dial).map(Self)
            }
        }

        impl NamedService for $name {
            const NAME: &'static str = $service;
        }

        impl Service<http::Request<Body>> for $name {
            type Response = http::Response<Body>;
            type Error = Infallible;
            type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: http::Request<Body>) -> Self::Future {
                self.0.call(request)
            }
        }
    )*};
}

proxies! {
    /// Customers.
    CustomerProxy = "subledger.v1.CustomerService"
    /// Billing.
    BillingProxy = "subledger.v1.BillingService"
    /// Incentives.
    IncentiveProxy = "subledger.v1.IncentiveService"
    /// Associations and claims.
    ClaimProxy = "subledger.v1.ClaimService"
}

#[derive(Clone)]
struct Proxy {
    address: String,
    channel: Calls,
    /// This process shows who it is, and says for whom it calls.
    has_credentials: bool,
}

impl Proxy {
    fn to(address: &str, dial: &Dial) -> anyhow::Result<Self> {
        let channel = dial
            .endpoint(address)?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .connect_lazy();
        let (channel, has_credentials) = (dial.calls(channel), dial.has_credentials());
        Ok(Self { address: address.to_owned(), channel, has_credentials })
    }

    /// The request goes on as it is: path, metadata (so the caller's deadline too) and body. Where this process has credentials of its
    /// own it shows those and names the caller; else the caller's token goes on.
    fn call(&self, mut request: http::Request<Body>) -> BoxFuture<'static, Result<http::Response<Body>, Infallible>> {
        let Self { address, mut channel, has_credentials } = self.clone();
        let caller = request.extensions().get::<Caller>().cloned();
        name_caller(request.headers_mut(), caller.as_ref(), has_credentials);
        Box::pin(async move {
            let ready = std::future::poll_fn(|context| channel.poll_ready(context)).await;
            let answered = match ready {
                Ok(()) => channel.call(request).await.map(|response| response.map(Body::new)),
                Err(error) => Err(error),
            };
            Ok(answered.unwrap_or_else(|error| {
                tracing::warn!(address, %error, "a projector cannot be reached");
                let message = format!("the read model at {address} cannot be reached: {error}");
                errors::unavailable("PROJECTOR_UNREACHABLE", message).into_http()
            }))
        })
    }
}
