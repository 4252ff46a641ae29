//! The identity provider's public keys: a JSON Web Key Set (RFC 7517) in a file that is read again when it changes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};

/// How long a set is taken as it is before the file is looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A key and what it may have signed with.
pub(super) struct Key {
    pub(super) decoding: DecodingKey,
    pub(super) algorithms: Vec<Algorithm>,
}

/// Keys by their ids.
pub(super) type Keys = BTreeMap<String, Key>;

/// The file, and what was in it.
pub(super) struct KeyFile {
    path: PathBuf,
    read: Mutex<Read>,
}

struct Read {
    keys: Arc<Keys>,
    text: String,
    looked: Instant,
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyFile").field(&self.path).finish()
    }
}

impl KeyFile {
    /// Reads it the first time, when a mistake is an error.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let keys = Arc::new(parse(&text).with_context(|| path.display().to_string())?);
        Ok(Self { path: path.to_owned(), read: Mutex::new(Read { keys, text, looked: Instant::now() }) })
    }

    /// The keys as they are now. A file that became unreadable, or is no set, leaves those before it, and says so in the log.
    pub(super) fn keys(&self) -> Arc<Keys> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.looked.elapsed() >= LOOK_EVERY {
            read.looked = Instant::now();
            self.look(&mut read);
        }
        Arc::clone(&read.keys)
    }

    fn look(&self, read: &mut Read) {
        let path = self.path.display();
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) if text == read.text => return,
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%path, %error, "the identity provider's keys cannot be read; those read before stay");
                return;
            }
        };
        match parse(&text) {
            Ok(keys) => {
                tracing::info!(%path, keys = ?keys.keys().collect::<Vec<_>>(), "the identity provider's keys changed");
                read.keys = Arc::new(keys);
            }
            Err(error) => tracing::error!(%path, error = format!("{error:#}"), "no key set; the keys before stay"),
        }
        read.text = text;
    }
}

/// Public keys for signatures, each with an id. A shared secret is an error: who can check with it can sign with it.
pub(super) fn parse(text: &str) -> anyhow::Result<Keys> {
    let set: JwkSet = serde_json::from_str(text).context("this is no JSON Web Key Set")?;
    let mut keys = Keys::new();
    for jwk in set.keys.iter().filter(|jwk| jwk.common.public_key_use != Some(PublicKeyUse::Encryption)) {
        let id = jwk.common.key_id.clone().context("a key of the set has no kid")?;
        let algorithms = algorithms(jwk).with_context(|| format!("key {id:?}"))?;
        let decoding = DecodingKey::from_jwk(jwk).with_context(|| format!("key {id:?}"))?;
        anyhow::ensure!(
            keys.insert(id.clone(), Key { decoding, algorithms }).is_none(),
            "two keys have the kid {id:?}"
        );
    }
    anyhow::ensure!(!keys.is_empty(), "the set has no key for signatures");
    Ok(keys)
}

/// What a key may sign with: what it says, else what its kind can.
fn algorithms(jwk: &Jwk) -> anyhow::Result<Vec<Algorithm>> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    let able: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => &[ES256],
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P384 => &[ES384],
        AlgorithmParameters::OctetKeyPair(_) => &[EdDSA],
        AlgorithmParameters::OctetKey(_) => anyhow::bail!("is a shared secret; only public keys are taken"),
        _ => anyhow::bail!("is of a kind that is not taken; RSA, P-256, P-384 and Ed25519 are"),
    };
    let Some(named) = jwk.common.key_algorithm else { return Ok(able.to_vec()) };
    match able.iter().find(|algorithm| same(named, **algorithm)) {
        Some(algorithm) => Ok(vec![*algorithm]),
        None => anyhow::bail!("cannot sign with {named}"),
    }
}

fn same(named: KeyAlgorithm, algorithm: Algorithm) -> bool {
    named.to_string() == format!("{algorithm:?}")
}
