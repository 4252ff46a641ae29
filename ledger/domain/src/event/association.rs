//! Events of a customer's stream about associations with partners.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::event;
use crate::{
    association::{AssociationDetails, AssociationEndReason},
    evidence::Evidence,
    ids::{AssociationId, CustomerId, PartnerId, SubscriptionId},
};

event! {
    /// Customer: a partner saved the form of an association.
    AssociationDrafted {
        /// The customer.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// Its id.
        association_id: AssociationId,
        /// The form, as far as it is filled in.
        details: AssociationDetails,
    }

    /// Customer: the form is handed in, and the provider validates it.
    AssociationSubmitted {
        /// The customer.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// The association.
        association_id: AssociationId,
        /// The form; its products name their subscriptions.
        details: AssociationDetails,
        /// The day.
        submitted_on: NaiveDate,
    }

    /// Customer: the provider needs more.
    AssociationInformationRequested {
        /// The customer.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// The association.
        association_id: AssociationId,
        /// What is needed.
        question: String,
        /// The day.
        asked_on: NaiveDate,
    }

    /// Customer: the partner gave it.
    AssociationInformationProvided {
        /// The customer.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// The association.
        association_id: AssociationId,
        /// What was asked for.
        answer: String,
        /// More documents.
        documents: Vec<Evidence>,
        /// The day.
        answered_on: NaiveDate,
    }

    /// Customer: it was told, and may opt out.
    AssociationCustomerNotified {
        /// The customer.
        customer_id: CustomerId,
        /// Who claims.
        partner_id: PartnerId,
        /// The association.
        association_id: AssociationId,
        /// The day.
        notified_on: NaiveDate,
        /// The last day to opt out: five business days later.
        opt_out_until: NaiveDate,
    }

    /// Customer: it opted out.
    AssociationOptedOut {
        /// The customer.
        customer_id: CustomerId,
        /// Who claimed.
        partner_id: PartnerId,
        /// The association.
        association_id: AssociationId,
        /// Why; may be empty.
        reason: String,
        /// The day.
        opted_out_on: NaiveDate,
    }

    /// Customer: the provider refused the claim.
    AssociationRejected {
        /// The customer.
        customer_id: CustomerId,
        /// Who claimed.
        partner_id: PartnerId,
        /// The association.
        association_id: AssociationId,
        /// Why.
        reason: String,
        /// The day.
        rejected_on: NaiveDate,
    }

    /// Customer: the window ended without an objection, and the association is official.
    AssociationActivated {
        /// The customer.
        customer_id: CustomerId,
        /// Who is associated.
        partner_id: PartnerId,
        /// The association.
        association_id: AssociationId,
        /// The first day: the one after the window.
        from: NaiveDate,
    }

    /// Customer: a subscription of an active association renewed, and the association goes on with it.
    AssociationExtended {
        /// The customer.
        customer_id: CustomerId,
        /// Who is associated.
        partner_id: PartnerId,
        /// The association.
        association_id: AssociationId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// The day after its new term.
        until: NaiveDate,
    }

    /// Customer: an association is over.
    AssociationEnded {
        /// The customer.
        customer_id: CustomerId,
        /// Who was associated.
        partner_id: PartnerId,
        /// The association.
        association_id: AssociationId,
        /// How.
        reason: AssociationEndReason,
        /// Why, in words; may be empty.
        note: String,
        /// What took its place.
        replaced_by: Option<AssociationId>,
        /// The first day without it.
        ended_on: NaiveDate,
    }

    /// Customer: which partner is set within the product changed.
    DigitalPartnerRecorded {
        /// The customer.
        customer_id: CustomerId,
        /// The subscription.
        subscription_id: SubscriptionId,
        /// The partner; none for nobody any more.
        partner_id: Option<PartnerId>,
        /// The day.
        recorded_on: NaiveDate,
    }
}
