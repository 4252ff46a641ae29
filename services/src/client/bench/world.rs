//! What there must be before anything can be measured: an offer with a price, partners, customers with subscriptions.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use indicatif::HumanCount;
use prost_types::Timestamp;
use subledger_proto::{
    api::{
        AcceptAgreement, Command, CreateCustomer, PublishOffers, PublishPriceList, Purchase, PurchaseLine,
        RegisterPartner, SubmitStreamRequest, command::Body,
    },
    common::{
        Address, AgreementMode, BillingFrequency, Contact, Offer, OfferKind, OfferLimitScope, PartnerKind, PriceRow,
        ProductFamily, ProrationRule,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::client::{Failure, connect::Connection};

/// Commands of one batch.
const BATCH_COMMANDS: usize = 250;
/// Batches on their way at once.
const IN_FLIGHT: usize = 8;
/// Between two lines of progress.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Day of the month on which every partner is billed.
const BILLING_DAY: u32 = 15;

/// Partners, and customers with their subscriptions. The same world filled in again changes nothing: the ids of its commands are the same.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// Begins every id, so that several worlds fit into one ledger.
    pub(super) prefix: String,
    /// Customers go to them in turn.
    pub(super) partners: u32,
    /// Of all customers.
    pub(super) subscriptions: u32,
    /// Subscriptions of each customer.
    pub(super) each: u32,
    /// When agreements were accepted.
    pub(super) on: NaiveDate,
    /// When everything takes effect; the moment it is recorded, if none.
    pub(super) effective_at: Option<Timestamp>,
    /// Whether subscriptions have names of ours, so that they can be asked for without looking.
    pub(super) named: bool,
}

impl World {
    /// Customers.
    pub(super) fn customers(&self) -> u32 {
        self.subscriptions.div_ceil(self.each)
    }

    /// A partner's id.
    pub(super) fn partner_id(&self, n: u32) -> String {
        format!("{}-partner-{n:05}", self.prefix)
    }

    /// The partner of a customer.
    pub(super) fn partner_of(&self, customer: u32) -> u32 {
        customer % self.partners
    }

    /// A customer's id.
    pub(super) fn customer_id(&self, n: u32) -> String {
        format!("{}-customer-{n:07}", self.prefix)
    }

    /// The id of a customer's subscription, if they have names.
    pub(super) fn subscription_id(&self, customer: u32, line: u32) -> String {
        if self.named { format!("{}-{customer:07}-{line}", self.prefix) } else { String::new() }
    }

    /// Sends every command, in order, and stops at the first that is refused.
    pub(super) async fn fill(&self, connection: &Connection) -> Result<(), Failure> {
        let began = Instant::now();
        let mut shown = Instant::now();
        let (requests, queue) = mpsc::channel(IN_FLIGHT);
        let world = self.clone();
        let sending = tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH_COMMANDS);
            for command in world.commands() {
                batch.push(command);
                if batch.len() == BATCH_COMMANDS {
                    let commands = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_COMMANDS));
                    if requests.send(SubmitStreamRequest { commands, include_events: false }).await.is_err() {
                        return;
                    }
                }
            }
            // Nobody to tell if the other side is gone: it says why itself.
            let _ = requests.send(SubmitStreamRequest { commands: batch, include_events: false }).await;
        });
        let mut answers = connection.commands().submit_stream(ReceiverStream::new(queue)).await?.into_inner();
        let mut done: u64 = 0;
        while let Some(answer) = answers.message().await? {
            if let Some(refused) = answer.outcomes.iter().find_map(|outcome| outcome.rejection.as_ref()) {
                let hint = match refused.reason.as_str() {
                    "COMMAND_ID_REUSED" => {
                        "\n  it was filled with other numbers before: name the same, or another --prefix"
                    }
                    _ => "",
                };
                return Err(Failure::Differs(format!(
                    "the ledger refused: {}: {}{hint}",
                    refused.reason, refused.message
                )));
            }
            done += answer.outcomes.len() as u64;
            if shown.elapsed() >= LINE_EVERY {
                shown = Instant::now();
                eprintln!("filling the ledger: {} commands in {} s", HumanCount(done), began.elapsed().as_secs());
            }
        }
        sending.await.map_err(|error| Failure::Usage(error.to_string()))
    }

    /// Partners and the offer, then every customer with its order.
    fn commands(&self) -> impl Iterator<Item = Command> + '_ {
        let founding =
            [offers(&self.prefix), prices(&self.prefix)].into_iter().chain((0..self.partners).map(|n| self.partner(n)));
        let of_customer = (0..self.customers()).flat_map(|n| {
            let lines = self.each.min(self.subscriptions - n * self.each);
            let named = (0..lines).map(|line| self.subscription_id(n, line));
            [self.customer(n), self.agreement(n), self.order(n, named)]
        });
        founding.chain(of_customer).enumerate().map(|(index, body)| Command {
            command_id: format!("{}-{index}", self.prefix),
            effective_at: self.effective_at,
            expected_version: None,
            body: Some(body),
        })
    }

    fn partner(&self, n: u32) -> Body {
        Body::RegisterPartner(RegisterPartner {
            partner_id: self.partner_id(n),
            name: format!("Partner {n}"),
            kind: PartnerKind::DirectBill.into(),
            country: "US".to_owned(),
            currency: "USD".to_owned(),
            billing_day: BILLING_DAY,
            mpn_id: String::new(),
        })
    }

    fn customer(&self, n: u32) -> Body {
        Body::CreateCustomer(CreateCustomer {
            customer_id: self.customer_id(n),
            partner_id: self.partner_id(self.partner_of(n)),
            company_name: format!("Customer {n}"),
            domain_prefix: format!("{}{n}", self.prefix),
            address: Some(Address {
                country: "US".to_owned(),
                line1: "1 Main Street".to_owned(),
                city: "Springfield".to_owned(),
                state: "WA".to_owned(),
                postal_code: "98052".to_owned(),
            }),
            contact: Some(contact()),
            reseller_id: String::new(),
        })
    }

    fn agreement(&self, n: u32) -> Body {
        Body::AcceptAgreement(AcceptAgreement {
            customer_id: self.customer_id(n),
            mode: AgreementMode::CustomerDirect.into(),
            partner_id: String::new(),
            signatory: Some(contact()),
            accepted_on: self.on.to_string(),
            ..AcceptAgreement::default()
        })
    }

    /// An order of one line for each id; an empty id lets the ledger choose.
    pub(super) fn order(&self, customer: u32, subscription_ids: impl Iterator<Item = String>) -> Body {
        let line = |subscription_id| PurchaseLine {
            offer_id: offer_id(&self.prefix),
            quantity: 5,
            billing_frequency: BillingFrequency::Monthly.into(),
            subscription_id,
            ..PurchaseLine::default()
        };
        Body::Purchase(Purchase {
            customer_id: self.customer_id(customer),
            partner_id: self.partner_id(self.partner_of(customer)),
            order_id: String::new(),
            lines: subscription_ids.map(line).collect(),
            ..Purchase::default()
        })
    }
}

fn contact() -> Contact {
    Contact {
        first_name: "Robin".to_owned(),
        last_name: "Example".to_owned(),
        email: "robin@example.com".to_owned(),
        phone: String::new(),
    }
}

/// The id of its offer.
pub(super) fn offer_id(prefix: &str) -> String {
    format!("{prefix}-offer")
}

/// The offer of everything here.
pub(super) fn offers(prefix: &str) -> Body {
    let offer = Offer {
        offer_id: offer_id(prefix),
        display_name: "Enterprise E3".to_owned(),
        product_family: ProductFamily::License.into(),
        kind: OfferKind::Base.into(),
        term_months: 12,
        billing_frequencies: vec![BillingFrequency::Monthly.into()],
        minimum_quantity: 1,
        limit_scope: OfferLimitScope::None.into(),
        proration_rule: ProrationRule::Exact.into(),
        ..Offer::default()
    };
    Body::PublishOffers(PublishOffers { offers: vec![offer] })
}

/// Its price.
pub(super) fn prices(prefix: &str) -> Body {
    let row = PriceRow {
        change_flag: "ADD".to_owned(),
        valid_from: "2018-01-01".to_owned(),
        offer_display_name: "Enterprise E3".to_owned(),
        offer_id: offer_id(prefix),
        license_agreement_type: "corporate".to_owned(),
        purchase_unit: "month".to_owned(),
        secondary_license_type: "non-specific".to_owned(),
        end_customer_type: "cloud reseller corporate".to_owned(),
        list_price: "16.00".to_owned(),
        ..PriceRow::default()
    };
    Body::PublishPriceList(PublishPriceList {
        price_list_id: format!("{prefix}-2018-01"),
        currency: "USD".to_owned(),
        rows: vec![row],
    })
}
