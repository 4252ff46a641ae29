//! Who may manage which resources, as roles are given and taken (azure-marketplace-software.md 2.18).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Resource;
use crate::ids::{AzureSubscriptionId, PartnerId};

/// How access came about; it decides whether the partner's id is linked by itself (L13973-13978).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccessPath {
    /// Admin on behalf of: who creates an Azure subscription is its owner.
    AdminOnBehalfOf,
    /// Azure Lighthouse, by a managed services offer.
    LighthouseOffer,
    /// Azure Lighthouse, by a template.
    LighthouseTemplate,
    /// A user, group or service principal in the customer's directory.
    DirectoryUser,
}

impl AccessPath {
    /// Whether the partner's id is linked without its doing.
    pub fn links_by_itself(self) -> bool {
        matches!(self, Self::AdminOnBehalfOf | Self::LighthouseOffer)
    }
}

/// What a role was given for: a subscription, a group in it, or one resource; it covers everything below (L13661).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessScope {
    /// The subscription.
    pub azure_subscription_id: AzureSubscriptionId,
    /// Only this group.
    pub resource_group: Option<String>,
    /// Only this resource.
    pub resource_uri: Option<String>,
}

impl AccessScope {
    /// Whether the role holds for the resource.
    pub fn covers(&self, resource: &Resource) -> bool {
        self.azure_subscription_id == resource.azure_subscription_id
            && self.resource_group.as_ref().is_none_or(|group| *group == resource.resource_group)
            && self.resource_uri.as_ref().is_none_or(|uri| *uri == resource.resource_uri)
    }
}

/// A role that somebody of a partner has or had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Whose access it is.
    pub partner_id: PartnerId,
    /// The user, group or service principal.
    pub principal_id: String,
    /// How it came about.
    pub path: AccessPath,
    /// Such as `Owner`.
    pub role: String,
    /// For what.
    pub scope: AccessScope,
    /// When it was given, UTC.
    pub from: DateTime<Utc>,
    /// When it was taken, UTC; none while it holds.
    pub to: Option<DateTime<Utc>>,
}

/// From when on a principal's access counts for a partner, or counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// UTC.
    pub at: DateTime<Utc>,
    /// Linked, or no more.
    pub linked: bool,
}
