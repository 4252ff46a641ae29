//! Decisions about one customer: which rules a command goes through.

use super::{
    Customer, access, adjustment, agreement, association, cancel, convert, create, details, draft::Draft, due, erase,
    free_trial, frequency, license_group, licenses, marketplace, profile, purchase, qualification, quantity,
    relationship, renewal, reseller, reservation, schedule, sla, suspension, transaction, transfer, transfer_form,
    upgrade, usage, user,
};
use crate::{Command, Context, Event, Reason, Reference, Rejection, check, command::Target};

/// Decides a command about one customer; `state` is none before it is created.
pub fn decide(
    state: Option<&Customer>,
    reference: &Reference,
    command: &Command,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let Target::Customer(customer_id) = command.target() else {
        return Err(check::misdirected("customer"));
    };
    // The ledger's own timers run a day after it is over, whatever their time says.
    if !command.is_reserved() {
        check::time(context)?;
    }
    if let Command::CreateCustomer(command) = command {
        return create::create(state, reference, command, context);
    }
    let Some(customer) = state else {
        let message = format!("There is no customer {customer_id}; create it first");
        return Err(Rejection::field(Reason::CustomerNotFound, "customer_id", message));
    };
    erase::gate(customer, command)?;
    let mut draft = Draft::new(customer, reference, context);
    run(&mut draft, command)?;
    association::follow(&mut draft);
    Ok(draft.decision.into_events())
}

fn run(draft: &mut Draft<'_>, command: &Command) -> Result<(), Rejection> {
    match command {
        Command::AcceptAgreement(command) => agreement::accept(draft, command),
        Command::RequestRelationship(command) => relationship::request(draft, command),
        Command::AcceptRelationship(command) => relationship::accept(draft, command),
        Command::RemoveRelationship(command) => relationship::remove(draft, command),
        Command::Purchase(command) => purchase::purchase(draft, command),
        Command::ChangeQuantity(command) => quantity::change(draft, command),
        Command::Suspend(command) => suspension::suspend(draft, command),
        Command::Reactivate(command) => suspension::reactivate(draft, command),
        Command::Cancel(command) => cancel::cancel(draft, command),
        Command::ChangeBillingFrequency(command) => frequency::change(draft, command),
        Command::SetAutoRenew(command) => renewal::set_auto_renew(draft, command),
        Command::Convert(command) => convert::convert(draft, command),
        Command::RequestTransfer(command) => transfer::request(draft, command),
        Command::AcceptTransfer(command) => transfer::accept(draft, command),
        Command::DeclineTransfer(command) => transfer::decline(draft, command),
        Command::WithdrawTransfer(command) => transfer::withdraw(draft, command),
        Command::UpdateCustomer(command) => profile::update(draft, command),
        Command::RequestQualification(command) => qualification::request(draft, command),
        Command::DecideQualification(command) => qualification::decide(draft, command),
        Command::TagCustomer(command) => profile::tag(draft, command),
        Command::AddReseller(command) => reseller::add(draft, command),
        Command::RemoveReseller(command) => reseller::remove(draft, command),
        Command::RemoveDelegatedAdmin(command) => access::remove_admin(draft, command),
        Command::ExtendRelationship(command) => access::extend(draft, command),
        Command::SetPurchasePermission(command) => access::permit(draft, command),
        Command::CreateUser(command) => user::create(draft, command),
        Command::ResetUserPassword(command) => user::reset_password(draft, command),
        Command::DeleteUser(command) => user::delete(draft, command),
        Command::RestoreUsers(command) => user::restore(draft, command),
        Command::ChangeLicenses(command) => licenses::change(draft, command),
        Command::StartTrial(command) => free_trial::start(draft, command),
        Command::ConvertTrial(command) => free_trial::convert(draft, command),
        Command::ScheduleChange(command) => schedule::schedule(draft, command),
        Command::WithdrawScheduledChange(command) => schedule::withdraw(draft, command),
        Command::UpdateSubscription(command) => details::update(draft, command),
        Command::Upgrade(command) => upgrade::upgrade(draft, command),
        Command::Migrate(command) => upgrade::migrate(draft, command),
        Command::SubmitSlaClaim(command) => sla::submit(draft, command),
        Command::AskSlaClaimant(command) => sla::ask(draft, command),
        Command::AnswerSlaClaim(command) => sla::answer(draft, command),
        Command::ApproveSlaClaim(command) => sla::approve(draft, command),
        Command::RefuseSlaClaim(command) => sla::refuse(draft, command),
        Command::PostAdjustment(command) => adjustment::post(draft, command),
        Command::ConfirmFulfilment(command) => marketplace::confirm(draft, command),
        Command::ExchangeReservation(command) => reservation::exchange(draft, command),
        Command::ChangeReservation(command) => reservation::change(draft, command),
        Command::RegisterAzureSubscription(command) => usage::register(draft, command),
        Command::RecordUsage(command) => usage::record(draft, command),
        Command::GrantAccess(command) => usage::grant(draft, command),
        Command::RevokeAccess(command) => usage::revoke(draft, command),
        Command::LinkPartnerId(command) => usage::link(draft, command),
        Command::ReviewEarnedCredit(command) => usage::review(draft, command),
        Command::DisputeEarnedCredit(command) => usage::open_dispute(draft, command),
        Command::DecideEarnedCreditDispute(command) => usage::decide_dispute(draft, command),
        Command::WithdrawEarnedCreditDispute(command) => usage::withdraw_dispute(draft, command),
        Command::SetSpendingBudget(command) => usage::set_budget(draft, command),
        Command::RemoveSpendingBudget(command) => usage::remove_budget(draft, command),
        Command::EraseCustomer(command) => erase::erase(draft, command),
        Command::RequestAzureTransfer(command) => transfer_form::request(draft, command),
        Command::SignTransferForm(command) => transfer_form::sign(draft, command),
        Command::SubmitTransferForm(command) => transfer_form::submit(draft, command),
        Command::CompleteTransfer(command) => transfer_form::complete(draft, command),
        Command::RejectTransfer(command) => transfer_form::reject(draft, command),
        Command::CleanTransferAccess(command) => transfer_form::clean(draft, command),
        Command::SetLicenseGroup(command) => license_group::set(draft, command),
        Command::DeleteLicenseGroup(command) => license_group::delete(draft, command),
        Command::TieCustomer(command) => transaction::tie(draft, command),
        Command::DraftAssociation(command) => association::save(draft, command),
        Command::SubmitAssociation(command) => association::submit(draft, command),
        Command::AskAboutAssociation(command) => association::ask(draft, command),
        Command::AnswerAboutAssociation(command) => association::answer(draft, command),
        Command::NotifyAssociationCustomer(command) => association::notify(draft, command),
        Command::OptOutOfAssociation(command) => association::opt_out(draft, command),
        Command::RejectAssociation(command) => association::reject(draft, command),
        Command::EndAssociation(command) => association::end(draft, command),
        Command::RecordDigitalPartner(command) => association::record_digital_partner(draft, command),
        Command::RunDue(command) => {
            due::run(draft, command.date);
            Ok(())
        }
        _ => Err(check::misdirected("customer")),
    }
}
