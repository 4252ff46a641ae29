//! Who may sell to whom, and who may work with whom (reports page sections 2.14 and 2.15, program page C07): a table, the first row
//! that matches decides.

use std::sync::LazyLock;

use crate::Reason;

/// `action,seller,buyer,bond,market,outcome,reason,accepted,source_lines`.
const TABLE: &str = include_str!("../../data/transactions.csv");

macro_rules! cells {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As the table spells it.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            fn read(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    )*};
}

cells! {
    /// What is to happen.
    Deal {
        /// Something is sold that was not sold before.
        Sell = "sell",
        /// A provider and a reseller become partners.
        PartnerUp = "partner_up",
    }
    /// Who sells, or invites.
    Seller {
        /// A direct bill partner.
        Direct = "direct",
        /// A provider by itself.
        Provider = "provider",
        /// A provider through a reseller.
        ProviderWithReseller = "provider_with_reseller",
        /// A reseller by itself.
        Reseller = "reseller",
    }
    /// Who buys, or is invited.
    Buyer {
        /// An end customer of nobody else.
        Customer = "customer",
        /// An end customer that other partners or channels sell to as well (multi-partner, multi-channel).
        CustomerOfOthers = "customer_of_others",
        /// An end customer that the seller, a direct bill partner too, acquired as a reseller.
        ResellerCustomer = "reseller_customer",
        /// A tenant in which a partner is an end customer.
        OwnUse = "own_use",
        /// A company that belongs with a partner.
        Affiliate = "affiliate",
        /// The tenant in which a partner sells.
        CspTenant = "csp_tenant",
        /// A reseller, or a direct bill partner that enrolled as one.
        Reseller = "reseller",
        /// Any other partner.
        Partner = "partner",
    }
    /// How the seller stands to the partner behind the buyer.
    Bond {
        /// It, or its reseller, is that partner.
        Oneself = "self",
        /// It, or its reseller, is of the same company.
        Company = "company",
        /// It is the provider of that partner.
        Partnered = "partnered",
        /// There is no bond, or no such partner.
        None = "none",
    }
    /// Whether seller and buyer are in one market.
    Market {
        /// They are.
        Same = "same",
        /// They are not.
        Other = "other",
    }
}

/// What is asked: one cell of each column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// What is to happen.
    pub deal: Deal,
    /// Who sells.
    pub seller: Seller,
    /// Who buys.
    pub buyer: Buyer,
    /// How they stand to each other.
    pub bond: Bond,
    /// Where they are.
    pub market: Market,
}

/// Why a transaction is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stable reason.
    pub reason: Reason,
    /// What would be accepted.
    pub accepted: &'static str,
    /// Lines of the source.
    pub source_lines: &'static str,
}

/// A row; a cell without a value takes any.
struct Row {
    deal: Deal,
    seller: Option<Seller>,
    buyer: Option<Buyer>,
    bond: Option<Bond>,
    market: Option<Market>,
    refusal: Option<Refusal>,
}

impl Row {
    fn matches(&self, asked: Question) -> bool {
        self.deal == asked.deal
            && self.seller.is_none_or(|seller| seller == asked.seller)
            && self.buyer.is_none_or(|buyer| buyer == asked.buyer)
            && self.bond.is_none_or(|bond| bond == asked.bond)
            && self.market.is_none_or(|market| market == asked.market)
    }
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(row).collect());

/// `any` is the inner none; what cannot be read makes the whole row none.
#[allow(clippy::option_option, reason = "unreadable, any, one: three answers of a cell")]
fn cell<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text == "any" { Some(None) } else { read(text).map(Some) }
}

fn row(text: &'static str) -> Option<Row> {
    let cells: Vec<_> = text.split(',').collect();
    let [deal, seller, buyer, bond, market, outcome, reason, accepted, source_lines] = cells.try_into().ok()?;
    let refusal = match (outcome, reason) {
        ("allow", "") => None,
        ("refuse", code) => Some(Refusal { reason: Reason::from_code(code)?, accepted, source_lines }),
        _ => return None,
    };
    Some(Row {
        deal: Deal::read(deal)?,
        seller: cell(seller, Seller::read)?,
        buyer: cell(buyer, Buyer::read)?,
        bond: cell(bond, Bond::read)?,
        market: cell(market, Market::read)?,
        refusal,
    })
}

/// Whether the transaction is allowed. What no row speaks of is refused: nobody said that it may be.
pub fn check(asked: Question) -> Result<(), Refusal> {
    let unknown =
        Refusal { reason: Reason::TransactionNotAllowed, accepted: "what the table allows", source_lines: "" };
    ROWS.iter().find(|row| row.matches(asked)).map_or(Err(unknown), |row| row.refusal.map_or(Ok(()), Err))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions() -> impl Iterator<Item = Question> {
        Deal::ALL.iter().flat_map(|&deal| {
            Seller::ALL.iter().flat_map(move |&seller| {
                Buyer::ALL.iter().flat_map(move |&buyer| {
                    Bond::ALL.iter().flat_map(move |&bond| {
                        Market::ALL.iter().map(move |&market| Question { deal, seller, buyer, bond, market })
                    })
                })
            })
        })
    }

    #[test]
    fn every_row_is_read_and_decides_something() {
        assert_eq!(ROWS.len(), TABLE.lines().count() - 1);
        for (number, row) in ROWS.iter().enumerate() {
            let first = |asked: &Question| ROWS.iter().position(|row| row.matches(*asked)) == Some(number);
            assert!(questions().any(|asked| first(&asked)), "row {} is behind others", number + 1);
            assert!(row.refusal.is_none_or(|refusal| !refusal.accepted.is_empty()), "row {}", number + 1);
        }
    }

    /// A sale to a partner, and a partnership with a customer, are nothing that anybody can ask for.
    #[test]
    fn every_question_that_can_be_asked_has_a_row() {
        for asked in questions() {
            let partner = matches!(asked.buyer, Buyer::Reseller | Buyer::Partner);
            let possible = partner == (asked.deal == Deal::PartnerUp);
            let known = ROWS.iter().any(|row| row.matches(asked));
            assert!(known || !possible || asked.market == Market::Other, "{asked:?}");
        }
    }

    /// The scenarios as section 2.15 prints them.
    #[test]
    fn the_printed_scenarios_hold() {
        let ask = |deal, seller, buyer, bond, market| {
            check(Question { deal, seller, buyer, bond, market }).map_err(|refusal| refusal.reason.code())
        };
        let sell = |seller, buyer, bond| ask(Deal::Sell, seller, buyer, bond, Market::Same);
        assert_eq!(sell(Seller::Direct, Buyer::Customer, Bond::None), Ok(()));
        assert_eq!(sell(Seller::ProviderWithReseller, Buyer::Customer, Bond::None), Ok(()));
        assert_eq!(sell(Seller::Direct, Buyer::CustomerOfOthers, Bond::None), Ok(()));
        assert_eq!(sell(Seller::Direct, Buyer::CspTenant, Bond::None), Err("CSP_PARTNER_RESALE"));
        assert_eq!(sell(Seller::Direct, Buyer::OwnUse, Bond::None), Ok(()));
        assert_eq!(sell(Seller::ProviderWithReseller, Buyer::OwnUse, Bond::None), Ok(()));
        assert_eq!(sell(Seller::Direct, Buyer::OwnUse, Bond::Oneself), Err("SELF_SALE"));
        assert_eq!(sell(Seller::Direct, Buyer::Affiliate, Bond::Company), Err("AFFILIATE_SALE"));
        assert_eq!(sell(Seller::ProviderWithReseller, Buyer::OwnUse, Bond::Partnered), Err("OWN_PROVIDER_SALE"));
        assert_eq!(sell(Seller::Direct, Buyer::ResellerCustomer, Bond::None), Err("CUSTOMER_IS_RESELLER_CUSTOMER"));
        let abroad = |deal, seller, buyer| ask(deal, seller, buyer, Bond::None, Market::Other);
        assert_eq!(abroad(Deal::Sell, Seller::Direct, Buyer::Customer), Err("MARKET_NOT_ALLOWED"));
        assert_eq!(abroad(Deal::PartnerUp, Seller::Provider, Buyer::Reseller), Err("MARKET_NOT_ALLOWED"));
    }
}
