//! Commands: what a caller wants to happen. Each concerns one stream; [`Command::target`] says which.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    charge::InvoiceFamily,
    customer::SuspensionReason,
    ids::{CustomerId, OfferId, OrderId, PartnerId, PriceListId, SubscriptionId, TransferId},
    money::Currency,
    offer::{BillingFrequency, Offer, PriceRow},
    party::{Address, AgreementMode, Contact, PartnerKind},
    position::Position,
};

/// The stream a command concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The catalog.
    Catalog,
    /// One partner.
    Partner(&'a PartnerId),
    /// One customer.
    Customer(&'a CustomerId),
    /// Every customer of a partition.
    CustomersPartition,
}

/// A command's body. Its id, its time and its sender travel beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each variant is documented at its struct")]
pub enum Command {
    PublishOffers(PublishOffers),
    PublishPriceList(PublishPriceList),
    CloseDay(CloseDay),
    RegisterPartner(RegisterPartner),
    IssueInvoice(IssueInvoice),
    CreateCustomer(CreateCustomer),
    AcceptAgreement(AcceptAgreement),
    RequestRelationship(RequestRelationship),
    AcceptRelationship(AcceptRelationship),
    RemoveRelationship(RemoveRelationship),
    Purchase(Purchase),
    ChangeQuantity(ChangeQuantity),
    Suspend(Suspend),
    Reactivate(Reactivate),
    Cancel(Cancel),
    ChangeBillingFrequency(ChangeBillingFrequency),
    SetAutoRenew(SetAutoRenew),
    Convert(Convert),
    RequestTransfer(RequestTransfer),
    AcceptTransfer(AcceptTransfer),
    DeclineTransfer(DeclineTransfer),
    WithdrawTransfer(WithdrawTransfer),
    RunDue(RunDue),
    MarkDay(MarkDay),
}

impl Command {
    /// The stream it concerns.
    pub fn target(&self) -> Target<'_> {
        match self {
            Self::PublishOffers(_) | Self::PublishPriceList(_) | Self::CloseDay(_) => Target::Catalog,
            Self::RegisterPartner(c) => Target::Partner(&c.partner_id),
            Self::IssueInvoice(c) => Target::Partner(&c.partner_id),
            Self::CreateCustomer(c) => Target::Customer(&c.customer_id),
            Self::AcceptAgreement(c) => Target::Customer(&c.customer_id),
            Self::RequestRelationship(c) => Target::Customer(&c.customer_id),
            Self::AcceptRelationship(c) => Target::Customer(&c.customer_id),
            Self::RemoveRelationship(c) => Target::Customer(&c.customer_id),
            Self::Purchase(c) => Target::Customer(&c.customer_id),
            Self::ChangeQuantity(c) => Target::Customer(&c.customer_id),
            Self::Suspend(c) => Target::Customer(&c.customer_id),
            Self::Reactivate(c) => Target::Customer(&c.customer_id),
            Self::Cancel(c) => Target::Customer(&c.customer_id),
            Self::ChangeBillingFrequency(c) => Target::Customer(&c.customer_id),
            Self::SetAutoRenew(c) => Target::Customer(&c.customer_id),
            Self::Convert(c) => Target::Customer(&c.customer_id),
            Self::RequestTransfer(c) => Target::Customer(&c.customer_id),
            Self::AcceptTransfer(c) => Target::Customer(&c.customer_id),
            Self::DeclineTransfer(c) => Target::Customer(&c.customer_id),
            Self::WithdrawTransfer(c) => Target::Customer(&c.customer_id),
            Self::RunDue(c) => Target::Customer(&c.customer_id),
            Self::MarkDay(_) => Target::CustomersPartition,
        }
    }

    /// Whether only the ledger itself may send it.
    pub fn is_reserved(&self) -> bool {
        matches!(self, Self::RunDue(_) | Self::MarkDay(_))
    }
}

/// Offers that may be bought from now on; one published again replaces its earlier version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishOffers {
    /// At least one.
    pub offers: Vec<Offer>,
}

/// Prices in one currency. A row replaces the one of the same offer, component and first day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPriceList {
    /// Its name.
    pub price_list_id: PriceListId,
    /// Of every price in it.
    pub currency: Currency,
    /// At least one.
    pub rows: Vec<PriceRow>,
}

/// The business day is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseDay {
    /// The day, UTC.
    pub date: NaiveDate,
}

/// A partner's account begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterPartner {
    /// Its id.
    pub partner_id: PartnerId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: PartnerKind,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Billing currency.
    pub currency: Currency,
    /// 1 to 31, clamped to the month's last day; never changes (L9838).
    pub billing_day: u32,
    /// Location id in the partner network; may be empty.
    pub mpn_id: String,
}

/// Close a document over charges that are decided already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueInvoice {
    /// Who pays.
    pub partner_id: PartnerId,
    /// Which of its invoices.
    pub family: InvoiceFamily,
    /// Of every line.
    pub currency: Currency,
    /// First day of the period.
    pub period_start: NaiveDate,
    /// The day after its last.
    pub period_end: NaiveDate,
    /// Its date.
    pub invoice_date: NaiveDate,
    /// Sum of the lines.
    pub total: Decimal,
    /// How many there are.
    pub line_count: u32,
    /// SHA-256 over the lines.
    pub lines_digest: Vec<u8>,
    /// Last commits that were folded.
    pub reflects: Vec<Position>,
}

/// A customer's record begins, with its first relationship (customers page section 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateCustomer {
    /// Its id.
    pub customer_id: CustomerId,
    /// The partner that creates it.
    pub partner_id: PartnerId,
    /// Legal name.
    pub company_name: String,
    /// 1 to 27 letters and digits.
    pub domain_prefix: String,
    /// Where it is.
    pub address: Address,
    /// Its first admin.
    pub contact: Contact,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
}

/// The customer agreement was accepted (program page C02).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptAgreement {
    /// By whom.
    pub customer_id: CustomerId,
    /// Directly, or as a partner attests.
    pub mode: AgreementMode,
    /// The attesting partner.
    pub partner_id: Option<PartnerId>,
    /// Who signed.
    pub signatory: Contact,
    /// When; not in the future.
    pub accepted_on: NaiveDate,
}

/// A partner asks a customer for a relationship (customers page section 2.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRelationship {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
    /// Whether it asks for delegated admin rights.
    pub delegated_admin: bool,
    /// Reseller of record, for a provider.
    pub reseller_id: Option<PartnerId>,
}

/// The customer accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptRelationship {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner that asked.
    pub partner_id: PartnerId,
}

/// The relationship ends; nothing may be active any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveRelationship {
    /// The customer.
    pub customer_id: CustomerId,
    /// The partner.
    pub partner_id: PartnerId,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseLine {
    /// Chosen by the caller, or derived.
    pub subscription_id: Option<SubscriptionId>,
    /// What is bought.
    pub offer_id: OfferId,
    /// Seats.
    pub quantity: u32,
    /// How it is billed; required, but for a custom meter, which has none.
    pub billing_frequency: Option<BillingFrequency>,
    /// What an add-on stands on.
    pub base_subscription_id: Option<SubscriptionId>,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// A name of its own on documents.
    pub friendly_name: Option<String>,
    /// Plan of the product.
    pub sku: Option<String>,
    /// Days of a marketplace trial; 0 for none.
    pub free_trial_days: u32,
    /// Whether it renews by itself.
    pub auto_renew: Option<bool>,
}

/// An order of one customer: accepted whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The customer.
    pub customer_id: CustomerId,
    /// Who buys for it, and pays.
    pub partner_id: PartnerId,
    /// Chosen by the caller, or derived.
    pub order_id: Option<OrderId>,
    /// At least one.
    pub lines: Vec<PurchaseLine>,
}

/// Seats from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeQuantity {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The new number.
    pub quantity: u32,
}

/// Stop access, and the charges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspend {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// Why.
    pub reason: SuspensionReason,
}

/// Undo a suspension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reactivate {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// End a subscription, as its product family allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// Bill a whole order in another rhythm, from the next period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeBillingFrequency {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The order.
    pub order_id: OrderId,
    /// The new rhythm.
    pub billing_frequency: BillingFrequency,
}

/// Renew at the end of the term, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAutoRenew {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The new setting.
    pub auto_renew: bool,
}

/// Change the plan of a marketplace product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convert {
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub partner_id: PartnerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The new plan.
    pub to_sku: String,
    /// The offer whose price holds for it.
    pub to_offer_id: OfferId,
}

/// Move subscriptions to another partner (customers page section 2.18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// Chosen by the caller, or derived.
    pub transfer_id: Option<TransferId>,
    /// The owner.
    pub source_partner_id: PartnerId,
    /// The owner to be.
    pub target_partner_id: PartnerId,
    /// At least one; add-ons come with their base.
    pub subscription_ids: Vec<SubscriptionId>,
    /// Days until it expires unanswered; none for never.
    pub expires_after_days: Option<u32>,
}

/// The target takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// The target partner.
    pub partner_id: PartnerId,
}

/// The target does not take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclineTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// The target partner.
    pub partner_id: PartnerId,
    /// Why; may be empty.
    pub note: String,
}

/// The source takes its request back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawTransfer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// The source partner.
    pub partner_id: PartnerId,
}

/// Everything of one customer that is due when the day ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDue {
    /// The customer.
    pub customer_id: CustomerId,
    /// The day that ends.
    pub date: NaiveDate,
}

/// Every customer of the partition is done with the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkDay {
    /// The day.
    pub date: NaiveDate,
}
