//! Rows of the customer read model as the API shows them.

use subledger_customer as model;
use subledger_domain::{
    charge::AppliedPromotion,
    event::FormRequest,
    money::Money,
    offer::PriceComponent,
    reference::upgrade::{self, PathKind},
};
use subledger_log::codec::Wire;
use subledger_proto::{
    api::{
        Activity, Agreement, Customer, LicenseGroup, Order, PartnerTags, Permission, Qualification, Relationship,
        Subscription, Transfer, TransferItem, User,
    },
    common,
};

/// The API's form.
pub(super) fn to_user(user: model::UserRow) -> User {
    User {
        user_id: user.user_id.to_wire(),
        display_name: user.display_name,
        first_name: user.first_name,
        last_name: user.last_name,
        email: user.email,
        restorable_until: user.restorable_until.to_wire(),
        subscription_ids: user.licenses.to_wire(),
    }
}

/// The API's form.
pub(super) fn to_license_group(group: model::LicenseGroup) -> LicenseGroup {
    LicenseGroup {
        group_id: group.group_id.to_wire(),
        display_name: group.display_name,
        subscription_ids: group.subscription_ids.to_wire(),
    }
}

/// The API's form.
pub(crate) fn to_customer(customer: model::Customer) -> Customer {
    let relationship = |relationship: model::Relationship| Relationship {
        partner_id: relationship.partner_id.to_wire(),
        state: relationship.state.label().into(),
        delegated_admin: relationship.delegated_admin,
        reseller_id: relationship.reseller_id.to_wire(),
        reseller_ids: relationship.resellers.to_wire(),
        delegated_admin_requested: relationship.admin_requested,
        request_expires_on: relationship.request_expires_on.to_wire(),
    };
    let agreement = |agreement: model::Agreement| Agreement {
        mode: agreement.mode.to_wire(),
        partner_id: agreement.partner_id.to_wire(),
        accepted_on: agreement.accepted_on.to_wire(),
        version: agreement.version.to_wire(),
        language: agreement.language.unwrap_or_default(),
    };
    let tags = |tags: model::PartnerTags| PartnerTags { partner_id: tags.partner_id.to_wire(), tags: tags.tags };
    let qualification = |known: model::QualificationRow| Qualification {
        segment: known.segment.to_wire(),
        state: known.state.label().into(),
        submissions: known.submissions,
        note: known.note,
    };
    let permission = |permission: &model::Permission| Permission {
        partner_id: permission.partner_id.to_wire(),
        permission: permission.permission.to_wire(),
    };
    Customer {
        customer_id: customer.customer_id.to_wire(),
        company_name: customer.company_name,
        domain_name: customer.domain_name,
        address: Some(customer.address.to_wire()),
        contact: Some(customer.contact.to_wire()),
        relationships: customer.relationships.into_iter().map(relationship).collect(),
        agreements: customer.agreements.into_iter().map(agreement).collect(),
        subscription_count: customer.subscription_count,
        version: customer.version,
        created_on: customer.created_on.to_wire(),
        bill_to_name: customer.bill_to_name.unwrap_or_default(),
        tags: customer.tags.into_iter().map(tags).collect(),
        qualifications: customer.qualifications.into_iter().map(qualification).collect(),
        permissions: customer.permissions.iter().map(permission).collect(),
        reflects: Vec::new(),
    }
}

/// The API's form.
pub(crate) fn to_subscription(subscription: model::Subscription) -> Subscription {
    let price = |price: &model::Price| {
        PriceComponent { component: price.component.clone(), unit_price: price.unit_price, per: price.per }.to_wire()
    };
    Subscription {
        subscription_id: subscription.subscription_id.to_wire(),
        customer_id: subscription.customer_id.to_wire(),
        partner_id: subscription.partner_id.to_wire(),
        order_id: subscription.order_id.to_wire(),
        offer_id: subscription.offer_id.to_wire(),
        state: subscription.state.label().into(),
        state_reason: subscription.state_reason().into(),
        quantity: subscription.quantity,
        billing_frequency: subscription.billing_frequency.to_wire(),
        term_months: subscription.term_months,
        start: subscription.start.to_wire(),
        term_end: subscription.term_end.to_wire(),
        auto_renew: subscription.auto_renew,
        base_subscription_id: subscription.base_subscription_id.to_wire(),
        reseller_id: subscription.reseller_id.to_wire(),
        prices: subscription.prices.iter().map(price).collect(),
        currency: subscription.currency.to_wire(),
        expires_on: subscription.expires_on.to_wire(),
        transferred_from_subscription_id: subscription.transferred_from_subscription_id.to_wire(),
        transferred_to_subscription_id: subscription.transferred_to_subscription_id.to_wire(),
        po_number: subscription.po_number.unwrap_or_default(),
        support_contact_id: subscription.support_contact_id.as_ref().unwrap_or(&subscription.partner_id).to_wire(),
        free_trial_ends_on: subscription.free_trial_ends_on.to_wire(),
        scheduled_change: subscription.scheduled.as_ref().map(Wire::to_wire),
        replaced_by_subscription_id: subscription.replaced_by_subscription_id.to_wire(),
        upgrade_targets: upgrade::targets(&subscription.offer_name, PathKind::Upgrade)
            .into_iter()
            .filter(|_| subscription.state == model::SubscriptionState::Active)
            .map(str::to_owned)
            .collect(),
        offer_name: subscription.offer_name,
        friendly_name: subscription.friendly_name.unwrap_or_default(),
        sku: subscription.sku.unwrap_or_default(),
        promotion: subscription.promotion.map(promotion),
        product_kind: subscription.product_kind.to_wire(),
        authorization_code: subscription.authorization_code.unwrap_or_default(),
        confirmed: subscription.confirmed.to_wire(),
        trial_end: subscription.trial_end.to_wire(),
        ends_on: subscription.ends_on.to_wire(),
        next_billing_frequency: subscription.next_billing_frequency.to_wire(),
        reservation: subscription.reservation.to_wire(),
        exchanged_for_subscription_id: subscription.exchanged_for_subscription_id.to_wire(),
        azure_subscription_id: subscription.azure_subscription_id.to_wire(),
        reflects: Vec::new(),
    }
}

fn promotion(promotion: model::Promotion) -> common::AppliedPromotion {
    let model::Promotion { promotion_id, percent, until } = promotion;
    AppliedPromotion { promotion_id, percent, until }.to_wire()
}

/// The API's form.
pub(crate) fn to_transfer(transfer: model::Transfer) -> Transfer {
    let billed = |billed: model::Billed| Money { amount: billed.amount, currency: billed.currency }.to_wire();
    let item = |item: model::TransferItem| TransferItem {
        subscription_id: item.subscription_id.to_wire(),
        offer_id: item.offer_id.to_wire(),
        quantity: item.quantity,
        new_subscription_id: item.new_subscription_id.to_wire(),
        base_subscription_id: item.base_subscription_id.to_wire(),
        azure_subscription_id: item.azure_subscription_id.to_wire(),
        last_billed: item.last_billed.map(billed),
    };
    let step = transfer.step().into();
    let (form, signed) = match transfer.form {
        None => (None, Vec::new()),
        Some(form) => {
            let signed = form.signed.to_wire();
            let model::TransferForm { customer_requested_on, ticket_id, .. } = form;
            (Some(FormRequest { customer_requested_on, ticket_id }.to_wire()), signed)
        }
    };
    Transfer {
        transfer_id: transfer.transfer_id.to_wire(),
        customer_id: transfer.customer_id.to_wire(),
        source_partner_id: transfer.source_partner_id.to_wire(),
        target_partner_id: transfer.target_partner_id.to_wire(),
        state: transfer.state.label().into(),
        requested_on: transfer.requested_on.to_wire(),
        expires_on: transfer.expires_on.to_wire(),
        lines: transfer.lines.into_iter().map(item).collect(),
        step,
        signed,
        form,
        note: transfer.note,
        reflects: Vec::new(),
    }
}

/// The API's form.
pub(super) fn to_order(order: model::Order) -> Order {
    Order {
        order_id: order.order_id.to_wire(),
        customer_id: order.customer_id.to_wire(),
        partner_id: order.partner_id.to_wire(),
        placed_at: order.placed_at.to_rfc3339(),
        recorded_at: order.recorded_at.to_rfc3339(),
        principal: order.principal,
        by_customer: order.by_customer,
        subscription_ids: order.subscription_ids.to_wire(),
        reseller_ids: order.reseller_ids.iter().map(ToString::to_string).collect(),
    }
}

/// The API's form.
pub(super) fn to_activity(activity: model::Activity) -> Activity {
    Activity {
        position: Some(activity.position.to_wire()),
        command_id: activity.command_id,
        effective_at: activity.effective_at.to_rfc3339(),
        recorded_at: activity.recorded_at.to_rfc3339(),
        principal: activity.principal,
        channel: activity.channel,
        action: activity.action,
        subject: activity.subject,
        detail: activity.detail,
        customer_id: activity.customer_id,
    }
}
