//! What an invoice sums up of its lines (billing-details.md section 3.5).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::line::{Charged, InvoiceFamily};

/// Sums over the lines of an invoice, exact: each line is rounded already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceTotals {
    /// Subtotals of the license lines (L10486).
    pub license_charges: Decimal,
    /// Subtotals of the usage lines (L10487).
    pub usage_charges: Decimal,
    /// Subtotals of the one-time and recurring lines.
    pub one_time_charges: Decimal,
    /// What promotions took off; contained in the charges (billing-details.md C21).
    pub discounts: Decimal,
    /// Subtotals of the negative lines; contained in the charges (billing-details.md C21).
    pub credits: Decimal,
    /// All charges, before tax on top.
    pub subtotal: Decimal,
    /// Tax on top (L10493).
    pub tax: Decimal,
    /// Tax contained in the subtotal.
    pub tax_included: Decimal,
}

impl InvoiceTotals {
    /// Adds a line. None if a sum does not fit a decimal.
    pub fn plus(self, line: &Charged) -> Option<Self> {
        let subtotal = line.subtotal();
        let mut sums = self;
        let section = match line.invoice_family {
            InvoiceFamily::LicenseUsage if line.usage.is_some() => &mut sums.usage_charges,
            InvoiceFamily::LicenseUsage => &mut sums.license_charges,
            InvoiceFamily::OneTimeRecurring => &mut sums.one_time_charges,
        };
        add(section, subtotal)?;
        add(&mut sums.discounts, line.discount_amount())?;
        add(&mut sums.credits, subtotal.min(Decimal::ZERO))?;
        add(&mut sums.subtotal, subtotal)?;
        add(&mut sums.tax, line.tax_amount())?;
        add(&mut sums.tax_included, line.tax_included())?;
        Some(sums)
    }

    /// What is to be paid for the lines.
    pub fn total(&self) -> Decimal {
        self.subtotal + self.tax
    }

    /// The same sums with another number of digits.
    #[must_use]
    pub fn map(self, show: impl Fn(Decimal) -> Decimal) -> Self {
        Self {
            license_charges: show(self.license_charges),
            usage_charges: show(self.usage_charges),
            one_time_charges: show(self.one_time_charges),
            discounts: show(self.discounts),
            credits: show(self.credits),
            subtotal: show(self.subtotal),
            tax: show(self.tax),
            tax_included: show(self.tax_included),
        }
    }
}

/// Exact, and without zeros at its end, so that the sum has one form whatever the order of adding.
fn add(sum: &mut Decimal, amount: Decimal) -> Option<()> {
    *sum = sum.checked_add(amount)?.normalize();
    Some(())
}
