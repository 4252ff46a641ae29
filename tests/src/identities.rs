//! Authorities, certificates and tokens of people who exist only in tests.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};

/// The issuer of the tokens.
pub const ISSUER: &str = "https://login.example.com/";
/// Whom they are for.
pub const AUDIENCE: &str = "subledger";

/// Writes a file and says where it is.
pub fn write(path: &Path, text: &str) -> anyhow::Result<String> {
    fs::write(path, text)?;
    Ok(path.display().to_string())
}

/// Signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub struct Certified {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certifies the loopback address.
    pub fn server(&self) -> anyhow::Result<Certified> {
        let mut params = CertificateParams::default();
        params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse()?));
        self.certify(&params)
    }

    /// Certifies a name, if `until` is not given for the next years.
    pub fn client(&self, uri: &str, until: Option<(i32, u8, u8)>) -> anyhow::Result<Certified> {
        let mut params = CertificateParams::default();
        params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        if let Some((year, month, day)) = until {
            params.not_after = rcgen::date_time_ymd(year, month, day);
        }
        self.certify(&params)
    }

    /// Certifies a process that is called at the loopback address, and calls others under a name.
    pub fn process(&self, uri: &str) -> anyhow::Result<Certified> {
        let mut params = CertificateParams::default();
        params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse()?));
        params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        self.certify(&params)
    }

    fn certify(&self, params: &CertificateParams) -> anyhow::Result<Certified> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?.pem();
        Ok(Certified { certificate, key: key.serialize_pem() })
    }
}

impl Certified {
    /// Writes both; says where.
    pub fn write(&self, dir: &Path, name: &str) -> anyhow::Result<(String, String)> {
        let certificate = write(&dir.join(format!("{name}.pem")), &self.certificate)?;
        Ok((certificate, write(&dir.join(format!("{name}.key")), &self.key)?))
    }
}

/// What a page answers over TLS, head and all, to who trusts that authority.
pub async fn https_get(place: &str, authority: &str, path: &str) -> anyhow::Result<String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1")?.to_owned();
    let stream = TcpStream::connect(place).await?;
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: ledger\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    // Who closes without a word at the end has said everything before.
    let _ = stream.read_to_end(&mut answer).await;
    Ok(String::from_utf8(answer)?)
}

/// A key of the identity provider.
pub struct ProviderKey {
    id: String,
    key: EncodingKey,
}

impl ProviderKey {
    /// A new one.
    pub fn new(id: &str) -> anyhow::Result<Self> {
        let der = KeyPair::generate()?.serialize_der();
        Ok(Self { id: id.to_owned(), key: EncodingKey::from_ec_der(&der) })
    }

    /// As it is published.
    pub fn jwk(&self) -> anyhow::Result<Jwk> {
        let mut jwk = Jwk::from_encoding_key(&self.key, Algorithm::ES256)?;
        jwk.common.key_id = Some(self.id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(jwk)
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::ES256) };
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }

    /// A good token of somebody, for an hour.
    pub fn token(&self, subject: &str) -> anyhow::Result<String> {
        self.sign(&claims(subject))
    }
}

/// The published keys, in JSON.
pub fn key_set(keys: &[&ProviderKey]) -> anyhow::Result<String> {
    let keys = keys.iter().map(|key| key.jwk()).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(serde_json::to_string(&JwkSet { keys })?)
}

/// What a good token says.
pub fn claims(subject: &str) -> Value {
    let now = now();
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "nbf": now - 60, "exp": now + 3600, "amr": ["pwd", "mfa"] })
}

/// Seconds since 1970.
#[allow(clippy::disallowed_methods, reason = "the ledger that reads the token has the wall clock")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
