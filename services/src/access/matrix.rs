//! The permission matrix: which roles an operation takes, what it is scoped to, and on which protected page it stands. Reference data
//! (`matrix.csv`, `protected_pages.csv`), from accounts-roles-offers-incentives.md 2.8 and reports-partners-security.md 2.18; where
//! a row says `derived`, the source names no role. Operators of the ledger may do everything and stand in no row.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use prost_reflect::MessageDescriptor;
use subledger_domain::role::Role;
use subledger_proto::POOL;

use super::wire;

const TABLE: &str = include_str!("matrix.csv");
const PAGES: &str = include_str!("protected_pages.csv");
/// Begins the operation of a kind of command.
const SUBMIT: &str = "Submit";
/// The package of the API.
const PACKAGE: &str = "subledger.v1";
/// Services about what locations earn.
const SERVICES_BY_LOCATION: [&str; 2] = ["IncentiveService", "ClaimService"];
/// Commands about a thing that says itself to which location it belongs.
const OF_A_LOCATION: [&str; 7] = [
    "submit_association",
    "answer_about_association",
    "end_association",
    "revise_coop_claim",
    "add_coop_claim_document",
    "comment_on_coop_claim",
    "submit_coop_claim",
];
/// Services that are no part of the package.
const OTHER_METHODS: [&str; 1] = ["ServerReflection/ServerReflectionInfo"];

/// What an operation is about, and so which of it a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Nothing of any tenant; whoever is known may ask.
    Any,
    /// Nothing of any tenant, but a role is needed.
    Catalog,
    /// The same, at a partner that may transact: an indirect reseller sees no price list (L7883).
    Transacting,
    /// One partner, in `partner_id`; the caller's own if the request leaves it empty.
    Partner,
    /// Some partners, in `partner_ids`.
    Partners,
    /// One partner, in `selection.partner_id`, with its lines or an invoice.
    Selection,
    /// A customer, in `customer_id`.
    Customer,
    /// A customer that there is not yet, or that the caller does not know yet.
    NewCustomer,
    /// A customer, a partner or both.
    CustomerOrPartner,
    /// A subscription of a customer.
    Subscription,
    /// The same, answered without its partner.
    SubscriptionState,
    /// A transfer of a customer.
    Transfer,
    /// An association of a customer, whose partner it may know from there only.
    Association,
    /// A claim of a partner on co-op funds.
    CoopClaim,
    /// Rows of a customer, in `customer_id`, each with its partners.
    CustomerRows,
    /// An invoice by its number.
    Invoice,
    /// The same, as a file.
    InvoiceDocument,
    /// A credit note by its number.
    CreditNote,
    /// A line by its id.
    Charge,
    /// An earning by its id.
    Earning,
    /// Decided by the kind of the command.
    Command,
    /// Operators of the ledger only.
    Operator,
}

const SCOPES: &[(&str, Scope)] = &[
    ("any", Scope::Any),
    ("catalog", Scope::Catalog),
    ("transacting", Scope::Transacting),
    ("partner", Scope::Partner),
    ("partners", Scope::Partners),
    ("selection", Scope::Selection),
    ("customer", Scope::Customer),
    ("new_customer", Scope::NewCustomer),
    ("customer_or_partner", Scope::CustomerOrPartner),
    ("subscription", Scope::Subscription),
    ("subscription_state", Scope::SubscriptionState),
    ("transfer", Scope::Transfer),
    ("association", Scope::Association),
    ("coop_claim", Scope::CoopClaim),
    ("customer_rows", Scope::CustomerRows),
    ("invoice", Scope::Invoice),
    ("invoice_document", Scope::InvoiceDocument),
    ("credit_note", Scope::CreditNote),
    ("charge", Scope::Charge),
    ("earning", Scope::Earning),
    ("command", Scope::Command),
    ("operator", Scope::Operator),
];

/// A page that needs a second factor for the roles it is protected for (L18661-18668).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Page {
    /// All pages about customers.
    Customers,
    /// Requests of customers for support.
    Support,
    /// Billing.
    Billing,
}

impl Page {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "customers" => Some(Self::Customers),
            "support" => Some(Self::Support),
            "billing" => Some(Self::Billing),
            _ => None,
        }
    }
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// `Service/Method`, `Submit/kind` or `Submit/kind:variant`.
    pub(crate) name: String,
    /// Roles that may.
    pub(crate) allowed: BTreeSet<Role>,
    /// Roles that see what it would do, and may not do it.
    pub(crate) read_only: BTreeSet<Role>,
    /// What it is about.
    pub(crate) scope: Scope,
    /// The protected page it stands on.
    pub(crate) page: Option<Page>,
    /// Who was let through must be able to be asked about it: exports, personal data, how money came to be.
    pub(crate) is_recorded: bool,
    /// What it is about belongs to locations of the partner, and says to which.
    pub(crate) is_by_location: bool,
    /// Lines of the source.
    #[cfg_attr(not(test), expect(dead_code, reason = "for who reads the table; a test looks at it"))]
    pub(crate) source: String,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Matrix {
    operations: BTreeMap<String, Operation>,
    protected: BTreeSet<(Page, Role)>,
}

impl Matrix {
    /// Reads and checks it: each method and each kind of command has exactly one row, and no row is about nothing.
    pub(crate) fn load() -> anyhow::Result<Self> {
        let mut operations = BTreeMap::new();
        for row in rows(TABLE, 7)? {
            let [name, allowed, read_only, scope, page, recorded, source] = row.as_slice() else { continue };
            let operation = Operation {
                name: name.clone(),
                allowed: roles(allowed).with_context(|| name.clone())?,
                read_only: roles(read_only).with_context(|| name.clone())?,
                scope: scope_of(scope).with_context(|| name.clone())?,
                page: match page.as_str() {
                    "-" => None,
                    page => Some(Page::from_name(page).with_context(|| format!("{name}: there is no page {page:?}"))?),
                },
                is_recorded: match recorded.as_str() {
                    "yes" => true,
                    "-" => false,
                    other => anyhow::bail!("{name}: recorded is yes or -, not {other:?}"),
                },
                is_by_location: is_by_location(name),
                source: source.clone(),
            };
            anyhow::ensure!(!source.is_empty(), "{name} has no source");
            let open = matches!(operation.scope, Scope::Any | Scope::Command | Scope::Operator);
            anyhow::ensure!(open == operation.allowed.is_empty(), "{name}: roles and scope do not fit together");
            anyhow::ensure!(operations.insert(name.clone(), operation).is_none(), "{name} stands there twice");
        }
        let (methods, kinds) = (methods(), kinds());
        let missing: Vec<_> = methods.iter().chain(&kinds).filter(|name| !operations.contains_key(*name)).collect();
        anyhow::ensure!(missing.is_empty(), "services/src/access/matrix.csv has no row for {missing:?}");
        let whole = |name: &str| name.split_once(':').map_or(name, |(kind, _)| kind).to_owned();
        let strange: Vec<_> =
            operations.keys().filter(|name| !methods.contains(&whole(name)) && !kinds.contains(&whole(name))).collect();
        anyhow::ensure!(strange.is_empty(), "services/src/access/matrix.csv has rows for nothing: {strange:?}");
        Ok(Self { operations, protected: protected()? })
    }

    /// The row of a method, by the path of its requests: `/subledger.v1.Service/Method`.
    pub(crate) fn method(&self, path: &str) -> Option<&Operation> {
        let name = path.trim_start_matches('/');
        let (service, method) = name.split_once('/')?;
        let service = service.rsplit_once('.').map_or(service, |(_, service)| service);
        self.operations.get(&format!("{service}/{method}"))
    }

    /// The row of a kind of command; of its variant, if that has one.
    pub(crate) fn command(&self, kind: &str, variant: Option<&str>) -> Option<&Operation> {
        let of_variant = variant.and_then(|variant| self.operations.get(&format!("{SUBMIT}/{kind}:{variant}")));
        of_variant.or_else(|| self.operations.get(&format!("{SUBMIT}/{kind}")))
    }

    /// Whether a page is protected for a role.
    pub(crate) fn is_protected(&self, page: Page, role: Role) -> bool {
        self.protected.contains(&(page, role))
    }

    /// All rows, by name.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }
}

fn rows(table: &str, columns: usize) -> anyhow::Result<Vec<Vec<String>>> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let mut rows = Vec::new();
    for row in reader.records() {
        let row: Vec<_> = row?.iter().map(ToOwned::to_owned).collect();
        anyhow::ensure!(row.len() == columns, "{row:?} has not {columns} columns");
        rows.push(row);
    }
    Ok(rows)
}

fn roles(text: &str) -> anyhow::Result<BTreeSet<Role>> {
    let known = |short: &str| Role::from_short(short).with_context(|| format!("there is no role {short:?}"));
    text.split_whitespace().map(known).collect()
}

fn scope_of(text: &str) -> anyhow::Result<Scope> {
    let found = SCOPES.iter().find(|(name, _)| *name == text).map(|(_, scope)| *scope);
    found.with_context(|| format!("there is no scope {text:?}"))
}

fn protected() -> anyhow::Result<BTreeSet<(Page, Role)>> {
    let mut protected = BTreeSet::new();
    for row in rows(PAGES, 4)? {
        let page = Page::from_name(&row[0]).with_context(|| format!("there is no page {:?}", row[0]))?;
        let role = Role::from_short(&row[1]).with_context(|| format!("there is no role {:?}", row[1]))?;
        match row[2].as_str() {
            "yes" => _ = protected.insert((page, role)),
            "no" => {}
            other => anyhow::bail!("protected is yes or no, not {other:?}"),
        }
    }
    Ok(protected)
}

/// Every method of every service, as the compiled-in descriptors have them.
fn methods() -> BTreeSet<String> {
    let own = POOL.services().filter(|service| service.parent_file().package_name() == PACKAGE);
    let named = own.flat_map(|service| {
        service.methods().map(|method| format!("{}/{}", service.name(), method.name())).collect::<Vec<_>>()
    });
    named.chain(OTHER_METHODS.map(ToOwned::to_owned)).collect()
}

/// Incentives are earned by locations: their rows and commands name one, or a thing that does.
fn is_by_location(operation: &str) -> bool {
    let Some((service, name)) = operation.split_once('/') else { return false };
    let messages = if service == SUBMIT {
        let command = POOL.get_message_by_name("subledger.v1.Command");
        let body = command.and_then(|command| command.get_field_by_name(name)?.kind().as_message().cloned());
        body.into_iter().collect::<Vec<_>>()
    } else if SERVICES_BY_LOCATION.contains(&service) {
        let service = POOL.get_service_by_name(&format!("{PACKAGE}.{service}"));
        let method = service.and_then(|service| service.methods().find(|method| method.name() == name));
        method.into_iter().flat_map(|method| [method.input(), method.output()]).collect()
    } else {
        return false;
    };
    let rows = |message: &MessageDescriptor| {
        message.fields().filter_map(|field| field.kind().as_message().cloned()).collect::<Vec<_>>()
    };
    let names_one = |message: &MessageDescriptor| wire::location_field(message).is_some();
    OF_A_LOCATION.contains(&name)
        || messages.iter().any(|message| names_one(message) || rows(message).iter().any(names_one))
}

/// Every kind of command: the fields of the message.
fn kinds() -> BTreeSet<String> {
    let body = POOL.get_message_by_name("subledger.v1.Command").into_iter().flat_map(|command| {
        let fields = command.oneofs().flat_map(|oneof| oneof.fields().collect::<Vec<_>>()).collect::<Vec<_>>();
        fields.into_iter().filter(|field| field.containing_oneof().is_some_and(|oneof| oneof.name() == "body"))
    });
    body.map(|field| format!("{SUBMIT}/{}", field.name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_and_every_kind_of_command_has_a_row() {
        let matrix = Matrix::load().unwrap();
        assert!(methods().len() > 40 && kinds().len() > 90, "{} {}", methods().len(), kinds().len());
        assert!(matrix.method("/subledger.v1.BillingService/GetInvoice").is_some());
        assert!(matrix.method("/subledger.v1.BillingService/DropEverything").is_none());
        assert!(matrix.iter().all(|row| row.source.contains('L')
            || row.source.contains("derived")
            || row.source.contains("by the kind")));
    }

    /// Lines that leave no doubt, from the page itself.
    #[test]
    fn the_table_says_what_the_source_says() {
        let matrix = Matrix::load().unwrap();
        let short = |set: &BTreeSet<Role>| set.iter().map(|role| role.short()).collect::<BTreeSet<_>>();
        let allowed = |kind: &str, variant| short(&matrix.command(kind, variant).unwrap().allowed);
        let set = |roles: &[&'static str]| roles.iter().copied().collect::<BTreeSet<_>>();
        // G20: SA or HA toggles the customer's permission: refused; AA: accepted.
        assert_eq!(allowed("set_purchase_permission", None), set(&["AA"]));
        assert_eq!(short(&matrix.command("set_purchase_permission", None).unwrap().read_only), set(&["HA", "SA"]));
        assert_eq!(allowed("suspend", None), set(&["AA", "BA", "GA", "HA", "SA"]));
        assert_eq!(allowed("change_quantity", None), set(&["AA", "GA", "HA", "SA", "UMA"]));
        assert_eq!(allowed("purchase", Some("azure_plan")), set(&["GA", "SA", "UMA"]));
        assert_eq!(allowed("purchase", Some("no such variant")), allowed("purchase", None));
        assert_eq!(allowed("update_billing_profile", None), set(&["AA", "BA", "GA"]));
        assert_eq!(allowed("assign_role", Some("company")), set(&["ACC", "GA", "UMA"]));
        let log = matrix.method("/subledger.v1.CustomerService/ListActivities").unwrap();
        assert!(matrix.method("/subledger.v1.IncentiveService/GetIncentiveOverview").unwrap().is_by_location);
        assert!(!matrix.method("/subledger.v1.IncentiveService/ListEarnedCredit").unwrap().is_by_location);
        assert!(matrix.command("dispute_earning", None).unwrap().is_by_location);
        assert!(!matrix.command("update_payout_profile", None).unwrap().is_by_location);
        assert!(!log.is_by_location);
        assert_eq!(short(&log.allowed), set(&["AA", "BA", "GA", "HA", "SA", "UMA"]));
    }

    /// reports-partners-security.md 2.18 and worked example 15: 15 cells, 8 of them protected.
    #[test]
    fn eight_of_fifteen_cells_are_protected() {
        let matrix = Matrix::load().unwrap();
        assert_eq!((rows(PAGES, 4).unwrap().len(), matrix.protected.len()), (15, 8));
        assert!(matrix.is_protected(Page::Billing, Role::BillingAdmin));
        assert!(!matrix.is_protected(Page::Customers, Role::GlobalAdmin));
    }
}
