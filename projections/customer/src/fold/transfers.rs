//! Transfers.

use subledger_domain::{
    event::{TransferCompleted, TransferDeclined, TransferFormSigned, TransferLine, TransferRequested},
    ids::TransferId,
};
use subledger_fold::{StoreError, encode, get, put};

use super::Fold;
use crate::{
    rows::{Billed, Transfer, TransferForm, TransferItem, TransferState},
    tables::{timelines, transfers, transfers_by_partner},
};

impl Fold<'_> {
    pub(super) fn transfer_requested(&mut self, e: &TransferRequested) -> Result<(), StoreError> {
        let (customer, transfer_id) = (self.commit.stream, e.transfer_id.as_str());
        for partner in [&e.source_partner_id, &e.target_partner_id] {
            put(self.rows, transfers_by_partner::key(partner.as_str(), customer, transfer_id), &())?;
        }
        let transfer = Transfer {
            transfer_id: e.transfer_id.clone(),
            customer_id: e.customer_id.clone(),
            source_partner_id: e.source_partner_id.clone(),
            target_partner_id: e.target_partner_id.clone(),
            state: TransferState::Active,
            requested_on: e.requested_on,
            expires_on: e.expires_on,
            lines: e.lines.iter().map(item).collect(),
            form: e.form.as_ref().map(|form| TransferForm {
                customer_requested_on: form.customer_requested_on,
                ticket_id: form.ticket_id.clone(),
                signed: Vec::new(),
                submitted: false,
                access_cleaned: false,
            }),
            note: String::new(),
        };
        put(self.rows, transfers::key(customer, transfer_id), &transfer)?;
        let timeline = timelines::transfer(customer, transfer_id);
        timeline.put(self.rows, self.day, self.commit.position, encode(&transfer)?)
    }

    pub(super) fn transfer_signed(&mut self, e: &TransferFormSigned) -> Result<(), StoreError> {
        self.change_form(&e.transfer_id, |form| form.signed.push(e.signer))
    }

    pub(super) fn transfer_submitted(&mut self, transfer_id: &TransferId) -> Result<(), StoreError> {
        self.change_form(transfer_id, |form| form.submitted = true)
    }

    pub(super) fn transfer_access_cleaned(&mut self, transfer_id: &TransferId) -> Result<(), StoreError> {
        self.change_form(transfer_id, |form| form.access_cleaned = true)
    }

    pub(super) fn transfer_completed(&mut self, e: &TransferCompleted) -> Result<(), StoreError> {
        self.change_transfer(&e.transfer_id, |transfer| {
            transfer.state = TransferState::Complete;
            transfer.lines = e.lines.iter().map(item).collect();
        })?;
        // The new subscriptions follow in the same commit, or came before; either says who succeeds whom.
        e.lines.iter().try_for_each(|line| match &line.new_subscription_id {
            Some(new) => {
                self.licenses_moved(&line.subscription_id, new)?;
                self.transferred(&line.subscription_id, new)
            }
            None => Ok(()),
        })
    }

    pub(super) fn transfer_declined(&mut self, e: &TransferDeclined) -> Result<(), StoreError> {
        self.change_transfer(&e.transfer_id, |transfer| {
            transfer.state = TransferState::Declined;
            transfer.note.clone_from(&e.note);
        })
    }

    pub(super) fn transfer_closed(&mut self, transfer_id: &TransferId, state: TransferState) -> Result<(), StoreError> {
        self.change_transfer(transfer_id, |transfer| transfer.state = state)
    }

    fn change_form(&mut self, transfer_id: &TransferId, change: impl Fn(&mut TransferForm)) -> Result<(), StoreError> {
        self.change_transfer(transfer_id, |transfer| transfer.form.iter_mut().for_each(&change))
    }

    fn change_transfer(&mut self, transfer_id: &TransferId, change: impl Fn(&mut Transfer)) -> Result<(), StoreError> {
        let key = transfers::key(self.commit.stream, transfer_id.as_str());
        let transfer: Option<Transfer> = get(self.rows, &key)?;
        let mut transfer = transfer.ok_or_else(|| self.impossible(&format!("there is no transfer {transfer_id}")))?;
        change(&mut transfer);
        put(self.rows, key, &transfer)?;
        self.note(&timelines::transfer(self.commit.stream, transfer_id.as_str()), &transfer, change)
    }
}

fn item(line: &TransferLine) -> TransferItem {
    TransferItem {
        subscription_id: line.subscription_id.clone(),
        offer_id: line.offer_id.clone(),
        quantity: line.quantity,
        base_subscription_id: line.base_subscription_id.clone(),
        new_subscription_id: line.new_subscription_id.clone(),
        azure_subscription_id: line.azure_subscription_id.clone(),
        last_billed: line.last_billed.map(|billed| Billed { amount: billed.amount, currency: billed.currency }),
    }
}
