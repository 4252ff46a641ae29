//! Numbers of documents: unique in the ledger, gapless for each partner, kind and currency.

use sha2::{Digest, Sha256};

use crate::{
    Rejection,
    charge::InvoiceFamily,
    check,
    ids::{InvoiceNumber, PartnerId},
    money::Currency,
};

/// Part of a number that is the partner's id; kind, currency and up to ten digits have the other 17 of 64 characters.
const PARTNER_CHARS_MAX: usize = 47;
/// Of a longer partner id its beginning, a point and 16 hexadecimal digits of its hash.
const PARTNER_CHARS_KEPT: usize = 30;

/// `{partner}-{kind}-{currency}-{number}`.
pub(super) fn text(partner: &PartnerId, kind: char, currency: Currency, number: u64) -> String {
    let id = partner.as_str();
    let prefix = if id.len() <= PARTNER_CHARS_MAX {
        id.to_owned()
    } else {
        let mut head = [0; 8];
        head.iter_mut().zip(Sha256::digest(id)).for_each(|(to, from)| *to = from);
        let hash = u64::from_be_bytes(head);
        format!("{}.{hash:016x}", id.get(..PARTNER_CHARS_KEPT).unwrap_or_default())
    };
    format!("{prefix}-{kind}-{currency}-{number:06}")
}

/// The number of an invoice: its kind is L or O, by family.
pub(super) fn invoice(
    partner: &PartnerId,
    family: InvoiceFamily,
    currency: Currency,
    number: u64,
) -> Result<InvoiceNumber, Rejection> {
    let kind = match family {
        InvoiceFamily::LicenseUsage => 'L',
        InvoiceFamily::OneTimeRecurring => 'O',
    };
    InvoiceNumber::new(text(partner, kind, currency, number))
        .map_err(|error| check::invalid("partner_id", error.to_string()))
}
