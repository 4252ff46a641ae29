//! TLS of the server: its certificate, who signs its clients' certificates, and how new files are taken while it runs.

mod trust;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    },
    server::TlsStream,
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::trust::{Trust, Trusting};
use crate::config::TlsConfig;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Handshakes at a time; who comes later waits.
const HANDSHAKES_MAX: usize = 256;
/// Connections that are ready and not taken yet.
const READY_MAX: usize = 64;

/// What gRPC is spoken over; gRPC-web also over the older one.
const GRPC: &[&[u8]] = &[b"h2", b"http/1.1"];
/// What pages are read over.
const PAGES: &[&[u8]] = &[b"http/1.1"];

/// Connections of a listener with TLS, as axum takes them.
pub(crate) struct TlsListener {
    connections: mpsc::Receiver<std::io::Result<TlsStream<TcpStream>>>,
    address: std::net::SocketAddr,
}

impl TlsListener {
    /// Takes connections whose handshake is done.
    pub(crate) fn new(tls: Arc<ServerTls>, listener: TcpListener) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { connections: tls.accept(listener), address })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.connections.recv().await {
                Some(Ok(stream)) => {
                    let peer = stream.get_ref().0.peer_addr().unwrap_or(self.address);
                    return (stream, peer);
                }
                Some(Err(error)) => tracing::info!(%error, "no TLS connection"),
                // Nobody listens any more; the server is about to be dropped.
                None => std::future::pending().await,
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// The certificate of a server, as it is now.
pub(crate) struct ServerTls {
    files: Files,
    /// With client certificates and no other way to know a client, one must be shown.
    certificate_required: bool,
    protocols: &'static [&'static [u8]],
    current: RwLock<Arc<ServerConfig>>,
    trust: Arc<Trust>,
}

#[derive(Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// The files' bytes, to see a change.
type Contents = Vec<Vec<u8>>;

impl ServerTls {
    /// None if the settings name no certificate.
    pub(crate) fn open(config: &TlsConfig, certificate_required: bool) -> anyhow::Result<Option<Arc<Self>>> {
        let (Some(certificate), Some(key)) = (&config.certificate_file, &config.key_file) else { return Ok(None) };
        let (certificate, key, client_ca) = (certificate.clone(), key.clone(), config.client_ca_file.clone());
        let files = Files { certificate, key, client_ca };
        Self::load(files, certificate_required, GRPC).map(Some)
    }

    /// For pages that do not ask who reads them.
    pub(crate) fn pages(config: &TlsConfig) -> anyhow::Result<Option<Arc<Self>>> {
        let (Some(certificate), Some(key)) = (&config.certificate_file, &config.key_file) else { return Ok(None) };
        let files = Files { certificate: certificate.clone(), key: key.clone(), client_ca: None };
        Self::load(files, false, PAGES).map(Some)
    }

    fn load(
        files: Files,
        certificate_required: bool,
        protocols: &'static [&'static [u8]],
    ) -> anyhow::Result<Arc<Self>> {
        let (config, verifier) = load(&files, certificate_required, protocols)?;
        let (current, trust) = (RwLock::new(Arc::new(config)), Arc::new(Trust::new(verifier)));
        Ok(Arc::new(Self { files, certificate_required, protocols, current, trust }))
    }

    /// Whom it trusts, as it is at any moment.
    pub(crate) fn trust(&self) -> Arc<Trust> {
        Arc::clone(&self.trust)
    }

    fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes new files for new connections. Those that do not fit together are named in the log, and the ones before stay.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut seen = contents(&self.files).ok();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let (this, before) = (Arc::clone(&self), seen.take());
            match tokio::task::spawn_blocking(move || this.look(before)).await {
                Ok(now) => seen = now,
                Err(error) => tracing::error!(%error, "the TLS files cannot be looked at"),
            }
        }
    }

    fn look(&self, before: Option<Contents>) -> Option<Contents> {
        let now = match contents(&self.files) {
            Ok(now) => now,
            Err(error) => {
                if before.is_some() {
                    tracing::error!(error = format!("{error:#}"), "TLS files cannot be read; those before stay in use");
                }
                return None;
            }
        };
        if before.as_ref() == Some(&now) {
            return before;
        }
        match load(&self.files, self.certificate_required, self.protocols) {
            Ok((config, verifier)) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                self.trust.replace(verifier);
                tracing::info!(certificate = %self.files.certificate.display(), "new TLS files are in use");
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "new TLS files do not fit; those before stay"),
        }
        Some(now)
    }

    /// Connections whose handshake is done. Clients that are slow with theirs hold nobody up.
    pub(crate) fn accept(
        self: Arc<Self>,
        listener: TcpListener,
    ) -> mpsc::Receiver<std::io::Result<TlsStream<TcpStream>>> {
        let (ready, connections) = mpsc::channel(READY_MAX);
        tokio::spawn(async move {
            let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
            loop {
                let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = ready.closed() => return,
                };
                let (stream, peer) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Such as no file descriptors left: the next may find some.
                        tracing::warn!(%error, "a connection cannot be taken");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                };
                let (acceptor, ready) = (TlsAcceptor::from(self.current()), ready.clone());
                tokio::spawn(async move {
                    let _permit = permit;
                    let _ = stream.set_nodelay(true);
                    match tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => {
                            let _ = ready.send(Ok(stream)).await;
                        }
                        Ok(Err(error)) => tracing::info!(%peer, %error, "no TLS connection"),
                        Err(_) => tracing::info!(%peer, "no TLS connection: the handshake took too long"),
                    }
                });
            }
        });
        connections
    }
}

fn contents(files: &Files) -> anyhow::Result<Contents> {
    [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()]
        .into_iter()
        .flatten()
        .map(|path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display())))
        .collect()
}

/// Tells whether a client's certificate is good; none if clients show none.
type Verifier = Option<Arc<dyn ClientCertVerifier>>;

fn load(files: &Files, certificate_required: bool, protocols: &[&[u8]]) -> anyhow::Result<(ServerConfig, Verifier)> {
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("{} has no private key in PEM", files.key.display()))?;
    let verifier = match &files.client_ca {
        None => None,
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).with_context(|| format!("{} has no authority", path.display()))?;
            }
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
            let verifier = if certificate_required { verifier } else { verifier.allow_unauthenticated() };
            Some(verifier.build().with_context(|| path.display().to_string())?)
        }
    };
    let builder = match &verifier {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(verifier) => ServerConfig::builder().with_client_cert_verifier(Arc::clone(verifier)),
    };
    let mut config = builder.with_single_cert(chain, key).with_context(|| {
        format!("{} and {} do not belong together", files.certificate.display(), files.key.display())
    })?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok((config, verifier))
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).with_context(|| format!("cannot read {}", path.display()))?;
    let chain: Vec<_> = read.collect::<Result<_, _>>().with_context(|| format!("{} is no PEM", path.display()))?;
    anyhow::ensure!(!chain.is_empty(), "{} has no certificate in PEM", path.display());
    Ok(chain)
}
