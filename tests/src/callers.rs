//! A ledger that checks who calls, and callers with roles in it.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
};

use anyhow::Context as _;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use subledger_proto::POOL;
use tonic::{
    Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::{
    identities::{AUDIENCE, Authority, Certified, ISSUER, ProviderKey, claims, key_set, write},
    process::Serve,
    raw,
};

/// Who runs the ledger of a test.
pub const OPERATOR: &str = "operator@ledger.example";
/// The same, as its certificate names it.
const OPERATOR_URI: &str = "spiffe://ledger.example/operator";

/// A ledger on loopback whose callers show tokens.
pub struct Checked {
    dir: tempfile::TempDir,
    /// The process.
    pub serve: Serve,
    provider: ProviderKey,
    channel: Channel,
    operator: Operator,
    tls: Option<Tls>,
}

/// How who runs the ledger calls: with a token, or on a connection that shows a certificate.
struct Operator {
    channel: Channel,
    token: Option<String>,
}

/// Who signs for whom.
struct Tls {
    servers: Authority,
    clients: Authority,
}

impl Tls {
    /// The settings of a server, whose files are in a directory.
    fn settings(&self, dir: &std::path::Path) -> anyhow::Result<Vec<String>> {
        let (certificate, key) = self.servers.server()?.write(dir, "server")?;
        let clients = write(&dir.join("clients.pem"), &self.clients.pem())?;
        Ok(vec![
            format!("tls.certificate_file={certificate}"),
            format!("tls.key_file={key}"),
            format!("tls.client_ca_file={clients}"),
        ])
    }

    /// A connection, with a certificate if a name is given.
    async fn connect(&self, address: &str, name: Option<&str>) -> anyhow::Result<Channel> {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.servers.pem()));
        if let Some(name) = name {
            let Certified { certificate, key } = self.clients.client(name, None)?;
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        Ok(Endpoint::from_shared(address.replace("http://", "https://"))?.tls_config(tls)?.connect().await?)
    }
}

impl Checked {
    /// Starts one, with more settings.
    pub async fn start(settings: &[&str]) -> anyhow::Result<Self> {
        Self::start_over(None, settings).await
    }

    /// Starts one that speaks TLS; who runs it shows a certificate.
    pub async fn start_with_certificates(settings: &[&str]) -> anyhow::Result<Self> {
        let tls = Tls { servers: Authority::new("servers")?, clients: Authority::new("clients")? };
        Self::start_over(Some(tls), settings).await
    }

    async fn start_over(tls: Option<Tls>, settings: &[&str]) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let provider = ProviderKey::new("first")?;
        let keys = write(&dir.path().join("jwks.json"), &key_set(&[&provider])?)?;
        let own = [
            format!("identity.issuer={ISSUER}"),
            format!("identity.audience={AUDIENCE}"),
            format!("identity.jwks_file={keys}"),
            format!("identity.operators=oidc:{OPERATOR},mtls:{OPERATOR_URI}"),
            "test_clock.enabled=true".to_owned(),
            "limits.principal_calls_per_second=1000000".to_owned(),
        ];
        let of_tls = tls.as_ref().map(|tls| tls.settings(dir.path())).transpose()?.unwrap_or_default();
        let all: Vec<_> = own.iter().chain(&of_tls).map(String::as_str).chain(settings.iter().copied()).collect();
        let arguments: Vec<_> = all.iter().flat_map(|setting| ["--set", setting]).collect();
        let serve = Serve::start(&dir.path().join("data"), &arguments).await?;
        let (channel, operator) = connect(tls.as_ref(), &serve.address, &provider).await?;
        Ok(Self { dir, serve, provider, channel, operator, tls })
    }

    /// Stops it, so that nothing waits any more, and starts it again.
    pub async fn restart(self) -> anyhow::Result<Self> {
        let Self { dir, mut serve, provider, tls, .. } = self;
        serve.process.stop()?;
        let serve = serve.restart().await?;
        let (channel, operator) = connect(tls.as_ref(), &serve.address, &provider).await?;
        Ok(Self { dir, serve, provider, channel, operator, tls })
    }

    /// The connection of everybody who shows a token.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The settings by which another process knows the same callers.
    pub fn identity_settings(&self) -> Vec<String> {
        vec![
            format!("identity.issuer={ISSUER}"),
            format!("identity.audience={AUDIENCE}"),
            format!("identity.jwks_file={}", self.path("jwks.json").display()),
            format!("identity.operators=oidc:{OPERATOR}"),
        ]
    }

    /// A file of the test's own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A good token of somebody, with a second factor.
    pub fn token(&self, subject: &str) -> anyhow::Result<String> {
        self.provider.token(subject)
    }

    /// A token that says more, or less where a claim is null.
    pub fn token_with(&self, subject: &str, more: &Value) -> anyhow::Result<String> {
        let mut all = claims(subject);
        let (Some(all_of), Some(more)) = (all.as_object_mut(), more.as_object()) else { anyhow::bail!("no claims") };
        for (name, value) in more {
            if value.is_null() { _ = all_of.remove(name) } else { _ = all_of.insert(name.clone(), value.clone()) }
        }
        self.provider.sign(&all)
    }

    /// Calls a method, `Service/Method`, with a message in JSON; the answer's bytes.
    pub async fn call_raw(&self, token: &str, method: &str, message: &Value) -> Result<Vec<u8>, Status> {
        call(&self.channel, Some(token), method, message).await
    }

    /// The same, with the answer in JSON.
    pub async fn call(&self, token: &str, method: &str, message: &Value) -> Result<Value, Status> {
        let bytes = self.call_raw(token, method, message).await?;
        read(method, &bytes).map_err(|error| Status::internal(error.to_string()))
    }

    /// The same as who runs the ledger, which must work.
    pub async fn operate(&self, method: &str, message: &Value) -> anyhow::Result<Value> {
        let Operator { channel, token } = &self.operator;
        let bytes = call(channel, token.as_deref(), method, message).await;
        read(method, &bytes.with_context(|| format!("{method} {message}"))?)
    }

    /// Submits a command as who runs the ledger, which must be accepted; waits until the read models show it.
    pub async fn accepted(&self, command: &Value) -> anyhow::Result<Value> {
        let outcome = self.operate("CommandService/Submit", &json!({ "command": command })).await?;
        Ok(outcome)
    }

    /// Gives a principal a role.
    pub async fn assign(&self, subject: &str, role: &str, partner: &str, customer: &str) -> anyhow::Result<()> {
        // All of it is longer than an id may be.
        let mut hasher = DefaultHasher::new();
        (subject, role, partner, customer).hash(&mut hasher);
        let command = json!({ "command_id": format!("role-{:016x}", hasher.finish()), "assign_role": {
            "partner_id": partner, "principal": format!("oidc:{subject}"), "role": role, "customer_id": customer } });
        self.accepted(&command).await.map(|_| ())
    }
}

async fn connect(tls: Option<&Tls>, address: &str, provider: &ProviderKey) -> anyhow::Result<(Channel, Operator)> {
    let Some(tls) = tls else {
        let channel = Endpoint::from_shared(address.to_owned())?.connect().await?;
        return Ok((channel.clone(), Operator { channel, token: Some(provider.token(OPERATOR)?) }));
    };
    let operator = Operator { channel: tls.connect(address, Some(OPERATOR_URI)).await?, token: None };
    Ok((tls.connect(address, None).await?, operator))
}

async fn call(channel: &Channel, token: Option<&str>, method: &str, message: &Value) -> Result<Vec<u8>, Status> {
    let known = method_of(method).map_err(|error| Status::internal(error.to_string()))?;
    let message = DynamicMessage::deserialize(known.input(), message.clone());
    let message = message.map_err(|error| Status::internal(format!("{method}: {error}")))?;
    raw::call_as(channel.clone(), token, &format!("/subledger.v1.{method}"), &message.encode_to_vec()).await
}

/// A method of the API.
pub fn method_of(name: &str) -> anyhow::Result<MethodDescriptor> {
    let (service, method) = name.split_once('/').context("Service/Method")?;
    let service = POOL.get_service_by_name(&format!("subledger.v1.{service}")).context("no such service")?;
    service.methods().find(|known| known.name() == method).with_context(|| format!("no method {name}"))
}

/// An answer in JSON.
pub fn read(method: &str, bytes: &[u8]) -> anyhow::Result<Value> {
    let message = DynamicMessage::decode(method_of(method)?.output(), bytes)?;
    let options = prost_reflect::SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
    Ok(message.serialize_with_options(serde_json::value::Serializer, &options)?)
}
