//! Which columns a reconciliation file has, in which order.

/// A column of a reconciliation file. The name of the variant is its header.
macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// A column of a reconciliation file; its header is its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Column { $($(#[$doc])* $name,)* }

        impl Column {
            /// Every column of any layout.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As the header has it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

columns! {
    /// Billing entity (L10102).
    PartnerId
    /// One-time files only (L10023).
    PartnerName
    /// L10103.
    CustomerId
    /// Organisation name (L10104).
    CustomerName
    /// Whole primary domain; one-time files only (L10026).
    CustomerDomainName
    /// ISO 3166 alpha-2; one-time files only (L10027).
    CustomerCountry
    /// The partner's number in the partner network (L10105).
    MpnId
    /// Reseller of record, by the rules of L9974-9986.
    ResellerMpnId
    /// One-time files only; empty while unbilled (L10030).
    InvoiceNumber
    /// Of a meter or a product; one-time files only (L10031).
    ProductId
    /// Of a meter: whether it can be bought in this country, currency and segment; one-time files only (L10035).
    AvailabilityId
    /// Of a meter; one-time files only (L10036).
    SkuName
    /// Of a meter, else the offer's name; one-time files only (L10037).
    ProductName
    /// L10107.
    OrderId
    /// Day of the purchase or change behind the line; one-time files only (L10408).
    PurchaseDate
    /// The billing platform's id of the subscription (L10110).
    SubscriptionId
    /// The subscription's id in the portal: the key to match by (L10111).
    SyndicationPartnerSubscriptionNumber
    /// The billing platform's id of the offer (L10112).
    OfferId
    /// The price list's id of the offer (L10113).
    DurableOfferId
    /// L10114.
    OfferName
    /// Plan of the product; one-time files only (L10596).
    SkuId
    /// First day of the subscription (billing-details.md C9).
    SubscriptionStartDate
    /// First day after the term (billing-details.md C10).
    SubscriptionEndDate
    /// First day charged (L10119).
    ChargeStartDate
    /// Last day charged, included (L10120).
    ChargeEndDate
    /// Section 3.9 (L10121).
    ChargeType
    /// L10122. Of usage: of one unit at list price (L10059).
    UnitPrice
    /// Unit price less discount and earned credit, not rounded; one-time files only (L10070, L13804-13807).
    EffectiveUnitPrice
    /// Seats (L10123). Of usage: units that the line charges (L10060).
    Quantity
    /// L10124.
    Amount
    /// L10125.
    TotalOtherDiscount
    /// Amount less discount (L10126).
    Subtotal
    /// On top of the subtotal (L10127).
    Tax
    /// Subtotal and tax (L10128).
    TotalForCustomer
    /// ISO 4217 (L10129).
    Currency
    /// Of the list price; one-time files only (L10065).
    PricingCurrency
    /// Of the pricing currency in the line's: 1 where both are the same; one-time files only (L10071).
    PCToBCExchangeRate
    /// Of usage: the 1st of the month of use, whose rate holds (L10072, X L13821); one-time files only.
    PCToBCExchangeRateDate
    /// L10132.
    DomainName
    /// Nickname, else the offer's name (L10133).
    SubscriptionName
    /// License files: the offer's name (L10134). One-time files: such as `Free trial` (L10597).
    SubscriptionDescription
    /// Earned credit of usage, or what a credit by hand refers to; one-time files only (X L13804).
    PriceAdjustmentDescription
    /// Months of the product's term; empty for one without an end and for usage; one-time files only (azure-marketplace-software.md G43).
    TermMonths
    /// Billing frequency (L10135).
    BillingCycleType
    /// `Microsoft`, or who else made it (X L12331); one-time files only.
    PublisherName
    /// The line; one-time files only.
    LineId
}

#[allow(clippy::enum_glob_use, reason = "the layouts are lists of nothing else")]
use Column::*;

/// The version of the one-time and recurring layout. It is raised with any change of its columns.
pub const ONE_TIME_VERSION: u32 = 2;

/// License reconciliation of an indirect provider, as published (L10101-10135).
pub const LICENSE_INDIRECT: &[Column] = &[
    PartnerId,
    CustomerId,
    CustomerName,
    MpnId,
    ResellerMpnId,
    OrderId,
    SubscriptionId,
    SyndicationPartnerSubscriptionNumber,
    OfferId,
    DurableOfferId,
    OfferName,
    SubscriptionStartDate,
    SubscriptionEndDate,
    ChargeStartDate,
    ChargeEndDate,
    ChargeType,
    UnitPrice,
    Quantity,
    Amount,
    TotalOtherDiscount,
    Subtotal,
    Tax,
    TotalForCustomer,
    Currency,
    DomainName,
    SubscriptionName,
    SubscriptionDescription,
    BillingCycleType,
];

/// License reconciliation of a direct partner: no reseller (billing-details.md C1), so that Subtotal is column T and Tax column U.
pub const LICENSE_DIRECT: &[Column] = &without_reseller::<27>(LICENSE_INDIRECT);

/// One-time and recurring reconciliation of an indirect provider; ours (billing-details.md C5), in the order of
/// azure-marketplace-software.md G43.
pub const ONE_TIME_INDIRECT: &[Column] = &[
    PartnerId,
    PartnerName,
    CustomerId,
    CustomerName,
    CustomerDomainName,
    CustomerCountry,
    MpnId,
    ResellerMpnId,
    InvoiceNumber,
    ProductId,
    SkuId,
    AvailabilityId,
    SkuName,
    ProductName,
    SubscriptionDescription,
    SubscriptionId,
    SyndicationPartnerSubscriptionNumber,
    DurableOfferId,
    OfferName,
    SubscriptionName,
    OrderId,
    PurchaseDate,
    ChargeStartDate,
    ChargeEndDate,
    ChargeType,
    TermMonths,
    BillingCycleType,
    UnitPrice,
    EffectiveUnitPrice,
    Quantity,
    Amount,
    TotalOtherDiscount,
    Subtotal,
    Tax,
    TotalForCustomer,
    Currency,
    PricingCurrency,
    PCToBCExchangeRate,
    PCToBCExchangeRateDate,
    PriceAdjustmentDescription,
    PublisherName,
    LineId,
];

/// The same of a direct partner.
pub const ONE_TIME_DIRECT: &[Column] = &without_reseller::<41>(ONE_TIME_INDIRECT);

/// The columns of version 1: such files are still read.
pub const ONE_TIME_INDIRECT_1: &[Column] = &[
    PartnerId,
    CustomerId,
    CustomerName,
    CustomerDomainName,
    CustomerCountry,
    InvoiceNumber,
    MpnId,
    ResellerMpnId,
    OrderId,
    SubscriptionId,
    SyndicationPartnerSubscriptionNumber,
    DurableOfferId,
    OfferName,
    SkuId,
    SubscriptionName,
    PurchaseDate,
    ChargeStartDate,
    ChargeEndDate,
    UnitPrice,
    Quantity,
    Amount,
    TotalOtherDiscount,
    Subtotal,
    Tax,
    TotalForCustomer,
    Currency,
    ChargeType,
    SubscriptionDescription,
    PriceAdjustmentDescription,
    BillingCycleType,
    LineId,
];

/// The same of a direct partner.
pub const ONE_TIME_DIRECT_1: &[Column] = &without_reseller::<30>(ONE_TIME_INDIRECT_1);

/// A layout but for the column of the reseller, which a direct partner has none of.
const fn without_reseller<const COLUMNS: usize>(indirect: &[Column]) -> [Column; COLUMNS] {
    let mut direct = [PartnerId; COLUMNS];
    let (mut from, mut to) = (0, 0);
    while from < indirect.len() {
        if !matches!(indirect[from], ResellerMpnId) {
            direct[to] = indirect[from];
            to += 1;
        }
        from += 1;
    }
    assert!(to == COLUMNS, "a direct layout has one column fewer");
    direct
}

/// What a file is, for people and for the names of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Such as `license/indirect`.
    pub name: &'static str,
    /// In order.
    pub columns: &'static [Column],
}

/// Every layout of a reconciliation file: those that are written, then older ones that are read.
pub const LAYOUTS: [Layout; 6] = [
    Layout { name: "license/indirect", columns: LICENSE_INDIRECT },
    Layout { name: "license/direct", columns: LICENSE_DIRECT },
    Layout { name: "one-time/indirect/2", columns: ONE_TIME_INDIRECT },
    Layout { name: "one-time/direct/2", columns: ONE_TIME_DIRECT },
    Layout { name: "one-time/indirect/1", columns: ONE_TIME_INDIRECT_1 },
    Layout { name: "one-time/direct/1", columns: ONE_TIME_DIRECT_1 },
];

impl Layout {
    /// The layout of a family's file for a direct or an indirect partner.
    pub fn of(family: subledger_domain::charge::InvoiceFamily, indirect: bool) -> Self {
        use subledger_domain::charge::InvoiceFamily;
        let [license, license_direct, one_time, one_time_direct, ..] = LAYOUTS;
        match (family, indirect) {
            (InvoiceFamily::LicenseUsage, true) => license,
            (InvoiceFamily::LicenseUsage, false) => license_direct,
            (InvoiceFamily::OneTimeRecurring, true) => one_time,
            (InvoiceFamily::OneTimeRecurring, false) => one_time_direct,
        }
    }

    /// Appends the header.
    pub fn write_header(&self, out: &mut Vec<u8>) {
        crate::write_record(out, self.columns.iter().map(|column| column.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The column letter of a spreadsheet.
    fn letter(columns: &[Column], column: Column) -> String {
        let at = columns.iter().position(|c| *c == column).unwrap();
        let last = char::from(b'A' + u8::try_from(at % 26).unwrap());
        if at < 26 { last.to_string() } else { format!("A{last}") }
    }

    #[test]
    fn the_published_letters_hold() {
        assert_eq!((LICENSE_INDIRECT.len(), LICENSE_DIRECT.len()), (28, 27));
        // "Column T" and "column U" of the invoice page (L10486, L10493).
        assert_eq!((letter(LICENSE_DIRECT, Subtotal), letter(LICENSE_DIRECT, Tax)), ("T".into(), "U".into()));
        assert_eq!((letter(LICENSE_INDIRECT, Subtotal), letter(LICENSE_INDIRECT, Tax)), ("U".into(), "V".into()));
        assert_eq!(letter(LICENSE_INDIRECT, BillingCycleType), "AB");
    }

    #[test]
    fn a_direct_layout_is_the_indirect_one_without_the_reseller() {
        for (indirect, direct) in [(LICENSE_INDIRECT, LICENSE_DIRECT), (ONE_TIME_INDIRECT, ONE_TIME_DIRECT)] {
            let without: Vec<_> = indirect.iter().copied().filter(|column| *column != ResellerMpnId).collect();
            assert_eq!(without, direct);
        }
    }
}
