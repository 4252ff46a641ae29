//! Bearer tokens: signed by the identity provider (`OpenID` Connect), for this ledger, valid now.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use jsonwebtoken::{Validation, decode, decode_header, errors::ErrorKind};
use serde_json::{Map, Value};
use tonic::Status;

use super::{
    Caller, Kind, Principal,
    address::KeyAddress,
    caller::ClaimNames,
    keys::{Key, KeyFile, Keys},
    refused,
};
use crate::config::IdentityConfig;

/// Largest token taken, in bytes.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// What tokens must be.
#[derive(Debug)]
pub(crate) struct Tokens {
    expected: Expected,
    keys: Source,
}

/// Where the provider's keys are.
#[derive(Debug)]
enum Source {
    /// In a file.
    File(KeyFile),
    /// At an address.
    Address(Arc<KeyAddress>),
}

/// What a token must say.
#[derive(Debug)]
struct Expected {
    issuer: String,
    audience: String,
    /// How far the provider's clock may be away, in seconds.
    clock_skew_seconds: u64,
    names: ClaimNames,
}

impl Tokens {
    /// None if there is no provider.
    pub(crate) fn open(config: &IdentityConfig, authorities: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let (Some(issuer), Some(audience)) = (&config.issuer, &config.audience) else { return Ok(None) };
        let keys = match (&config.jwks_file, &config.jwks_address) {
            (Some(file), _) => Source::File(KeyFile::open(file).context("identity.jwks_file")?),
            (None, Some(address)) => {
                Source::Address(KeyAddress::open(address, authorities).context("identity.jwks_address")?)
            }
            (None, None) => return Ok(None),
        };
        let expected = Expected {
            issuer: issuer.clone(),
            audience: audience.clone(),
            clock_skew_seconds: config.clock_skew_seconds,
            names: ClaimNames::of(config),
        };
        Ok(Some(Self { expected, keys }))
    }

    /// Who a token is about. It must be signed by a key of the provider that is still published, with an algorithm of that key.
    pub(super) async fn caller(&self, token: &str) -> Result<Caller, Status> {
        match &self.keys {
            Source::File(file) => caller(token, &file.keys(), &self.expected),
            Source::Address(address) => {
                if kid(token).is_some_and(|kid| !address.keys().contains_key(&kid)) {
                    // The provider may have a new key.
                    address.refresh().await;
                }
                caller(token, &address.keys(), &self.expected)
            }
        }
    }
}

/// The key that a token names, if it is one at all.
fn kid(token: &str) -> Option<String> {
    if token.len() > TOKEN_BYTES_MAX { None } else { decode_header(token).ok()?.kid }
}

fn caller(token: &str, keys: &Keys, expected: &Expected) -> Result<Caller, Status> {
    if token.len() > TOKEN_BYTES_MAX {
        let what = format!("the token has {} bytes; at most {TOKEN_BYTES_MAX} are taken", token.len());
        return Err(refused("TOKEN_TOO_LARGE", &what));
    }
    let header = decode_header(token).map_err(|_| {
        refused("TOKEN_MALFORMED", "the token is no signed JSON Web Token, or names no algorithm of public keys")
    })?;
    let id = header.kid.unwrap_or_default();
    let Some(key) = keys.get(&id) else {
        return Err(refused("TOKEN_KEY_UNKNOWN", "the identity provider publishes no key with the token's kid"));
    };
    if !key.algorithms.contains(&header.alg) {
        return Err(refused("TOKEN_ALGORITHM_REFUSED", "the token's algorithm is not one of its key"));
    }
    let claims = decode::<Map<String, Value>>(token, &key.decoding, &validation(key, expected));
    let claims = claims.map_err(|error| fault(error.kind(), expected))?.claims;
    let subject = match claims.get("sub") {
        Some(Value::String(subject)) => subject.as_str(),
        Some(_) => return Err(refused("TOKEN_MALFORMED", "the token's claims cannot be read")),
        None => return Err(fault(&ErrorKind::MissingRequiredClaim("sub".to_owned()), expected)),
    };
    let mut caller = expected.names.read(Principal::new("oidc", subject)?, subject, &claims);
    let is_vendor = caller.application.as_ref().is_some_and(|application| expected.names.is_vendor(application));
    if caller.kind == Kind::Application && is_vendor {
        // L19304.
        let what =
            "an application of a control panel vendor acts for a signed-in person of a partner, never for itself";
        return Err(refused("VENDOR_WITHOUT_USER", what));
    }
    caller.expires_at = caller.expires_at.map(|at| at.saturating_add(expected.clock_skew_seconds));
    Ok(caller)
}

fn validation(key: &Key, expected: &Expected) -> Validation {
    let mut validation = Validation::default();
    validation.algorithms.clone_from(&key.algorithms);
    validation.leeway = expected.clock_skew_seconds;
    validation.validate_nbf = true;
    validation.set_issuer(&[&expected.issuer]);
    validation.set_audience(&[&expected.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}

fn fault(kind: &ErrorKind, expected: &Expected) -> Status {
    let Expected { issuer, audience, .. } = expected;
    match kind {
        ErrorKind::ExpiredSignature => refused("TOKEN_EXPIRED", "the token has expired"),
        ErrorKind::ImmatureSignature => refused("TOKEN_NOT_YET_VALID", "the token is not valid yet"),
        ErrorKind::InvalidSignature => refused("TOKEN_SIGNATURE_INVALID", "the token's signature is not its key's"),
        ErrorKind::InvalidIssuer => refused("TOKEN_ISSUER_WRONG", &format!("only tokens of {issuer} are taken")),
        ErrorKind::InvalidAudience => {
            refused("TOKEN_AUDIENCE_WRONG", &format!("only tokens for the audience {audience} are taken"))
        }
        ErrorKind::MissingRequiredClaim(claim) => {
            refused("TOKEN_CLAIM_MISSING", &format!("the token has no {claim}; exp, iss, aud and sub are required"))
        }
        _ => refused("TOKEN_MALFORMED", "the token's claims cannot be read"),
    }
}

/// [`Tokens::principal`], with the keys of a provider that there is not.
#[cfg(feature = "decoders")]
pub(crate) fn read_token(token: &str) -> Result<(), Status> {
    use std::sync::LazyLock;

    /// The public key of RFC 8037, A.2.
    const KEY_SET: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    static KEYS: LazyLock<Keys> = LazyLock::new(|| super::keys::parse(KEY_SET).unwrap_or_default());
    let names = ClaimNames::of(&IdentityConfig::default());
    let expected = Expected { issuer: "i".into(), audience: "l".into(), clock_skew_seconds: 30, names };
    caller(token, &KEYS, &expected).map(drop)
}

/// Reads a JSON Web Key Set.
#[cfg(feature = "decoders")]
pub(crate) fn read_key_set(text: &str) -> anyhow::Result<()> {
    super::keys::parse(text).map(drop)
}
