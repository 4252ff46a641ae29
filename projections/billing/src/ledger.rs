//! Accounts and the entries that charges and invoices post (billing.md section 5). Debits equal credits in every posting.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use subledger_domain::{
    charge::{Charged, InvoiceTotals},
    event::{CreditNoteIssued, InvoiceIssued, WithholdingApproved},
    ids::PartnerId,
    incentive::PaymentAmounts,
    money::Currency,
};
use subledger_fold::{Key, KeyReader, StoreError};

/// An account of a partner in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Account {
    /// What the partner owes for issued invoices.
    Receivable,
    /// What was charged and is on no invoice yet.
    Unbilled,
    /// What was charged.
    Revenue,
    /// What was given back.
    Credits,
    /// Tax on, or in, what was charged.
    Tax,
    /// Payments that no invoice has yet.
    Unallocated,
    /// Money received.
    Payments,
    /// Tax that the partner paid to its own authority instead.
    Withholding,
    /// Partner earned credit.
    EarnedCredit,
    /// What incentives cost.
    IncentiveCost,
    /// Closed earnings that no payment has, in US dollars.
    IncentivePayable,
    /// Between US dollars and what payments are made in.
    IncentiveExchange,
    /// Ordered payments that are not sent.
    IncentiveDue,
    /// Tax withheld of payments.
    IncentiveWithheld,
    /// Sales tax added to payments.
    IncentiveSalesTax,
    /// Payments sent to the bank.
    IncentivePaid,
    /// What incorrect payments leave to be taken back.
    IncentiveRecoup,
    /// What co-op funds cost; what expires unclaimed costs nothing after all.
    CoopCost,
    /// Accrued co-op funds of which no claim is granted.
    CoopFund,
    /// Granted co-op claims that did not go to payment.
    CoopDue,
    /// Co-op claims that went to payment.
    CoopPaid,
}

impl Account {
    /// Every account, in the order in which lists have them.
    pub const ALL: [Self; 21] = [
        Self::Receivable,
        Self::Unbilled,
        Self::Revenue,
        Self::Credits,
        Self::Tax,
        Self::Unallocated,
        Self::Payments,
        Self::Withholding,
        Self::EarnedCredit,
        Self::IncentiveCost,
        Self::IncentivePayable,
        Self::IncentiveExchange,
        Self::IncentiveDue,
        Self::IncentiveWithheld,
        Self::IncentiveSalesTax,
        Self::IncentivePaid,
        Self::IncentiveRecoup,
        Self::CoopCost,
        Self::CoopFund,
        Self::CoopDue,
        Self::CoopPaid,
    ];

    /// The name, as lists and paths have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Receivable => "receivable",
            Self::Unbilled => "unbilled",
            Self::Revenue => "revenue",
            Self::Credits => "credits",
            Self::Tax => "tax",
            Self::Unallocated => "unallocated",
            Self::Payments => "payments",
            Self::Withholding => "withholding",
            Self::EarnedCredit => "earned_credit",
            Self::IncentiveCost => "incentive_cost",
            Self::IncentivePayable => "incentive_payable",
            Self::IncentiveExchange => "incentive_exchange",
            Self::IncentiveDue => "incentive_due",
            Self::IncentiveWithheld => "incentive_withheld",
            Self::IncentiveSalesTax => "incentive_sales_tax",
            Self::IncentivePaid => "incentive_paid",
            Self::IncentiveRecoup => "incentive_recoup",
            Self::CoopCost => "coop_cost",
            Self::CoopFund => "coop_fund",
            Self::CoopDue => "coop_due",
            Self::CoopPaid => "coop_paid",
        }
    }

    /// The account of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.name() == name)
    }

    /// The whole name: `{partner}/{currency}/{account}` (billing.md section 5).
    pub fn path(self, partner: &PartnerId, currency: Currency) -> String {
        format!("{partner}/{currency}/{self}")
    }

    fn code(self) -> u8 {
        match self {
            Self::Receivable => 1,
            Self::Unbilled => 2,
            Self::Revenue => 3,
            Self::Credits => 4,
            Self::Tax => 5,
            Self::Unallocated => 6,
            Self::Payments => 7,
            Self::Withholding => 8,
            Self::EarnedCredit => 9,
            Self::IncentiveCost => 40,
            Self::IncentivePayable => 41,
            Self::IncentiveExchange => 42,
            Self::IncentiveDue => 43,
            Self::IncentiveWithheld => 44,
            Self::IncentiveSalesTax => 45,
            Self::IncentivePaid => 46,
            Self::IncentiveRecoup => 47,
            Self::CoopCost => 50,
            Self::CoopFund => 51,
            Self::CoopDue => 52,
            Self::CoopPaid => 53,
        }
    }

    /// Adds the account to a key: 1 byte.
    pub(crate) fn write(self, key: Key) -> Key {
        key.byte(self.code())
    }

    /// Reads an account from a key.
    pub(crate) fn read(reader: &mut KeyReader<'_>) -> Result<Self, StoreError> {
        let code = reader.byte()?;
        Self::ALL
            .into_iter()
            .find(|account| account.code() == code)
            .ok_or_else(|| StoreError(format!("a stored key is damaged: {code} is no account")))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Entries that belong together. Debits equal credits: every amount goes from one account to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Posting {
    legs: Vec<Leg>,
}

/// One side of a posting; one of the two amounts is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) account: Account,
    pub(crate) debit: Decimal,
    pub(crate) credit: Decimal,
}

impl Posting {
    /// Moves an amount from `credit` to `debit`, or back if it is negative. Nothing if it is zero.
    pub(crate) fn transfer(mut self, debit: Account, credit: Account, amount: Decimal) -> Self {
        let (debit, credit) = if amount.is_sign_negative() { (credit, debit) } else { (debit, credit) };
        let (amount, zero) = (amount.abs(), Decimal::ZERO);
        if !amount.is_zero() {
            self.add(Leg { account: debit, debit: amount, credit: zero });
            self.add(Leg { account: credit, debit: zero, credit: amount });
        }
        self
    }

    /// Debits an account, or credits it if the amount is negative. Nothing if it is zero.
    pub(crate) fn book(self, account: Account, amount: Decimal) -> Self {
        let (debit, credit) = (amount.max(Decimal::ZERO), (-amount).max(Decimal::ZERO));
        let mut posting = self;
        if !amount.is_zero() {
            posting.add(Leg { account, debit, credit });
        }
        posting
    }

    /// The same entries on the other side.
    pub(crate) fn reversed(self) -> Self {
        let other = |leg: Leg| Leg { account: leg.account, debit: leg.credit, credit: leg.debit };
        Self { legs: self.legs.into_iter().map(other).collect() }
    }

    /// An account has one leg on each side at most.
    fn add(&mut self, leg: Leg) {
        let same = |other: &&mut Leg| other.account == leg.account && other.debit.is_zero() == leg.debit.is_zero();
        match self.legs.iter_mut().find(same) {
            Some(other) => {
                other.debit += leg.debit;
                other.credit += leg.credit;
            }
            None => self.legs.push(leg),
        }
    }

    /// The entries, in the order in which they are booked.
    pub(crate) fn legs(&self) -> &[Leg] {
        &self.legs
    }
}

/// What a charge line posts: it is unbilled, and revenue and tax; a negative one is a credit against what is unbilled.
pub(crate) fn charge_posting(line: &Charged) -> Posting {
    let net = line.net();
    if let Some(usage) = &line.usage {
        // The use at its price, of which the earned credit is not owed (azure-marketplace-software.md 2.26).
        let gross = net + usage.earned_credit;
        let against = if gross.is_sign_negative() { Account::Credits } else { Account::Revenue };
        let tax = line.tax_amount() + line.tax_included();
        return Posting::default()
            .book(Account::Unbilled, net + tax)
            .book(Account::EarnedCredit, usage.earned_credit)
            .book(against, -gross)
            .book(Account::Tax, -tax);
    }
    let against = if net.is_sign_negative() { Account::Credits } else { Account::Revenue };
    Posting::default().transfer(Account::Unbilled, against, net).transfer(
        Account::Unbilled,
        Account::Tax,
        line.tax_amount() + line.tax_included(),
    )
}

/// What an invoice posts: its total becomes receivable, what it credits of withholding does not; a negative total is owed to the
/// partner.
pub(crate) fn invoice_posting(event: &InvoiceIssued) -> Posting {
    let credited = event.withholding_credits.iter().map(|credit| credit.credited).sum();
    Posting::default().transfer(Account::Receivable, Account::Unbilled, event.total).transfer(
        Account::Withholding,
        Account::Unbilled,
        credited,
    )
}

/// What money that came in posts (billing-details.md C41); negative for money that goes back.
pub(crate) fn payment_posting(amount: Decimal) -> Posting {
    Posting::default().transfer(Account::Payments, Account::Unallocated, amount)
}

/// What an allocation posts; negative for money that is released.
pub(crate) fn allocation_posting(amount: Decimal) -> Posting {
    Posting::default().transfer(Account::Unallocated, Account::Receivable, amount)
}

/// What an approved withholding posts: only what its invoice owes no more.
pub(crate) fn withholding_posting(event: &WithholdingApproved) -> Posting {
    Posting::default().transfer(Account::Withholding, Account::Receivable, event.written_off)
}

/// What a credit note posts: revenue and tax are taken back; the invoice owes nothing, and withholding that it had is free again.
pub(crate) fn credit_note_posting(event: &CreditNoteIssued) -> Posting {
    let released: Decimal = event.withholding_released.iter().map(|release| release.amount).sum();
    billed(&event.totals).book(Account::Withholding, -released).book(Account::Receivable, event.total + released)
}

/// What an invoice posts whose lines were billed before, and taken back.
pub(crate) fn rebill_posting(event: &InvoiceIssued) -> Posting {
    let credited: Decimal = event.withholding_credits.iter().map(|credit| credit.credited).sum();
    billed(&event.totals).book(Account::Withholding, credited).book(Account::Receivable, event.total)
}

/// Revenue and tax of billed lines.
fn billed(totals: &InvoiceTotals) -> Posting {
    let net = totals.subtotal - totals.tax_included;
    Posting::default().book(Account::Revenue, -net).book(Account::Tax, -(totals.tax + totals.tax_included))
}

/// What closed earnings post that are paid, in US dollars; negative ones are taken back. What goes to co-op funds is booked with them.
pub(crate) fn earnings_posting(earned_usd: Decimal) -> Posting {
    Posting::default().transfer(Account::IncentiveCost, Account::IncentivePayable, earned_usd)
}

/// What a payment order posts, by currency: earnings are no more payable, but for what earlier incorrect payments take off. Paid in
/// dollars it needs no exchange.
pub(crate) fn order_postings(amounts: &PaymentAmounts) -> Vec<(Currency, Posting)> {
    let in_dollars = amounts.currency == Currency::DOLLAR;
    let to = if in_dollars { Account::IncentiveDue } else { Account::IncentiveExchange };
    let dollars = Posting::default()
        .book(Account::IncentivePayable, amounts.gross_usd)
        .book(to, -amounts.earned_usd)
        .book(Account::IncentiveRecoup, -amounts.recouped_usd);
    let mut postings = vec![(Currency::DOLLAR, dollars)];
    if !in_dollars {
        let paid = Posting::default().transfer(Account::IncentiveExchange, Account::IncentiveDue, amounts.earned);
        postings.push((amounts.currency, paid));
    }
    postings
}

/// What a payment posts when it is sent to the bank: total = earned - tax withheld + sales tax (L9494).
pub(crate) fn sent_posting(amounts: &PaymentAmounts) -> Posting {
    Posting::default()
        .book(Account::IncentiveDue, amounts.earned)
        .book(Account::IncentiveSalesTax, amounts.sales_tax)
        .book(Account::IncentiveWithheld, -amounts.withheld_tax)
        .book(Account::IncentivePaid, -amounts.total)
}

/// What an incorrect payment posts, in US dollars: it is to be taken back.
pub(crate) fn recoup_posting(recoup_usd: Decimal) -> Posting {
    Posting::default().transfer(Account::IncentiveRecoup, Account::IncentiveCost, recoup_usd)
}

/// Adds two amounts, exactly. The sum has no zeros at its end, so that it has one form whatever the order of adding.
pub(crate) fn add(a: Decimal, b: Decimal) -> Result<Decimal, StoreError> {
    let sum = a.checked_add(b).ok_or_else(|| StoreError(format!("the sum of {a} and {b} is too large")))?;
    Ok(sum.normalize())
}

/// Shows an amount with at least the digits of its currency's minor unit (ISO 4217); it is never rounded here.
pub(crate) fn show(currency: Currency, amount: Decimal) -> Decimal {
    let mut shown = amount.normalize();
    if shown.scale() < currency.minor_digits() {
        shown.rescale(currency.minor_digits());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_come_back() {
        for account in Account::ALL {
            assert_eq!(Account::from_name(account.name()), Some(account));
            let key = account.write(Key::table(0)).build();
            assert_eq!(Account::read(&mut KeyReader::table(0, &key).unwrap()).unwrap(), account);
        }
        assert_eq!(Account::from_name("cash"), None);
        let (partner, usd) = (PartnerId::new("p1").unwrap(), Currency::new("USD").unwrap());
        assert_eq!(Account::Unbilled.path(&partner, usd), "p1/USD/unbilled");
    }

    #[test]
    fn amounts_show_their_minor_unit() {
        let show = |code: &str, amount: &str| show(Currency::new(code).unwrap(), amount.parse().unwrap()).to_string();
        assert_eq!(show("USD", "4"), "4.00");
        assert_eq!(show("USD", "-4.1"), "-4.10");
        assert_eq!(show("JPY", "400"), "400");
        assert_eq!(show("KWD", "1.25"), "1.250");
        assert_eq!(show("USD", "0.1234500"), "0.12345");
        assert_eq!(show("USD", "0"), "0.00");
    }
}
