//! Values of payments, withholding and credit notes that commands and events carry.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{InvoiceNumber, WithholdingId};

/// What the tax authority certified (billing-details.md 2.11). The file itself is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its file name: letters, digits, `_` and `-`, then `.pdf`, `.jpg`, `.jpeg`, `.png` or `.gif` (L10827).
    pub name: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// What its line for the invoice says; the amount asked for must be the same (L10823).
    pub line_amount: Decimal,
}

/// Why an invoice is cancelled (L9804-9807).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CreditNoteReason {
    /// The address is wrong.
    AddressCorrection,
    /// The purchase order number is wrong.
    PurchaseOrderCorrection,
    /// A tax refund was granted after the invoice.
    TaxRefund,
    /// The tax id came after the invoice; in the European Union that is no reason (L10673).
    LateTaxId,
    /// Another refund was granted after the invoice.
    OtherRefund,
}

impl CreditNoteReason {
    /// Whether the new invoice has less tax.
    pub fn refunds_tax(self) -> bool {
        matches!(self, Self::TaxRefund | Self::LateTaxId)
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::AddressCorrection => "address correction",
            Self::PurchaseOrderCorrection => "purchase order correction",
            Self::TaxRefund => "tax refund",
            Self::LateTaxId => "late tax id",
            Self::OtherRefund => "other refund",
        }
    }
}

/// A withholding request on the invoice that follows its approval: what the old invoice had written off is a memo, only the rest
/// lowers the total (billing-details.md C20).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithholdingCredit {
    /// The request.
    pub request_id: WithholdingId,
    /// The old invoice.
    pub invoice_number: InvoiceNumber,
    /// What the old invoice owes no more; without effect on this one.
    pub written_off: Decimal,
    /// What this invoice is lower by.
    pub credited: Decimal,
}

/// Withholding that was credited to a cancelled invoice and is to be credited again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithholdingRelease {
    /// The request.
    pub request_id: WithholdingId,
    /// How much.
    pub amount: Decimal,
}
