//! What outsiders hand in, read as the program reads it: for `tests/decoders`. Nothing may panic, and a refusal says why.

use crate::{client, config, identity};

/// A TOML file of settings, and each of its lines as `--set` takes it.
///
/// # Panics
/// Where a refusal does not say why.
pub fn settings(text: &str) {
    let flags: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let flags: Vec<_> = flags.into_iter().map(|(key, value)| (key.trim().to_owned(), value.to_owned())).collect();
    for read in [config::read_layers(Some(text), &[]), config::read_layers(None, &flags)] {
        if let Err(error) = read {
            assert!(!error.to_string().is_empty());
        }
    }
}

/// A bearer token, against the keys of a provider.
///
/// # Panics
/// Where a refusal does not say why.
pub fn token(text: &str) {
    if let Err(status) = identity::read_token(text) {
        assert!(!status.message().is_empty());
    }
}

/// A JSON Web Key Set.
///
/// # Panics
/// Where a refusal does not say why.
pub fn key_set(text: &str) {
    if let Err(error) = identity::read_key_set(text) {
        assert!(!error.to_string().is_empty());
    }
}

/// A file, as every kind that `load` takes.
///
/// # Panics
/// Where a refusal does not say why.
pub fn load(bytes: &[u8]) {
    client::read_every_kind(bytes, &mut |why| assert!(!why.is_empty()));
}
