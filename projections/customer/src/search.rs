//! Finding customers: by any id, by the beginning of a name or domain, and by names that are spelled like it.
//!
//! Two names are alike by the trigrams they share: those of their words, each with two spaces before and one behind, shared ones
//! over all of both, in thousandths. What is less alike than [`ALIKE_MIN`] is not found.

use std::collections::{BTreeMap, BTreeSet};

use subledger_fold::{
    Rows, StoreError,
    page::{PageRequest, QueryError},
};

use crate::{
    query,
    rows::{Customer, RelationshipState},
    tables::{
        ids,
        names::{self, Listed, Name, searchable},
        trigrams,
    },
};

/// Hits of one search at most.
pub const HITS_MAX: usize = 100;
/// The least likeness of a hit, in thousandths.
pub const ALIKE_MIN: u32 = 300;
/// Rows of the trigram index that one search reads at most; it then says that it is not complete.
pub const ROWS_READ_MAX: usize = 200_000;

/// How a customer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// By an id, or a tag.
    Id(&'static str),
    /// By the beginning of its name or domain.
    Prefix,
    /// By a name that is like it.
    Alike,
}

impl Match {
    /// As the API shows it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Id(kind) => kind,
            Self::Prefix => "prefix",
            Self::Alike => "alike",
        }
    }
}

/// A customer that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which.
    pub customer: Customer,
    /// How.
    pub by: Match,
    /// How alike the names are, in thousandths; 1000 but for [`Match::Alike`].
    pub alike: u32,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Ids first, then beginnings by name, then the most alike.
    pub hits: Vec<Hit>,
    /// Whether everything was looked at.
    pub complete: bool,
}

/// Three characters each, of the words of a name.
pub fn trigrams_of(name: &str) -> BTreeSet<String> {
    let name = searchable(name);
    let words = name.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut trigrams = BTreeSet::new();
    for word in words {
        let padded: Vec<char> = "  ".chars().chain(word.chars()).chain([' ']).collect();
        trigrams.extend(padded.windows(3).map(|three| three.iter().collect::<String>()));
    }
    trigrams
}

/// What it costs that a customer can be found by its names and its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexCost {
    /// Rows, all of them empty.
    pub rows: u64,
    /// Bytes of their keys.
    pub key_bytes: u64,
}

/// What a customer with these names costs, with one partner that has a relationship with it. Each of its orders and subscriptions has
/// one row more.
pub fn index_cost(customer: &str, company: &str, domain: &str, partner: &str) -> IndexCost {
    let both = [(Name::Company, searchable(company)), (Name::Domain, searchable(domain))];
    let listed = [Listed::Now, Listed::Ever].into_iter().flat_map(|listed| ["", partner].map(|of| (listed, of)));
    let names = listed
        .flat_map(|(listed, of)| both.iter().map(move |(name, text)| names::key(listed, of, *name, text, customer)));
    let trigrams = trigrams_of(company).into_iter().map(|trigram| trigrams::key(&trigram, customer));
    let id = ids::key(&searchable(customer), ids::IdKind::Customer, "", customer);
    names.chain(trigrams).chain([id]).fold(IndexCost::default(), |cost, key| IndexCost {
        rows: cost.rows + 1,
        key_bytes: cost.key_bytes + key.len() as u64,
    })
}

/// How alike two sets of trigrams are, in thousandths.
pub fn alike(one: &BTreeSet<String>, other: &BTreeSet<String>) -> u32 {
    let shared = one.intersection(other).count();
    let all = one.len() + other.len() - shared;
    (shared * 1000).checked_div(all).map_or(0, |alike| u32::try_from(alike).unwrap_or(1000))
}

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// An id, a tag, or a part of a name or domain.
    pub text: &'a str,
    /// Hits at most.
    pub most: usize,
    /// Whether names that are spelled like it count too; without, only ids and beginnings are read.
    pub alike: bool,
}

/// Searches; with a partner, among the customers that have an active relationship with it.
pub fn search(rows: &dyn Rows, partner_id: Option<&str>, wanted: Wanted<'_>) -> Result<Found, QueryError> {
    let Wanted { text, most, alike } = wanted;
    let most = most.clamp(1, HITS_MAX);
    let wanted = searchable(text.trim());
    if wanted.is_empty() {
        return Ok(Found { hits: Vec::new(), complete: true });
    }
    let mut hits: Vec<Hit> = Vec::new();
    by_id(rows, partner_id, &wanted, most, &mut hits)?;
    let mut token = String::new();
    while hits.len() < most {
        let request = PageRequest { size: most, token: &token };
        let page = query::list_customers(rows, partner_id, &wanted, request)?;
        for customer in page.items {
            add(&mut hits, Hit { customer, by: Match::Prefix, alike: 1000 });
        }
        match page.next {
            Some(next) => token = next,
            None => break,
        }
    }
    let mut complete = true;
    if alike && hits.len() < most {
        complete = by_likeness(rows, partner_id, &wanted, &mut hits)?;
    }
    hits.truncate(most);
    Ok(Found { hits, complete })
}

fn add(hits: &mut Vec<Hit>, hit: Hit) {
    if !hits.iter().any(|known| known.customer.customer_id == hit.customer.customer_id) {
        hits.push(hit);
    }
}

fn related(customer: &Customer, partner_id: Option<&str>) -> bool {
    partner_id.is_none_or(|partner_id| {
        customer
            .relationships
            .iter()
            .any(|known| known.partner_id.as_str() == partner_id && known.state == RelationshipState::Active)
    })
}

fn by_id(
    rows: &dyn Rows,
    partner_id: Option<&str>,
    wanted: &str,
    most: usize,
    hits: &mut Vec<Hit>,
) -> Result<(), StoreError> {
    let mut found = Vec::new();
    rows.scan(&ids::prefix(wanted), &[], false, &mut |key, _| {
        let (kind, of, customer_id) = ids::parse(key)?;
        // A tag is its partner's own: others do not find by it.
        if of.is_empty() || partner_id.is_none_or(|partner_id| partner_id == of) {
            found.push((kind, customer_id.to_owned()));
        }
        Ok(found.len() < most)
    })?;
    for (kind, customer_id) in found {
        let customer = query::get_customer(rows, &customer_id)?;
        if let Some(customer) = customer.filter(|customer| related(customer, partner_id)) {
            add(hits, Hit { customer, by: Match::Id(kind.label()), alike: 1000 });
        }
    }
    Ok(())
}

/// Adds the customers with names like it, the most alike first. False if the index was not read to the end.
fn by_likeness(
    rows: &dyn Rows,
    partner_id: Option<&str>,
    wanted: &str,
    hits: &mut Vec<Hit>,
) -> Result<bool, StoreError> {
    let trigrams = trigrams_of(wanted);
    let (mut shared, mut left): (BTreeMap<String, usize>, usize) = (BTreeMap::new(), ROWS_READ_MAX);
    for trigram in &trigrams {
        rows.scan(&trigrams::prefix(trigram), &[], false, &mut |key, _| {
            left = left.saturating_sub(1);
            *shared.entry(trigrams::parse(key)?.to_owned()).or_default() += 1;
            Ok(left > 0)
        })?;
    }
    let mut alikes = Vec::new();
    for (customer_id, count) in shared {
        // Shared ones over those asked for is the most that the likeness can be.
        if count * 1000 < trigrams.len() * usize::try_from(ALIKE_MIN).unwrap_or(usize::MAX) {
            continue;
        }
        let Some(customer) = query::get_customer(rows, &customer_id)? else { continue };
        let alike = alike(&trigrams, &trigrams_of(customer.listed_name()));
        if alike >= ALIKE_MIN && related(&customer, partner_id) {
            alikes.push(Hit { customer, by: Match::Alike, alike });
        }
    }
    alikes.sort_by(|one, other| {
        let key = |hit: &Hit| {
            (std::cmp::Reverse(hit.alike), searchable(hit.customer.listed_name()), hit.customer.customer_id.clone())
        };
        key(one).cmp(&key(other))
    });
    alikes.into_iter().for_each(|hit| add(hits, hit));
    Ok(left > 0)
}
