//! The rows: what the messages of `customer_service.proto` show, as typed values.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    calendar::NEVER,
    charge::AppliedPromotion,
    customer::{ScheduledChange, SuspensionReason},
    event::{FormSigner, SubscriptionCreated, TrialStarted},
    ids::{
        AzureSubscriptionId, CustomerId, LicenseGroupId, OfferId, OrderId, PartnerId, PromotionId, SubscriptionId,
        TransferId, UserId,
    },
    money::Currency,
    offer::{BillingFrequency, FulfilmentFact, PriceComponent, PricePer, ProductKind, Reservation},
    party::{Address, AgreementMode, AgreementVersion, Contact, PurchasePermission, Segment},
    position::Position,
};

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As the API shows it.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The state the API shows so.
            pub fn from_label(label: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|state| state.label() == label)
            }
        }
    };
}

states! {
    /// Of a relationship.
    RelationshipState {
        /// The partner asked, the customer has not answered.
        Requested = "requested",
        /// It holds.
        Active = "active",
        /// It ended.
        Removed = "removed",
        /// The customer did not answer the request in time.
        Expired = "expired",
    }
}

states! {
    /// Of a subscription (customers page section 2.8).
    SubscriptionState {
        /// Waits for its publisher; nothing is charged.
        PendingFulfilment = "pending_fulfilment",
        /// Before the first paid day.
        Trial = "trial",
        /// In use.
        Active = "active",
        /// No access, no charge.
        Suspended = "suspended",
        /// Ended at once.
        Cancelled = "cancelled",
        /// Ended with its term.
        Expired = "expired",
        /// Ended by a suspension that lasted too long.
        Deprovisioned = "deprovisioned",
    }
}

states! {
    /// Of an examination for a special segment.
    QualificationState {
        /// It is being examined.
        Requested = "requested",
        /// The customer belongs there.
        Qualified = "qualified",
        /// It does not.
        Denied = "denied",
    }
}

states! {
    /// Of a transfer.
    TransferState {
        /// Waits for an answer.
        Active = "active",
        /// Taken.
        Complete = "complete",
        /// Not taken.
        Declined = "declined",
        /// Taken back.
        Withdrawn = "withdrawn",
        /// Not answered in time.
        Expired = "expired",
    }
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Its id.
    pub customer_id: CustomerId,
    /// Legal name.
    pub company_name: String,
    /// Whole primary domain name.
    pub domain_name: String,
    /// Where it is.
    pub address: Address,
    /// Its first admin.
    pub contact: Contact,
    /// One for each partner, by partner id; removed ones stay.
    pub relationships: Vec<Relationship>,
    /// Shown in lists and exports instead of the company name (customers page decision G05).
    pub bill_to_name: Option<String>,
    /// One for each partner that has any, by partner id.
    pub tags: Vec<PartnerTags>,
    /// One for each segment that was examined.
    pub qualifications: Vec<QualificationRow>,
    /// What the customer may buy by itself.
    pub permissions: Vec<Permission>,
    /// In the order accepted; the last acceptance of each mode and partner.
    pub agreements: Vec<Agreement>,
    /// Subscriptions that have not ended: pending, trial, active or suspended, but not gone to another partner or replaced.
    pub subscription_count: u32,
    /// Of its stream, for `expected_version`. Refused commands count.
    pub version: u64,
    /// The day it was created, UTC.
    pub created_on: NaiveDate,
}

impl Customer {
    /// The name that lists and exports show.
    pub fn listed_name(&self) -> &str {
        self.bill_to_name.as_deref().unwrap_or(&self.company_name)
    }
}

/// A partner's own tags of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerTags {
    /// Whose.
    pub partner_id: PartnerId,
    /// The tags.
    pub tags: Vec<String>,
}

/// An examination for a special segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualificationRow {
    /// Which.
    pub segment: Segment,
    /// Where it stands.
    pub state: QualificationState,
    /// How often it was submitted.
    pub submissions: u32,
    /// Why not.
    pub note: String,
}

/// What a customer may buy by itself on a partner's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Who pays.
    pub partner_id: PartnerId,
    /// What.
    pub permission: PurchasePermission,
}

/// A user of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// Its id.
    pub user_id: UserId,
    /// As lists show it.
    pub display_name: String,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// Sign-in name.
    pub email: String,
    /// First day on which it cannot be restored, once it is deleted.
    pub restorable_until: Option<NaiveDate>,
    /// Subscriptions it holds a license of; of a deleted one, those it held.
    pub licenses: Vec<SubscriptionId>,
}

/// What a subscription was from a day on, and what made it so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateOnDay {
    /// From this day.
    pub since: NaiveDate,
    /// Its state.
    pub state: SubscriptionState,
    /// Why it was suspended.
    pub suspension_reason: Option<SuspensionReason>,
    /// Seats.
    pub quantity: u32,
    /// Its offer.
    pub offer_id: OfferId,
    /// The event that made it so.
    pub event: String,
    /// Its commit.
    pub position: Position,
    /// Its command.
    pub command_id: String,
    /// Who sent it.
    pub principal: String,
}

impl StateOnDay {
    /// Why it was suspended, as the API shows it; empty if it was not.
    pub fn state_reason(&self) -> &'static str {
        self.suspension_reason.map_or("", reason_label)
    }
}

/// A customer's relationship with one partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// The partner.
    pub partner_id: PartnerId,
    /// Whether it holds.
    pub state: RelationshipState,
    /// Whether with admin rights.
    pub delegated_admin: bool,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// Resellers that work for the customer with this provider, by id.
    pub resellers: Vec<PartnerId>,
    /// Whether the partner asked for admin rights since.
    pub admin_requested: bool,
    /// First day on which what was asked for can no longer be accepted; none while nothing is open, or open for ever.
    pub request_expires_on: Option<NaiveDate>,
}

/// An order, or what a transfer or an upgrade placed as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id, unique for the customer.
    pub order_id: OrderId,
    /// The customer.
    pub customer_id: CustomerId,
    /// Who pays.
    pub partner_id: PartnerId,
    /// When it took effect, UTC.
    pub placed_at: DateTime<Utc>,
    /// When it was recorded, UTC.
    pub recorded_at: DateTime<Utc>,
    /// Who sent the command.
    pub principal: String,
    /// Whether the customer placed it itself, on the partner's account.
    pub by_customer: bool,
    /// What it began, in the order of its lines.
    pub subscription_ids: Vec<SubscriptionId>,
    /// Resellers of record of that.
    pub reseller_ids: BTreeSet<PartnerId>,
}

/// Licenses that are given together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseGroup {
    /// Its id, unique for the customer.
    pub group_id: LicenseGroupId,
    /// As lists show it.
    pub display_name: String,
    /// Its licenses, by id.
    pub subscription_ids: Vec<SubscriptionId>,
}

/// An acceptance of the customer agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Directly or attested.
    pub mode: AgreementMode,
    /// The attesting partner.
    pub partner_id: Option<PartnerId>,
    /// When.
    pub accepted_on: NaiveDate,
    /// Which agreement.
    pub version: AgreementVersion,
    /// In which language, if it was said.
    pub language: Option<String>,
}

/// One price of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Names it where the offer has several.
    pub component: Option<String>,
    /// List price of one seat for one `per`, not rounded.
    #[serde(with = "rust_decimal::serde::str")]
    pub unit_price: Decimal,
    /// The period it pays for.
    pub per: PricePer,
}

impl From<&PriceComponent> for Price {
    fn from(price: &PriceComponent) -> Self {
        Self { component: price.component.clone(), unit_price: price.unit_price, per: price.per }
    }
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id.
    pub subscription_id: SubscriptionId,
    /// Whose it is.
    pub customer_id: CustomerId,
    /// Who pays.
    pub partner_id: PartnerId,
    /// Its order.
    pub order_id: OrderId,
    /// Its offer.
    pub offer_id: OfferId,
    /// The offer's name.
    pub offer_name: String,
    /// A name of its own.
    pub friendly_name: Option<String>,
    /// What it may do now.
    pub state: SubscriptionState,
    /// Why it is suspended.
    pub suspension_reason: Option<SuspensionReason>,
    /// Seats.
    pub quantity: u32,
    /// The rhythm of the current period; none for a custom meter.
    pub billing_frequency: Option<BillingFrequency>,
    /// The rhythm from the next period on, if it changes.
    pub next_billing_frequency: Option<BillingFrequency>,
    /// Length of a term.
    pub term_months: u32,
    /// First day of the first term.
    pub start: NaiveDate,
    /// First day of the current term.
    pub term_start: NaiveDate,
    /// Last day of the current term, included; none if it has no end.
    pub term_end: Option<NaiveDate>,
    /// Whether a new term follows.
    pub auto_renew: bool,
    /// What an add-on stands on.
    pub base_subscription_id: Option<SubscriptionId>,
    /// Reseller of record.
    pub reseller_id: Option<PartnerId>,
    /// Plan of the product.
    pub sku: Option<String>,
    /// Locked for the term.
    pub prices: Vec<Price>,
    /// Of the prices.
    pub currency: Currency,
    /// First day on which a suspended subscription can no longer be reactivated.
    pub expires_on: Option<NaiveDate>,
    /// First day without it, once it has ended or is bound to.
    pub ends_on: Option<NaiveDate>,
    /// Its predecessor, if a transfer made it.
    pub transferred_from_subscription_id: Option<SubscriptionId>,
    /// Its successor, if it was transferred.
    pub transferred_to_subscription_id: Option<SubscriptionId>,
    /// The customer's purchase order.
    pub po_number: Option<String>,
    /// Who supports the customer; the owner, if none.
    pub support_contact_id: Option<PartnerId>,
    /// First day without a free trial that is not paid for.
    pub free_trial_ends_on: Option<NaiveDate>,
    /// What waits for its day.
    pub scheduled: Option<ScheduledChange>,
    /// Its successor, if it was upgraded or migrated.
    pub replaced_by_subscription_id: Option<SubscriptionId>,
    /// Takes something off the prices.
    pub promotion: Option<Promotion>,
    /// Its rules beside those of its family.
    pub product_kind: Option<ProductKind>,
    /// What a publisher names the purchase by.
    pub authorization_code: Option<String>,
    /// What the publisher has confirmed, in the order of the facts.
    pub confirmed: Vec<FulfilmentFact>,
    /// The first paid day after a trial.
    pub trial_end: Option<NaiveDate>,
    /// Of a reservation.
    pub reservation: Option<Reservation>,
    /// The reservation it went into.
    pub exchanged_for_subscription_id: Option<SubscriptionId>,
    /// Of a classic Azure subscription: the id that Azure knows it by, which a transfer keeps (L15859).
    pub azure_subscription_id: Option<AzureSubscriptionId>,
}

/// What a promotion takes off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Which one.
    pub promotion_id: PromotionId,
    /// Off every line.
    #[serde(with = "rust_decimal::serde::str")]
    pub percent: Decimal,
    /// The day after the last one it holds for; none for the whole term.
    pub until: Option<NaiveDate>,
}

impl From<&AppliedPromotion> for Promotion {
    fn from(promotion: &AppliedPromotion) -> Self {
        let AppliedPromotion { promotion_id, percent, until } = promotion.clone();
        Self { promotion_id, percent, until }
    }
}

impl Subscription {
    /// Why it is suspended, as the API shows it; empty if it is not.
    pub fn state_reason(&self) -> &'static str {
        self.suspension_reason.map_or("", reason_label)
    }

    /// Whether [`Customer::subscription_count`] counts it.
    pub(crate) fn counts(&self) -> bool {
        use SubscriptionState::{Active, PendingFulfilment, Suspended, Trial};
        let transferred = self.suspension_reason.is_some_and(SuspensionReason::is_final)
            || self.transferred_to_subscription_id.is_some();
        matches!(self.state, PendingFulfilment | Trial | Active | Suspended) && !transferred
    }
}

/// A reason of a suspension, as the API shows it.
pub(crate) fn reason_label(reason: SuspensionReason) -> &'static str {
    match reason {
        SuspensionReason::CustomerRequest => "customer_request",
        SuspensionReason::NonPayment => "non_payment",
        SuspensionReason::Fraud => "fraud",
        SuspensionReason::Cancelled => "cancelled",
        SuspensionReason::Transferred => "transferred",
        SuspensionReason::Upgraded => "upgraded",
        SuspensionReason::Migrated => "migrated",
        SuspensionReason::Enforced => "enforced",
    }
}

/// A publisher's fact, as the API shows it.
pub(crate) fn fact_label(fact: FulfilmentFact) -> &'static str {
    match fact {
        FulfilmentFact::LicensesAssigned => "licenses_assigned",
        FulfilmentFact::SetupConfirmed => "setup_confirmed",
    }
}

/// The last day before one that is not included; none if that is never.
pub(crate) fn last_day(end: NaiveDate) -> Option<NaiveDate> {
    end.pred_opt().filter(|_| end < NEVER)
}

impl From<&SubscriptionCreated> for Subscription {
    fn from(e: &SubscriptionCreated) -> Self {
        Self {
            subscription_id: e.subscription_id.clone(),
            customer_id: e.customer_id.clone(),
            partner_id: e.partner_id.clone(),
            order_id: e.order_id.clone(),
            offer_id: e.offer_id.clone(),
            offer_name: e.offer_name.clone(),
            friendly_name: e.friendly_name.clone(),
            state: match (&e.authorization_code, e.trial_end) {
                (Some(_), _) => SubscriptionState::PendingFulfilment,
                (None, Some(_)) => SubscriptionState::Trial,
                (None, None) => SubscriptionState::Active,
            },
            suspension_reason: None,
            quantity: e.quantity,
            billing_frequency: e.billing_frequency,
            next_billing_frequency: None,
            term_months: e.term_months,
            start: e.start,
            term_start: e.start,
            term_end: last_day(e.term_end),
            auto_renew: e.auto_renew,
            base_subscription_id: e.base_subscription_id.clone(),
            reseller_id: e.reseller_id.clone(),
            sku: e.sku.clone(),
            prices: e.prices.iter().map(Price::from).collect(),
            currency: e.currency,
            expires_on: None,
            ends_on: None,
            transferred_from_subscription_id: e.transferred_from_subscription_id.clone(),
            transferred_to_subscription_id: None,
            po_number: None,
            support_contact_id: None,
            free_trial_ends_on: None,
            scheduled: None,
            replaced_by_subscription_id: None,
            promotion: e.promotion.as_ref().map(Promotion::from),
            product_kind: e.product_kind,
            authorization_code: e.authorization_code.clone(),
            confirmed: Vec::new(),
            trial_end: e.trial_end,
            reservation: e.reservation.clone(),
            exchanged_for_subscription_id: None,
            azure_subscription_id: (e.product_kind == Some(ProductKind::AzureSubscription))
                .then(|| AzureSubscriptionId::new(e.subscription_id.as_str()).ok())
                .flatten(),
        }
    }
}

impl From<&TrialStarted> for Subscription {
    fn from(e: &TrialStarted) -> Self {
        Self {
            subscription_id: e.subscription_id.clone(),
            customer_id: e.customer_id.clone(),
            partner_id: e.partner_id.clone(),
            order_id: e.order_id.clone(),
            offer_id: e.offer_id.clone(),
            offer_name: e.offer_name.clone(),
            friendly_name: None,
            state: SubscriptionState::Trial,
            suspension_reason: None,
            quantity: e.quantity,
            billing_frequency: None,
            next_billing_frequency: None,
            term_months: 1,
            start: e.start,
            term_start: e.start,
            term_end: last_day(e.ends_on),
            auto_renew: false,
            base_subscription_id: None,
            reseller_id: e.reseller_id.clone(),
            sku: None,
            prices: Vec::new(),
            currency: e.currency,
            expires_on: None,
            ends_on: Some(e.ends_on),
            transferred_from_subscription_id: None,
            transferred_to_subscription_id: None,
            po_number: None,
            support_contact_id: None,
            free_trial_ends_on: Some(e.ends_on),
            scheduled: None,
            replaced_by_subscription_id: None,
            promotion: None,
            product_kind: None,
            authorization_code: None,
            confirmed: Vec::new(),
            trial_end: None,
            reservation: None,
            exchanged_for_subscription_id: None,
            azure_subscription_id: None,
        }
    }
}

/// A request to move subscriptions to another partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id, unique for the customer.
    pub transfer_id: TransferId,
    /// The customer.
    pub customer_id: CustomerId,
    /// The owner.
    pub source_partner_id: PartnerId,
    /// The owner to be.
    pub target_partner_id: PartnerId,
    /// What came of it.
    pub state: TransferState,
    /// The day of the request.
    pub requested_on: NaiveDate,
    /// First day on which it cannot be answered.
    pub expires_on: Option<NaiveDate>,
    /// What moves.
    pub lines: Vec<TransferItem>,
    /// Of one that goes by ticket and form.
    pub form: Option<TransferForm>,
    /// Why it was declined; may be empty.
    pub note: String,
}

/// How far the form of a transfer has come (customers page section 2.19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferForm {
    /// The day of the customer's written request.
    pub customer_requested_on: NaiveDate,
    /// The owner's ticket.
    pub ticket_id: String,
    /// Who signed, in the order of signing.
    pub signed: Vec<FormSigner>,
    /// Whether it went to the ticket.
    pub submitted: bool,
    /// Whether the new owner removed the former one's roles.
    pub access_cleaned: bool,
}

impl Transfer {
    /// The step of a transfer by form, as the API shows it; empty for one that its target answers.
    pub fn step(&self) -> &'static str {
        let Some(form) = &self.form else { return "" };
        match self.state {
            TransferState::Complete if form.access_cleaned => "access_cleaned",
            TransferState::Active if form.submitted => "submitted",
            TransferState::Active if form.signed.len() == FormSigner::ALL.len() => "signed_by_all",
            TransferState::Active if !form.signed.is_empty() => "signed_by_current_partner",
            TransferState::Active => "requested",
            closed => closed.label(),
        }
    }
}

/// One subscription of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferItem {
    /// The subscription that moves.
    pub subscription_id: SubscriptionId,
    /// Its offer.
    pub offer_id: OfferId,
    /// Seats at the request.
    pub quantity: u32,
    /// What an add-on stands on.
    pub base_subscription_id: Option<SubscriptionId>,
    /// The target's subscription, once complete.
    pub new_subscription_id: Option<SubscriptionId>,
    /// Of a classic Azure subscription: the id it keeps.
    pub azure_subscription_id: Option<AzureSubscriptionId>,
    /// Of a classic Azure subscription: what its last billed period came to, without tax.
    pub last_billed: Option<Billed>,
}

/// An amount that was billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billed {
    /// Without tax.
    #[serde(with = "rust_decimal::serde::str")]
    pub amount: Decimal,
    /// Its currency.
    pub currency: Currency,
}

/// Something that happened to a customer, or was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The customer.
    pub customer_id: String,
    /// The commit.
    pub position: Position,
    /// Its command.
    pub command_id: String,
    /// When it took effect, UTC.
    pub effective_at: DateTime<Utc>,
    /// When it was recorded, UTC.
    pub recorded_at: DateTime<Utc>,
    /// Who sent the command.
    pub principal: String,
    /// How it came.
    pub channel: String,
    /// The event's name, or `rejected`.
    pub action: String,
    /// What it was about: a subscription, partner, order, transfer or customer id.
    pub subject: String,
    /// The reason of a refusal; before and after of a change.
    pub detail: String,
}
