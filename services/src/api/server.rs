//! The server: every service of a process on one port, with health, reflection and gRPC-web.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use subledger_log::Log;
use subledger_proto::{
    DESCRIPTORS,
    api::{
        access_service_server::AccessServiceServer, admin_service_server::AdminServiceServer,
        audit_service_server::AuditServiceServer, billing_service_server::BillingServiceServer,
        catalog_service_server::CatalogServiceServer, claim_service_server::ClaimServiceServer,
        command_service_server::CommandServiceServer, customer_service_server::CustomerServiceServer,
        incentive_service_server::IncentiveServiceServer,
    },
};
use subledger_writer::ReferenceFollower;
use tokio::net::TcpListener;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::{Server, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};
use tonic_web::GrpcWebLayer;

use super::{
    access::AccessApi, admin::AdminApi, audit::AuditApi, billing::BillingApi, catalog::CatalogApi, claims::ClaimApi,
    command::CommandApi, customer::CustomerApi, incentive::IncentiveApi,
};
use crate::{
    access::{Access, AccessLayer},
    config::Config,
    identity::{Identity, IdentityLayer},
    router::BoxFuture,
    tls::ServerTls,
};

/// Calls of one connection at a time.
const CONNECTION_STREAMS_MAX: u32 = 256;
/// Silence after which a client is asked whether it is there.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const KEEPALIVE_WAIT: Duration = Duration::from_secs(20);
/// How long open calls may take to end when the process stops.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// The services of a process.
pub(crate) struct Services {
    routes: RoutesBuilder,
    health: HealthReporter,
    message_bytes_max: usize,
    gate: Gate,
}

/// Who may come in, and how.
struct Gate {
    identity: Arc<Identity>,
    access: Arc<Access>,
    tls: Option<Arc<ServerTls>>,
}

impl Gate {
    fn open(config: &Config) -> anyhow::Result<Self> {
        let identity = Arc::new(Identity::open(config)?);
        let certificate_required = matches!(&*identity, Identity::Checked { tokens: None, .. });
        let access = Arc::new(Access::open(config, &identity)?);
        Ok(Self { identity, access, tls: ServerTls::open(&config.tls, certificate_required)? })
    }
}

macro_rules! add {
    ($($(#[$doc:meta])* $name:ident: $api:ty => $server:ident,)*) => {$(
        $(#[$doc])*
        pub(crate) async fn $name(&mut self, api: $api) {
            self.add($server::new(api).max_decoding_message_size(self.message_bytes_max)).await;
        }
    )*};
}

impl Services {
    /// Health and reflection, and no other service yet.
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        let (health, service) = tonic_health::server::health_reporter();
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .context("the compiled-in descriptors cannot be served")?;
        let mut routes = Routes::builder();
        routes.add_service(service).add_service(reflection);
        Ok(Self { routes, health, message_bytes_max: config.limits.message_bytes, gate: Gate::open(config)? })
    }

    add! {
        /// Takes commands.
        commands: CommandApi => CommandServiceServer,
        /// Offers the catalog and partners.
        catalog: CatalogApi => CatalogServiceServer,
        /// Offers charges and invoices.
        billing: BillingApi => BillingServiceServer,
        /// Offers customers and subscriptions.
        customers: CustomerApi => CustomerServiceServer,
        /// Offers what incentives are computed on.
        incentives: IncentiveApi => IncentiveServiceServer,
        /// Offers associations and claims.
        claims: ClaimApi => ClaimServiceServer,
        /// Offers the history.
        audit: AuditApi => AuditServiceServer,
        /// Offers roles.
        access: AccessApi => AccessServiceServer,
        /// Offers the state of the process.
        admin: AdminApi => AdminServiceServer,
    }

    /// Says where the roles of callers stand, if callers are checked.
    pub(crate) fn judge_by(&self, log: &Arc<dyn Log>, reference: &Arc<ReferenceFollower>) {
        self.gate.access.follow(Arc::clone(reference), Arc::clone(log));
    }

    /// Who decides about calls.
    pub(crate) fn judge(&self) -> Arc<Access> {
        Arc::clone(&self.gate.access)
    }

    /// Offers any service.
    pub(crate) async fn add<S>(&mut self, service: S)
    where
        S: tower::Service<http::Request<Body>, Response = http::Response<Body>, Error = std::convert::Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.health.set_service_status(S::NAME, ServingStatus::Serving).await;
        self.routes.add_service(service);
    }

    /// Says that a service works, or not.
    pub(crate) fn health(&self) -> HealthReporter {
        self.health.clone()
    }

    /// Takes the port. Calls wait until [`Bound::serve`].
    pub(crate) async fn bind(self, listen: SocketAddr) -> anyhow::Result<Bound> {
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("cannot listen on {listen}; is another ledger running? Name another address with --listen")
        })?;
        let address = listener.local_addr().context("a bound socket has an address")?;
        Ok(Bound { listener, address, routes: self.routes.routes(), health: self.health, gate: self.gate })
    }
}

/// A server that has its port.
pub(crate) struct Bound {
    listener: TcpListener,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    routes: Routes,
    health: HealthReporter,
    gate: Gate,
}

impl Bound {
    /// Where to call it.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.gate.tls.is_some() { "https" } else { "http" }, self.address)
    }

    /// How callers are told apart.
    pub(crate) fn identity(&self) -> &Identity {
        &self.gate.identity
    }

    /// Serves until `stop` is cancelled, then lets open calls end within [`DRAIN_MAX`].
    pub(crate) async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { listener, routes, health, gate, .. } = self;
        let draining = stop.clone();
        let server = Server::builder()
            .accept_http1(true)
            .max_concurrent_streams(CONNECTION_STREAMS_MAX)
            .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
            .http2_keepalive_timeout(Some(KEEPALIVE_WAIT))
            .layer(GrpcWebLayer::new())
            .layer(IdentityLayer::new(
                gate.identity,
                Arc::clone(&gate.access),
                gate.tls.as_ref().map(|tls| tls.trust()),
            ))
            .layer(AccessLayer::new(gate.access))
            .add_routes(routes);
        let draining = async move { draining.cancelled().await };
        let server: BoxFuture<'_, _> = match gate.tls {
            None => {
                // An answer of two parts would wait for the client's delayed acknowledgement of the first: 40 ms. The builder's setting is
                // not for connections that are handed to it.
                let connections = TcpIncoming::from(listener).with_nodelay(Some(true));
                Box::pin(server.serve_with_incoming_shutdown(connections, draining))
            }
            Some(tls) => {
                tokio::spawn(Arc::clone(&tls).follow(stop.clone()));
                let connections = ReceiverStream::new(tls.accept(listener));
                Box::pin(server.serve_with_incoming_shutdown(connections, draining))
            }
        };
        let deadline = async {
            stop.cancelled().await;
            // Watchers of the health see it; a watch itself would never end.
            health.set_service_status("", ServingStatus::NotServing).await;
            tokio::time::sleep(DRAIN_MAX).await;
        };
        tokio::select! {
            ended = server => ended.context("the gRPC server failed"),
            () = deadline => {
                tracing::warn!("calls were still open after {} s and are cut off", DRAIN_MAX.as_secs());
                Ok(())
            }
        }
    }
}
