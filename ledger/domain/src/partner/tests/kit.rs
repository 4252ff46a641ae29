//! A few partners in memory, a catalog, and a calendar driven by hand.

use std::collections::BTreeSet;

use super::super::*;
use crate::{
    Command, Context, Reason, Reference, Rejection,
    command::{PurchaseMembership, Target},
    event::PartnerRegistered,
    ids::{CommandId, MembershipId, MergeId, MpnId},
    party::{Address, Contact},
};

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn id(text: &str) -> PartnerId {
    PartnerId::new(text).unwrap()
}

pub(super) fn mpn(text: &str) -> MpnId {
    MpnId::new(text).unwrap()
}

pub(super) fn merge(text: &str) -> MergeId {
    MergeId::new(text).unwrap()
}

pub(super) fn membership(text: &str) -> MembershipId {
    MembershipId::new(text).unwrap()
}

pub(super) fn address(country: &str) -> Address {
    let state = if country == "US" { "WA" } else { "" };
    let [line1, city, postal_code] = ["1 Main Street", "Springfield", "12345"].map(str::to_owned);
    Address { country: country.to_owned(), line1, city, state: state.to_owned(), postal_code }
}

pub(super) fn contact(email: &str) -> Contact {
    let [first_name, last_name] = ["Ada", "Berg"].map(str::to_owned);
    Contact { first_name, last_name, email: email.to_owned(), phone: String::new() }
}

pub(super) fn legal(name: &str, country: &str) -> LegalProfile {
    LegalProfile { name: name.to_owned(), address: address(country), contact: contact("ada@company.example") }
}

/// A command of that name.
macro_rules! command {
    ($name:ident { $($field:ident: $value:expr),* $(,)? }) => {
        crate::Command::$name(crate::command::$name { $($field: $value),* })
    };
}
pub(super) use command;

/// Partners and what they refer to; a day at a time.
pub(super) struct World {
    pub(super) reference: Reference,
    today: NaiveDate,
    number: usize,
}

impl World {
    /// A provider, two resellers and two direct bill partners in the United States, and one partner in Germany.
    pub(super) fn new() -> Self {
        let mut world = Self { reference: Reference::default(), today: day("2019-01-01"), number: 0 };
        for (partner_id, kind, country, mpn_id) in [
            ("provider", PartnerKind::IndirectProvider, "US", "100"),
            ("other-provider", PartnerKind::IndirectProvider, "US", "150"),
            ("reseller", PartnerKind::IndirectReseller, "US", "200"),
            ("direct", PartnerKind::DirectBill, "US", "300"),
            ("rival", PartnerKind::DirectBill, "US", "400"),
            ("german", PartnerKind::IndirectReseller, "DE", "500"),
        ] {
            let currency = Currency::new(if country == "DE" { "EUR" } else { "USD" }).unwrap();
            let registered = PartnerRegistered {
                partner_id: id(partner_id),
                name: partner_id.to_owned(),
                kind,
                country: country.to_owned(),
                currency,
                billing_day: 15,
                mpn_id: mpn_id.to_owned(),
                registered_on: world.today,
            };
            world.reference.partners.evolve(&registered.into());
        }
        world
    }

    pub(super) fn on(&mut self, date: &str) -> &mut Self {
        self.today = day(date);
        self
    }

    pub(super) fn at(&mut self, date: NaiveDate) -> &mut Self {
        self.today = date;
        self
    }

    pub(super) fn today(&self) -> NaiveDate {
        self.today
    }

    pub(super) fn partner(&self, name: &str) -> &Partner {
        self.reference.partners.get(&id(name)).unwrap()
    }

    pub(super) fn decide(&mut self, command: &Command) -> Result<Vec<Event>, Rejection> {
        self.number += 1;
        let at = self.today.and_hms_opt(12, 0, 0).unwrap().and_utc();
        let command_id = CommandId::new(format!("c-{}", self.number)).unwrap();
        let context = Context { command_id, effective_at: at, recorded_at: at };
        match command.target() {
            Target::Catalog => self.reference.catalog.decide(command, &context),
            Target::Partner(id) => decide(self.reference.partners.get(id), &self.reference, command, &context),
            other => panic!("{other:?}"),
        }
    }

    /// Decides and applies; the names of the events, or the reason.
    pub(super) fn run(&mut self, command: &Command) -> Result<Vec<&'static str>, Reason> {
        let events = self.decide(command).map_err(|rejection| rejection.reason)?;
        for event in &events {
            self.reference.catalog.evolve(event);
            self.reference.partners.evolve(event);
        }
        Ok(events.iter().map(Event::name).collect())
    }

    pub(super) fn ok(&mut self, command: &Command) -> Vec<&'static str> {
        self.run(command).unwrap_or_else(|reason| panic!("{reason}: {command:?}"))
    }

    pub(super) fn refused(&mut self, command: &Command) -> Reason {
        match self.decide(command) {
            Ok(events) => panic!("accepted {command:?}: {events:?}"),
            Err(rejection) => {
                assert!(!rejection.message.is_empty());
                rejection.reason
            }
        }
    }

    /// A global account with a proved domain.
    pub(super) fn company(&mut self, name: &str, pga: &str) {
        let country = self.partner(name).country.clone();
        let legal = legal(name, &country);
        self.ok(&command!(OpenGlobalAccount { partner_id: id(name), pga_mpn_id: mpn(pga), legal: legal }));
        self.ok(&verify_domain(name));
    }

    /// The whole history of the world folded again gives the same partners.
    pub(super) fn suspended_by(&self, name: &str) -> BTreeSet<&'static str> {
        self.partner(name).suspended_by().into_iter().map(SuspensionTrigger::name).collect()
    }
}

pub(super) fn verify_domain(name: &str) -> Command {
    command!(VerifyDomain {
        partner_id: id(name),
        domain: format!("{name}.example"),
        record: "MS=DA0F4BA880CFE8128C5E18E273E3BD935A4E5FD8".to_owned(),
        global_admin: format!("admin@{name}.example"),
    })
}

pub(super) fn decide_check(name: &str, check: VerificationCheck, passed: bool) -> Command {
    command!(DecideVerification { partner_id: id(name), check: check, passed: passed, note: "looked at".to_owned() })
}

pub(super) fn purchase(name: &str, offer: MembershipOffer, membership_id: &str) -> Command {
    let competency = if offer == MembershipOffer::ActionPack { "" } else { "security" };
    Command::PurchaseMembership(PurchaseMembership {
        partner_id: id(name),
        membership_id: Some(membership(membership_id)),
        offer,
        competency: competency.to_owned(),
        payment: MembershipPayment::CreditCard,
        payer: None,
        amount: "475.00".parse().unwrap(),
        currency: Currency::new("USD").unwrap(),
    })
}

pub(super) fn renew(name: &str, membership_id: &str) -> Command {
    let (amount, currency) = ("475.00".parse().unwrap(), Currency::new("USD").unwrap());
    command!(RenewMembership {
        partner_id: id(name),
        membership_id: membership(membership_id),
        amount: amount,
        currency: currency,
    })
}

pub(super) fn review(name: &str, date: &str) -> Command {
    command!(ReviewMemberships { partner_id: id(name), date: day(date) })
}
