//! Settings: defaults < file < environment < flags. A key that does not exist is an error that names it and those that do.

mod customer_keys;
mod layers;
mod secrets;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use serde::Deserialize;
use subledger_log::{Layout, remote::Dial};

use self::customer_keys::CustomerKeysConfig;

/// Everything that can be set. A TOML file has these names; the environment has them as `SUBLEDGER_…` with `_` for dots.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where everything on this machine is kept.
    pub(crate) data_dir: PathBuf,
    /// Address of the gRPC services.
    pub(crate) listen: SocketAddr,
    /// Whether the address was set; a process that has little to offer listens only then.
    #[serde(skip)]
    pub(crate) listen_given: bool,
    /// Address of the Prometheus metrics; none for no metrics.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// The network keeps everybody out who may not do everything: only then other addresses than loopback may be listened on.
    pub(crate) trusted_network: bool,
    /// How the log is written.
    pub(crate) log_format: LogFormat,
    /// What is logged: `info`, or directives such as `warn,subledger=debug`.
    pub(crate) log_level: String,
    /// Partitions; counts only when a ledger is made.
    pub(crate) layout: LayoutConfig,
    /// The broker.
    pub(crate) kafka: KafkaConfig,
    /// Limits that a deployment may want otherwise.
    pub(crate) limits: Limits,
    /// A clock moved by hand.
    pub(crate) test_clock: TestClockConfig,
    /// Where a gateway finds the read models.
    pub(crate) projectors: ProjectorsConfig,
    /// Where a gateway finds the writers that listen, separated by commas: they answer previews. Without them it has none.
    pub(crate) writers: String,
    /// TLS of the gRPC services, and of the calls this process makes.
    pub(crate) tls: TlsConfig,
    /// Whose tokens tell who calls.
    pub(crate) identity: IdentityConfig,
    /// The key that signs checkpoints [default: keys/signing.key in the data directory]. A gateway has none unless it is named, and
    /// keeps trees and gives proofs only then.
    pub(crate) signing_key_file: Option<PathBuf>,
    /// Where signed checkpoints are appended [default: checkpoints in the data directory]; better on another disk.
    pub(crate) checkpoint_file: Option<PathBuf>,
    /// A checkpoint is appended at most so many seconds after a commit.
    pub(crate) checkpoint_every_seconds: u64,
    /// And after so many commits of a partition.
    pub(crate) checkpoint_every_commits: u64,
    /// Where the keys of customers' personal values are.
    pub(crate) customer_keys: CustomerKeysConfig,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for a person.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How many partitions a new ledger gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LayoutConfig {
    /// Of partners.
    pub(crate) partners: u16,
    /// Of customers.
    pub(crate) customers: u16,
}

/// The broker.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KafkaConfig {
    /// `host:port`, separated by commas.
    pub(crate) bootstrap: String,
    /// Begins the name of every topic.
    pub(crate) topic_prefix: String,
    /// Replicas of each topic, when they are made.
    pub(crate) replication: u16,
    /// Client properties of librdkafka, such as `security.protocol`. A secret may stand in a file of its own, without its last line end:
    /// `sasl.password_file` names that of `sasl.password`.
    pub(crate) client: BTreeMap<String, String>,
}

/// Without the values of the properties: there are passwords among them.
impl std::fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bootstrap, topic_prefix, replication, client } = self;
        f.debug_struct("KafkaConfig")
            .field("bootstrap", bootstrap)
            .field("topic_prefix", topic_prefix)
            .field("replication", replication)
            .field("client", &client.keys())
            .finish()
    }
}

/// Limits, each with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Most commands waiting for the writer of one partition.
    pub(crate) queue_commands: usize,
    /// Customers of one partition that its writer keeps ready for their next command; the others are packed into a twentieth of the
    /// memory, and their next command takes some 0.1 ms more.
    pub(crate) ready_customers: usize,
    /// Largest gRPC message taken, in bytes.
    pub(crate) message_bytes: usize,
    /// Largest page of a list, in items.
    pub(crate) page_items: usize,
    /// Most commands of one batch of a stream.
    pub(crate) batch_commands: usize,
    /// Most calls of one principal in a second, where callers are checked.
    pub(crate) principal_calls_per_second: u32,
    /// Most calls of one principal that are open at a time, streams among them.
    pub(crate) principal_calls_open: usize,
    /// Most rows about refusals and privileged reads written in a minute; beyond, they are counted together.
    pub(crate) access_rows_per_minute: usize,
    /// Seconds that read models of the writers' own process may be behind: writers pause from half of it on, and hardly write any more at
    /// the whole; 0: any time.
    pub(crate) read_model_lag_seconds: u64,
}

/// A clock moved by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TestClockConfig {
    /// Whether the ledger has one instead of the wall clock.
    pub(crate) enabled: bool,
    /// The first business day.
    pub(crate) start: NaiveDate,
}

/// Where a gateway finds the read models.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProjectorsConfig {
    /// Address of `projector customer`.
    pub(crate) customer: String,
    /// Address of `projector billing`.
    pub(crate) billing: String,
    /// Address of `projector incentive`.
    pub(crate) incentive: String,
}

/// Files in PEM, read again when they change; only `ca_file` and `token_file` concern calls to others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_field_names, reason = "they are the names of the settings")]
pub(crate) struct TlsConfig {
    /// The server's certificate, and those between it and its authority.
    pub(crate) certificate_file: Option<PathBuf>,
    /// Its private key. Also shown, with the certificate, to the processes this one calls.
    pub(crate) key_file: Option<PathBuf>,
    /// Who signs the certificates of clients; a client that shows one is known by it.
    pub(crate) client_ca_file: Option<PathBuf>,
    /// Who signs the certificates of the processes this one calls.
    pub(crate) ca_file: Option<PathBuf>,
    /// The token with which this process calls others; read for each call.
    pub(crate) token_file: Option<PathBuf>,
}

/// Who calls: a provider of `OpenID` Connect (issuer, audience and keys, or none of them), and who is what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IdentityConfig {
    /// The `iss` of its tokens.
    pub(crate) issuer: Option<String>,
    /// The `aud` of tokens that are meant for this ledger.
    pub(crate) audience: Option<String>,
    /// Its public keys, a JSON Web Key Set; read again when it changes.
    pub(crate) jwks_file: Option<PathBuf>,
    /// Or the address of that set: https, or http on loopback. `tls.ca_file` says whom to trust there.
    pub(crate) jwks_address: Option<String>,
    /// How far its clock may be away, in seconds.
    pub(crate) clock_skew_seconds: u64,
    /// Principals who run the ledger and may do everything, such as `oidc:ada@example.com` or `mtls:spiffe://example.com/erp`.
    pub(crate) operators: Vec<String>,
    /// Principals of this ledger's own gateways: they say for whom they call, and are believed.
    pub(crate) gateways: Vec<String>,
    /// Applications (by the id that tokens name) of control panel vendors.
    pub(crate) vendor_applications: Vec<String>,
    /// Claims that name the application; the first that a token has counts.
    pub(crate) application_claims: Vec<String>,
    /// Claims with scopes: a token with an application and without scopes is the application's own.
    pub(crate) scope_claims: Vec<String>,
    /// The claim with the ways of signing in.
    pub(crate) methods_claim: String,
    /// Values of that claim that stand for a second factor.
    pub(crate) second_factors: Vec<String>,
    /// Principals with a technical exception: their provider checks a second factor and cannot say so (L18886-18894).
    pub(crate) second_factor_exceptions: Vec<String>,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            issuer: None,
            audience: None,
            jwks_file: None,
            jwks_address: None,
            clock_skew_seconds: CLOCK_SKEW_SECONDS,
            operators: Vec::new(),
            gateways: Vec::new(),
            vendor_applications: Vec::new(),
            application_claims: names(&["azp", "appid", "client_id"]),
            scope_claims: names(&["scp", "scope"]),
            methods_claim: "amr".into(),
            second_factors: names(&["mfa"]),
            second_factor_exceptions: Vec::new(),
        }
    }
}

/// How far the identity provider's clock may be away by default, in seconds.
const CLOCK_SKEW_SECONDS: u64 = 30;
/// Where `serve` and the gateway listen unless told otherwise.
pub(crate) const LISTEN_PORT: u16 = 7440;
/// Where metrics are unless told otherwise.
const METRICS_PORT: u16 = 7441;
/// Largest gRPC message taken by default, in bytes: a batch of commands with a large price list in it.
const MESSAGE_BYTES: usize = 8 * 1024 * 1024;
/// Largest page by default, in items.
const PAGE_ITEMS: usize = 1_000;
/// Longest time from a commit to a checkpoint in the file by default.
const CHECKPOINT_EVERY_SECONDS: u64 = 300;
/// Commits of a partition between two checkpoints in the file by default.
const CHECKPOINT_EVERY_COMMITS: u64 = 10_000;
/// Largest batch of a command stream by default, in commands.
const BATCH_COMMANDS: usize = 1_000;
/// Calls of one principal in a second by default.
const PRINCIPAL_CALLS_PER_SECOND: u32 = 1_000;
/// Calls of one principal open at a time by default.
const PRINCIPAL_CALLS_OPEN: usize = 256;
/// Rows about callers written in a minute by default: at most about 0.4 GB a day.
const ACCESS_ROWS_PER_MINUTE: usize = 1_000;
/// Seconds that read models may be behind by default: a burst of some hundred thousand commands.
const READ_MODEL_LAG_SECONDS: u64 = 10;

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: default_data_dir(),
            listen: loopback(LISTEN_PORT),
            listen_given: false,
            metrics_listen: Some(loopback(METRICS_PORT)),
            trusted_network: false,
            log_format: LogFormat::Text,
            log_level: "info".into(),
            layout: LayoutConfig::default(),
            kafka: KafkaConfig::default(),
            limits: Limits::default(),
            test_clock: TestClockConfig::default(),
            tls: TlsConfig::default(),
            identity: IdentityConfig::default(),
            projectors: ProjectorsConfig::default(),
            writers: String::new(),
            signing_key_file: None,
            checkpoint_file: None,
            checkpoint_every_seconds: CHECKPOINT_EVERY_SECONDS,
            checkpoint_every_commits: CHECKPOINT_EVERY_COMMITS,
            customer_keys: CustomerKeysConfig::default(),
        }
    }
}

impl Default for LayoutConfig {
    fn default() -> Self {
        let layout = Layout::default();
        Self { partners: layout.partners, customers: layout.customers }
    }
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            bootstrap: "127.0.0.1:9092".into(),
            topic_prefix: "subledger".into(),
            replication: 1,
            client: BTreeMap::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_commands: subledger_writer::Options::default().queue_commands_max,
            ready_customers: subledger_writer::Options::default().ready_customers_max,
            message_bytes: MESSAGE_BYTES,
            page_items: PAGE_ITEMS,
            batch_commands: BATCH_COMMANDS,
            principal_calls_per_second: PRINCIPAL_CALLS_PER_SECOND,
            principal_calls_open: PRINCIPAL_CALLS_OPEN,
            access_rows_per_minute: ACCESS_ROWS_PER_MINUTE,
            read_model_lag_seconds: READ_MODEL_LAG_SECONDS,
        }
    }
}

impl Default for TestClockConfig {
    fn default() -> Self {
        // The first month of the published sample files.
        Self { enabled: false, start: NaiveDate::from_ymd_opt(2018, 1, 1).unwrap_or_default() }
    }
}

impl Default for ProjectorsConfig {
    fn default() -> Self {
        let at = |offset: u16| format!("http://{}", loopback(LISTEN_PORT + offset));
        Self { customer: at(10), billing: at(20), incentive: at(30) }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The XDG data directory's `subledger`.
/// Where a ledger is kept unless told otherwise.
pub(crate) fn default_data_dir() -> PathBuf {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map_or_else(|| PathBuf::from("subledger-data"), |base| base.join("subledger"))
}

/// A setting is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigError(pub(crate) String);

/// The flags every role has. A flag wins over the environment, which wins over the file.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Flags {
    /// TOML file with settings
    #[arg(long, value_name = "FILE", env = "SUBLEDGER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Directory for everything that is kept on this machine [default: the XDG data directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of the gRPC services [default: 127.0.0.1:7440]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Address of the Prometheus metrics, or "none" [default: 127.0.0.1:7441]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    /// Write the log as text or as JSON
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// What to log: a level, or directives such as warn,subledger=debug
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// Any other setting by its name in the file, such as kafka.bootstrap=broker:9092; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

impl Flags {
    /// The settings, checked.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect::<Vec<_>>();
        let text = self.config.as_deref().map(read).transpose()?;
        let file = text.as_deref().zip(self.config.as_deref());
        let mut config = layers::merge(file, &environment, &self.settings()?)?;
        config.kafka.read_secrets()?;
        config.check()?;
        Ok(config)
    }

    /// The first one that was given on the command line, if one was. The file may come from the environment.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let given = [
            (self.data_dir.is_some(), "--data-dir"),
            (self.listen.is_some(), "--listen"),
            (self.metrics_listen.is_some(), "--metrics-listen"),
            (self.log_format.is_some(), "--log-format"),
            (self.log_level.is_some(), "--log-level"),
            (!self.set.is_empty(), "--set"),
        ];
        given.into_iter().find_map(|(given, name)| given.then_some(name))
    }

    /// The flags as pairs of setting and value.
    fn settings(&self) -> Result<Vec<(String, String)>, ConfigError> {
        let data_dir = self.data_dir.as_ref().map(|path| path.display().to_string());
        let named = [
            ("data_dir", &data_dir),
            ("listen", &self.listen),
            ("metrics_listen", &self.metrics_listen),
            ("log_format", &self.log_format),
            ("log_level", &self.log_level),
        ];
        let mut settings: Vec<_> =
            named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?))).collect();
        for pair in &self.set {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                ConfigError(format!("--set {pair}: write a key and a value, such as --set kafka.bootstrap=broker:9092"))
            })?;
            settings.push((key.to_owned(), value.to_owned()));
        }
        Ok(settings)
    }
}

/// [`Flags::load`] without files and an environment.
#[cfg(feature = "decoders")]
pub(crate) fn read_layers(file: Option<&str>, flags: &[(String, String)]) -> Result<Config, ConfigError> {
    let file = file.map(|text| (text, Path::new("settings.toml")));
    let config = layers::merge(file, &[], flags)?;
    config.check()?;
    Ok(config)
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError(format!("cannot read {}: {error}", path.display())))
}

#[cfg(feature = "kafka")]
impl KafkaConfig {
    /// As the log takes them.
    pub(crate) fn options(&self) -> subledger_log::kafka::KafkaOptions {
        subledger_log::kafka::KafkaOptions {
            topic_prefix: self.topic_prefix.clone(),
            properties: self.client.clone(),
            ..subledger_log::kafka::KafkaOptions::new(&self.bootstrap)
        }
    }
}

impl Config {
    /// How this process calls others.
    pub(crate) fn dial(&self) -> anyhow::Result<Dial> {
        let TlsConfig { certificate_file, key_file, ca_file, token_file, .. } = &self.tls;
        let certificate = certificate_file.as_deref().zip(key_file.as_deref());
        Ok(Dial::new(ca_file.as_deref(), certificate, token_file.clone())?)
    }

    /// Whether callers show who they are: a token, or a certificate.
    pub(crate) fn checks_callers(&self) -> bool {
        self.identity.issuer.is_some() || self.tls.client_ca_file.is_some()
    }

    /// Files that only make sense together.
    fn check_identity(&self) -> Result<(), ConfigError> {
        let TlsConfig { certificate_file, key_file, client_ca_file, .. } = &self.tls;
        let IdentityConfig { issuer, audience, jwks_file, jwks_address, .. } = &self.identity;
        let keys = jwks_file.is_some() || jwks_address.is_some();
        let rules = [
            ("tls.certificate_file", certificate_file.is_some(), "tls.key_file", key_file.is_some()),
            ("tls.key_file", key_file.is_some(), "tls.certificate_file", certificate_file.is_some()),
            ("tls.client_ca_file", client_ca_file.is_some(), "tls.certificate_file", certificate_file.is_some()),
            ("identity.issuer", issuer.is_some(), "identity.jwks_file", keys),
            ("identity.jwks_file", jwks_file.is_some(), "identity.audience", audience.is_some()),
            ("identity.jwks_address", jwks_address.is_some(), "identity.audience", audience.is_some()),
            ("identity.audience", audience.is_some(), "identity.issuer", issuer.is_some()),
        ];
        match rules.iter().find(|(_, given, _, needed)| *given && !needed) {
            Some((setting, _, needed, _)) => Err(ConfigError(format!("{setting} is set, and needs {needed} too"))),
            None => Ok(()),
        }
    }

    /// Other machines may reach only what knows its callers.
    fn check_addresses(&self) -> Result<(), ConfigError> {
        let reachable = |address: &SocketAddr| !address.ip().is_loopback() && !self.trusted_network;
        if let Some(address) = self.metrics_listen.filter(reachable) {
            return Err(ConfigError(format!(
                "metrics_listen is {address}, which other machines can reach, but nothing there checks who asks; use a loopback \
                 address, or set trusted_network = true where the network keeps everybody else out"
            )));
        }
        if !reachable(&self.listen) {
            return Ok(());
        }
        let address = self.listen;
        match (&self.tls.certificate_file, self.checks_callers()) {
            (Some(_), true) => Ok(()),
            (None, true) => Err(ConfigError(format!(
                "listen is {address}, which other machines can reach: tokens would travel in clear; set tls.certificate_file and \
                 tls.key_file"
            ))),
            (_, false) => Err(ConfigError(format!(
                "listen is {address}, which other machines can reach, but nothing here checks who calls; listen on a loopback address, \
                 or set tls.certificate_file and tls.key_file with tls.client_ca_file (certificates of clients) or identity.issuer, \
                 identity.audience and identity.jwks_file (tokens), or trusted_network = true where the network keeps everybody else out"
            ))),
        }
    }

    /// What cannot be told from one field's type.
    fn check(&self) -> Result<(), ConfigError> {
        self.new_layout()?;
        self.check_identity()?;
        self.check_addresses()?;
        let positive = [
            ("limits.queue_commands", self.limits.queue_commands),
            ("limits.ready_customers", self.limits.ready_customers),
            ("limits.message_bytes", self.limits.message_bytes),
            ("limits.page_items", self.limits.page_items),
            ("limits.batch_commands", self.limits.batch_commands),
            ("limits.principal_calls_per_second", usize::try_from(self.limits.principal_calls_per_second).unwrap_or(1)),
            ("limits.principal_calls_open", self.limits.principal_calls_open),
            ("limits.access_rows_per_minute", self.limits.access_rows_per_minute),
            ("kafka.replication", usize::from(self.kafka.replication)),
            ("checkpoint_every_seconds", usize::try_from(self.checkpoint_every_seconds).unwrap_or(usize::MAX)),
            ("checkpoint_every_commits", usize::try_from(self.checkpoint_every_commits).unwrap_or(usize::MAX)),
        ];
        match positive.iter().find(|(_, value)| *value == 0) {
            Some((setting, _)) => Err(ConfigError(format!("{setting} must be at least 1"))),
            None => Ok(()),
        }
    }

    /// The key that signs the checkpoints of a ledger in the data directory.
    pub(crate) fn own_signing_key_file(&self) -> PathBuf {
        self.signing_key_file.clone().unwrap_or_else(|| self.data_dir.join("keys/signing.key"))
    }

    /// What the trees of a process need.
    pub(crate) fn trees(&self, signing_key_file: Option<PathBuf>) -> crate::audit::Settings {
        crate::audit::Settings {
            dir: self.data_dir.join("tree"),
            signing_key_file,
            checkpoint_file: Some(self.checkpoint_file.clone().unwrap_or_else(|| self.data_dir.join("checkpoints"))),
            checkpoint_every: std::time::Duration::from_secs(self.checkpoint_every_seconds),
            checkpoint_commits: self.checkpoint_every_commits,
        }
    }

    /// The layout a new ledger gets.
    pub(crate) fn new_layout(&self) -> Result<Layout, ConfigError> {
        Layout::new(self.layout.partners, self.layout.customers).map_err(|what| ConfigError(format!("layout: {what}")))
    }
}
