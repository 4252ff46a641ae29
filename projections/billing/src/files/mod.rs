//! Reconciliation files from the read model, a page of lines at a time: the file of a million lines needs no more memory than one page.

mod daily;

use std::collections::HashMap;

use subledger_domain::{
    charge::Charged,
    ids::{CustomerId, MeterId, OfferId, PartnerId, SubscriptionId},
    party::PartnerKind,
    usage::THIRD_PARTY_TAG,
};
use subledger_files::{FIRST_PARTY, Facts, ResellerOfRecord, Row, Sold, layout::Layout};
use subledger_fold::{
    Rows, StoreError,
    page::{PageRequest, QueryError},
};

use crate::{
    query::{Selection, list_selected},
    tables::{facts, usage},
};

pub use daily::daily_usage_part;

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// What follows the parts before it.
    pub bytes: Vec<u8>,
    /// Lines in it.
    pub lines: usize,
    /// Where the next part begins; none after the last.
    pub next: Option<String>,
}

/// The layout of a selection's file: without resellers for a direct partner. A partner that is not known yet counts as indirect, so that no
/// reseller is left out.
pub fn reconciliation_layout(rows: &dyn Rows, of: &Selection) -> Result<Layout, StoreError> {
    let partner = facts::partner(rows, &of.partner_id)?;
    let indirect = partner.is_none_or(|partner| partner.kind != PartnerKind::DirectBill);
    Ok(Layout::of(of.family, indirect))
}

/// One part of a reconciliation file: a page of lines, with the header before the first.
pub fn reconciliation_part(
    rows: &dyn Rows,
    of: &Selection,
    layout: &Layout,
    page: PageRequest<'_>,
) -> Result<FilePart, QueryError> {
    let mut bytes = Vec::new();
    if page.token.is_empty() {
        layout.write_header(&mut bytes);
    }
    let page = list_selected(rows, of, page)?;
    let mut known = Known::new(rows);
    for charge in &page.items {
        let facts = known.facts(&charge.line)?;
        let row = Row { line: &charge.line, invoice_number: charge.invoice_number.as_ref(), facts: &facts };
        row.write(layout, &mut bytes);
    }
    Ok(FilePart { bytes, lines: page.items.len(), next: page.next })
}

/// A partner as documents name it; none if it is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerProfile {
    /// Its name.
    pub name: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Its number in the partner network; may be empty.
    pub mpn_id: String,
}

/// A partner as documents name it.
pub fn partner_profile(rows: &dyn Rows, partner: &PartnerId) -> Result<Option<PartnerProfile>, StoreError> {
    let found = facts::partner(rows, partner)?;
    Ok(found.map(|facts::PartnerFacts { name, country, mpn_id, .. }| PartnerProfile { name, country, mpn_id }))
}

/// A customer's legal name; empty if it is not known yet.
pub fn customer_name(rows: &dyn Rows, customer: &CustomerId) -> Result<String, StoreError> {
    Ok(facts::customer(rows, customer)?.unwrap_or_default().company_name)
}

/// Looks each partner, customer and subscription up once for a page.
struct Known<'a> {
    rows: &'a dyn Rows,
    /// Names and partner network numbers.
    partners: HashMap<PartnerId, (String, String)>,
    offers: HashMap<OfferId, Option<Sold>>,
    meters: HashMap<MeterId, Option<Sold>>,
    customers: HashMap<CustomerId, facts::CustomerFacts>,
    subscriptions: HashMap<(CustomerId, SubscriptionId), Option<facts::SubscriptionFacts>>,
}

impl<'a> Known<'a> {
    fn new(rows: &'a dyn Rows) -> Self {
        Self {
            rows,
            partners: HashMap::new(),
            offers: HashMap::new(),
            meters: HashMap::new(),
            customers: HashMap::new(),
            subscriptions: HashMap::new(),
        }
    }

    fn facts(&mut self, line: &Charged) -> Result<Facts, StoreError> {
        let (partner_name, mpn_id) = self.partner(&line.partner_id)?;
        let reseller = match &line.reseller_id {
            None => ResellerOfRecord::OwnSale,
            Some(reseller) => match self.number(reseller)? {
                number if number.is_empty() => ResellerOfRecord::WithoutId,
                number => ResellerOfRecord::Reseller(number),
            },
        };
        let customer = self.customer(&line.customer_id)?;
        let subscription = self.subscription(line)?;
        let term = facts::term(self.rows, &line.customer_id, &line.subscription_id, line.charge_start)?;
        Ok(Facts {
            partner_name,
            sold: self.sold(line)?,
            mpn_id,
            reseller,
            customer_name: customer.company_name,
            customer_domain: customer.domain_name,
            customer_country: customer.country,
            subscription_start: subscription.as_ref().map(|subscription| subscription.start),
            subscription_name: subscription.and_then(|subscription| subscription.friendly_name),
            subscription_end: term.map(|term| term.end),
        })
    }

    fn number(&mut self, partner: &PartnerId) -> Result<String, StoreError> {
        Ok(self.partner(partner)?.1)
    }

    fn partner(&mut self, partner: &PartnerId) -> Result<(String, String), StoreError> {
        if let Some(known) = self.partners.get(partner) {
            return Ok(known.clone());
        }
        let found = facts::partner(self.rows, partner)?;
        let found = found.map(|partner| (partner.name, partner.mpn_id)).unwrap_or_default();
        self.partners.insert(partner.clone(), found.clone());
        Ok(found)
    }

    /// The meter of a line of usage, else the offer.
    fn sold(&mut self, line: &Charged) -> Result<Option<Sold>, StoreError> {
        let Some(charge) = &line.usage else { return self.offer(&line.offer_id) };
        if let Some(known) = self.meters.get(&charge.meter_id) {
            return Ok(known.clone());
        }
        let found = usage::meter(self.rows, &charge.meter_id)?.map(|meter| Sold {
            product_id: meter.product_id,
            sku_id: meter.sku_id,
            sku_name: meter.sku_name,
            availability_id: meter.availability_id,
            product_name: meter.product_name,
            publisher_name: match meter.publisher_name {
                name if name.is_empty() && !meter.tags.contains(THIRD_PARTY_TAG) => FIRST_PARTY.to_owned(),
                name => name,
            },
            term_months: 0,
        });
        self.meters.insert(charge.meter_id.clone(), found.clone());
        Ok(found)
    }

    fn offer(&mut self, id: &OfferId) -> Result<Option<Sold>, StoreError> {
        if let Some(known) = self.offers.get(id) {
            return Ok(known.clone());
        }
        let found = facts::offer(self.rows, id)?.map(|offer| Sold {
            product_id: offer.product_id,
            publisher_name: offer.publisher_name.unwrap_or_else(|| FIRST_PARTY.to_owned()),
            term_months: offer.term_months,
            ..Sold::default()
        });
        self.offers.insert(id.clone(), found.clone());
        Ok(found)
    }

    fn customer(&mut self, customer: &CustomerId) -> Result<facts::CustomerFacts, StoreError> {
        if let Some(known) = self.customers.get(customer) {
            return Ok(known.clone());
        }
        let row = facts::customer(self.rows, customer)?.unwrap_or_default();
        self.customers.insert(customer.clone(), row.clone());
        Ok(row)
    }

    fn subscription(&mut self, line: &Charged) -> Result<Option<facts::SubscriptionFacts>, StoreError> {
        let key = (line.customer_id.clone(), line.subscription_id.clone());
        if let Some(known) = self.subscriptions.get(&key) {
            return Ok(known.clone());
        }
        let row = facts::subscription(self.rows, &line.customer_id, &line.subscription_id)?;
        self.subscriptions.insert(key, row.clone());
        Ok(row)
    }
}
