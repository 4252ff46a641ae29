//! Commands about partners, as upstream systems send them, and what the lists say of them.

use serde_json::{Value, json};
use subledger_proto::api::{
    GetPartnerRequest, ListLocationsRequest, ListMembershipsRequest, ListPartnershipsRequest, Location, Membership,
    Partner, Partnership,
};

use crate::client::Client;

/// A partner in the United States with billing day 15, and its location in the partner network.
pub fn register(id: &str, kind: &str, mpn_id: &str) -> Value {
    json!({ "command_id": format!("register-{id}"), "register_partner": {
        "partner_id": id, "name": format!("Partner {id}"), "kind": format!("PARTNER_KIND_{kind}"), "country": "US",
        "currency": "USD", "billing_day": 15, "mpn_id": mpn_id,
    }})
}

/// A command of a partner about itself.
pub fn about(id: &str, partner: &str, name: &str, mut fields: Value) -> Value {
    fields["partner_id"] = json!(partner);
    json!({ "command_id": id, name: fields })
}

/// A command about a provider and its reseller.
pub fn between(id: &str, name: &str, provider: &str, reseller: &str, mut fields: Value) -> Value {
    fields["provider_id"] = json!(provider);
    fields["reseller_id"] = json!(reseller);
    json!({ "command_id": id, name: fields })
}

/// A company in Redmond opens its global account.
pub fn global_account(partner: &str, mpn_id: &str) -> Value {
    about(
        &format!("global-{partner}"),
        partner,
        "open_global_account",
        json!({ "pga_mpn_id": mpn_id, "legal": {
            "name": format!("{partner} Inc."),
            "address": { "country": "US", "line1": "1 Main Street", "city": "Redmond", "state": "WA", "postal_code": "98052" },
            "contact": { "first_name": "Kim", "last_name": "Lee", "email": format!("kim@{partner}.example") },
        }}),
    )
}

/// The company proves its domain.
pub fn domain(partner: &str) -> Value {
    about(
        &format!("domain-{partner}"),
        partner,
        "verify_domain",
        json!({ "domain": format!("{partner}.example"), "record": "MS=DA0F4BA880CFE8128C5E18E273E3BD935A4E5FD8",
            "global_admin": format!("admin@{partner}.example") }),
    )
}

/// What the lists say, now or as of a day.
impl Client {
    /// A partner as of a day; empty for now.
    pub async fn partner(&self, id: &str, as_of: &str) -> anyhow::Result<Partner> {
        let (partner_id, as_of_date) = (id.to_owned(), as_of.to_owned());
        let request = GetPartnerRequest { partner_id, as_of_date, ..GetPartnerRequest::default() };
        Ok(self.catalog.clone().get_partner(request).await?.into_inner())
    }

    /// The locations of the company that a partner belongs to on a day.
    pub async fn locations(&self, partner: &str, as_of: &str) -> anyhow::Result<Vec<Location>> {
        let (partner_id, as_of_date) = (partner.to_owned(), as_of.to_owned());
        let request = ListLocationsRequest { partner_id, as_of_date, ..ListLocationsRequest::default() };
        Ok(self.catalog.clone().list_locations(request).await?.into_inner().locations)
    }

    /// The partnerships of a provider or a reseller.
    pub async fn partnerships(&self, partner: &str) -> anyhow::Result<Vec<Partnership>> {
        let request = ListPartnershipsRequest { partner_id: partner.to_owned(), ..ListPartnershipsRequest::default() };
        Ok(self.catalog.clone().list_partnerships(request).await?.into_inner().partnerships)
    }

    /// The memberships of a partner.
    pub async fn memberships(&self, partner: &str) -> anyhow::Result<Vec<Membership>> {
        let request = ListMembershipsRequest { partner_id: partner.to_owned(), ..ListMembershipsRequest::default() };
        Ok(self.catalog.clone().list_memberships(request).await?.into_inner().memberships)
    }
}
