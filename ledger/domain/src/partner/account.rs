//! The company behind a partner: its global account, its locations, its legal profile (accounts page section 2.1).
//!
//! What was registered with the partner as its id in the network is its first location; the global account comes beside it. Locations
//! transact, the global account never does, and no location goes away.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Partner, Partners, profile, verification::Verification};
use crate::{
    Context, Event, Reason, Reference, Rejection, calendar, check,
    command::{
        AddLocation, ConsolidateAccount, CreateSharedServices, MoveHeadquarters, OpenGlobalAccount, UpdateLegalProfile,
        VerifyDomain,
    },
    event::{
        AccountConsolidated, DomainVerified, GlobalAccountOpened, HeadquartersMoved, LegalProfileUpdated,
        LocationAdded, PartnerRegistered, SharedServicesCreated,
    },
    ids::{CustomerId, MpnId, PartnerId},
    party::{Address, Contact},
    reference::{market, partner_standing::Action},
};

/// Locations of one company.
pub const LOCATIONS_MAX: usize = 10_000;
/// Months for which a consolidated account keeps what it had (L3602).
const EXTENSION_MONTHS: u32 = 12;
/// What a TXT record that proves a domain begins with (L3315).
const RECORD_PREFIX: &str = "MS=";
/// Domains of everybody's mail, which are no company's (L6995, L17763).
const PERSONAL_DOMAINS: [&str; 8] =
    ["gmail.com", "yahoo.com", "icloud.com", "me.com", "aol.com", "outlook.com", "hotmail.com", "live.com"];

/// Who a company is by law.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalProfile {
    /// Legal name.
    pub name: String,
    /// Legal address, in the partner's country.
    pub address: Address,
    /// Primary contact, at an address of the company.
    pub contact: Contact,
}

/// A place of a company, with an id of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Its name.
    pub name: String,
    /// None for the company's.
    pub address: Option<Address>,
    /// None for the company's.
    pub contact: Option<Contact>,
    /// Since when the company has it.
    pub since: NaiveDate,
    /// Last day of the extension of an account that was consolidated (L3602).
    pub extended_until: Option<NaiveDate>,
}

/// A company's own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalAccount {
    /// Its id; it never transacts.
    pub mpn_id: MpnId,
    /// Who the company is.
    pub legal: LegalProfile,
    /// The day it was opened.
    pub opened_on: NaiveDate,
}

/// Into which company an account went (accounts page section 2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absorbed {
    /// The partner whose company it is.
    pub by: PartnerId,
    /// Its global account.
    pub pga_mpn_id: MpnId,
    /// Since when.
    pub on: NaiveDate,
}

/// What the ledger knows of the company behind a partner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub(super) global: Option<GlobalAccount>,
    pub(super) locations: BTreeMap<MpnId, Location>,
    pub(super) headquarters: Option<MpnId>,
    /// Who proved which domain.
    pub(super) domain: Option<(String, String)>,
    pub(super) verification: Verification,
    pub(super) shared_services: Option<CustomerId>,
    pub(super) absorbed: Option<Absorbed>,
}

impl From<&PartnerRegistered> for Account {
    fn from(e: &PartnerRegistered) -> Self {
        let (name, since) = (e.name.clone(), e.registered_on);
        let location = Location { name, address: None, contact: None, since, extended_until: None };
        // Of a time in which anything could be registered: what is no id is no location.
        let first = MpnId::new(&e.mpn_id).ok();
        let headquarters = first.clone();
        Self {
            locations: first.into_iter().map(|id| (id, location.clone())).collect(),
            headquarters,
            ..Self::default()
        }
    }
}

impl Account {
    /// The company's own account; none before it is opened.
    pub fn global(&self) -> Option<&GlobalAccount> {
        self.global.as_ref()
    }

    /// Its locations, by id.
    pub fn locations(&self) -> impl Iterator<Item = (&MpnId, &Location)> {
        self.locations.iter()
    }

    /// The location at which the company has its headquarters.
    pub fn headquarters(&self) -> Option<&MpnId> {
        self.headquarters.as_ref()
    }

    /// The proved domain.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_ref().map(|(domain, _)| domain.as_str())
    }

    /// Who proved the domain.
    pub fn global_admin(&self) -> Option<&str> {
        self.domain.as_ref().map(|(_, admin)| admin.as_str())
    }

    /// Where its checks stand.
    pub fn verification(&self) -> &Verification {
        &self.verification
    }

    /// The customer that stands for the partner's own tenant (section 2.10).
    pub fn shared_services(&self) -> Option<&CustomerId> {
        self.shared_services.as_ref()
    }

    /// Into which company it went.
    pub fn absorbed(&self) -> Option<&Absorbed> {
        self.absorbed.as_ref()
    }

    /// Where a location is: its own address, or the company's, or the partner's country.
    pub fn country_of<'a>(&'a self, partner: &'a Partner, id: &MpnId) -> Option<&'a str> {
        let location = self.locations.get(id)?;
        let company = self.global.as_ref().map(|global| &global.legal.address);
        Some(location.address.as_ref().or(company).map_or(&partner.country, |address| &address.country))
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::GlobalAccountOpened(e) => {
                let (mpn_id, legal, opened_on) = (e.pga_mpn_id.clone(), e.legal.clone(), e.opened_on);
                self.global = Some(GlobalAccount { mpn_id, legal, opened_on });
                self.verification = Verification::started();
            }
            Event::LegalProfileUpdated(e) => {
                if let Some(global) = &mut self.global {
                    global.legal = e.legal.clone();
                }
                self.verification = Verification::started();
            }
            Event::LocationAdded(e) => {
                let (name, since) = (e.name.clone(), e.added_on);
                let (address, contact) = (e.address.clone(), e.contact.clone());
                let location = Location { name, address, contact, since, extended_until: None };
                self.headquarters.get_or_insert_with(|| e.mpn_id.clone());
                self.locations.insert(e.mpn_id.clone(), location);
            }
            Event::AccountConsolidated(e) => {
                let (name, since, extended_until) = (e.name.clone(), e.consolidated_on, Some(e.extended_until));
                let (address, contact) = (e.address.clone(), e.contact.clone());
                self.locations.insert(e.mpn_id.clone(), Location { name, address, contact, since, extended_until });
            }
            Event::HeadquartersMoved(e) => self.headquarters = Some(e.mpn_id.clone()),
            Event::DomainVerified(e) => self.domain = Some((e.domain.clone(), e.global_admin.clone())),
            Event::SharedServicesCreated(e) => self.shared_services = Some(e.customer_id.clone()),
            _ => self.verification.apply(event),
        }
    }
}

impl Partner {
    /// The location an order comes from, as the caller names it (L7274): one of the partner's, and not its global account.
    pub fn location(&self, id: &MpnId, field: &str) -> Result<&Location, Rejection> {
        if let Some(location) = self.account.locations.get(id) {
            return Ok(location);
        }
        let global = self.account.global.as_ref().is_some_and(|global| global.mpn_id == *id);
        let listed: Vec<_> = self.account.locations.keys().map(MpnId::as_str).take(20).collect();
        let (reason, what) = if global {
            (Reason::PgaCannotTransact, "is the global account of the company, which never transacts")
        } else {
            (Reason::LocationNotFound, "is no location of the partner")
        };
        let message = format!("{id} {what}; its locations are {}", listed.join(", "));
        Err(Rejection::field(reason, field, message).with("mpn_id", id).with("locations", listed.join(",")))
    }
}

impl Partners {
    /// Whose account or location has the id.
    pub fn with_mpn_id(&self, id: &MpnId) -> Option<&Partner> {
        let has = |partner: &&Partner| {
            let account = &partner.account;
            account.locations.contains_key(id) || account.global.as_ref().is_some_and(|global| global.mpn_id == *id)
        };
        self.partners.values().find(has)
    }

    /// The partner whose company a partner belongs to: itself, or whoever absorbed it.
    pub fn company_of<'a>(&'a self, id: &'a PartnerId) -> &'a PartnerId {
        let absorbed = self.get(id).and_then(|partner| partner.account.absorbed.as_ref());
        absorbed.map_or(id, |absorbed| &absorbed.by)
    }
}

fn free_id(partner: &Partner, reference: &Reference, id: &MpnId, field: &str) -> Result<(), Rejection> {
    let own = partner.account.locations.contains_key(id)
        || partner.account.global.as_ref().is_some_and(|global| global.mpn_id == *id);
    if !own && reference.partners.with_mpn_id(id).is_none() {
        return Ok(());
    }
    let message =
        format!("{id} is an account in the partner network already; every account and location has its own id");
    Err(Rejection::field(Reason::MpnIdInUse, field, message).with("mpn_id", id))
}

pub(super) fn open(
    partner: &Partner,
    reference: &Reference,
    command: &OpenGlobalAccount,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    if let Some(global) = &partner.account.global {
        let message = format!("The company has the global account {}", global.mpn_id);
        return Err(Rejection::field(Reason::GlobalAccountExists, "partner_id", message).with("mpn_id", &global.mpn_id));
    }
    free_id(partner, reference, &command.pga_mpn_id, "pga_mpn_id")?;
    legal(partner, &command.legal)?;
    let OpenGlobalAccount { partner_id, pga_mpn_id, legal } = command.clone();
    Ok(vec![GlobalAccountOpened { partner_id, pga_mpn_id, legal, opened_on: context.effective_on() }.into()])
}

/// The country stays, for tenant, services and currency hang on it; the name stays once the company is authorized (L7246).
pub(super) fn update_legal(
    partner: &Partner,
    command: &UpdateLegalProfile,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let global = global(partner)?;
    legal(partner, &command.legal)?;
    if partner.account.verification.is_authorized() && command.legal.name.trim() != global.legal.name.trim() {
        let message = format!("The company is authorized as {:?}; support changes its legal name", global.legal.name);
        return Err(Rejection::field(Reason::LegalNameLocked, "legal.name", message));
    }
    let UpdateLegalProfile { partner_id, legal } = command.clone();
    Ok(vec![LegalProfileUpdated { partner_id, legal, updated_on: context.effective_on() }.into()])
}

/// The company's own account, without which it has no locations beside the first.
pub(super) fn global(partner: &Partner) -> Result<&GlobalAccount, Rejection> {
    partner.account.global.as_ref().ok_or_else(|| {
        let message = format!("{} has no global account; open it first", partner.partner_id);
        Rejection::field(Reason::GlobalAccountMissing, "partner_id", message)
    })
}

pub(super) fn add_location(
    partner: &Partner,
    reference: &Reference,
    command: &AddLocation,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    place(partner, reference, &command.mpn_id, &command.name, (command.address.as_ref(), command.contact.as_ref()))?;
    let AddLocation { partner_id, mpn_id, name, address, contact } = command.clone();
    Ok(vec![LocationAdded { partner_id, mpn_id, name, address, contact, added_on: context.effective_on() }.into()])
}

/// The account keeps its id, and what it bought for a year more (L3505-3506, L3602).
pub(super) fn consolidate(
    partner: &Partner,
    reference: &Reference,
    command: &ConsolidateAccount,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    place(partner, reference, &command.mpn_id, &command.name, (command.address.as_ref(), command.contact.as_ref()))?;
    let ConsolidateAccount { partner_id, mpn_id, name, address, contact } = command.clone();
    let consolidated_on = context.effective_on();
    let extended_until = calendar::anniversary(consolidated_on, EXTENSION_MONTHS);
    let event = AccountConsolidated { partner_id, mpn_id, name, address, contact, consolidated_on, extended_until };
    Ok(vec![event.into()])
}

fn place(
    partner: &Partner,
    reference: &Reference,
    mpn_id: &MpnId,
    name: &str,
    (address, contact): (Option<&Address>, Option<&Contact>),
) -> Result<(), Rejection> {
    global(partner)?;
    free_id(partner, reference, mpn_id, "mpn_id")?;
    if partner.account.locations.len() >= LOCATIONS_MAX {
        let message = format!("A company has at most {LOCATIONS_MAX} locations");
        return Err(check::invalid("mpn_id", message).with("maximum", LOCATIONS_MAX));
    }
    check::required("name", name)?;
    if let Some(address) = address {
        profile::address("address", address)?;
        if market::country(&address.country).is_none() {
            let message = format!("{:?} is in no market: a location is where the program is", address.country);
            return Err(Rejection::field(Reason::MarketNotAllowed, "address.country", message));
        }
    }
    contact.map_or(Ok(()), |contact| person("contact", contact))
}

pub(super) fn move_headquarters(partner: &Partner, command: &MoveHeadquarters) -> Result<Vec<Event>, Rejection> {
    global(partner)?;
    let location = partner.location(&command.mpn_id, "mpn_id")?;
    if partner.account.headquarters.as_ref() == Some(&command.mpn_id) {
        return Err(check::invalid("mpn_id", format!("{} is the headquarters already", command.mpn_id)));
    }
    if let Some(address) = &location.address {
        own_country(partner, &address.country, "mpn_id")?;
    }
    let MoveHeadquarters { partner_id, mpn_id } = command.clone();
    Ok(vec![HeadquartersMoved { partner_id, mpn_id }.into()])
}

/// Who proves a domain becomes the global admin (L3323).
pub(super) fn verify_domain(
    partner: &Partner,
    command: &VerifyDomain,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    if let Some(domain) = partner.account.domain() {
        let message = format!("The company has proved {domain}");
        return Err(Rejection::field(Reason::DomainAlreadyVerified, "domain", message).with("domain", domain));
    }
    check::required("domain", &command.domain)?;
    check::required("global_admin", &command.global_admin)?;
    let domain = command.domain.to_ascii_lowercase();
    if !domain.contains('.') || domain.contains(char::is_whitespace) || is_personal(&domain) {
        let message = format!("{:?} is no domain of a company: contoso.example is", command.domain);
        return Err(Rejection::field(Reason::DomainInvalid, "domain", message));
    }
    let code = command.record.strip_prefix(RECORD_PREFIX).unwrap_or_default();
    if code.is_empty() || !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
        let message = format!("{:?} proves nothing: the TXT record reads {RECORD_PREFIX} and a code", command.record);
        return Err(check::invalid("record", message));
    }
    let VerifyDomain { partner_id, global_admin, .. } = command.clone();
    Ok(vec![DomainVerified { partner_id, domain, global_admin, verified_on: context.effective_on() }.into()])
}

/// One tenant for the partner's own use, and for good (L7791); restricted and suspended partners get none.
pub(super) fn create_shared_services(
    partner: &Partner,
    reference: &Reference,
    command: &CreateSharedServices,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    partner.may(Action::OpenSharedServices, &reference.catalog, context.effective_on(), "partner_id")?;
    if let Some(customer_id) = &partner.account.shared_services {
        let message = format!("The partner has its tenant for shared services, customer {customer_id}");
        return Err(
            Rejection::field(Reason::SharedServicesExists, "partner_id", message).with("customer_id", customer_id)
        );
    }
    let CreateSharedServices { partner_id, customer_id } = command.clone();
    Ok(vec![SharedServicesCreated { partner_id, customer_id, created_on: context.effective_on() }.into()])
}

fn legal(partner: &Partner, legal: &LegalProfile) -> Result<(), Rejection> {
    check::required("legal.name", &legal.name)?;
    profile::address("legal.address", &legal.address)?;
    own_country(partner, &legal.address.country, "legal.address.country")?;
    profile::state(&legal.address, "legal.address.state")?;
    person("legal.contact", &legal.contact)
}

fn own_country(partner: &Partner, country: &str, field: &str) -> Result<(), Rejection> {
    if country == partner.country {
        return Ok(());
    }
    let message = format!(
        "The company stays in {}: its tenant, its services and its billing currency hang on the country (L7246)",
        partner.country
    );
    Err(Rejection::field(Reason::CountryLocked, field, message).with("country", &partner.country))
}

fn person(at: &str, contact: &Contact) -> Result<(), Rejection> {
    check::required(&format!("{at}.first_name"), &contact.first_name)?;
    check::required(&format!("{at}.last_name"), &contact.last_name)?;
    check::required(&format!("{at}.email"), &contact.email)?;
    let field = format!("{at}.email");
    profile::email(&field, &contact.email)?;
    let host = contact.email.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    if is_personal(&host) {
        let message = format!("{host} is everybody's; the contact has an address of the company (L6995, L17763)");
        return Err(check::invalid(&field, message));
    }
    check::optional(&format!("{at}.phone"), &contact.phone)
}

fn is_personal(domain: &str) -> bool {
    PERSONAL_DOMAINS.contains(&domain)
}
