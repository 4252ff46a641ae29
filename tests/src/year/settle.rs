//! How partners pay: in time, in parts, too much, late, without saying for what, or not at all; and what they ask back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Datelike as _, Days, NaiveDate};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use subledger_proto::{
    api::{CreditNote, Invoice},
    common::InvoiceFamily,
};

use super::{
    read::{self, amount},
    world,
};
use crate::{client::Client, random::Random};

/// Days between two looks at what was invoiced.
const LOOK_DAYS: u32 = 4;

/// Something planned for a day.
#[derive(Clone, Debug)]
enum Deed {
    /// A part of what is due, in percent; without the number it stays unallocated.
    Pay {
        invoice: String,
        percent: u32,
        named: bool,
    },
    Allocate {
        payment: String,
    },
    Refund {
        payment: String,
    },
    Withhold {
        invoice: String,
    },
    Approve {
        partner: String,
        request: String,
    },
    RequestNote {
        invoice: String,
    },
    IssueNote {
        partner: String,
        invoice: String,
    },
    Rebill {
        partner: String,
        invoice: String,
        refund: String,
    },
}

/// Pays invoices.
pub(super) struct Settlement {
    random: Random,
    plans: BTreeMap<NaiveDate, Vec<Deed>>,
    seen: BTreeSet<String>,
    commands: u64,
    /// What is planned if a command is accepted.
    then: HashMap<String, (NaiveDate, Deed)>,
}

impl Settlement {
    pub(super) fn new(random: Random) -> Self {
        Self { random, plans: BTreeMap::new(), seen: BTreeSet::new(), commands: 0, then: HashMap::new() }
    }

    /// The commands of a day, from what the ledger says is due.
    pub(super) async fn day(&mut self, client: &Client, day: NaiveDate) -> anyhow::Result<Vec<Value>> {
        let today = self.plans.remove(&day).unwrap_or_default();
        let look = day.day().is_multiple_of(LOOK_DAYS);
        if today.is_empty() && !look {
            return Ok(Vec::new());
        }
        let invoices: BTreeMap<String, Invoice> =
            read::invoices(client, "").await?.into_iter().map(|i| (i.invoice_number.clone(), i)).collect();
        let mut commands = Vec::new();
        for deed in today {
            commands.extend(self.command(client, day, deed, &invoices).await?);
        }
        if look {
            for invoice in invoices.values() {
                if self.seen.insert(invoice.invoice_number.clone()) {
                    self.plan(day, invoice)?;
                }
            }
            commands.extend(self.credits(&invoices)?);
        }
        Ok(commands)
    }

    /// Plans what follows from what was accepted.
    pub(super) fn learn(&mut self, commands: &[Value], refusals: &[Option<String>]) {
        for (command, refusal) in commands.iter().zip(refusals) {
            let next = self.then.remove(command["command_id"].as_str().unwrap_or_default());
            if let (None, Some((on, deed))) = (refusal, next) {
                self.plans.entry(on).or_default().push(deed);
            }
        }
    }

    fn after(&mut self, day: NaiveDate, days: u64, deed: Deed) {
        if let Some(on) = day.checked_add_days(Days::new(days)) {
            self.plans.entry(on).or_default().push(deed);
        }
    }

    fn plan(&mut self, day: NaiveDate, of: &Invoice) -> anyhow::Result<()> {
        let invoice = of.invoice_number.clone();
        if amount(&of.due)? <= Decimal::ZERO {
            return Ok(());
        }
        let pay = |percent, named| Deed::Pay { invoice: invoice.clone(), percent, named };
        let (dice, soon) = (self.random.below(100), self.random.below(50));
        match dice {
            0..62 => self.after(day, soon, pay(100, true)),
            62..74 => {
                self.after(day, soon, pay(60, true));
                self.after(day, soon + 37, pay(100, true));
            }
            74..82 => self.after(day, soon, pay(113, true)),
            82..90 => self.after(day, soon, pay(100, false)),
            90..97 => self.after(day, 95, pay(100, true)),
            _ => self.after(day, 150, pay(100, true)),
        }
        let one_time = of.family() == InvoiceFamily::OneTimeRecurring;
        match self.random.below(100) {
            0..7 if one_time => self.after(day, 1 + soon, Deed::RequestNote { invoice: invoice.clone() }),
            7..14 => self.after(day, soon + 3, Deed::Withhold { invoice: invoice.clone() }),
            _ => {}
        }
        Ok(())
    }

    fn id(&mut self, what: &str) -> String {
        self.commands += 1;
        format!("{what}{}", self.commands)
    }

    fn say(&mut self, name: &str, body: &Value, then: Option<(NaiveDate, Deed)>) -> Value {
        let id = self.id("m");
        self.then.extend(then.map(|then| (id.clone(), then)));
        json!({ "command_id": id, name: body })
    }

    async fn command(
        &mut self,
        client: &Client,
        day: NaiveDate,
        deed: Deed,
        invoices: &BTreeMap<String, Invoice>,
    ) -> anyhow::Result<Option<Value>> {
        let next = |days: u64, deed: Deed| day.checked_add_days(Days::new(days)).map(|on| (on, deed));
        Ok(match deed {
            Deed::Pay { invoice, percent, named } => {
                let Some(of) = invoices.get(&invoice) else { return Ok(None) };
                let sum = share(&of.due, percent, &of.currency)?;
                if sum <= Decimal::ZERO {
                    return Ok(None);
                }
                let payment = self.id("pay");
                let body = json!({ "partner_id": of.partner_id, "payment_id": payment, "amount": sum.to_string(),
                    "currency": of.currency, "value_date": day.to_string(), "reference": "transfer",
                    "invoice_number": if named { invoice.as_str() } else { "" } });
                let then = match (percent > 100, named) {
                    (true, _) if self.random.below(3) == 0 => next(5, Deed::Refund { payment }),
                    (true, _) | (_, false) => next(6, Deed::Allocate { payment }),
                    _ => None,
                };
                Some(self.say("receive_payment", &body, then))
            }
            Deed::Allocate { payment } => self.allocate(client, &payment, invoices).await?,
            Deed::Refund { payment } => {
                let Some(of) = find(client, &payment).await? else { return Ok(None) };
                let body = json!({ "partner_id": of.partner_id, "payment_id": payment, "amount": of.unallocated,
                    "reference": "sent back" });
                Some(self.say("refund_payment", &body, None))
            }
            Deed::Withhold { invoice } => {
                let Some(of) = invoices.get(&invoice) else { return Ok(None) };
                let sum = share(&of.total, 3, &of.currency)?.to_string();
                let request = self.id("wht");
                let certificate = json!({ "name": "certificate_1.pdf", "sha256": "01".repeat(32), "line_amount": sum });
                let body = json!({ "partner_id": of.partner_id, "request_id": request, "invoice_number": invoice,
                    "amount": sum, "currency": of.currency, "certificate": certificate, "contact_email": "kim@example.com" });
                let then = next(2, Deed::Approve { partner: of.partner_id.clone(), request });
                Some(self.say("request_withholding", &body, then))
            }
            Deed::Approve { partner, request } => {
                let body = json!({ "partner_id": partner, "request_id": request });
                Some(self.say("approve_withholding", &body, None))
            }
            Deed::RequestNote { invoice } => {
                let Some(of) = invoices.get(&invoice) else { return Ok(None) };
                let partner = of.partner_id.clone();
                let reason = if self.random.below(2) == 0 { "PURCHASE_ORDER_CORRECTION" } else { "OTHER_REFUND" };
                let body = json!({ "partner_id": partner, "invoice_number": invoice,
                    "reason": format!("CREDIT_NOTE_REASON_{reason}"), "note": "as agreed" });
                Some(self.say("request_credit_note", &body, next(1, Deed::IssueNote { partner, invoice })))
            }
            Deed::IssueNote { partner, invoice } => {
                let of = invoices.get(&invoice);
                let refund =
                    of.map(|of| share(&of.total, 4, &of.currency)).transpose()?.unwrap_or_default().to_string();
                let body = json!({ "partner_id": partner, "invoice_number": invoice });
                Some(self.say("issue_credit_note", &body, next(2, Deed::Rebill { partner, invoice, refund })))
            }
            Deed::Rebill { partner, invoice, refund } => {
                let note = read::credit_notes(client, &partner).await?;
                let reason = note.iter().find(|note| note.invoice_number == invoice).map(CreditNote::reason);
                let body = if reason.is_some_and(|reason| reason.as_str_name().ends_with("OTHER_REFUND")) {
                    json!({ "partner_id": partner, "invoice_number": invoice, "refund": refund })
                } else {
                    json!({ "partner_id": partner, "invoice_number": invoice, "purchase_order": "PO-2" })
                };
                Some(self.say("rebill_invoice", &body, None))
            }
        })
    }

    /// What a payment has left goes to another invoice.
    async fn allocate(
        &mut self,
        client: &Client,
        payment: &str,
        invoices: &BTreeMap<String, Invoice>,
    ) -> anyhow::Result<Option<Value>> {
        let Some(of) = find(client, payment).await? else { return Ok(None) };
        for invoice in invoices.values().filter(|i| (&i.partner_id, &i.currency) == (&of.partner_id, &of.currency)) {
            let sum = amount(&of.unallocated)?.min(amount(&invoice.due)?);
            if sum > Decimal::ZERO {
                let body = json!({ "partner_id": of.partner_id, "payment_id": payment,
                    "invoice_number": invoice.invoice_number, "amount": sum.to_string() });
                return Ok(Some(self.say("allocate_payment", &body, None)));
            }
        }
        Ok(None)
    }

    /// Negative invoices pay others, now and then.
    fn credits(&mut self, invoices: &BTreeMap<String, Invoice>) -> anyhow::Result<Vec<Value>> {
        let mut commands = Vec::new();
        for credit in invoices.values() {
            let left = -amount(&credit.due)?;
            if left <= Decimal::ZERO || self.random.below(3) > 0 {
                continue;
            }
            for other in invoices.values() {
                let same = (&other.partner_id, &other.currency) == (&credit.partner_id, &credit.currency);
                let sum = left.min(amount(&other.due)?);
                if same && sum > Decimal::ZERO {
                    let body = json!({ "partner_id": credit.partner_id, "credit_invoice_number": credit.invoice_number,
                        "invoice_number": other.invoice_number, "amount": sum.to_string() });
                    commands.push(self.say("allocate_credit", &body, None));
                    break;
                }
            }
        }
        Ok(commands)
    }
}

/// A payment that has something left.
async fn find(client: &Client, payment: &str) -> anyhow::Result<Option<subledger_proto::api::Payment>> {
    let found = read::payments(client, "").await?.into_iter().find(|of| of.payment_id == payment);
    let left = found.as_ref().map(|of| amount(&of.unallocated)).transpose()?.unwrap_or_default();
    Ok(found.filter(|_| left > Decimal::ZERO))
}

/// So many percent of an amount, in whole minor units.
fn share(text: &str, percent: u32, currency: &str) -> anyhow::Result<Decimal> {
    let share = amount(text)? * Decimal::from(percent) / Decimal::ONE_HUNDRED;
    Ok(share.round_dp(world::minor_digits(currency)))
}
