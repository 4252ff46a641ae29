//! Azure subscriptions under a plan: created elsewhere, recorded here as facts (azure-marketplace-software.md 2.14).

use crate::{
    Reason, Rejection, check,
    command::RegisterAzureSubscription,
    customer::{draft::Draft, gates},
    event::{AccessGranted, AzureSubscriptionRegistered},
    ids::AssignmentId,
    offer::ProductKind,
    usage::{AccessPath, AccessScope, ELIGIBLE_ROLE},
};

/// Azure subscriptions of a customer.
const AZURE_SUBSCRIPTIONS_MAX: usize = 1_000;

/// Records an Azure subscription, and the access that comes with creating it.
pub(in crate::customer) fn register(
    draft: &mut Draft<'_>,
    command: &RegisterAzureSubscription,
) -> Result<(), Rejection> {
    let on = draft.on();
    let id = &command.azure_subscription_id;
    check::optional("name", &command.name)?;
    let plan = draft.owned(&command.partner_id, &command.subscription_id)?.clone();
    if plan.product_kind != Some(ProductKind::AzurePlan) {
        let message = format!("{} is no Azure plan; Azure subscriptions stand under one", plan.offer_name);
        return Err(check::invalid("subscription_id", message));
    }
    gates::active(&plan, on)?;
    let usage = &draft.customer.usage;
    let is_classic = draft.customer.subscriptions().any(|known| known.subscription_id.as_str() == id.as_str());
    if is_classic || usage.azure_subscriptions.contains_key(id) {
        let message = format!("Azure subscription {id} is registered already");
        return Err(Rejection::field(Reason::AzureSubscriptionExists, "azure_subscription_id", message)
            .with("azure_subscription_id", id));
    }
    if usage.azure_subscriptions.len() >= AZURE_SUBSCRIPTIONS_MAX {
        let message = format!("A customer has at most {AZURE_SUBSCRIPTIONS_MAX} Azure subscriptions");
        return Err(check::invalid("azure_subscription_id", message).with("maximum", AZURE_SUBSCRIPTIONS_MAX));
    }
    let context = draft.decision.context;
    if command.created_at > context.recorded_at || command.created_at.date_naive() < plan.start {
        let message = format!("It was created between {}, when its plan began, and now", plan.start);
        return Err(check::invalid("created_at", message).with("first_day", plan.start));
    }
    draft.push(AzureSubscriptionRegistered {
        customer_id: command.customer_id.clone(),
        partner_id: command.partner_id.clone(),
        subscription_id: command.subscription_id.clone(),
        azure_subscription_id: id.clone(),
        name: command.name.clone(),
        created_at: command.created_at,
    });
    if command.owner_access {
        super::access::room(&usage.access)?;
        let assignment_id = AssignmentId::new(context.new_id("assignment", 0))
            .map_err(|error| check::invalid("azure_subscription_id", error.to_string()))?;
        draft.push(AccessGranted {
            customer_id: command.customer_id.clone(),
            partner_id: command.partner_id.clone(),
            assignment_id,
            principal_id: "AdminAgents".to_owned(),
            path: AccessPath::AdminOnBehalfOf,
            role: ELIGIBLE_ROLE.to_owned(),
            scope: AccessScope { azure_subscription_id: id.clone(), resource_group: None, resource_uri: None },
            from: command.created_at,
        });
    }
    Ok(())
}
