//! Keys change under load: callers with tokens and callers with certificates go on while the identity provider's keys, the server's
//! certificate and the clients' authority are replaced, and no call of theirs fails.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    path::PathBuf,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use prost::Message as _;
use serde_json::json;
use subledger_proto::api::{
    ListPartnersRequest, ReadEventsRequest, SubmitRequest, audit_service_client::AuditServiceClient,
};
use subledger_tests::{
    commands,
    identities::{AUDIENCE, Authority, Certified, ISSUER, ProviderKey, key_set, write},
    process::Serve,
    raw,
};
use tonic::{
    Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_types::StatusExt as _;

/// How long a change of a file may take to be noticed.
const NOTICED_MAX: Duration = Duration::from_secs(60);
/// Callers of each kind.
const CALLERS: usize = 4;
/// Calls of one connection, for the callers that connect again and again.
const CALLS_OF_A_CONNECTION: usize = 15;
const ERP: &str = "spiffe://contoso/erp";

/// What callers trust and show; changed while they call.
struct Shown {
    authorities: Vec<String>,
    token: String,
    certificate: Certified,
}

struct World {
    dir: tempfile::TempDir,
    serve: Serve,
    url: String,
    shown: RwLock<Shown>,
    stop: AtomicBool,
    calls: AtomicUsize,
}

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn certificate(&self) -> String {
        self.shown.read().unwrap().certificate.certificate.clone()
    }

    /// A connection as callers make them now; with a certificate or without.
    async fn connect(&self, certified: bool) -> anyhow::Result<Channel> {
        let (authorities, certificate) = {
            let shown = self.shown.read().unwrap();
            let Certified { certificate, key } = &shown.certificate;
            (shown.authorities.clone(), certified.then(|| (certificate.clone(), key.clone())))
        };
        connect(&self.url, &authorities, certificate).await
    }

    /// One of the callers: lists, and registers a partner now and then; how many calls it made until it was told to stop.
    async fn call_on(self: Arc<Self>, name: String, certified: bool, again: bool) -> anyhow::Result<usize> {
        let mut certificate = self.certificate();
        let mut channel = self.connect(certified).await?;
        let mut calls = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let renewed = certified && certificate != self.certificate();
            if renewed || again && calls % CALLS_OF_A_CONNECTION == CALLS_OF_A_CONNECTION - 1 {
                certificate = self.certificate();
                channel = self.connect(certified).await?;
            }
            let token = (!certified).then(|| self.shown.read().unwrap().token.clone());
            let called = if calls % 50 == 0 {
                let command = commands::command(&commands::partner(&format!("p-{name}-{calls}")))?;
                let request = SubmitRequest { command: Some(command), ..SubmitRequest::default() };
                let method = "/subledger.v1.CommandService/Submit";
                raw::call_as(channel.clone(), token.as_deref(), method, &request.encode_to_vec()).await
            } else {
                list(channel.clone(), token.as_deref()).await
            };
            called.map_err(|status| anyhow::anyhow!("call {calls} of {name}: {status:?}"))?;
            calls += 1;
            self.calls.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        Ok(calls)
    }

    /// Waits for some calls of everybody, so that a step is under load.
    async fn under_load(&self) {
        let until = self.calls.load(Ordering::Relaxed) + 20 * CALLERS;
        let deadline = Instant::now() + NOTICED_MAX;
        while self.calls.load(Ordering::Relaxed) < until && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn connect(url: &str, authorities: &[String], certified: Option<(String, String)>) -> anyhow::Result<Channel> {
    let mut tls = ClientTlsConfig::new().ca_certificates(authorities.iter().map(Certificate::from_pem));
    if let Some((certificate, key)) = certified {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    Ok(Endpoint::from_shared(url.to_owned())?.tls_config(tls)?.connect().await?)
}

async fn list(channel: Channel, token: Option<&str>) -> Result<Vec<u8>, Status> {
    let request = ListPartnersRequest { page_size: 1, ..ListPartnersRequest::default() };
    raw::call_as(channel, token, "/subledger.v1.CatalogService/ListPartners", &request.encode_to_vec()).await
}

/// Waits until something is so.
async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let deadline = Instant::now() + NOTICED_MAX;
    while !so().await {
        assert!(Instant::now() < deadline, "not noticed: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn start(servers: &Authority, clients: &Authority, provider: &ProviderKey) -> anyhow::Result<Arc<World>> {
    let dir = tempfile::tempdir()?;
    let (certificate, key) = servers.server()?.write(dir.path(), "server")?;
    let keys = write(&dir.path().join("jwks.json"), &key_set(&[provider])?)?;
    let client_ca = write(&dir.path().join("clients.pem"), &clients.pem())?;
    let settings = [
        format!("tls.certificate_file={certificate}"),
        format!("tls.key_file={key}"),
        format!("tls.client_ca_file={client_ca}"),
        format!("identity.issuer={ISSUER}"),
        format!("identity.audience={AUDIENCE}"),
        format!("identity.jwks_file={keys}"),
        format!("identity.operators=oidc:ada,mtls:{ERP}"),
        "limits.principal_calls_per_second=100000".to_owned(),
    ];
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let serve = Serve::start(&dir.path().join("data"), &arguments).await?;
    let url = serve.address.replace("http://", "https://");
    let shown = RwLock::new(Shown {
        authorities: vec![servers.pem()],
        token: provider.token("ada")?,
        certificate: clients.client(ERP, None)?,
    });
    Ok(Arc::new(World { dir, serve, url, shown, stop: AtomicBool::new(false), calls: AtomicUsize::new(0) }))
}

/// The provider's next key is published, tokens are signed with it, the one before is withdrawn.
async fn rotate_provider(world: &World, first: &ProviderKey) -> anyhow::Result<()> {
    let second = ProviderKey::new("second")?;
    let (old, fresh) = (first.token("ada")?, second.token("ada")?);
    let channel = world.connect(false).await?;
    let takes = |token: &str, wanted: Option<&'static str>| {
        let (channel, token) = (channel.clone(), token.to_owned());
        async move {
            let reason = list(channel, Some(&token)).await.err();
            let reason =
                reason.and_then(|status| status.get_error_details().error_info().map(|info| info.reason.clone()));
            reason.as_deref() == wanted
        }
    };
    assert!(takes(&fresh, Some("TOKEN_KEY_UNKNOWN")).await);
    write(&world.path("jwks.json"), &key_set(&[first, &second])?)?;
    until("the next key of the provider", || takes(&fresh, None)).await;
    world.under_load().await;
    world.shown.write().unwrap().token.clone_from(&fresh);
    world.under_load().await;
    write(&world.path("jwks.json"), &key_set(&[&second])?)?;
    until("the key that is withdrawn", || takes(&old, Some("TOKEN_KEY_UNKNOWN"))).await;
    assert!(takes(&fresh, None).await);
    world.under_load().await;
    Ok(())
}

/// The server's certificate is replaced by one of another authority, which callers trust before.
async fn rotate_server(world: &World, servers: &Authority) -> anyhow::Result<()> {
    let successor = Authority::new("successor")?;
    world.shown.write().unwrap().authorities = vec![servers.pem(), successor.pem()];
    world.under_load().await;
    // One file after the other: for a moment they do not fit together.
    successor.server()?.write(world.dir.path(), "server")?;
    let (url, trusted) = (world.url.clone(), [successor.pem()]);
    until("the server's next certificate", || async { connect(&url, &trusted, None).await.is_ok() }).await;
    let before = [servers.pem()];
    assert!(connect(&world.url, &before, None).await.is_err(), "the certificate before is still shown");
    world.shown.write().unwrap().authorities = vec![successor.pem()];
    world.under_load().await;
    Ok(())
}

/// Clients get certificates of another authority; in the end those of the one before are not taken any more.
async fn rotate_clients(world: &World, clients: &Authority) -> anyhow::Result<()> {
    let next = Authority::new("next clients")?;
    let authorities = world.shown.read().unwrap().authorities.clone();
    let takes = |by: Certified| {
        let (url, authorities) = (world.url.clone(), authorities.clone());
        let certified = (by.certificate, by.key);
        // The handshake may end before the server looked at the certificate; a call does not.
        async move {
            match connect(&url, &authorities, Some(certified)).await {
                Ok(channel) => list(channel, None).await.is_ok(),
                Err(_) => false,
            }
        }
    };
    write(&world.path("clients.pem"), &format!("{}{}", clients.pem(), next.pem()))?;
    until("the clients' next authority", || takes(next.client(ERP, None).unwrap())).await;
    assert!(takes(clients.client(ERP, None)?).await);
    // Connections and streams that were made with the authority before end with it.
    let Certified { certificate, key } = clients.client(ERP, None)?;
    let kept = connect(&world.url, &authorities, Some((certificate, key))).await?;
    let follow = ReadEventsRequest { follow: true, ..ReadEventsRequest::default() };
    let mut stream = AuditServiceClient::new(kept.clone()).read_events(follow).await?.into_inner();
    assert!(stream.message().await?.is_some());
    world.shown.write().unwrap().certificate = next.client(ERP, None)?;
    world.under_load().await;
    write(&world.path("clients.pem"), &next.pem())?;
    let refused = || {
        let asked = takes(clients.client(ERP, None).unwrap());
        async { !asked.await }
    };
    until("the clients' authority that is withdrawn", refused).await;
    let reason = |status: &Status| status.get_error_details().error_info().map(|info| info.reason.clone());
    let untrusted = Some("CERTIFICATE_UNTRUSTED".to_owned());
    assert_eq!(list(kept, None).await.err().as_ref().and_then(reason), untrusted);
    let ended = loop {
        match tokio::time::timeout(NOTICED_MAX, stream.message()).await? {
            Ok(message) => assert!(message.is_some(), "the stream ends without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&ended), untrusted, "{ended:?}");
    assert!(takes(next.client(ERP, None)?).await);
    world.under_load().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_certificates_are_rotated_under_load_and_no_call_fails() -> anyhow::Result<()> {
    let (servers, clients, provider) =
        (Authority::new("servers")?, Authority::new("clients")?, ProviderKey::new("first")?);
    let world = start(&servers, &clients, &provider).await?;
    let mut callers = Vec::new();
    for n in 0..CALLERS {
        for (kind, certified) in [("token", false), ("certificate", true)] {
            // Half of them keep one connection for as long as their certificate stays.
            let caller = Arc::clone(&world).call_on(format!("{kind}-{n}"), certified, n % 2 == 0);
            callers.push((kind, tokio::spawn(caller)));
        }
    }
    world.under_load().await;
    rotate_provider(&world, &provider).await?;
    rotate_server(&world, &servers).await?;
    rotate_clients(&world, &clients).await?;
    world.stop.store(true, Ordering::Relaxed);
    for (kind, caller) in callers {
        let calls = caller.await??;
        println!("{calls} calls with a {kind}, none failed");
        assert!(calls >= 50, "that was no load: {calls} calls with a {kind}");
    }
    // Everything that was answered was written.
    let token = world.shown.read().unwrap().token.clone();
    let partners = list(world.connect(false).await?, Some(&token)).await?;
    assert!(!partners.is_empty(), "{}", json!({ "printed": world.serve.process.printed() }));
    Ok(())
}
