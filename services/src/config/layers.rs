//! Laying one source of settings over another.

use std::path::Path;

use toml::{Table, Value};

use super::{Config, ConfigError};

/// How the text of a setting becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// The text `none` takes the default away.
    OptionalText,
    Number,
    Switch,
    /// Values separated by commas.
    List,
    /// `key=value` pairs separated by commas; as a setting of its own, the rest of the name is the key.
    Pairs,
}

/// Every setting, as the environment and `--set` may name it. A test holds it against [`Config`].
const SETTINGS: &[(&str, Kind)] = &[
    ("data_dir", Kind::Text),
    ("listen", Kind::Text),
    ("metrics_listen", Kind::OptionalText),
    ("trusted_network", Kind::Switch),
    ("log_format", Kind::Text),
    ("log_level", Kind::Text),
    ("layout.partners", Kind::Number),
    ("layout.customers", Kind::Number),
    ("kafka.bootstrap", Kind::Text),
    ("kafka.topic_prefix", Kind::Text),
    ("kafka.replication", Kind::Number),
    ("kafka.client", Kind::Pairs),
    ("limits.queue_commands", Kind::Number),
    ("limits.ready_customers", Kind::Number),
    ("limits.read_model_lag_seconds", Kind::Number),
    ("limits.message_bytes", Kind::Number),
    ("limits.page_items", Kind::Number),
    ("limits.batch_commands", Kind::Number),
    ("limits.principal_calls_per_second", Kind::Number),
    ("limits.principal_calls_open", Kind::Number),
    ("limits.access_rows_per_minute", Kind::Number),
    ("test_clock.enabled", Kind::Switch),
    ("test_clock.start", Kind::Text),
    ("projectors.customer", Kind::Text),
    ("projectors.billing", Kind::Text),
    ("projectors.incentive", Kind::Text),
    ("writers", Kind::Text),
    ("tls.certificate_file", Kind::Text),
    ("tls.key_file", Kind::Text),
    ("tls.client_ca_file", Kind::Text),
    ("tls.ca_file", Kind::Text),
    ("tls.token_file", Kind::Text),
    ("identity.issuer", Kind::Text),
    ("identity.audience", Kind::Text),
    ("identity.jwks_file", Kind::Text),
    ("identity.jwks_address", Kind::Text),
    ("identity.clock_skew_seconds", Kind::Number),
    ("identity.operators", Kind::List),
    ("identity.gateways", Kind::List),
    ("identity.vendor_applications", Kind::List),
    ("identity.application_claims", Kind::List),
    ("identity.scope_claims", Kind::List),
    ("identity.methods_claim", Kind::Text),
    ("identity.second_factors", Kind::List),
    ("identity.second_factor_exceptions", Kind::List),
    ("signing_key_file", Kind::Text),
    ("checkpoint_file", Kind::Text),
    ("checkpoint_every_seconds", Kind::Number),
    ("checkpoint_every_commits", Kind::Number),
    ("customer_keys.dir", Kind::Text),
    ("customer_keys.master_file", Kind::Text),
    ("customer_keys.master_key", Kind::Text),
];

/// Begins the name of every variable.
const PREFIX: &str = "SUBLEDGER_";
/// Variables that begin like a setting but are none: what the command line, the script that runs Kafka, and the tests take.
const OTHER_VARIABLES: &[&str] = &[
    "SUBLEDGER_CONFIG",
    "SUBLEDGER_ADDRESS",
    "SUBLEDGER_CA_FILE",
    "SUBLEDGER_CERTIFICATE_FILE",
    "SUBLEDGER_CLIENT_KEY_FILE",
    "SUBLEDGER_TOKEN_FILE",
    "SUBLEDGER_KAFKA_CACHE",
    "SUBLEDGER_KAFKA_HEAP_MB",
    "SUBLEDGER_KAFKA_READY_SECONDS",
    "SUBLEDGER_SKIP_KAFKA",
    "SUBLEDGER_TEST_BROKERS",
    "SUBLEDGER_TEST_BUILT",
    "SUBLEDGER_TEST_CHILD_DIR",
    "SUBLEDGER_TEST_KILLS",
    "SUBLEDGER_TEST_READS",
    "SUBLEDGER_TEST_ROUNDS",
    "SUBLEDGER_TEST_SEED",
    "SUBLEDGER_TEST_USAGE_CUSTOMERS",
    "SUBLEDGER_TEST_USAGE_METERS",
];

/// Lays file, environment and flags over the defaults.
pub(super) fn merge(
    file: Option<(&str, &Path)>,
    environment: &[(String, String)],
    flags: &[(String, String)],
) -> Result<Config, ConfigError> {
    let mut table = Table::new();
    if let Some((text, path)) = file {
        let named = |error: toml::de::Error| ConfigError(format!("{}: {error}", path.display()));
        // Read as settings once by itself, so that a mistake is reported with its line.
        toml::from_str::<Config>(text).map_err(named)?;
        table = text.parse().map_err(named)?;
    }
    for (name, value) in environment {
        if let Some(key) = key_of_variable(name)? {
            set(&mut table, key, value).map_err(|what| ConfigError(format!("environment variable {name}: {what}")))?;
        }
    }
    for (key, value) in flags {
        set(&mut table, key, value).map_err(|what| ConfigError(format!("setting {key}: {what}")))?;
    }
    let without_metrics = matches!(table.get("metrics_listen"), Some(Value::String(text)) if text == NONE);
    if without_metrics {
        table.remove("metrics_listen");
    }
    let listen_given = table.contains_key("listen");
    let mut config: Config =
        table.try_into().map_err(|error: toml::de::Error| ConfigError(format!("settings: {}", error.message())))?;
    config.listen_given = listen_given;
    if without_metrics {
        config.metrics_listen = None;
    }
    Ok(config)
}

/// Takes an optional setting away.
const NONE: &str = "none";

/// The setting that a variable names; none if it is not about settings.
fn key_of_variable(name: &str) -> Result<Option<&'static str>, ConfigError> {
    if !name.starts_with(PREFIX) || OTHER_VARIABLES.contains(&name) {
        return Ok(None);
    }
    let key = SETTINGS.iter().map(|&(key, _)| key).find(|key| variable(key) == name);
    key.map(Some).ok_or_else(|| {
        let accepted: Vec<_> = SETTINGS.iter().map(|(key, _)| variable(key)).collect();
        ConfigError(format!("environment variable {name} is no setting; these are: {}", accepted.join(", ")))
    })
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

fn set(table: &mut Table, key: &str, text: &str) -> Result<(), String> {
    let pairs_parent = SETTINGS.iter().find_map(|&(known, kind)| {
        Some((known, key.strip_prefix(known)?.strip_prefix('.')?)).filter(|_| kind == Kind::Pairs)
    });
    if let Some((known, rest)) = pairs_parent {
        put_pair(table, known, rest, text);
        return Ok(());
    }
    let Some(&(_, kind)) = SETTINGS.iter().find(|(known, _)| *known == key) else {
        let accepted: Vec<_> = SETTINGS.iter().map(|(key, _)| *key).collect();
        return Err(format!("there is no such setting; these are: {}", accepted.join(", ")));
    };
    let value = match kind {
        Kind::Text | Kind::OptionalText => Value::String(text.to_owned()),
        Kind::List => {
            let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
            Value::Array(values.map(|value| Value::String(value.to_owned())).collect())
        }
        Kind::Number => Value::Integer(text.parse().map_err(|_| format!("{text:?} is not a whole number"))?),
        Kind::Switch => Value::Boolean(text.parse().map_err(|_| format!("{text:?} is neither true nor false"))?),
        Kind::Pairs => {
            for pair in text.split(',').filter(|pair| !pair.is_empty()) {
                let (name, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is not a pair name=value"))?;
                put_pair(table, key, name, value);
            }
            return Ok(());
        }
    };
    let (parent, name) = key.rsplit_once('.').unwrap_or(("", key));
    child(table, parent).insert(name.to_owned(), value);
    Ok(())
}

fn put_pair(table: &mut Table, key: &str, name: &str, value: &str) {
    child(table, key).insert(name.to_owned(), Value::String(value.to_owned()));
}

/// The table at a path, made on the way.
fn child<'a>(mut table: &'a mut Table, path: &str) -> &'a mut Table {
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let entry = table.entry(part.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if !entry.is_table() {
            *entry = Value::Table(Table::new());
        }
        let Value::Table(next) = entry else { unreachable!("it was made a table above") };
        table = next;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn error(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
        merge(Some((file, Path::new("a.toml"))), &pairs(environment), &pairs(flags)).unwrap_err().to_string()
    }

    #[test]
    fn a_later_layer_wins() {
        let file = "listen = '127.0.0.1:1'\nlog_level = 'warn'\n[kafka]\nbootstrap = 'file:1'\ntopic_prefix = 'file'";
        let config = merge(
            Some((file, Path::new("a.toml"))),
            &pairs(&[("SUBLEDGER_LISTEN", "127.0.0.1:2"), ("SUBLEDGER_KAFKA_BOOTSTRAP", "env:1"), ("HOME", "/")]),
            &pairs(&[("listen", "127.0.0.1:3"), ("kafka.client.security.protocol", "ssl"), ("metrics_listen", "none")]),
        )
        .unwrap();
        assert_eq!(config.listen.port(), 3);
        assert_eq!(config.log_level, "warn");
        assert_eq!((config.kafka.bootstrap.as_str(), config.kafka.topic_prefix.as_str()), ("env:1", "file"));
        assert_eq!(config.kafka.client["security.protocol"], "ssl");
        assert_eq!(config.metrics_listen, None);
    }

    #[test]
    fn a_wrong_key_is_named_with_those_that_exist() {
        for text in [
            error("[kafka]\nbootstrp = 'x'", &[], &[]),
            error("", &[("SUBLEDGER_KAFKA_BOOTSTRP", "x")], &[]),
            error("", &[], &[("kafka.bootstrp", "x")]),
        ] {
            let text = text.to_ascii_lowercase();
            assert!(text.contains("bootstrp") && text.contains("bootstrap"), "{text}");
        }
        assert!(error("", &[], &[("layout.customers", "many")]).contains("whole number"));
    }

    #[test]
    fn every_setting_is_a_field() {
        for &(key, kind) in SETTINGS {
            let value = match (key, kind) {
                ("listen" | "metrics_listen", _) => "127.0.0.1:9",
                ("log_format", _) => "json",
                ("test_clock.start", _) => "2018-01-31",
                (_, Kind::Number) => "7",
                (_, Kind::Switch) => "true",
                (_, Kind::Pairs) => "a=b",
                _ => "text",
            };
            merge(None, &[], &pairs(&[(key, value)])).unwrap();
        }
    }

    #[test]
    fn reaching_beyond_this_machine_is_refused() {
        let config = merge(None, &[], &pairs(&[("listen", "0.0.0.0:7440")])).unwrap();
        assert!(config.check().unwrap_err().to_string().contains("checks who calls"));
    }
}
