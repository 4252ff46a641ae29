//! Who calls. A principal comes from a certificate that the clients' authority signed, or from a token that the identity provider
//! signed; never from a header that anyone can set. A gateway that the settings name may say for whom it calls. What a principal may
//! do is decided in [`crate::access`].

mod address;
mod caller;
mod certificate;
mod keys;
mod layer;
mod limits;
mod token;
mod until;

use std::{collections::BTreeSet, sync::Arc};

use tonic::{Code, Status};

pub(crate) use caller::{Caller, Kind};
pub(crate) use layer::{IdentityLayer, name_caller};
pub(crate) use token::Tokens;
#[cfg(feature = "decoders")]
pub(crate) use token::{read_key_set, read_token};

use crate::{api::errors, config::Config};

/// Who sends commands while nobody's identity is checked.
const ANONYMOUS: &str = "anonymous";
/// Longest name of a principal, in bytes; it stands in every commit.
const PRINCIPAL_BYTES_MAX: usize = 200;

/// Who calls, as commits name it: `oidc:SUBJECT` or `mtls:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Principal(Arc<str>);

impl Principal {
    /// The one of a call. Without a check everybody is anonymous.
    pub(crate) fn of<T>(request: &tonic::Request<T>) -> Self {
        request.extensions().get::<Caller>().map_or_else(|| Self(ANONYMOUS.into()), |caller| caller.principal.clone())
    }

    /// From a whole name that a gateway or the settings give.
    fn whole(text: &str) -> Result<Self, Status> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        Self::new(kind, name)
    }

    /// From a checked name.
    fn new(kind: &str, name: &str) -> Result<Self, Status> {
        let whole = format!("{kind}:{name}");
        if name.is_empty() || whole.len() > PRINCIPAL_BYTES_MAX || whole.chars().any(char::is_control) {
            let what =
                format!("the caller's name must have 1 to {PRINCIPAL_BYTES_MAX} bytes, and no control characters");
            return Err(refused("PRINCIPAL_INVALID", &what));
        }
        Ok(Self(whole.into()))
    }

    /// As commits have it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// How callers are told apart.
#[derive(Debug)]
pub(crate) enum Identity {
    /// Not at all.
    Unchecked,
    /// By tokens, if there is a provider, else by certificates, if the clients have an authority. One of both there is.
    Checked {
        /// What tokens must be.
        tokens: Option<Box<Tokens>>,
        /// Who may say for whom it calls.
        gateways: BTreeSet<String>,
        /// What one of them may take.
        throttle: Arc<limits::Throttle>,
    },
}

impl Identity {
    /// As the settings say.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        let tokens = Tokens::open(&config.identity, config.tls.ca_file.as_deref())?;
        let certificates = config.tls.client_ca_file.is_some();
        if tokens.is_none() && !certificates {
            return Ok(Self::Unchecked);
        }
        Ok(Self::Checked {
            tokens: tokens.map(Box::new),
            gateways: config.identity.gateways.iter().cloned().collect(),
            throttle: Arc::new(limits::Throttle::new(&config.limits)),
        })
    }

    /// For the start of a process.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Unchecked => "Nobody's identity is checked",
            Self::Checked { tokens: Some(_), .. } => {
                "Callers show a token, or a certificate where clients have an authority"
            }
            Self::Checked { tokens: None, .. } => "Callers show a certificate",
        }
    }
}

/// The call is not made by anybody known.
fn refused(reason: &str, message: &str) -> Status {
    errors::status(Code::Unauthenticated, reason, message, &[])
}
