//! Who a customer is gets erased: its names, addresses, contacts, users and signatories. What it bought and owes stays.

use super::{Customer, draft::Draft};
use crate::{Command, Reason, Rejection, check, command::EraseCustomer, event::CustomerErased, personal::ERASED};

pub(super) fn erase(draft: &mut Draft<'_>, command: &EraseCustomer) -> Result<(), Rejection> {
    if draft.customer.is_erased() {
        return Err(erased(draft.customer));
    }
    check::required("reason", &command.reason)?;
    let EraseCustomer { customer_id, reason } = command.clone();
    let erased_on = draft.on();
    draft.push(CustomerErased { customer_id, reason, erased_on });
    Ok(())
}

/// A customer that was erased gets no new names: there is no key to keep them with. Everything else goes on.
pub(super) fn gate(customer: &Customer, command: &Command) -> Result<(), Rejection> {
    let names = matches!(
        command,
        Command::UpdateCustomer(_)
            | Command::AcceptAgreement(_)
            | Command::RequestQualification(_)
            | Command::TagCustomer(_)
            | Command::CreateUser(_)
    );
    if names && customer.is_erased() { Err(erased(customer)) } else { Ok(()) }
}

fn erased(customer: &Customer) -> Rejection {
    let message = format!(
        "Who {} is was erased: nothing personal is recorded of it any more; it may go on, change seats, pay and end, or begin again under another id",
        customer.id()
    );
    Rejection::field(Reason::CustomerErased, "customer_id", message)
}

impl Customer {
    pub(super) fn erase(&mut self) {
        self.erased = true;
        ERASED.clone_into(&mut self.domain_name);
        self.users.erase();
        self.associations.erase();
    }
}
