//! Tax rules of countries and regions (billing-details.md section 4): how prices treat tax, what a tax id does, which documents
//! exempt. The rules are a table beside the code; rates are published to the catalog.

use std::{collections::BTreeMap, sync::LazyLock};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{TaxScope, TaxTreatment, vat_id};

/// One row for each country or union, region, tax and scope.
const TABLE: &str = include_str!("../../data/tax-regions.csv");
/// The member states of the European Union, as countries of the table.
const EUROPEAN_UNION: &str = "EU";
/// Whatever no other row is about.
const ELSEWHERE: &str = "*";

/// What proves that a partner is exempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaxDocumentKind {
    /// Resale certificate of a state (L10685).
    StateResaleCertificate,
    /// Streamlined Sales and Use Tax Agreement certificate (L10689).
    StreamlinedSalesTaxCertificate,
    /// Multistate Tax Commission certificate (L10689).
    MultistateTaxCommissionCertificate,
    /// Registration for the sales tax of British Columbia (L10667).
    BcPstNumber,
    /// Certificate of exemption of British Columbia (L10667).
    BcCertificateOfExemption,
    /// What the partner's tax advisor names (L10665).
    TaxAdvisorDocument,
    /// An agreed support request, where no other document is named (L10693).
    SupportRequest,
}

impl TaxDocumentKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::StateResaleCertificate,
        Self::StreamlinedSalesTaxCertificate,
        Self::MultistateTaxCommissionCertificate,
        Self::BcPstNumber,
        Self::BcCertificateOfExemption,
        Self::TaxAdvisorDocument,
        Self::SupportRequest,
    ];

    /// As the table spells it.
    pub fn label(self) -> &'static str {
        match self {
            Self::StateResaleCertificate => "state_resale_certificate",
            Self::StreamlinedSalesTaxCertificate => "streamlined_sales_tax_certificate",
            Self::MultistateTaxCommissionCertificate => "multistate_tax_commission_certificate",
            Self::BcPstNumber => "bc_pst_number",
            Self::BcCertificateOfExemption => "bc_certificate_of_exemption",
            Self::TaxAdvisorDocument => "tax_advisor_document",
            Self::SupportRequest => "support_request",
        }
    }
}

/// What is said of a tax in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    region: Option<&'static str>,
    /// None: whatever tax is published for the scope.
    tax: Option<&'static str>,
    scope: TaxScope,
    price_mode: TaxTreatment,
    /// What a valid VAT id makes of the tax.
    with_tax_id: Option<TaxTreatment>,
    sale_needs_tax_id: bool,
    documents: Vec<TaxDocumentKind>,
}

static RULES: LazyLock<BTreeMap<&'static str, Vec<Rule>>> = LazyLock::new(|| {
    let mut rules: BTreeMap<_, Vec<Rule>> = BTreeMap::new();
    for (country, rule) in TABLE.lines().skip(1).filter_map(read) {
        rules.entry(country).or_default().push(rule);
    }
    rules
});

/// Reads a row: country, region, tax, scope, price mode, effect of a tax id, whether sales need one, documents, lines of the source.
fn read(row: &'static str) -> Option<(&'static str, Rule)> {
    let fields: Vec<_> = row.split(',').collect();
    let &[country, region, tax, scope, price_mode, with_tax_id, sale_needs_tax_id, documents, _] = fields.as_slice()
    else {
        return None;
    };
    let named = |text: &'static str| if text.is_empty() { None } else { Some(text) };
    let scope = match scope {
        "all" => TaxScope::All,
        "digital" => TaxScope::Digital,
        "software" => TaxScope::Software,
        "reservation" => TaxScope::Reservation,
        "pstn" => TaxScope::Pstn,
        _ => return None,
    };
    let price_mode = match price_mode {
        "exclusive" => TaxTreatment::Exclusive,
        "inclusive" => TaxTreatment::Inclusive,
        _ => return None,
    };
    let with_tax_id = match with_tax_id {
        "none" => None,
        "reverse_charge" => Some(TaxTreatment::ReverseCharge),
        "exempt" => Some(TaxTreatment::Exempt),
        _ => return None,
    };
    let kind = |label: &str| TaxDocumentKind::ALL.into_iter().find(|kind| kind.label() == label);
    let documents = named(documents).map_or(Some(Vec::new()), |list| list.split(';').map(kind).collect())?;
    let sale_needs_tax_id = sale_needs_tax_id == "yes";
    let (region, tax) = (named(region), named(tax));
    Some((country, Rule { region, tax, scope, price_mode, with_tax_id, sale_needs_tax_id, documents }))
}

/// The rules of a country on a day: its own, and those of the union it is in.
fn of(country: &str, on: NaiveDate) -> impl Iterator<Item = &'static Rule> {
    let union = if vat_id::in_european_union(country, on) { EUROPEAN_UNION } else { "" };
    let own = RULES.get(country).into_iter().flatten();
    own.chain(RULES.get(union).into_iter().flatten())
}

fn of_tax<'a>(country: &'a str, tax: &'a str, on: NaiveDate) -> impl Iterator<Item = &'static Rule> + use<'a> {
    of(country, on).filter(move |rule| rule.tax.is_some_and(|name| name.eq_ignore_ascii_case(tax)))
}

/// Whether prices of that scope have tax in them there, if the country's rules say so for just that scope (L10883, L14265, L12706).
pub fn price_mode(country: &str, scope: TaxScope) -> Option<TaxTreatment> {
    RULES.get(country)?.iter().find(|rule| rule.scope == scope && rule.tax.is_none()).map(|rule| rule.price_mode)
}

/// What a valid VAT id makes of a tax: reverse charge within the European Union (L10671), none at all in South Africa and Turkey
/// (L10677, L10681). None where it changes nothing.
pub fn with_tax_id(country: &str, tax: &str, on: NaiveDate) -> Option<TaxTreatment> {
    of_tax(country, tax, on).find_map(|rule| rule.with_tax_id)
}

/// Whether a partner of the country sells nothing without a valid VAT id (L10671), where that tax is charged.
pub fn sale_needs_tax_id(country: &str, tax: &str, on: NaiveDate) -> bool {
    of_tax(country, tax, on).any(|rule| rule.sale_needs_tax_id)
}

/// The documents that exempt from a tax (L10665-10689). Where the table does not name the tax, an agreed support request (L10693).
pub fn documents(country: &str, region: Option<&str>, tax: &str, on: NaiveDate) -> &'static [TaxDocumentKind] {
    let here = |rule: &&Rule| rule.region.is_none() || rule.region == region;
    let elsewhere = || RULES.get(ELSEWHERE).and_then(|rules| rules.first());
    of_tax(country, tax, on).find(here).or_else(elsewhere).map_or(&[], |rule| &rule.documents)
}

/// Whether regions of the country have taxes of their own, so that an address there names its region by its code.
pub fn has_regions(country: &str) -> bool {
    matches!(country, "US" | "CA")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> NaiveDate {
        "2020-06-01".parse().unwrap()
    }

    #[test]
    fn every_row_is_read() {
        for row in TABLE.lines().skip(1) {
            assert!(read(row).is_some(), "not read: {row}");
        }
    }

    #[test]
    fn prices_that_have_tax_in_them() {
        let inclusive = |country, scope| price_mode(country, scope) == Some(TaxTreatment::Inclusive);
        assert!(inclusive("US", TaxScope::Pstn) && inclusive("PR", TaxScope::Pstn));
        assert!(inclusive("AU", TaxScope::Software) && inclusive("BR", TaxScope::Software));
        assert!(inclusive("BR", TaxScope::Reservation) && !inclusive("AU", TaxScope::Reservation));
        assert_eq!(price_mode("CA", TaxScope::Pstn), Some(TaxTreatment::Exclusive));
        assert_eq!(price_mode("DE", TaxScope::Pstn), None);
    }

    #[test]
    fn what_a_vat_id_does() {
        assert_eq!(with_tax_id("DE", "VAT", day()), Some(TaxTreatment::ReverseCharge));
        assert_eq!(with_tax_id("ZA", "vat", day()), Some(TaxTreatment::Exempt));
        assert_eq!(with_tax_id("TR", "VAT", day()), Some(TaxTreatment::Exempt));
        assert_eq!(with_tax_id("CH", "VAT", day()), None);
        assert!(sale_needs_tax_id("DE", "VAT", day()) && !sale_needs_tax_id("ZA", "VAT", day()));
        assert!(sale_needs_tax_id("GB", "VAT", "2020-12-31".parse().unwrap()));
        assert!(!sale_needs_tax_id("GB", "VAT", "2021-01-01".parse().unwrap()), "not a member any more");
    }

    #[test]
    fn which_documents_exempt() {
        let names = |country, region, tax| -> Vec<_> {
            documents(country, region, tax, day()).iter().map(|kind| kind.label()).collect()
        };
        assert_eq!(names("CA", Some("BC"), "BC PST"), ["bc_pst_number", "bc_certificate_of_exemption"]);
        assert_eq!(names("CA", None, "GST/HST/QST"), ["tax_advisor_document"]);
        assert_eq!(names("US", Some("WA"), "sales tax").len(), 3);
        assert!(names("DE", None, "VAT").is_empty(), "a VAT id does it there");
        assert_eq!(names("JP", None, "consumption tax"), ["support_request"]);
    }
}
