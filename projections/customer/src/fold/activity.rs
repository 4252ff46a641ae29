//! What the activity list says of an event.

use subledger_domain::{Event, Rejection};

use crate::rows::reason_label;

/// What a refusal is about, the most particular first.
const SUBJECTS: [&str; 5] = ["subscription_id", "transfer_id", "order_id", "partner_id", "customer_id"];

/// What a refusal was about, if it says so.
pub(super) fn subject_of(rejection: &Rejection) -> Option<&str> {
    SUBJECTS.iter().find_map(|name| rejection.metadata.get(*name)).map(String::as_str)
}

/// Subject and detail. None for what is no news to a person: charges and periods, which the billing read model lists, come by the
/// dozen with every change.
pub(super) fn describe(event: &Event) -> Option<(String, String)> {
    let plain = |subject: &str| Some((subject.to_owned(), String::new()));
    let with = |subject: &str, detail: String| Some((subject.to_owned(), detail));
    match event {
        Event::CustomerCreated(e) => plain(e.customer_id.as_str()),
        Event::AgreementAccepted(e) => match &e.partner_id {
            Some(partner) => plain(partner.as_str()),
            None => plain(e.customer_id.as_str()),
        },
        Event::RelationshipRequested(e) => plain(e.partner_id.as_str()),
        Event::RelationshipEstablished(e) => plain(e.partner_id.as_str()),
        Event::RelationshipRemoved(e) => plain(e.partner_id.as_str()),
        Event::OrderPlaced(e) => plain(e.order_id.as_str()),
        Event::SubscriptionCreated(e) => with(e.subscription_id.as_str(), format!("{} x {}", e.quantity, e.offer_name)),
        Event::QuantityChanged(e) => with(e.subscription_id.as_str(), format!("{} -> {}", e.from, e.to)),
        Event::SubscriptionSuspended(e) => with(e.subscription_id.as_str(), reason_label(e.reason).to_owned()),
        Event::SubscriptionReactivated(e) => plain(e.subscription_id.as_str()),
        Event::SubscriptionCancelled(e) => plain(e.subscription_id.as_str()),
        Event::BillingFrequencyChanged(e) => {
            with(e.order_id.as_str(), format!("{} -> {}", e.from.label(), e.to.label()))
        }
        Event::AutoRenewChanged(e) => {
            with(e.subscription_id.as_str(), if e.auto_renew { "on" } else { "off" }.to_owned())
        }
        Event::SubscriptionConverted(e) => {
            let from = e.from_sku.as_deref().unwrap_or_default();
            with(e.subscription_id.as_str(), format!("{from} -> {}", e.to_sku))
        }
        Event::SubscriptionRenewed(e) => plain(e.subscription_id.as_str()),
        Event::SubscriptionExpired(e) => plain(e.subscription_id.as_str()),
        Event::SubscriptionDeprovisioned(e) => plain(e.subscription_id.as_str()),
        Event::TermRolled(e) => plain(e.subscription_id.as_str()),
        Event::TermEnded(e) => plain(e.subscription_id.as_str()),
        Event::TrialConverted(e) => plain(e.subscription_id.as_str()),
        Event::CancellationScheduled(e) => with(e.subscription_id.as_str(), e.effective_on.to_string()),
        Event::TransferRequested(e) => {
            with(e.transfer_id.as_str(), format!("{} -> {}", e.source_partner_id, e.target_partner_id))
        }
        Event::TransferCompleted(e) => {
            with(e.transfer_id.as_str(), format!("{} -> {}", e.source_partner_id, e.target_partner_id))
        }
        Event::TransferDeclined(e) => with(e.transfer_id.as_str(), e.note.clone()),
        Event::TransferWithdrawn(e) => plain(e.transfer_id.as_str()),
        Event::TransferExpired(e) => plain(e.transfer_id.as_str()),
        Event::Charged(_)
        | Event::PeriodStarted(_)
        | Event::OfferPublished(_)
        | Event::PricesPublished(_)
        | Event::DayClosed(_)
        | Event::PartnerRegistered(_)
        | Event::InvoiceIssued(_)
        | Event::TaxRatesPublished(_)
        | Event::PaymentInstructionsPublished(_)
        | Event::BillingProfileUpdated(_)
        | Event::TaxIdSubmitted(_)
        | Event::TaxIdValidated(_)
        | Event::TaxIdRejected(_)
        | Event::TaxExemptionSubmitted(_)
        | Event::TaxExemptionGranted(_)
        | Event::TaxExemptionRefused(_)
        | Event::PartitionDayClosed(_) => None,
    }
}
