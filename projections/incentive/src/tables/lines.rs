//! Charge lines, by who may earn on them.
//!
//! - [`Line`]. Key: earner text, role (1 byte: 0 payer, 1 reseller of record), day charged, partition of customers (2 bytes), `seq`
//!   (8 bytes), index of the event (4 bytes). A line stands under its payer, and under its reseller.
//! - The key under the payer. Key: line text.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    charge::{Charged, InvoiceFamily},
    ids::{CustomerId, LineId, OfferId, PartnerId, SubscriptionId},
    incentive::{IncentiveProduct, ProgramEarner},
    money::Currency,
    position::Position,
};
use subledger_fold::{Changes, Key, Rows, StoreError, decode};

use super::prefix::{LINE_IDS, LINES};

/// What an earning needs of a charge line.
#[allow(clippy::struct_field_names, reason = "the field's term")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) line_id: LineId,
    pub(crate) payer_id: PartnerId,
    pub(crate) reseller_id: Option<PartnerId>,
    pub(crate) customer_id: CustomerId,
    pub(crate) subscription_id: SubscriptionId,
    pub(crate) offer_id: OfferId,
    pub(crate) offer_name: String,
    pub(crate) sku: Option<String>,
    pub(crate) product: IncentiveProduct,
    pub(crate) family: InvoiceFamily,
    pub(crate) charged_on: NaiveDate,
    pub(crate) currency: Currency,
    /// Net of discount, without any tax.
    pub(crate) net: Decimal,
    pub(crate) quantity: Decimal,
    /// The line it takes back.
    pub(crate) reverses: Option<LineId>,
    pub(crate) position: Position,
}

fn role(earner: ProgramEarner) -> u8 {
    match earner {
        ProgramEarner::Payer => 0,
        ProgramEarner::Reseller => 1,
    }
}

fn prefix(partner: &PartnerId, earner: ProgramEarner) -> Key {
    Key::table(LINES).text(partner.as_str()).byte(role(earner))
}

fn id_key(id: &LineId) -> Vec<u8> {
    Key::table(LINE_IDS).text(id.as_str()).build()
}

/// Keeps a line of the commit at a position.
pub(crate) fn put(
    rows: &mut dyn Changes,
    line: &Charged,
    product: IncentiveProduct,
    position: Position,
    index: u32,
) -> Result<(), StoreError> {
    let row = Line {
        line_id: line.line_id.clone(),
        payer_id: line.partner_id.clone(),
        reseller_id: line.reseller_id.clone(),
        customer_id: line.customer_id.clone(),
        subscription_id: line.subscription_id.clone(),
        offer_id: line.offer_id.clone(),
        offer_name: line.offer_name.clone(),
        sku: line.sku.clone(),
        product,
        family: line.invoice_family,
        charged_on: line.charged_on,
        currency: line.currency,
        net: line.net(),
        quantity: line
            .usage
            .as_ref()
            .map_or_else(|| Decimal::from(line.quantity), |usage| (usage.quantity - usage.quantity_before).normalize()),
        reverses: line.reverses_line_id.clone(),
        position,
    };
    let place =
        |key: Key| key.date(line.charged_on).u16(position.partition.index).number(position.seq).u32(index).build();
    let key = place(prefix(&line.partner_id, ProgramEarner::Payer));
    rows.put(id_key(&line.line_id), key.clone());
    subledger_fold::put(rows, key, &row)?;
    if let Some(reseller) = &line.reseller_id {
        subledger_fold::put(rows, place(prefix(reseller, ProgramEarner::Reseller)), &row)?;
    }
    Ok(())
}

/// A line by its id.
pub(crate) fn get(rows: &dyn Rows, id: &LineId) -> Result<Option<Line>, StoreError> {
    let Some(key) = rows.get(&id_key(id))? else { return Ok(None) };
    subledger_fold::get(rows, &key)
}

/// The lines on which a partner may earn that were charged from a day on, up to another that is not included, in order, until told to
/// stop.
pub(crate) fn each(
    rows: &dyn Rows,
    (partner, earner): (&PartnerId, ProgramEarner),
    (from, end): (NaiveDate, NaiveDate),
    visit: &mut dyn FnMut(Line) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let prefix = prefix(partner, earner);
    let start = prefix.clone().date(from).build();
    rows.scan(&prefix.build(), &start, false, &mut |_, row| {
        let line: Line = decode(row)?;
        if line.charged_on >= end { Ok(false) } else { visit(line) }
    })
}
