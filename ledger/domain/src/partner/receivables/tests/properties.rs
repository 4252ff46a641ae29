//! Random histories conserve money.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::kit::*;
use crate::{Command, Event, ids::InvoiceNumber, partner::CreditNoteReason};

/// What happens: a kind, two picks, and an amount in cents.
type Step = (u8, usize, usize, i64);

/// A history's own books, kept from the events alone.
#[derive(Default)]
struct Books {
    received: Decimal,
    refunded: Decimal,
    allocated: Decimal,
    due: BTreeMap<InvoiceNumber, Decimal>,
    total: BTreeMap<InvoiceNumber, Decimal>,
}

impl Books {
    fn issue(&mut self, number: &InvoiceNumber, total: Decimal) {
        self.total.insert(number.clone(), total);
        self.due.insert(number.clone(), total);
    }

    fn settle(&mut self, number: &InvoiceNumber, amount: Decimal) {
        *self.due.get_mut(number).unwrap() -= amount;
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::InvoiceIssued(e) => self.issue(&e.invoice_number, e.total),
            Event::InvoiceRebilled(e) => self.issue(&e.invoice.invoice_number, e.invoice.total),
            Event::PaymentReceived(e) => self.received += e.amount,
            Event::PaymentRefunded(e) => self.refunded += e.amount,
            Event::PaymentAllocated(e) => {
                self.allocated += e.amount;
                self.settle(&e.invoice_number, e.amount);
            }
            Event::PaymentReleased(e) => {
                self.allocated -= e.amount;
                self.settle(&e.invoice_number, -e.amount);
            }
            Event::CreditAllocated(e) => {
                self.settle(&e.credit_invoice_number, -e.amount);
                self.settle(&e.invoice_number, e.amount);
            }
            Event::CreditReleased(e) => {
                self.settle(&e.credit_invoice_number, e.amount);
                self.settle(&e.invoice_number, -e.amount);
            }
            Event::WithholdingApproved(e) => self.settle(&e.invoice_number, e.written_off),
            Event::CreditNoteIssued(e) => {
                self.due.insert(e.invoice_number.clone(), Decimal::ZERO);
            }
            _ => {}
        }
    }
}

/// One step; what a user may try, whether or not it is refused.
fn command(w: &mut World, books: &Books, (kind, a, b, cents): Step, step: usize) -> Option<Command> {
    let cost = Decimal::new(cents, 2);
    let invoices: Vec<_> = books.due.keys().cloned().collect();
    let pick = |index: usize| invoices.get(index % invoices.len().max(1)).map(ToString::to_string);
    let payment = format!("pay-{}", a % 8);
    let request = format!("w-{}", b % 4);
    match kind {
        0 => w.license(&cost.to_string()),
        1 => w.one_time(&cost.to_string(), "1.00"),
        2 => return Some(pay(&payment, &cost.abs().to_string(), "USD", pick(b).as_deref())),
        3 => return Some(allocate(&payment, &pick(b)?, &cost.abs().to_string())),
        4 => return Some(refund(&payment, &cost.abs().to_string())),
        5 => return Some(use_credit(&pick(a)?, &pick(b)?, &cost.abs().to_string())),
        6 => {
            let of = pick(a)?;
            let due = books.due[&number(&of)];
            let cost = if due > Decimal::ZERO { due } else { cost.abs() };
            return Some(Command::RequestWithholding(ask_withholding(&format!("w-{step}"), &of, &cost.to_string())));
        }
        7 => {
            let open = w.partner().receivables.withholdings.keys().nth(b % 8).map(ToString::to_string);
            return Some(approve(&open.unwrap_or(request)));
        }
        8 => return Some(ask_note(&pick(a)?, CreditNoteReason::OtherRefund)),
        9 => return Some(issue_note(&pick(a)?)),
        10 => return Some(Command::RebillInvoice(rebill(&pick(a)?, "0.00"))),
        _ => return Some(review(&w.today.to_string())),
    };
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn allocated_and_unallocated_and_refunded_is_what_was_received(
        steps in prop::collection::vec((0..12_u8, any::<usize>(), any::<usize>(), -9_000..20_000_i64), 1..120),
    ) {
        let mut w = World::new("US", "USD");
        let mut books = Books::default();
        for (at, step) in steps.into_iter().enumerate() {
            w.today = w.today.succ_opt().unwrap();
            w.last.clear();
            if let Some(command) = command(&mut w, &books, step, at) {
                let before = w.partners.clone();
                if w.run(command).is_err() {
                    prop_assert_eq!(&w.partners, &before);
                    continue;
                }
            }
            w.last.iter().for_each(|event| books.note(event));
            let money = &w.partner().receivables;
            let unallocated: Decimal = money.payments.values().map(|payment| payment.unallocated).sum();
            prop_assert_eq!(books.allocated + unallocated + books.refunded, books.received);
            prop_assert!(money.payments.values().all(|payment| payment.unallocated >= Decimal::ZERO));
            for (number, invoice) in &money.invoices {
                let (due, total) = (invoice.due(), books.total[number]);
                prop_assert_eq!(due, books.due[number], "{}", number);
                // Between nothing and the total, on the total's side of zero.
                prop_assert!(due.abs() <= total.abs() && due * total >= Decimal::ZERO, "{} of {}", due, total);
            }
        }
        let bytes = postcard::to_stdvec(&w.partners).unwrap();
        prop_assert_eq!(postcard::from_bytes::<crate::partner::Partners>(&bytes).unwrap(), w.partners);
    }
}
