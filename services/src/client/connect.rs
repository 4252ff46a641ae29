//! Where the ledger is, and the way there.

use std::{path::PathBuf, time::Duration};

use subledger_domain::position::Family;
use subledger_log::remote::{Calls, Dial};
use subledger_proto::{
    api::{
        access_service_client::AccessServiceClient, admin_service_client::AdminServiceClient,
        audit_service_client::AuditServiceClient, billing_service_client::BillingServiceClient,
        catalog_service_client::CatalogServiceClient, claim_service_client::ClaimServiceClient,
        command_service_client::CommandServiceClient, customer_service_client::CustomerServiceClient,
        incentive_service_client::IncentiveServiceClient,
    },
    common as pb,
};

use super::Failure;

/// Where a ledger is that was told nothing.
const DEFAULT: &str = "http://127.0.0.1:7440";
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Silence after which a peer is asked whether it is there, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Largest answer taken, in bytes: an invoice with all its lines.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where the ledger is.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Address {
    /// Address of the ledger's gRPC interface
    #[arg(long, global = true, env = "SUBLEDGER_ADDRESS", default_value = DEFAULT, value_name = "URL")]
    address: String,
    #[command(flatten)]
    trust: Trust,
}

/// Whom to trust, and how to show who calls.
#[derive(clap::Args, Clone, Debug, Default)]
#[allow(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(crate) struct Trust {
    /// Authorities of the ledger's certificate, in PEM; the machine's own, if absent
    #[arg(long, global = true, env = CA_FILE, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Token of the identity provider that says who calls
    #[arg(long, global = true, env = TOKEN_FILE, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Certificate that says who calls, in PEM
    #[arg(long, global = true, env = CERTIFICATE_FILE, value_name = "FILE", requires = "client_key_file")]
    certificate_file: Option<PathBuf>,
    /// Its private key
    #[arg(long, global = true, env = CLIENT_KEY_FILE, value_name = "FILE", requires = "certificate_file")]
    client_key_file: Option<PathBuf>,
}

const CA_FILE: &str = "SUBLEDGER_CA_FILE";
const TOKEN_FILE: &str = "SUBLEDGER_TOKEN_FILE";
const CERTIFICATE_FILE: &str = "SUBLEDGER_CERTIFICATE_FILE";
const CLIENT_KEY_FILE: &str = "SUBLEDGER_CLIENT_KEY_FILE";

impl Trust {
    /// Of a command without these flags.
    pub(crate) fn of_environment() -> Self {
        let file = |name| std::env::var_os(name).map(PathBuf::from);
        let (ca_file, token_file) = (file(CA_FILE), file(TOKEN_FILE));
        Self { ca_file, token_file, certificate_file: file(CERTIFICATE_FILE), client_key_file: file(CLIENT_KEY_FILE) }
    }

    /// As connections take it.
    pub(crate) fn dial(&self) -> Result<Dial, Failure> {
        let certificate = self.certificate_file.as_deref().zip(self.client_key_file.as_deref());
        Dial::new(self.ca_file.as_deref(), certificate, self.token_file.clone())
            .map_err(|error| Failure::Usage(error.to_string()))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)
    }
}

/// A connection to a ledger; cheap to copy.
#[derive(Clone)]
pub(crate) struct Connection {
    calls: Calls,
}

impl Address {
    /// This one, or the one that is meant where none is named.
    pub(crate) fn or_default(address: Option<String>) -> Self {
        let named = address.or_else(|| std::env::var("SUBLEDGER_ADDRESS").ok());
        Self { address: named.unwrap_or_else(|| DEFAULT.to_owned()), trust: Trust::of_environment() }
    }

    /// With its scheme.
    pub(crate) fn url(&self) -> String {
        if self.address.contains("://") { self.address.clone() } else { format!("http://{}", self.address) }
    }

    /// Whom to trust there, and what to show.
    pub(crate) fn dial(&self) -> Result<Dial, Failure> {
        self.trust.dial()
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        Connection::dial(&self.address, &self.trust.dial()?).await
    }
}

/// The client of a service, with the limit on answers.
macro_rules! services {
    ($($name:ident: $client:ident)*) => {$(
        /// The client of this service.
        pub(crate) fn $name(&self) -> $client<Calls> {
            $client::new(self.calls.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
        }
    )*};
}

impl Connection {
    /// Connects to a URL, or a host and port, with what the environment says of trust.
    pub(crate) async fn to(address: &str) -> Result<Self, Failure> {
        Self::dial(address, &Trust::of_environment().dial()?).await
    }

    async fn dial(address: &str, dial: &Dial) -> Result<Self, Failure> {
        let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        let endpoint = dial
            .endpoint(&url)
            .map_err(|_| {
                Failure::Usage(format!("{address:?} is not an address; one looks like http://127.0.0.1:7440"))
            })?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .user_agent(concat!("subledger-cli/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let channel =
            endpoint.connect().await.map_err(|error| Failure::Unreachable(unreachable_text(address, &error)))?;
        Ok(Self { calls: dial.calls(channel) })
    }

    services! {
        commands: CommandServiceClient
        catalog: CatalogServiceClient
        customers: CustomerServiceClient
        billing: BillingServiceClient
        incentives: IncentiveServiceClient
        claims: ClaimServiceClient
        audit: AuditServiceClient
        admin: AdminServiceClient
        access: AccessServiceClient
    }
}

fn unreachable_text(address: &str, error: &tonic::transport::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    format!(
        "{address}: {text}\n  start one with `subledger serve`, or name another with --address or SUBLEDGER_ADDRESS"
    )
}

/// Reads `customers/0@17`.
pub(crate) fn position(text: &str) -> Result<pb::Position, String> {
    let wrong = || format!("{text:?} is not a position; one looks like customers/0@17");
    let (partition, seq) = text.split_once('@').ok_or_else(wrong)?;
    Ok(pb::Position { seq: seq.parse().map_err(|_| wrong())?, ..self::partition(partition)? })
}

/// Reads `customers/0`, or `customers/0@17`: where to begin in a partition.
pub(crate) fn start(text: &str) -> Result<pb::Position, String> {
    if text.contains('@') { position(text) } else { partition(text) }
}

fn partition(text: &str) -> Result<pb::Position, String> {
    let wrong = || format!("{text:?} is not a partition; catalog/0, partners/0, customers/0, access/0 are");
    let (family, index) = text.split_once('/').unwrap_or((text, "0"));
    let family = match Family::from_name(family).ok_or_else(wrong)? {
        Family::Catalog => pb::Family::Catalog,
        Family::Partners => pb::Family::Partners,
        Family::Customers => pb::Family::Customers,
        Family::Access => pb::Family::Access,
    };
    let partition = index.parse::<u16>().map_err(|_| wrong())?;
    Ok(pb::Position { family: family.into(), partition: partition.into(), seq: 0 })
}

/// Writes `customers/0@17`.
pub(crate) fn position_text(position: &pb::Position) -> String {
    format!("{}@{}", partition_text(position.family, position.partition), position.seq)
}

/// Writes `customers/0`.
pub(crate) fn partition_text(family: i32, partition: u32) -> String {
    let family = match pb::Family::try_from(family) {
        Ok(pb::Family::Catalog) => Family::Catalog.name(),
        Ok(pb::Family::Partners) => Family::Partners.name(),
        Ok(pb::Family::Customers) => Family::Customers.name(),
        Ok(pb::Family::Access) => Family::Access.name(),
        _ => "unknown",
    };
    format!("{family}/{partition}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_it_is_written() {
        for text in ["catalog/0@0", "partners/3@12", "customers/1023@18446744073709551615"] {
            assert_eq!(position_text(&position(text).unwrap()), text);
        }
        assert_eq!(position_text(&start("customers/2").unwrap()), "customers/2@0");
        assert_eq!(position_text(&start("catalog").unwrap()), "catalog/0@0");
    }

    #[test]
    fn what_is_no_position_is_shown_one() {
        for text in ["", "customers", "customers/0", "customers/0@", "orders/0@1", "customers/x@1", "customers/0@-1"] {
            let error = position(text).unwrap_err();
            assert!(error.contains("customers/0"), "{text}: {error}");
        }
    }
}
