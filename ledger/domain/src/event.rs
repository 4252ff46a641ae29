//! Events: what happened. Immutable, and enough to rebuild every state from.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    charge::{Charged, InvoiceFamily},
    customer::SuspensionReason,
    ids::{CustomerId, InvoiceNumber, OfferId, OrderId, PartnerId, PriceListId, SubscriptionId, TransferId},
    money::Currency,
    offer::{BillingFrequency, Offer, PriceComponent, PriceRow, ProductFamily, ProrationRule},
    party::{Address, AgreementMode, Contact, PartnerKind, RelationshipOrigin},
    position::Position,
};

macro_rules! events {
    ($($name:ident,)*) => {
        /// An event.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "each variant is documented at its struct")]
        pub enum Event { $($name($name),)* }

        impl Event {
            /// The event's name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }
        }

        $(impl From<$name> for Event {
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        })*
    };
}

events! {
    OfferPublished, PricesPublished, DayClosed,
    PartnerRegistered, InvoiceIssued,
    CustomerCreated, AgreementAccepted, RelationshipRequested, RelationshipEstablished, RelationshipRemoved,
    OrderPlaced, SubscriptionCreated, QuantityChanged, SubscriptionSuspended, SubscriptionReactivated,
    SubscriptionCancelled, BillingFrequencyChanged, AutoRenewChanged, SubscriptionConverted, SubscriptionRenewed,
    SubscriptionExpired, SubscriptionDeprovisioned, TermRolled, TermEnded, TrialConverted, CancellationScheduled,
    TransferRequested, TransferCompleted, TransferDeclined, TransferWithdrawn, TransferExpired,
    Charged, PeriodStarted, PartitionDayClosed,
}

macro_rules! event {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    )*};
}

event! {
    /// Catalog: an offer is sold from now on as it stands here.
    OfferPublished {
        /// The offer.
        offer: Offer,
    }

    /// Catalog: prices of one list.
    PricesPublished {
        /// The list.
        price_list_id: PriceListId,
        /// Of every row.
        currency: Currency,
        /// The prices.
        rows: Vec<PriceRow>,
    }

    /// Catalog: a business day is over.
    DayClosed {
        /// The day.
        date: NaiveDate,
    }

    /// Partner: an account began.
    PartnerRegistered {
        /// Its id.
        partner_id: PartnerId,
        /// Its name.
        name: String,
        /// Its kind.
        kind: PartnerKind,
        /// ISO 3166 alpha-2.
        country: String,
        /// Billing currency.
        currency: Currency,
        /// 1 to 31.
        billing_day: u32,
        /// May be empty.
        mpn_id: String,
        /// The day of the registration.
        registered_on: NaiveDate,
    }

    /// Partner: a document was issued. It never changes.
    InvoiceIssued {
        /// Who pays.
        partner_id: PartnerId,
        /// Gapless for each partner, family and currency.
        invoice_number: InvoiceNumber,
        /// Which of its invoices.
        family: InvoiceFamily,
        /// Of every line.
        currency: Currency,
        /// First day of the period.
        period_start: NaiveDate,
        /// The day after its last.
        period_end: NaiveDate,
        /// Its date.
        invoice_date: NaiveDate,
        /// Net 60 (L9725).
        due_date: NaiveDate,
        /// Sum of the lines.
        total: Decimal,
        /// How many there are.
        line_count: u32,
        /// SHA-256 over the lines.
        lines_digest: Vec<u8>,
        /// Last commits that were folded.
        reflects: Vec<Position>,
    }

    /// A customer's record began.
    CustomerCreated {
        /// Its id.
        customer_id: CustomerId,
        /// Who created it.
        partner_id: PartnerId,
        /// Legal name.
        company_name: String,
        /// Whole primary domain name.
        domain_name: String,
        /// Where it is.
        address: Address,
        /// Its first admin.
        contact: Contact,
    }

    /// The customer agreement holds.
    AgreementAccepted {
        /// By whom.
        customer_id: CustomerId,
        /// Directly or attested.
        mode: AgreementMode,
        /// The attesting partner.
        partner_id: Option<PartnerId>,
        /// Who signed.
        signatory: Contact,
        /// When.
        accepted_on: NaiveDate,
    }

    /// A partner asked for a relationship.
    RelationshipRequested {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// Whether with admin rights.
        delegated_admin: bool,
        /// Reseller of record.
        reseller_id: Option<PartnerId>,
    }

    /// A relationship is active.
    RelationshipEstablished {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
        /// Whether with admin rights.
        delegated_admin: bool,
        /// Reseller of record.
        reseller_id: Option<PartnerId>,
        /// How it came to be.
        origin: RelationshipOrigin,
    }

    /// A relationship ended.
    RelationshipRemoved {
        /// The customer.
        customer_id: CustomerId,
        /// The partner.
        partner_id: PartnerId,
    }

    /// An order was taken; its subscriptions follow in the same commit.
    OrderPlaced {
        /// The customer.
        customer_id: CustomerId,
        /// Who pays.
        partner_id: PartnerId,
        /// The order.
        order_id: OrderId,
        /// What it created.
        subscription_ids: Vec<SubscriptionId>,
    }

    /// A subscription began, with everything that holds for its term.
    SubscriptionCreated {
        /// The customer.
        customer_id: CustomerId,
        /// Who pays.
        partner_id: PartnerId,
        /// Its id.
        subscription_id: SubscriptionId,
        /// Its order.
        order_id: OrderId,
        /// Its offer.
        offer_id: OfferId,
        /// The offer's name.
        offer_name: String,
        /// How it is billed.
        product_family: ProductFamily,
        /// What an add-on stands on.
        base_subscription_id: Option<SubscriptionId>,
        /// Seats.
        quantity: u32,
        /// Its rhythm; none for a custom meter, which is charged once.
        billing_frequency: Option<BillingFrequency>,
        /// Length of the term.
        term_months: u32,
        /// First day of the term.
        start: NaiveDate,
        /// The day after its last.
        term_end: NaiveDate,
        /// Locked for the term (L9715).
        prices: Vec<PriceComponent>,
        /// Of the prices.
        currency: Currency,
        /// Where the prices stand.
        price_list_id: PriceListId,
        /// How parts of a period are priced.
        proration_rule: ProrationRule,
        /// Whether an annual re-bill is cut at the anniversary.
        split_rebill_at_anniversary: bool,
        /// Whether it renews by itself.
        auto_renew: bool,
        /// Reseller of record.
        reseller_id: Option<PartnerId>,
        /// A name of its own.
        friendly_name: Option<String>,
        /// Plan of the product.
        sku: Option<String>,
        /// The first paid day after a marketplace trial.
        trial_end: Option<NaiveDate>,
        /// Its predecessor, if a transfer made it.
        transferred_from_subscription_id: Option<SubscriptionId>,
        /// Days a suspension lasts before it is deprovisioned.
        hold_days: u32,
        /// When the order was placed.
        ordered_at: DateTime<Utc>,
    }

    /// Seats were added or removed.
    QuantityChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Before.
        from: u32,
        /// After.
        to: u32,
        /// First day with the new number.
        effective_on: NaiveDate,
    }

    /// Access was stopped.
    SubscriptionSuspended {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Why.
        reason: SuspensionReason,
        /// First day without access.
        effective_on: NaiveDate,
        /// First day on which it cannot be reactivated.
        expires_on: NaiveDate,
    }

    /// Access came back.
    SubscriptionReactivated {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day with access.
        effective_on: NaiveDate,
    }

    /// It ended at once.
    SubscriptionCancelled {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day without it.
        effective_on: NaiveDate,
    }

    /// A whole order changed its rhythm, from the next period of each subscription.
    BillingFrequencyChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The order.
        order_id: OrderId,
        /// Before.
        from: BillingFrequency,
        /// After.
        to: BillingFrequency,
        /// Which subscriptions follow.
        subscription_ids: Vec<SubscriptionId>,
    }

    /// Renewal was switched.
    AutoRenewChanged {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// The new setting.
        auto_renew: bool,
    }

    /// The plan changed.
    SubscriptionConverted {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Before.
        from_sku: Option<String>,
        /// After.
        to_sku: String,
        /// Prices from now on.
        prices: Vec<PriceComponent>,
        /// Offer from now on.
        offer_id: OfferId,
        /// Its name.
        offer_name: String,
        /// First day with the new plan.
        effective_on: NaiveDate,
    }

    /// A new term began.
    SubscriptionRenewed {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// 2 for the first renewal.
        term_number: u32,
        /// First day of the new term.
        term_start: NaiveDate,
        /// The day after its last.
        term_end: NaiveDate,
        /// Locked for the new term.
        prices: Vec<PriceComponent>,
        /// Where they stand.
        price_list_id: PriceListId,
    }

    /// The term ended and no new one began.
    SubscriptionExpired {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day without it.
        effective_on: NaiveDate,
    }

    /// A suspension lasted too long; all data is gone.
    SubscriptionDeprovisioned {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day without it.
        effective_on: NaiveDate,
    }

    /// A suspended subscription's term ended and runs on without a charge (decision G09).
    TermRolled {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// Number of the new term.
        term_number: u32,
        /// First day of the new term.
        term_start: NaiveDate,
        /// The day after its last.
        term_end: NaiveDate,
        /// Locked for the new term.
        prices: Vec<PriceComponent>,
        /// Where they stand.
        price_list_id: PriceListId,
    }

    /// A suspended subscription's term ended and does not renew (decision G09).
    TermEnded {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day after the term.
        effective_on: NaiveDate,
    }

    /// A marketplace trial became a paid subscription.
    TrialConverted {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First paid day.
        paid_from: NaiveDate,
        /// The day after the paid term's last.
        term_end: NaiveDate,
    }

    /// Cancelled too late for a credit: it ends with its term.
    CancellationScheduled {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day without it.
        effective_on: NaiveDate,
    }

    /// The owner asked another partner to take subscriptions over.
    TransferRequested {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
        /// The owner.
        source_partner_id: PartnerId,
        /// The owner to be.
        target_partner_id: PartnerId,
        /// What moves, with the quantities of now.
        lines: Vec<TransferLine>,
        /// The day of the request.
        requested_on: NaiveDate,
        /// First day on which it cannot be answered.
        expires_on: Option<NaiveDate>,
    }

    /// It was taken; the new subscriptions follow in the same commit.
    TransferCompleted {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
        /// The former owner.
        source_partner_id: PartnerId,
        /// The owner.
        target_partner_id: PartnerId,
        /// What moved, with the new ids.
        lines: Vec<TransferLine>,
    }

    /// It was not taken.
    TransferDeclined {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
        /// Why; may be empty.
        note: String,
    }

    /// It was taken back.
    TransferWithdrawn {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
    }

    /// Nobody answered in time.
    TransferExpired {
        /// The customer.
        customer_id: CustomerId,
        /// The transfer.
        transfer_id: TransferId,
    }

    /// A billing period began: what later corrections refer to.
    PeriodStarted {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// First day.
        start: NaiveDate,
        /// The day after its last.
        end: NaiveDate,
        /// Seats billed for it.
        quantity: u32,
    }

    /// Every customer of the partition is done with the day.
    PartitionDayClosed {
        /// The day.
        date: NaiveDate,
    }
}

/// One subscription of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferLine {
    /// The subscription that moves.
    pub subscription_id: SubscriptionId,
    /// Its offer.
    pub offer_id: OfferId,
    /// Seats at the request; later changes stay behind (L5499).
    pub quantity: u32,
    /// What an add-on stands on.
    pub base_subscription_id: Option<SubscriptionId>,
    /// The target's subscription, once complete.
    pub new_subscription_id: Option<SubscriptionId>,
}
