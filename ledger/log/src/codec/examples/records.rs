//! Examples of records, users, trials, schedules and upgrades.

use std::collections::BTreeSet;

use subledger_domain::{
    Command, Event, Reason,
    catalog::TrialTerms,
    command as c,
    customer::ScheduledChange,
    event as e,
    ids::{LicenseGroupId, OfferId, SubscriptionId, UserId},
    offer::{BillingFrequency, ProrationRule},
    party::{PurchasePermission, Segment},
};

use super::{
    address, at, contact, customer, day, offer_id, order, other_partner, other_subscription, partner, price_list,
    prices, subscription, transfer, usd,
};

fn user() -> UserId {
    UserId::new("u-1").unwrap()
}

fn group() -> LicenseGroupId {
    LicenseGroupId::new("g-1").unwrap()
}

fn trial_terms() -> TrialTerms {
    TrialTerms {
        offer_id: offer_id(),
        paid_offer_id: OfferId::new("paid").unwrap(),
        days: 30,
        quantity: 25,
        convert_to_offer_ids: BTreeSet::from([OfferId::new("paid").unwrap()]),
    }
}

fn license_rows() -> Vec<e::LicenseRow> {
    let row = |assign, refused| e::LicenseRow { user_id: user(), subscription_id: subscription(), assign, refused };
    vec![row(true, None), row(false, Some(Reason::LicenseNotAssigned))]
}

fn scheduled() -> ScheduledChange {
    ScheduledChange { quantity: Some(7), on: Some(day(20)) }
}

macro_rules! of_customer {
    ($($name:ident { $($field:ident: $value:expr),* $(,)? })*) => {
        vec![$(Event::from(e::$name { customer_id: customer(), $($field: $value),* })),*]
    };
}

macro_rules! to_customer {
    ($($name:ident { $($field:ident: $value:expr),* $(,)? })*) => {
        vec![$(Command::$name(c::$name { customer_id: customer(), $($field: $value),* })),*]
    };
}

pub(super) fn record_events() -> Vec<Event> {
    of_customer! {
        CustomerUpdated {
            partner_id: Some(partner()), company_name: Some("Contoso Ltd".into()), bill_to_name: Some("Contoso".into()),
            address: Some(address()), contact: Some(contact()),
        }
        QualificationRequested {
            partner_id: partner(), segment: Segment::Education, submission: 2, email: Some("dean@school.example".into()),
        }
        QualificationDecided { segment: Segment::NonProfit, qualified: true, note: "papers seen".into() }
        CustomerTagged { partner_id: partner(), tags: vec!["gold".into(), "north".into()] }
        CustomerErased { reason: "asked for by the customer".into(), erased_on: day(20) }
        ResellerAdded { partner_id: partner(), reseller_id: other_partner() }
        ResellerRemoved { partner_id: partner(), reseller_id: other_partner() }
        DelegatedAdminRequested { partner_id: partner(), expires_on: None }
        RelationshipRequestExpired { partner_id: partner(), expired_on: day(20) }
        DelegatedAdminGranted { partner_id: partner() }
        DelegatedAdminRemoved { partner_id: partner() }
        PurchasePermissionChanged {
            partner_id: partner(), permission: PurchasePermission::AzureReservations, allowed: true,
        }
    }
}

pub(super) fn user_events() -> Vec<Event> {
    of_customer! {
        UserCreated {
            partner_id: partner(), user_id: user(), display_name: "Ada Berg".into(), first_name: "Ada".into(),
            last_name: "Berg".into(), email: "ada@contoso.onmicrosoft.com".into(),
        }
        UserPasswordReset { partner_id: partner(), user_id: user() }
        UserDeleted {
            partner_id: partner(), user_id: user(), restorable_until: day(28), subscription_ids: vec![subscription()],
        }
        UserRestored {
            partner_id: partner(), user_id: user(), restored: vec![subscription()], not_restored: vec![other_subscription()],
        }
        UserPurged { user_id: user() }
        LicensesChanged { partner_id: partner(), rows: license_rows() }
        LicenseGroupSet {
            partner_id: partner(), group_id: group(), display_name: "Office".into(),
            subscription_ids: vec![subscription(), other_subscription()],
        }
        LicenseGroupDeleted { partner_id: partner(), group_id: group() }
        TransferFormSigned { transfer_id: transfer(), signer: e::FormSigner::Customer }
        TransferFormSubmitted { transfer_id: transfer(), current_contact: contact(), new_contact: contact() }
        TransferAccessCleaned { transfer_id: transfer(), partner_id: other_partner() }
    }
}

pub(super) fn life_events() -> Vec<Event> {
    let mut events = of_customer! {
        TrialStarted {
            partner_id: partner(), subscription_id: subscription(), order_id: order(), offer_id: offer_id(),
            offer_name: "Office 365 E3 Trial".into(), quantity: 25, start: day(1), ends_on: day(28), currency: usd(),
            price_list_id: price_list(), hold_days: 92, ordered_at: at(), reseller_id: Some(other_partner()),
        }
        TrialExpired { subscription_id: subscription(), effective_on: day(28) }
        FreeTrialConverted {
            subscription_id: subscription(), offer_id: offer_id(), offer_name: "Office 365 E3".into(), quantity: 30,
            billing_frequency: BillingFrequency::Annual, term_months: 12, start: day(10), anchor: day(15), term_end: day(28),
            prices: prices(), price_list_id: price_list(), proration_rule: ProrationRule::RoundedUnit,
            split_rebill_at_anniversary: true, auto_renew: true, promotion: None,
        }
        ChangeScheduled { subscription_id: subscription(), change: scheduled() }
        ScheduledChangeWithdrawn { subscription_id: subscription(), reason: Some(Reason::SubscriptionNotActive) }
        ScheduledChangeApplied { subscription_id: subscription(), change: scheduled(), from: 5, effective_on: day(20) }
        SubscriptionDetailsChanged {
            subscription_id: subscription(), friendly_name: Some("Mail".into()), po_number: Some("PO 4711".into()),
            support_contact_id: Some(partner()), reseller_id: Some(other_partner()),
        }
        SubscriptionUpgraded {
            subscription_id: subscription(), new_subscription_id: other_subscription(), to_offer_id: offer_id(), quantity: 5,
            add_on_ids: vec![SubscriptionId::new("s-3").unwrap()],
        }
        SubscriptionMigrated {
            subscription_id: subscription(), to_subscription_id: other_subscription(), moved_user_ids: vec![user()],
            left_user_ids: vec![UserId::new("u-2").unwrap()],
        }
    };
    events.push(e::TrialsPublished { trials: vec![trial_terms()] }.into());
    events
}

pub(super) fn record_commands() -> Vec<Command> {
    to_customer! {
        UpdateCustomer {
            partner_id: Some(partner()), company_name: Some("Contoso Ltd".into()), bill_to_name: Some("Contoso".into()),
            address: Some(address()), contact: Some(contact()),
        }
        RequestQualification { partner_id: partner(), segment: Segment::Government, email: Some("dean@school.example".into()) }
        DecideQualification { segment: Segment::Commercial, qualified: true, note: "papers seen".into() }
        TagCustomer { partner_id: partner(), tags: vec!["gold".into(), "north".into()] }
        EraseCustomer { reason: "asked for by the customer".into() }
        AddReseller { partner_id: partner(), reseller_id: other_partner() }
        RemoveReseller { partner_id: partner(), reseller_id: other_partner() }
        RemoveDelegatedAdmin { partner_id: partner() }
        ExtendRelationship { partner_id: partner(), provider_id: other_partner(), consent_on: Some(day(4)) }
        SetPurchasePermission {
            partner_id: partner(), permission: PurchasePermission::AzureReservations, allowed: true,
        }
    }
}

pub(super) fn user_commands() -> Vec<Command> {
    to_customer! {
        CreateUser {
            partner_id: partner(), user_id: user(), display_name: "Ada Berg".into(), first_name: "Ada".into(),
            last_name: "Berg".into(), email: "ada@contoso.onmicrosoft.com".into(),
        }
        ResetUserPassword { partner_id: partner(), user_id: user() }
        DeleteUser { partner_id: partner(), user_id: user() }
        RestoreUsers { partner_id: partner(), user_ids: vec![user()] }
        ChangeLicenses {
            partner_id: partner(), rows: license_rows(),
            groups: vec![c::LicenseGroupRow { user_id: user(), group_id: group(), assign: true }],
        }
        SetLicenseGroup {
            partner_id: partner(), group_id: group(), display_name: "Office".into(),
            subscription_ids: vec![subscription(), other_subscription()],
        }
        DeleteLicenseGroup { partner_id: partner(), group_id: group() }
        RequestAzureTransfer {
            transfer_id: Some(transfer()), partner_id: partner(), target_partner_id: other_partner(),
            subscription_id: subscription(), customer_requested_on: Some(day(3)), ticket_id: "T-17".into(),
        }
        SignTransferForm { transfer_id: transfer(), signer: e::FormSigner::NewPartner }
        SubmitTransferForm {
            transfer_id: transfer(), partner_id: partner(), current_contact: Some(contact()), new_contact: Some(contact()),
        }
        CompleteTransfer { transfer_id: transfer() }
        RejectTransfer { transfer_id: transfer(), note: "a signature differs".into() }
        CleanTransferAccess { transfer_id: transfer(), partner_id: other_partner() }
    }
}

pub(super) fn life_commands() -> Vec<Command> {
    let mut commands = to_customer! {
        StartTrial {
            partner_id: partner(), offer_id: offer_id(), subscription_id: Some(subscription()), order_id: Some(order()),
        }
        ConvertTrial {
            partner_id: partner(), subscription_id: subscription(), to_offer_id: offer_id(), quantity: 30,
            billing_frequency: Some(BillingFrequency::Annual),
        }
        ScheduleChange { partner_id: partner(), subscription_id: subscription(), change: scheduled() }
        WithdrawScheduledChange { partner_id: partner(), subscription_id: subscription() }
        UpdateSubscription {
            partner_id: partner(), subscription_id: subscription(), friendly_name: Some("Mail".into()), po_number: Some("PO 4711".into()),
            support_contact_id: Some(partner()), reseller_id: Some(other_partner()), clear: vec!["sku".into()],
        }
        Upgrade {
            partner_id: partner(), subscription_id: subscription(), to_offer_id: offer_id(),
            new_subscription_id: Some(other_subscription()),
        }
        Migrate { partner_id: partner(), subscription_id: subscription(), to_subscription_id: other_subscription() }
    };
    commands.push(Command::PublishTrials(c::PublishTrials { trials: vec![trial_terms()] }));
    commands
}
