//! What a request asks about, held against what its caller reaches. A field that the request leaves empty becomes the caller's own, so
//! that lists never hold more; whatever is out of reach is answered as if it were not there.

use prost_reflect::{DynamicMessage, ReflectMessage as _, Value};
use subledger_domain::{ids::PartnerId, party::PartnerKind, role::Role};
use subledger_proto::common::AsOf;

use super::{
    lookup::{Lookup, When},
    matrix::{Operation, Scope},
    refusal::Refusal,
    standing::{Of, Reach, Tenant},
    visible, wire,
};

/// The method whose answer is the customer itself, as it is or was.
const GET_CUSTOMER: &str = "CustomerService/GetCustomer";

/// A request and who made it.
pub(super) struct Asked<'a> {
    pub(super) operation: &'a Operation,
    pub(super) tenant: &'a Tenant,
    pub(super) reach: &'a Reach,
    pub(super) lookup: &'a Lookup,
}

/// Whose an answer is stands in the answer only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A customer, by its relationships.
    Customer,
    /// A row with its partner: what kind it is called, and the field of the request that names it.
    Row(&'static str, &'static str),
    /// An explained line.
    Charge,
    /// An explained earning.
    Earning,
}

impl Look {
    /// The answer is the caller's to see.
    pub(super) fn check(self, answer: &DynamicMessage, request: &DynamicMessage, reach: &Reach) -> Result<(), Refusal> {
        let visible = match self {
            Self::Customer => visible::sees_customer(answer, reach, false),
            Self::Row(..) => visible::is_visible(answer, reach),
            Self::Charge => covers(answer, "charge", reach),
            Self::Earning => covers(answer, "earning", reach),
        };
        if visible { Ok(()) } else { Err(self.missing(request)) }
    }

    /// There is none: what nobody has and what another has are refused in one way.
    pub(super) fn missing(self, request: &DynamicMessage) -> Refusal {
        let (kind, field) = match self {
            Self::Customer => ("customer", "customer_id"),
            Self::Row(kind, field) => (kind, field),
            Self::Charge => ("line", "line_id"),
            Self::Earning => ("earning", "earning_id"),
        };
        Refusal::not_found(kind, &wire::text(request, field))
    }
}

/// Whether what is explained is a row of the caller's.
fn covers(answer: &DynamicMessage, field: &str, reach: &Reach) -> bool {
    let explained = answer.get_field_by_name(field);
    explained.as_ref().and_then(|explained| explained.as_message()).is_some_and(|row| {
        let (partner, customer) = (wire::text(row, "partner_id"), wire::text(row, "customer_id"));
        reach.covers_at(&partner, Some(&customer), &wire::location(row))
    })
}

impl Asked<'_> {
    /// The request as it goes on, and what is to be looked at in the answer.
    pub(super) async fn check(&self, mut message: DynamicMessage) -> Result<(DynamicMessage, Option<Look>), Refusal> {
        let mut look = None;
        match self.operation.scope {
            Scope::Any | Scope::Catalog | Scope::Transacting | Scope::Command | Scope::Operator => {}
            Scope::Partner => {
                self.own_partner(&mut message)?;
                self.mask(&mut message);
            }
            Scope::Partners => {
                let own = self.reach.partners.keys().map(|id| Value::String(id.to_string())).collect();
                message.set_field_by_name("partner_ids", Value::List(own));
            }
            Scope::Selection => self.selection(&mut message).await?,
            Scope::Customer => {
                // Other answers do not say whose the customer is, or was.
                if self.operation.name == GET_CUSTOMER {
                    look = Some(Look::Customer);
                } else {
                    self.own_customer(&message).await?;
                }
            }
            Scope::CustomerOrPartner => self.customer_or_partner(&mut message).await?,
            Scope::Subscription => {
                customer_named(&message)?;
                look = Some(Look::Row("subscription", "subscription_id"));
            }
            Scope::SubscriptionState => self.subscription_state(&message).await?,
            Scope::Transfer => {
                customer_named(&message)?;
                look = Some(Look::Row("transfer", "transfer_id"));
            }
            Scope::Association => {
                customer_named(&message)?;
                look = Some(Look::Row("association", "association_id"));
            }
            Scope::CoopClaim => {
                self.own_partner(&mut message)?;
                look = Some(Look::Row("co-op claim", "claim_id"));
            }
            Scope::CustomerRows => customer_named(&message)?,
            Scope::Invoice => look = Some(Look::Row("invoice", "invoice_number")),
            Scope::InvoiceDocument => self.own_invoice(&wire::text(&message, "invoice_number")).await?,
            Scope::CreditNote => look = Some(Look::Row("credit note", "credit_note_number")),
            Scope::Charge => look = Some(Look::Charge),
            Scope::Earning => look = Some(Look::Earning),
            // Of commands only.
            Scope::NewCustomer => return Err(Refusal::operators_only(self.operation)),
        }
        Ok((message, look))
    }

    /// `partner_id` is one of the caller's; the only one, if none is named.
    fn own_partner(&self, message: &mut DynamicMessage) -> Result<(), Refusal> {
        let named = wire::text(message, "partner_id").into_owned();
        let partner = self.one_of_own(&named, "partner_id")?;
        wire::set_text(message, "partner_id", &partner);
        self.own_customers(message, &partner)?;
        self.own_locations(message, &partner)
    }

    /// What is due for an enrollment is shown to who administers incentives there (L9424).
    fn mask(&self, message: &mut DynamicMessage) {
        let administers = |partner: &str, location: &str| self.tenant.holds(partner, location, Role::IncentivesAdmin);
        if wire::has(message, "masked")
            && !administers(&wire::text(message, "partner_id"), &wire::text(message, "mpn_id"))
        {
            message.set_field_by_name("masked", Value::Bool(true));
        }
    }

    fn one_of_own(&self, named: &str, field: &str) -> Result<String, Refusal> {
        if named.is_empty() {
            let mut own = self.reach.partners.keys();
            return match (own.next(), own.next()) {
                (Some(only), None) => Ok(only.to_string()),
                (None, _) => Err(Refusal::role(self.operation)),
                _ => {
                    let own: Vec<_> = self.reach.partners.keys().map(PartnerId::as_str).collect();
                    let what = format!(
                        "is required where a caller has roles at several partners; these are: {}",
                        own.join(", ")
                    );
                    Err(Refusal::field("REQUIRED_FIELD_MISSING", field, &what))
                }
            };
        }
        self.in_reach(named)?;
        Ok(named.to_owned())
    }

    /// A partner that the caller has no role at does not exist for it.
    fn in_reach(&self, partner: &str) -> Result<(), Refusal> {
        if self.reach.partners.contains_key(partner) {
            return Ok(());
        }
        let known = PartnerId::new(partner).is_ok_and(|id| self.tenant.knows(&id));
        Err(if known { Refusal::role(self.operation) } else { Refusal::not_found("partner", partner) })
    }

    /// A role for single locations reaches lists of one of them only. Rows of lists without such a filter are told apart in the answer.
    fn own_locations(&self, message: &mut DynamicMessage, partner: &str) -> Result<(), Refusal> {
        let locations = self.reach.partners.get(partner).and_then(Of::locations);
        let (Some(locations), Some(field)) = (locations, wire::location_field(&message.descriptor())) else {
            return Ok(());
        };
        let named = wire::text(message, field).into_owned();
        match (named.as_str(), locations.first(), locations.len()) {
            ("", Some(only), 1) => wire::set_text(message, field, only),
            ("", _, _) => {
                let own: Vec<_> = locations.into_iter().collect();
                let what = format!("is required where a role is for single locations; these are: {}", own.join(", "));
                return Err(Refusal::field("REQUIRED_FIELD_MISSING", field, &what));
            }
            (named, _, _) if locations.contains(named) => {}
            (named, _, _) => return Err(Refusal::not_found("location", named)),
        }
        Ok(())
    }

    /// A role for single customers reaches lists of one of them only.
    fn own_customers(&self, message: &mut DynamicMessage, partner: &str) -> Result<(), Refusal> {
        let Some(customers) = self.reach.partners.get(partner).and_then(Of::customers) else {
            return Ok(());
        };
        if !wire::has(message, "customer_id") {
            return Err(Refusal::role(self.operation));
        }
        let named = wire::text(message, "customer_id").into_owned();
        match (named.as_str(), customers.first(), customers.len()) {
            ("", Some(only), 1) => wire::set_text(message, "customer_id", only.as_str()),
            ("", _, _) => {
                let own: Vec<_> = customers.iter().map(|id| id.as_str()).collect();
                let what = format!("is required where a role is for single customers; these are: {}", own.join(", "));
                return Err(Refusal::field("REQUIRED_FIELD_MISSING", "customer_id", &what));
            }
            (named, _, _) if customers.iter().any(|id| id.as_str() == named) => {}
            (named, _, _) => return Err(Refusal::not_found("customer", named)),
        }
        Ok(())
    }

    async fn selection(&self, message: &mut DynamicMessage) -> Result<(), Refusal> {
        let Some(mut selection) = message.get_field_by_name("selection").and_then(|value| value.as_message().cloned())
        else {
            return Err(Refusal::field("REQUIRED_FIELD_MISSING", "selection", "is required"));
        };
        let number = wire::text(&selection, "invoice_number").into_owned();
        let named = wire::text(&selection, "partner_id").into_owned();
        if !named.is_empty() {
            self.in_reach(&named)?;
        }
        if number.is_empty() {
            let partner = self.one_of_own(&named, "selection.partner_id")?;
            wire::set_text(&mut selection, "partner_id", &partner);
        } else {
            self.own_invoice(&number).await?;
        }
        // Lines have customers, and no filter for one.
        if self.reach.partners.values().all(|of| of.customers().is_some()) {
            return Err(Refusal::role(self.operation));
        }
        message.set_field_by_name("selection", Value::Message(selection));
        Ok(())
    }

    async fn own_invoice(&self, number: &str) -> Result<(), Refusal> {
        let invoice = self.lookup.invoice(number).await.map_err(Refusal::of)?;
        match invoice {
            Some(invoice) if visible::is_visible(&invoice, self.reach) => Ok(()),
            _ => Err(Refusal::not_found("invoice", number)),
        }
    }

    /// The customer is one of the caller's. Where the request looks back, the relationships of that time say so.
    async fn own_customer(&self, message: &DynamicMessage) -> Result<(), Refusal> {
        let id = wire::text(message, "customer_id");
        let customer = self.lookup.customer(&id, When::Known(wire::as_of(message))).await.map_err(Refusal::of)?;
        match customer {
            Some(customer) if visible::sees_customer(&customer, self.reach, false) => Ok(()),
            _ => Err(Refusal::not_found("customer", &id)),
        }
    }

    async fn customer_or_partner(&self, message: &mut DynamicMessage) -> Result<(), Refusal> {
        let customer = wire::text(message, "customer_id").into_owned();
        let partner = wire::text(message, "partner_id").into_owned();
        if !partner.is_empty() {
            self.in_reach(&partner)?;
        }
        if customer.is_empty() && self.reach.partners.is_empty() {
            // A customer that asks for itself.
            let mut own = self.reach.customers.iter();
            return match (own.next(), own.next()) {
                (Some(only), None) => {
                    wire::set_text(message, "customer_id", only.as_str());
                    Ok(())
                }
                _ => Err(Refusal::field("REQUIRED_FIELD_MISSING", "customer_id", "is required")),
            };
        }
        if customer.is_empty() {
            return self.own_partner(message);
        }
        self.own_customer(message).await?;
        if self.reach.is_customer(&customer) {
            return Ok(());
        }
        // A reseller's rows have its provider as their partner: they are told apart in the answer.
        let resells = self.reach.partners.values().any(|of| of.kind == PartnerKind::IndirectReseller);
        if partner.is_empty() && (resells || self.reach.partners.len() > 1) {
            return Ok(());
        }
        self.own_partner(message)
    }

    async fn subscription_state(&self, message: &DynamicMessage) -> Result<(), Refusal> {
        customer_named(message)?;
        let (customer, id) = (wire::text(message, "customer_id"), wire::text(message, "subscription_id"));
        let subscription = self.lookup.subscription(&customer, &id).await.map_err(Refusal::of)?;
        match subscription {
            Some(subscription) if visible::is_visible(&subscription, self.reach) => Ok(()),
            _ => Err(Refusal::not_found("subscription", &format!("{id} on {}", wire::text(message, "on")))),
        }
    }
}

fn customer_named(message: &DynamicMessage) -> Result<(), Refusal> {
    if wire::text(message, "customer_id").is_empty() {
        // Ids are unique for a customer only: whose is meant must not depend on what others have.
        return Err(Refusal::field("REQUIRED_FIELD_MISSING", "customer_id", "is required"));
    }
    Ok(())
}

/// Sets right what counts or names things that were taken out. `shared` are the customers that have other partners too.
pub(super) async fn complete(
    answer: &mut DynamicMessage,
    request: &DynamicMessage,
    shared: &[String],
    reach: &Reach,
    lookup: &Lookup,
) -> Result<(), Refusal> {
    let as_of = wire::as_of(request);
    let as_of = as_of.as_ref();
    match answer.descriptor().name() {
        "Customer" => count(answer, shared, as_of, reach, lookup).await,
        "ListCustomersResponse" => {
            let Some(Value::List(customers)) = answer.get_field_by_name_mut("customers") else { return Ok(()) };
            for customer in customers.iter_mut().filter_map(Value::as_message_mut) {
                count(customer, shared, as_of, reach, lookup).await?;
            }
            Ok(())
        }
        "SearchCustomersResponse" => {
            let Some(Value::List(hits)) = answer.get_field_by_name_mut("hits") else { return Ok(()) };
            for hit in hits.iter_mut().filter_map(Value::as_message_mut) {
                if let Some(customer) = hit.get_field_by_name_mut("customer").and_then(Value::as_message_mut) {
                    count(customer, shared, as_of, reach, lookup).await?;
                }
            }
            Ok(())
        }
        "ListUsersResponse" => {
            let own = own_subscriptions(&wire::text(request, "customer_id"), as_of, reach, lookup).await?;
            let Some(Value::List(users)) = answer.get_field_by_name_mut("users") else { return Ok(()) };
            for user in users.iter_mut().filter_map(Value::as_message_mut) {
                if let Some(Value::List(ids)) = user.get_field_by_name_mut("subscription_ids") {
                    ids.retain(|id| id.as_str().is_some_and(|id| own.iter().any(|known| known == id)));
                }
            }
            Ok(())
        }
        "ListLicenseGroupsResponse" => {
            let own = own_subscriptions(&wire::text(request, "customer_id"), as_of, reach, lookup).await?;
            let Some(Value::List(groups)) = answer.get_field_by_name_mut("groups") else { return Ok(()) };
            groups.retain_mut(|group| {
                let ids = group.as_message_mut().and_then(|group| group.get_field_by_name_mut("subscription_ids"));
                let Some(Value::List(ids)) = ids else { return false };
                ids.retain(|id| id.as_str().is_some_and(|id| own.iter().any(|known| known == id)));
                !ids.is_empty()
            });
            Ok(())
        }
        "ListActivitiesResponse" => activities(answer, &wire::text(request, "customer_id"), reach, lookup).await,
        _ => Ok(()),
    }
}

/// Of a customer with several partners, what happened to the caller's own: its subscriptions and orders, its relationship, and the
/// customer as a whole. Who did the latter may be somebody of another partner, and stays unnamed.
async fn activities(answer: &mut DynamicMessage, id: &str, reach: &Reach, lookup: &Lookup) -> Result<(), Refusal> {
    let customer = lookup.customer(id, When::Known(None)).await.map_err(Refusal::of)?;
    if customer.is_none_or(|customer| visible::shared_customer(&customer, reach).is_none()) {
        return Ok(());
    }
    let own = lookup.subjects(id, |row| visible::is_visible(row, reach)).await.map_err(Refusal::of)?;
    let Some(Value::List(activities)) = answer.get_field_by_name_mut("activities") else { return Ok(()) };
    activities.retain_mut(|activity| {
        let Some(activity) = activity.as_message_mut() else { return false };
        let subject = wire::text(activity, "subject").into_owned();
        if own.contains(&subject) || reach.covers(&subject, Some(id)) {
            return true;
        }
        activity.clear_field_by_name("principal");
        subject == id && wire::text(activity, "action") != "rejected"
    });
    Ok(())
}

async fn own_subscriptions(
    customer: &str,
    as_of: Option<&AsOf>,
    reach: &Reach,
    lookup: &Lookup,
) -> Result<Vec<String>, Refusal> {
    lookup.subscription_ids(customer, as_of, |row| visible::is_visible(row, reach)).await.map_err(Refusal::of)
}

/// Counts the subscriptions of a customer again that has other partners too.
async fn count(
    customer: &mut DynamicMessage,
    shared: &[String],
    as_of: Option<&AsOf>,
    reach: &Reach,
    lookup: &Lookup,
) -> Result<(), Refusal> {
    let id = wire::text(customer, "customer_id").into_owned();
    if shared.contains(&id) {
        let own = own_subscriptions(&id, as_of, reach, lookup).await?;
        customer.set_field_by_name("subscription_count", Value::U32(u32::try_from(own.len()).unwrap_or(u32::MAX)));
    }
    Ok(())
}
