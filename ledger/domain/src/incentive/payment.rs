//! States of an earning and its payment, and the moves between them (billing-details.md 2.2; L9454-9467); what a payment comes to.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::Currency;

/// Where an earning or a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PaymentStatus {
    /// Eligible, in the cooling period (L9455).
    Unprocessed,
    /// Ordered, in review (L9456).
    Upcoming,
    /// The tax invoice is missing or wrong (L9457).
    PendingTaxInvoice,
    /// The tax invoice is being reviewed (L9466).
    TaxInvoiceUnderReview,
    /// The tax invoice was refused: everything pending is held (L9465).
    TaxInvoiceRejected,
    /// Refused in review (L9458).
    RejectedDuringReview,
    /// Being paid (L9460).
    InProgress,
    /// An error of the provider's system (L9459).
    Failed,
    /// Being done again after an error (L9463).
    Reprocessing,
    /// Sent to the bank (L9462).
    Sent,
    /// Sent back by the bank; goes again in the next cycle (L9464).
    Reversed,
    /// Refused by the bank (L9467).
    Rejected,
    /// Paid wrongly, being taken back (L9461).
    IncorrectPayment,
}

use PaymentStatus::{
    Failed, InProgress, IncorrectPayment, PendingTaxInvoice, Rejected, RejectedDuringReview, Reprocessing, Reversed,
    Sent, TaxInvoiceRejected, TaxInvoiceUnderReview, Unprocessed, Upcoming,
};

/// Every allowed move.
pub const PAYMENT_MOVES: &[(PaymentStatus, PaymentStatus)] = &[
    (Unprocessed, Upcoming),
    (Upcoming, InProgress),
    (Upcoming, PendingTaxInvoice),
    (Upcoming, TaxInvoiceUnderReview),
    (Upcoming, RejectedDuringReview),
    (PendingTaxInvoice, TaxInvoiceUnderReview),
    (TaxInvoiceUnderReview, InProgress),
    (TaxInvoiceUnderReview, TaxInvoiceRejected),
    (TaxInvoiceRejected, PendingTaxInvoice),
    (RejectedDuringReview, Unprocessed),
    (InProgress, Sent),
    (InProgress, Failed),
    (InProgress, Reprocessing),
    (InProgress, Rejected),
    (Failed, Reprocessing),
    (Reprocessing, InProgress),
    (Sent, Reversed),
    (Sent, Rejected),
    (Sent, IncorrectPayment),
    (Reversed, InProgress),
    (Rejected, InProgress),
];

/// Whether a payment may move so.
pub fn can_become(from: PaymentStatus, to: PaymentStatus) -> bool {
    PAYMENT_MOVES.contains(&(from, to))
}

/// The tabs of the payments page (L9440).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentTab {
    /// Sent.
    Paid,
    /// On its way.
    Pending,
    /// Neither: refused for good, or taken back.
    Neither,
}

impl PaymentStatus {
    /// Every status.
    pub const ALL: [Self; 13] = [
        Unprocessed,
        Upcoming,
        PendingTaxInvoice,
        TaxInvoiceUnderReview,
        TaxInvoiceRejected,
        RejectedDuringReview,
        InProgress,
        Failed,
        Reprocessing,
        Sent,
        Reversed,
        Rejected,
        IncorrectPayment,
    ];

    /// As the exports print it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unprocessed => "Unprocessed",
            Self::Upcoming => "Upcoming",
            Self::PendingTaxInvoice => "Pending tax invoice",
            Self::TaxInvoiceUnderReview => "Tax invoice under review",
            Self::TaxInvoiceRejected => "Tax invoice rejected",
            Self::RejectedDuringReview => "Rejected during review",
            Self::InProgress => "In progress",
            Self::Failed => "Failed",
            Self::Reprocessing => "Reprocessing",
            Self::Sent => "Sent",
            Self::Reversed => "Reversed",
            Self::Rejected => "Rejected",
            Self::IncorrectPayment => "Incorrect payment",
        }
    }

    /// What it means, and what the partner has to do.
    pub fn description(self) -> &'static str {
        match self {
            Self::Unprocessed => "Eligible for payment after the program's cooling period",
            Self::Upcoming => "The payment is ordered and in review",
            Self::PendingTaxInvoice => "The tax invoice is missing or not valid: update it",
            Self::TaxInvoiceUnderReview => "The tax invoice is being reviewed; it is paid once approved",
            Self::TaxInvoiceRejected => {
                "The tax invoice was refused and all pending payments are held: contact support"
            }
            Self::RejectedDuringReview => "The payment was refused in review: contact support",
            Self::InProgress => "The payment is being made",
            Self::Failed => "The payment failed by an error of the system: contact support",
            Self::Reprocessing => "The payment is made again after an error of the system",
            Self::Sent => "The payment was sent to the bank",
            Self::Reversed => "The bank sent the payment back; it goes again in the next payment cycle",
            Self::Rejected => "The bank refused the payment: contact the bank",
            Self::IncorrectPayment => "The payment was not correct and is taken back",
        }
    }

    /// Whether the partner has to do something.
    pub fn needs_action(self) -> bool {
        matches!(
            self,
            Self::PendingTaxInvoice
                | Self::TaxInvoiceRejected
                | Self::RejectedDuringReview
                | Self::Failed
                | Self::Rejected
        )
    }

    /// The tab it is on: the mapping is not printed (C5), and derived in billing-details.md 2.2.
    pub fn tab(self) -> PaymentTab {
        match self {
            Self::Sent => PaymentTab::Paid,
            Self::RejectedDuringReview | Self::IncorrectPayment => PaymentTab::Neither,
            _ => PaymentTab::Pending,
        }
    }
}

/// How a payment is made (L9496).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PaymentMethod {
    /// To a bank account.
    ElectronicBankTransfer,
    /// As a credit note.
    CreditNote,
}

impl PaymentMethod {
    /// As the export prints it.
    pub fn label(self) -> &'static str {
        match self {
            Self::ElectronicBankTransfer => "electronic bank transfer",
            Self::CreditNote => "credit note",
        }
    }
}

/// Where payments go. No account number is kept in the ledger, but what names it at the bank's system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankProfile {
    /// Names the account.
    pub account_reference: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// What is paid in.
    pub currency: Currency,
    /// How.
    pub method: PaymentMethod,
}

/// How payments are taxed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxProfile {
    /// The form that was given, such as `W-8BEN-E`.
    pub form: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Tax that is withheld, in percent of what was earned.
    pub withholding_percent: Decimal,
    /// Sales tax that is added, in percent of what was earned.
    pub sales_tax_percent: Decimal,
    /// Tax on a service fee, in percent of what was earned: printed, and no part of the payment (C4).
    pub service_fee_tax_percent: Decimal,
    /// Whether each payment needs a tax invoice of the partner first (L9457).
    pub tax_invoice_required: bool,
}

/// What a payment comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentAmounts {
    /// What the periods in it earned, in US dollars.
    pub gross_usd: Decimal,
    /// What earlier incorrect payments take off, in US dollars.
    pub recouped_usd: Decimal,
    /// What is paid before tax, in US dollars.
    pub earned_usd: Decimal,
    /// What is paid in.
    pub currency: Currency,
    /// One US dollar in it.
    pub exchange_rate: Decimal,
    /// What is paid before tax, in the currency.
    pub earned: Decimal,
    /// Withheld.
    pub withheld_tax: Decimal,
    /// Added.
    pub sales_tax: Decimal,
    /// Printed only (C4).
    pub service_fee_tax: Decimal,
    /// Earned less tax withheld, with sales tax (L9494).
    pub total: Decimal,
}

impl PaymentAmounts {
    /// Every amount is rounded half up to the currency's minor unit. None if one leaves the range of a decimal number.
    pub fn new(
        gross_usd: Decimal,
        recouped_usd: Decimal,
        currency: Currency,
        exchange_rate: Decimal,
        tax: &TaxProfile,
    ) -> Option<Self> {
        let earned_usd = gross_usd.checked_sub(recouped_usd)?;
        let earned = currency.round(earned_usd.checked_mul(exchange_rate)?);
        let share = |percent: Decimal| Some(currency.round(earned.checked_mul(percent)? / Decimal::ONE_HUNDRED));
        let (withheld_tax, sales_tax) = (share(tax.withholding_percent)?, share(tax.sales_tax_percent)?);
        let service_fee_tax = share(tax.service_fee_tax_percent)?;
        let total = currency.round(earned.checked_sub(withheld_tax)?.checked_add(sales_tax)?);
        Some(Self {
            gross_usd,
            recouped_usd,
            earned_usd,
            currency,
            exchange_rate,
            earned,
            withheld_tax,
            sales_tax,
            service_fee_tax,
            total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_payment_is_what_was_earned_less_tax_withheld_with_sales_tax() {
        let tax = TaxProfile {
            form: "W-8BEN-E".into(),
            country: "DE".into(),
            withholding_percent: dec("15"),
            sales_tax_percent: dec("19"),
            service_fee_tax_percent: dec("1"),
            tax_invoice_required: false,
        };
        let euro = Currency::new("EUR").unwrap();
        let paid = PaymentAmounts::new(dec("1000.00"), dec("100.00"), euro, dec("0.913951469"), &tax).unwrap();
        assert_eq!(paid.earned_usd, dec("900.00"));
        assert_eq!(paid.earned, dec("822.56"), "822.5563221");
        assert_eq!(
            (paid.withheld_tax, paid.sales_tax, paid.service_fee_tax),
            (dec("123.38"), dec("156.29"), dec("8.23"))
        );
        assert_eq!(paid.total, paid.earned - paid.withheld_tax + paid.sales_tax);
        let yen = Currency::new("JPY").unwrap();
        let paid = PaymentAmounts::new(dec("10.00"), dec("0"), yen, dec("104.35"), &tax).unwrap();
        assert_eq!((paid.earned, paid.total), (dec("1044"), dec("1085")), "1043.5 is rounded up; 157 and 198 of tax");
    }

    /// Each row of the table of billing-details.md 2.2, as it stands there.
    #[test]
    fn the_table_is_that_of_the_page() {
        let leaves = |from: PaymentStatus| -> Vec<&str> {
            PaymentStatus::ALL.into_iter().filter(|to| can_become(from, *to)).map(PaymentStatus::label).collect()
        };
        assert_eq!(leaves(Unprocessed), ["Upcoming"]);
        let upcoming = ["Pending tax invoice", "Tax invoice under review", "Rejected during review", "In progress"];
        assert_eq!(leaves(Upcoming), upcoming);
        assert_eq!(leaves(PendingTaxInvoice), ["Tax invoice under review"]);
        assert_eq!(leaves(TaxInvoiceUnderReview), ["Tax invoice rejected", "In progress"]);
        assert_eq!(leaves(TaxInvoiceRejected), ["Pending tax invoice"]);
        assert_eq!(leaves(RejectedDuringReview), ["Unprocessed"]);
        assert_eq!(leaves(InProgress), ["Failed", "Reprocessing", "Sent", "Rejected"]);
        assert_eq!(leaves(Failed), ["Reprocessing"]);
        assert_eq!(leaves(Reprocessing), ["In progress"]);
        assert_eq!(leaves(Sent), ["Reversed", "Rejected", "Incorrect payment"]);
        assert_eq!(leaves(Reversed), ["In progress"]);
        assert_eq!(leaves(Rejected), ["In progress"]);
        assert_eq!(leaves(IncorrectPayment), [""; 0]);
        let tabs = |tab| PaymentStatus::ALL.into_iter().filter(|status| status.tab() == tab).count();
        assert_eq!([tabs(PaymentTab::Paid), tabs(PaymentTab::Pending), tabs(PaymentTab::Neither)], [1, 10, 2]);
    }
}
