//! Decisions about one customer: which rules a command goes through.

use super::{
    Customer, agreement, cancel, convert, create, draft::Draft, due, frequency, purchase, quantity, relationship,
    renewal, suspension, transfer,
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
        return create::create(state, reference, command);
    }
    let Some(customer) = state else {
        let message = format!("There is no customer {customer_id}; create it first");
        return Err(Rejection::field(Reason::CustomerNotFound, "customer_id", message));
    };
    let mut draft = Draft::new(customer, reference, context);
    run(&mut draft, command)?;
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
        Command::RunDue(command) => {
            due::run(draft, command.date);
            Ok(())
        }
        _ => Err(check::misdirected("customer")),
    }
}
