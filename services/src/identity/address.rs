//! The identity provider's keys from an address: fetched again from time to time, and when a token names a key that is not there. While
//! the address is down, the keys before stay.

use std::{
    sync::{Arc, PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

use super::keys::{self, Keys};

/// How often the set is fetched without a reason.
const FETCH_EVERY: Duration = Duration::from_secs(300);
/// How often at most, whatever kids tokens name: who sends nonsense does not make this process call out.
const FETCH_AGAIN: Duration = Duration::from_secs(10);
/// How long one fetch may take.
const FETCH_MAX: Duration = Duration::from_secs(5);
/// Largest set taken, in bytes.
const SET_BYTES_MAX: usize = 256 * 1024;

/// Where the set is, and what it was last.
pub(super) struct KeyAddress {
    uri: Uri,
    /// None for `http`, which is for loopback only.
    tls: Option<Arc<ClientConfig>>,
    keys: RwLock<Arc<Keys>>,
    /// Held while fetching, so that who waits gets what another fetches.
    fetched: tokio::sync::Mutex<Option<Instant>>,
}

impl std::fmt::Debug for KeyAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyAddress").field(&self.uri).finish()
    }
}

impl KeyAddress {
    /// Begins to fetch. `authorities` are trusted to sign the provider's certificate; those of this machine, without.
    pub(super) fn open(address: &str, authorities: Option<&std::path::Path>) -> anyhow::Result<Arc<Self>> {
        let uri: Uri = address.parse().with_context(|| format!("{address:?} is no address"))?;
        let host = uri.host().with_context(|| format!("{address:?} names no host"))?;
        let loopback = host == "localhost"
            || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let tls = match uri.scheme_str() {
            Some("https") => Some(Arc::new(client(authorities)?)),
            Some("http") if loopback => None,
            _ => anyhow::bail!(
                "{address:?} is neither https nor on loopback: anybody on the way could give his own keys"
            ),
        };
        let this = Arc::new(Self { uri, tls, keys: RwLock::default(), fetched: tokio::sync::Mutex::default() });
        tokio::spawn(Self::follow(Arc::downgrade(&this)));
        Ok(this)
    }

    async fn follow(this: Weak<Self>) {
        while let Some(known) = this.upgrade() {
            known.fetch_within(FETCH_AGAIN).await;
            let wait = if known.keys().is_empty() { FETCH_AGAIN } else { FETCH_EVERY };
            drop(known);
            tokio::time::sleep(wait).await;
        }
    }

    /// The keys as they were fetched last; none before.
    pub(super) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches, unless it was done just now.
    pub(super) async fn refresh(&self) {
        self.fetch_within(FETCH_AGAIN).await;
    }

    async fn fetch_within(&self, least: Duration) {
        let mut fetched = self.fetched.lock().await;
        if fetched.is_some_and(|at| at.elapsed() < least) {
            return;
        }
        *fetched = Some(Instant::now());
        let uri = &self.uri;
        let set = tokio::time::timeout(FETCH_MAX, self.fetch()).await;
        let set = set.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {} s", FETCH_MAX.as_secs())));
        match set.and_then(|text| keys::parse(&text)) {
            Ok(keys) => {
                let before = self.keys();
                if !before.keys().eq(keys.keys()) {
                    tracing::info!(%uri, keys = ?keys.keys().collect::<Vec<_>>(), "the identity provider's keys changed");
                }
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(%uri, error, "the identity provider's keys cannot be fetched; those before stay");
            }
        }
    }

    async fn fetch(&self) -> anyhow::Result<String> {
        let host = self.uri.host().context("names no host")?;
        let port = self.uri.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.context("cannot connect")?;
        match &self.tls {
            None => self.get(stream).await,
            Some(tls) => {
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).context("no server name")?;
                let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
                self.get(stream.context("no TLS connection")?).await
            }
        }
    }

    async fn get(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> anyhow::Result<String> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driving = tokio::spawn(connection);
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::get(path).header(header::HOST, host).header(header::ACCEPT, "application/json");
        let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        anyhow::ensure!(response.status().is_success(), "the answer is {}", response.status());
        let body = Limited::new(response.into_body(), SET_BYTES_MAX).collect().await;
        let body = body.map_err(|_| anyhow::anyhow!("more than {SET_BYTES_MAX} bytes, or cut off"))?;
        driving.abort();
        String::from_utf8(body.to_bytes().to_vec()).context("no text")
    }
}

fn client(authorities: Option<&std::path::Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        let read = CertificateDer::pem_file_iter(path).with_context(|| format!("cannot read {}", path.display()))?;
        for certificate in read {
            roots.add(certificate.with_context(|| format!("{} is no PEM", path.display()))?)?;
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        anyhow::ensure!(added > 0, "this machine trusts no authority; name one in tls.ca_file");
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
