//! How another process is called: who is trusted to answer, and how this one shows who it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

/// Calls that show the token, if there is one.
pub type Calls = InterceptedService<Channel, Token>;

/// Whom to trust, and what to show. The default trusts the authorities of this machine and shows nothing.
#[derive(Clone, Debug, Default)]
pub struct Dial {
    authorities: Option<Certificate>,
    identity: Option<Identity>,
    token: Token,
}

impl Dial {
    /// Trusts the authorities of a PEM file, shows a certificate (with its key), and a token that is read again for each call.
    ///
    /// # Errors
    /// A file that cannot be read; the text names it.
    pub fn new(
        authorities: Option<&Path>,
        certificate: Option<(&Path, &Path)>,
        token: Option<PathBuf>,
    ) -> io::Result<Self> {
        let authorities = authorities.map(read).transpose()?.map(Certificate::from_pem);
        let identity = match certificate {
            Some((certificate, key)) => Some(Identity::from_pem(read(certificate)?, read(key)?)),
            None => None,
        };
        Ok(Self { authorities, identity, token: Token { file: token } })
    }

    /// The way to `address`: TLS if it begins with `https`.
    ///
    /// # Errors
    /// No address, or certificates that are none.
    pub fn endpoint(&self, address: &str) -> Result<Endpoint, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(address.to_owned())?;
        if endpoint.uri().scheme_str() != Some("https") {
            return Ok(endpoint);
        }
        let tls = ClientTlsConfig::new();
        let tls = match &self.authorities {
            Some(authorities) => tls.ca_certificate(authorities.clone()),
            None => tls.with_native_roots(),
        };
        endpoint.tls_config(match &self.identity {
            Some(identity) => tls.identity(identity.clone()),
            None => tls,
        })
    }

    /// Whether a process that calls so shows who it is.
    pub fn has_credentials(&self) -> bool {
        self.identity.is_some() || self.token.file.is_some()
    }

    /// Calls over a channel.
    pub fn calls(&self, channel: Channel) -> Calls {
        InterceptedService::new(channel, self.token.clone())
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path).map_err(|error| io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))
}

/// Adds the token of a file to each call.
#[derive(Clone, Debug, Default)]
pub struct Token {
    file: Option<PathBuf>,
}

impl Interceptor for Token {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(path) = &self.file {
            let wrong = |what: String| Status::invalid_argument(format!("token file {}: {what}", path.display()));
            let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            let mut value: MetadataValue<Ascii> = format!("Bearer {}", text.trim())
                .parse()
                .map_err(|_| wrong("has characters that no token has".to_owned()))?;
            value.set_sensitive(true);
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}
