//! Commands to a customer's stream about associations with partners (billing-details.md 2.3).

use serde::{Deserialize, Serialize};

use crate::{
    association::AssociationDetails,
    evidence::Evidence,
    ids::{AssociationId, CustomerId, PartnerId, SubscriptionId},
};

/// The partner saves the form of an association; it replaces what the draft said before (L9593).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftAssociation {
    /// The customer's tenant.
    pub customer_id: CustomerId,
    /// Who claims.
    pub partner_id: PartnerId,
    /// Its id, unique among the customer's associations.
    pub association_id: AssociationId,
    /// The form.
    pub details: AssociationDetails,
}

/// The partner hands the form in; from now on it stays as it is (L9613, L9617).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitAssociation {
    /// The customer.
    pub customer_id: CustomerId,
    /// Who claims.
    pub partner_id: PartnerId,
    /// The draft.
    pub association_id: AssociationId,
}

/// The provider needs more (L9565).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskAboutAssociation {
    /// The customer.
    pub customer_id: CustomerId,
    /// The association.
    pub association_id: AssociationId,
    /// What is needed.
    pub question: String,
}

/// The partner answers: with documents, while the form stays as submitted (decision C29).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerAboutAssociation {
    /// The customer.
    pub customer_id: CustomerId,
    /// Who claims.
    pub partner_id: PartnerId,
    /// The association.
    pub association_id: AssociationId,
    /// What was asked for.
    pub answer: String,
    /// More documents; may be none.
    pub documents: Vec<Evidence>,
}

/// The provider tells the customer, who has five business days to opt out (L9565).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyAssociationCustomer {
    /// The customer.
    pub customer_id: CustomerId,
    /// The association.
    pub association_id: AssociationId,
}

/// The customer does not want it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOutOfAssociation {
    /// The customer.
    pub customer_id: CustomerId,
    /// The association.
    pub association_id: AssociationId,
    /// Why; may be empty.
    pub reason: String,
}

/// The provider refuses the claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectAssociation {
    /// The customer.
    pub customer_id: CustomerId,
    /// The association.
    pub association_id: AssociationId,
    /// Why.
    pub reason: String,
}

/// An active association is taken away: the partner gives it up, or customer or provider end it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndAssociation {
    /// The customer.
    pub customer_id: CustomerId,
    /// The association.
    pub association_id: AssociationId,
    /// The partner, if it is the one who ends it.
    pub partner_id: Option<PartnerId>,
    /// Why.
    pub reason: String,
}

/// Which partner is set within the product, a digital partner of record (reports-partners-security.md 2.11, L17051).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordDigitalPartner {
    /// The customer.
    pub customer_id: CustomerId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The partner; none for nobody any more.
    pub partner_id: Option<PartnerId>,
}
