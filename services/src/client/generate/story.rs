//! What generated partners and customers do, so that every command is one the ledger would take.

use std::collections::VecDeque;

use subledger_proto::{
    api::{
        AcceptAgreement, AcceptRelationship, AcceptTransfer, ChangeQuantity, CreateCustomer, Purchase, PurchaseLine,
        Reactivate, RegisterPartner, RequestRelationship, RequestTransfer, SetAutoRenew, Suspend, command::Body,
    },
    common::{Address, AgreementMode, BillingFrequency, Contact, PartnerKind, ProductFamily, SuspensionReason},
};

use super::{
    catalog::{self, MARKETS, Market, PRODUCTS, Product},
    random::Random,
};

/// Most subscriptions of one customer.
const SUBSCRIPTIONS_MAX: usize = 6;
/// The day on which agreements were accepted: in the past, wherever the clock stands.
const ACCEPTED_ON: &str = "2018-01-01";
/// Commands that bring one customer into being: itself, its agreement, its first purchase.
const FOUNDING_COMMANDS: u64 = 3;

const COMPANIES: [&str; 12] = [
    "Contoso",
    "Fabrikam",
    "Northwind",
    "Adventure Works",
    "Tailspin",
    "Wingtip",
    "Litware",
    "Proseware",
    "Alpine",
    "Lucerne",
    "Woodgrove",
    "Humongous",
];
const TRADES: [&str; 8] = ["Foods", "Logistics", "Health", "Media", "Bank", "Toys", "Energy", "Design"];
const FIRST_NAMES: [&str; 8] = ["Kim", "Alex", "Sam", "Robin", "Noor", "Yuki", "Ines", "Jamie"];
const LAST_NAMES: [&str; 8] = ["Lee", "Garcia", "Müller", "Tanaka", "Smith", "Okafor", "Rossi", "Novak"];

/// A subscription as far as it matters for what may be done with it.
#[derive(Clone, Debug)]
struct Owned {
    id: String,
    product: usize,
    quantity: u32,
    suspended: bool,
    renews: bool,
}

#[derive(Clone, Debug)]
struct Customer {
    id: String,
    partner: usize,
    owned: Vec<Owned>,
    bought: u32,
    /// It has a relationship with the partner that its transfers go to.
    knows_target: bool,
}

/// Where a partner is: partners take turns.
fn market(partner: usize) -> Market {
    MARKETS[partner % MARKETS.len()]
}

/// A history in the making.
pub(super) struct Story {
    prefix: String,
    random: Random,
    partners: usize,
    customers: Vec<Customer>,
    customers_wanted: usize,
    /// What comes next, in this order.
    queue: VecDeque<Body>,
    founding: u64,
    transfers: u64,
}

impl Story {
    /// Begins with the catalog and the partners.
    pub(super) fn new(prefix: &str, seed: u64, customers: u32, partners: u32) -> Self {
        let queue: VecDeque<_> = catalog::commands(prefix).into();
        let mut story = Self {
            prefix: prefix.to_owned(),
            random: Random::new(seed),
            partners: usize::try_from(partners).unwrap_or(1),
            customers: Vec::new(),
            customers_wanted: usize::try_from(customers).unwrap_or(1),
            queue,
            founding: 0,
            transfers: 0,
        };
        for number in 0..story.partners {
            let partner = story.partner(number);
            story.queue.push_back(partner);
        }
        story.founding = u64::try_from(story.queue.len()).unwrap_or(0) + FOUNDING_COMMANDS * u64::from(customers);
        story
    }

    /// Commands until every customer has its first purchase.
    pub(super) fn founding_commands(&self) -> u64 {
        self.founding
    }

    /// The next command.
    pub(super) fn next(&mut self) -> Body {
        loop {
            if let Some(body) = self.queue.pop_front() {
                return body;
            }
            if self.customers.len() < self.customers_wanted {
                self.found_customer();
            } else {
                let index = self.random.below(self.customers.len());
                self.change(index);
            }
        }
    }

    fn partner_id(&self, number: usize) -> String {
        format!("{}-p{number}", self.prefix)
    }

    fn partner(&mut self, number: usize) -> Body {
        let market = market(number);
        let name = self.company();
        Body::RegisterPartner(RegisterPartner {
            partner_id: self.partner_id(number),
            name: format!("{name} Cloud Services"),
            kind: PartnerKind::DirectBill.into(),
            country: market.country.to_owned(),
            currency: market.currency.to_owned(),
            billing_day: self.random.between(1, 31),
            mpn_id: self.random.between(1_000_000, 9_999_999).to_string(),
        })
    }

    fn company(&mut self) -> String {
        let (first, second) = (self.random.below(COMPANIES.len()), self.random.below(TRADES.len()));
        format!("{} {}", COMPANIES[first], TRADES[second])
    }

    fn contact(&mut self) -> Contact {
        let (first, last) = (self.random.below(FIRST_NAMES.len()), self.random.below(LAST_NAMES.len()));
        Contact {
            first_name: FIRST_NAMES[first].to_owned(),
            last_name: LAST_NAMES[last].to_owned(),
            email: format!("person{}@example.com", self.random.between(1, 999_999)),
            phone: String::new(),
        }
    }

    fn found_customer(&mut self) {
        let number = self.customers.len();
        let partner = self.random.below(self.partners);
        let id = format!("{}-c{number}", self.prefix);
        let (company, contact) = (self.company(), self.contact());
        let country = market(partner).country.to_owned();
        self.queue.push_back(Body::CreateCustomer(CreateCustomer {
            customer_id: id.clone(),
            partner_id: self.partner_id(partner),
            company_name: format!("{company} {number}"),
            domain_prefix: format!("generated{number}"),
            address: Some(Address {
                country,
                line1: format!("{} Main Street", self.random.between(1, 999)),
                city: "Capital".to_owned(),
                ..Address::default()
            }),
            contact: Some(contact.clone()),
            reseller_id: String::new(),
        }));
        self.queue.push_back(Body::AcceptAgreement(AcceptAgreement {
            customer_id: id.clone(),
            mode: AgreementMode::CustomerDirect.into(),
            partner_id: String::new(),
            signatory: Some(contact),
            accepted_on: ACCEPTED_ON.to_owned(),
            ..AcceptAgreement::default()
        }));
        self.customers.push(Customer { id, partner, owned: Vec::new(), bought: 0, knows_target: false });
        self.purchase(number);
    }

    /// Something happens to a customer.
    fn change(&mut self, index: usize) {
        let owned = self.customers[index].owned.len();
        if owned == 0 || (owned < SUBSCRIPTIONS_MAX && self.random.percent(15)) {
            return self.purchase(index);
        }
        let which = self.random.below(owned);
        if self.customers[index].owned[which].suspended {
            return self.reactivate(index, which);
        }
        match self.random.below(100) {
            0..8 => self.suspend(index, which),
            8..14 => self.auto_renew(index, which),
            14..17 if self.partners > MARKETS.len() => self.transfer(index, which),
            _ => self.seats(index, which),
        }
    }

    fn purchase(&mut self, index: usize) {
        let product = self.random.below(PRODUCTS.len());
        let Product { seats_max, annual, .. } = PRODUCTS[product];
        let quantity = self.random.between(1, seats_max.min(50));
        let annual = annual && self.random.percent(40);
        let frequency = if annual { BillingFrequency::Annual } else { BillingFrequency::Monthly };
        let partner_id = self.partner_id(self.customers[index].partner);
        let customer = &mut self.customers[index];
        customer.bought += 1;
        let id = format!("{}-s{}", customer.id, customer.bought);
        customer.owned.push(Owned { id: id.clone(), product, quantity, suspended: false, renews: true });
        self.queue.push_back(Body::Purchase(Purchase {
            location_mpn_id: String::new(),
            customer_id: customer.id.clone(),
            partner_id,
            order_id: format!("{}-o{}", customer.id, customer.bought),
            lines: vec![PurchaseLine {
                subscription_id: id,
                offer_id: catalog::offer_id(&self.prefix, &PRODUCTS[product]),
                quantity,
                billing_frequency: frequency.into(),
                ..PurchaseLine::default()
            }],
            by_customer: false,
        }));
    }

    /// Ids of the customer, its partner and one of its subscriptions.
    fn ids(&self, index: usize, which: usize) -> (String, String, String) {
        let customer = &self.customers[index];
        (customer.id.clone(), self.partner_id(customer.partner), customer.owned[which].id.clone())
    }

    fn seats(&mut self, index: usize, which: usize) {
        let (customer_id, partner_id, subscription_id) = self.ids(index, which);
        let owned = &mut self.customers[index].owned[which];
        let maximum = PRODUCTS[owned.product].seats_max;
        let step = self.random.between(1, 10);
        let more = owned.quantity < maximum && (owned.quantity == 1 || self.random.percent(65));
        owned.quantity =
            if more { (owned.quantity + step).min(maximum) } else { owned.quantity.saturating_sub(step).max(1) };
        let quantity = owned.quantity;
        self.queue.push_back(Body::ChangeQuantity(ChangeQuantity {
            customer_id,
            partner_id,
            subscription_id,
            quantity,
        }));
    }

    /// A marketplace product is cancelled, not suspended: its seats change instead.
    fn suspend(&mut self, index: usize, which: usize) {
        if PRODUCTS[self.customers[index].owned[which].product].family != ProductFamily::License {
            return self.seats(index, which);
        }
        let (customer_id, partner_id, subscription_id) = self.ids(index, which);
        let reasons = [SuspensionReason::CustomerRequest, SuspensionReason::NonPayment];
        let reason = self.random.pick(&reasons).copied().unwrap_or(SuspensionReason::CustomerRequest).into();
        self.customers[index].owned[which].suspended = true;
        self.queue.push_back(Body::Suspend(Suspend { customer_id, partner_id, subscription_id, reason }));
    }

    fn reactivate(&mut self, index: usize, which: usize) {
        let (customer_id, partner_id, subscription_id) = self.ids(index, which);
        self.customers[index].owned[which].suspended = false;
        self.queue.push_back(Body::Reactivate(Reactivate { customer_id, partner_id, subscription_id }));
    }

    /// Only a marketplace product's renewal can be switched.
    fn auto_renew(&mut self, index: usize, which: usize) {
        if PRODUCTS[self.customers[index].owned[which].product].family != ProductFamily::MarketplaceSaas {
            return self.seats(index, which);
        }
        let (customer_id, partner_id, subscription_id) = self.ids(index, which);
        let owned = &mut self.customers[index].owned[which];
        owned.renews = !owned.renews;
        let auto_renew = owned.renews;
        self.queue.push_back(Body::SetAutoRenew(SetAutoRenew { customer_id, partner_id, subscription_id, auto_renew }));
    }

    /// A license goes to another partner of the same country. It has another id there, which the story does not follow.
    fn transfer(&mut self, index: usize, which: usize) {
        let source = self.customers[index].partner;
        let target = source + MARKETS.len();
        let license = PRODUCTS[self.customers[index].owned[which].product].family == ProductFamily::License;
        if !license || target >= self.partners {
            return self.seats(index, which);
        }
        let (customer_id, source_partner_id, subscription_id) = self.ids(index, which);
        let partner_id = self.partner_id(target);
        self.transfers += 1;
        let transfer_id = format!("{}-t{}", self.prefix, self.transfers);
        self.customers[index].owned.remove(which);
        if !std::mem::replace(&mut self.customers[index].knows_target, true) {
            self.relationship(&customer_id, &partner_id);
        }
        let request = RequestTransfer {
            customer_id: customer_id.clone(),
            transfer_id: transfer_id.clone(),
            source_partner_id,
            target_partner_id: partner_id.clone(),
            subscription_ids: vec![subscription_id],
            expires_after_days: 30,
        };
        self.queue.push_back(Body::RequestTransfer(request));
        self.queue.push_back(Body::AcceptTransfer(AcceptTransfer { customer_id, transfer_id, partner_id }));
    }

    fn relationship(&mut self, customer_id: &str, partner_id: &str) {
        let (customer_id, partner_id) = (customer_id.to_owned(), partner_id.to_owned());
        self.queue.push_back(Body::RequestRelationship(RequestRelationship {
            customer_id: customer_id.clone(),
            partner_id: partner_id.clone(),
            delegated_admin: true,
            reseller_id: String::new(),
            expires_after_days: 0,
        }));
        self.queue.push_back(Body::AcceptRelationship(AcceptRelationship { customer_id, partner_id }));
    }
}
