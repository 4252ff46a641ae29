//! Which fields hold personal values, and how they are taken out of a stored commit and put back.
//!
//! Country, market, language, dates and ids are not personal here: decisions rest on them. What a subscription is called and its purchase
//! order are the partner's words for a product, and stand on invoices whose digest must not change.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    mem::{Discriminant, discriminant},
    sync::LazyLock,
};

use prost::{Message as _, encoding::WireType};
use subledger_domain::personal::{ERASED, SEALED, is_withheld};
use subledger_proto::log::{self as pb, event::Body};

use super::wire::{Field, Visit, parts, rewritten, tags};

/// What a customer changes of itself.
const PROFILE: &[&str] = &[
    "company_name",
    "bill_to_name",
    "address.line1",
    "address.city",
    "address.state",
    "address.postal_code",
    "contact.first_name",
    "contact.last_name",
    "contact.email",
    "contact.phone",
];
/// Who signed.
const SIGNATORY: &[&str] = &["signatory.first_name", "signatory.last_name", "signatory.email", "signatory.phone"];
/// A user.
const USER: &[&str] = &["display_name", "first_name", "last_name", "email"];
/// Both contacts of a transfer's form.
const TRANSFER_CONTACTS: &[&str] = &[
    "current_contact.first_name",
    "current_contact.last_name",
    "current_contact.email",
    "current_contact.phone",
    "new_contact.first_name",
    "new_contact.last_name",
    "new_contact.email",
    "new_contact.phone",
];
/// What an association's form says of people.
const ASSOCIATION: &[&str] = &[
    "details.domain_name",
    "details.comments",
    "details.revenue.customer_name",
    "details.customer_contact.name",
    "details.customer_contact.title",
    "details.customer_contact.email",
    "details.technical_contact.name",
    "details.technical_contact.title",
    "details.technical_contact.email",
    "details.partner_contact.name",
    "details.partner_contact.title",
    "details.partner_contact.email",
];

/// Kind of command, as the oneof of `subledger.v1.Command` names it, and its fields.
pub const COMMANDS: &[(&str, &[&str])] = &[
    (
        "create_customer",
        &[
            "company_name",
            "domain_prefix",
            "address.line1",
            "address.city",
            "address.state",
            "address.postal_code",
            "contact.first_name",
            "contact.last_name",
            "contact.email",
            "contact.phone",
        ],
    ),
    ("update_customer", PROFILE),
    ("accept_agreement", SIGNATORY),
    ("request_qualification", &["email"]),
    ("decide_qualification", &["note"]),
    ("tag_customer", &["tags"]),
    ("create_user", USER),
    ("ask_sla_claimant", &["question"]),
    ("answer_sla_claim", &["answer"]),
    ("refuse_sla_claim", &["comments"]),
    ("submit_transfer_form", TRANSFER_CONTACTS),
    ("draft_association", ASSOCIATION),
    // Has no value of its own; its refusal says what the draft has.
    ("submit_association", &[]),
    ("ask_about_association", &["question"]),
    ("answer_about_association", &["answer"]),
    ("dispute_earned_credit", &["evidence"]),
    ("decide_earned_credit_dispute", &["note"]),
];

/// Kind of event, as the oneof of `subledger.log.v1.Event` names it, and its fields.
pub const EVENTS: &[(&str, &[&str])] = &[
    (
        "customer_created",
        &[
            "company_name",
            "domain_name",
            "address.line1",
            "address.city",
            "address.state",
            "address.postal_code",
            "contact.first_name",
            "contact.last_name",
            "contact.email",
            "contact.phone",
        ],
    ),
    ("customer_updated", PROFILE),
    ("agreement_accepted", SIGNATORY),
    ("qualification_requested", &["email"]),
    ("qualification_decided", &["note"]),
    ("customer_tagged", &["tags"]),
    ("user_created", USER),
    ("sla_claimant_asked", &["question"]),
    ("sla_claim_answered", &["answer"]),
    ("sla_claim_refused", &["comments"]),
    ("transfer_form_submitted", TRANSFER_CONTACTS),
    ("association_drafted", ASSOCIATION),
    ("association_submitted", ASSOCIATION),
    ("association_information_requested", &["question"]),
    ("association_information_provided", &["answer"]),
    ("earned_credit_disputed", &["evidence"]),
    ("earned_credit_dispute_decided", &["note"]),
];

/// Facts of a refusal that are not personal: they name a field or count.
const PLAIN_FACTS: &[&str] = &["field", "expected", "found", "maximum", "length", "recorded_at"];

/// Number of `sealed` in `subledger.log.v1.Commit`.
const SEALED_FIELD: u32 = 17;
/// Number of `events`.
const EVENTS_FIELD: u32 = 14;
/// Number of `customer_erased` in `subledger.log.v1.Event`.
const CUSTOMER_ERASED: u32 = 500;

/// A message with personal fields of its kinds.
struct Table {
    kinds: BTreeMap<u32, Field>,
}

impl Table {
    fn new(message: &str, kinds: &'static [(&'static str, &'static [&'static str])]) -> Self {
        let message = subledger_proto::POOL
            .get_message_by_name(message)
            .unwrap_or_else(|| unreachable!("{message} is compiled in"));
        let kinds = kinds.iter().filter_map(|&(name, paths)| Field::of(&message, name, paths));
        Self { kinds: kinds.map(|field| (field.number, field)).collect() }
    }

    /// The personal kind of an encoded message; none if it has no personal field.
    fn kind(&self, bytes: &[u8]) -> Option<&Field> {
        tags(bytes).find_map(|tag| self.kinds.get(&tag))
    }

    /// Visits the personal values of an encoded message; its new bytes, if it has any. Every other byte stays as it is.
    fn visit(&self, bytes: &[u8], at: &str, visit: Visit<'_>) -> Option<Vec<u8>> {
        rewritten(bytes, std::slice::from_ref(self.kind(bytes)?), at, visit)
    }
}

static COMMAND: LazyLock<Table> = LazyLock::new(|| Table::new("subledger.v1.Command", COMMANDS));
static EVENT: LazyLock<Table> = LazyLock::new(|| Table::new("subledger.log.v1.Event", EVENTS));

/// Whether anything is sealed in a stored commit. Decodes nothing.
pub(crate) fn is_sealed(commit: &[u8]) -> bool {
    tags(commit).any(|tag| tag == SEALED_FIELD)
}

/// Whether a stored commit erases who its customer is. Decodes nothing.
pub(crate) fn erases(commit: &[u8]) -> bool {
    parts(commit).any(|(tag, event)| tag == EVENTS_FIELD && tags(event).next() == Some(CUSTOMER_ERASED))
}

/// Visits every personal value of a commit of a customer. The commit stays the same but for them.
fn each(commit: &mut pb::Commit, visit: Visit<'_>) {
    if let Some(command) = COMMAND.visit(&commit.command, "command", visit) {
        commit.command = command.into();
        if let Some(rejection) = &mut commit.rejection {
            visit("rejection.message", &mut rejection.message);
            let facts: BTreeMap<_, _> = rejection.metadata.iter_mut().collect();
            for (fact, value) in facts.into_iter().filter(|(fact, _)| !PLAIN_FACTS.contains(&fact.as_str())) {
                visit(&format!("rejection.{fact}"), value);
            }
        }
    }
    for (number, event) in commit.events.iter_mut().enumerate() {
        if !is_personal(event) {
            continue;
        }
        let visited = EVENT.visit(&event.encode_to_vec(), &format!("event.{number}"), visit);
        if let Some(read) = visited.and_then(|bytes| pb::Event::decode(bytes.as_slice()).ok()) {
            *event = read;
        }
    }
}

/// The kinds of [`EVENTS`], as what is decoded tells them apart.
static PERSONAL_KINDS: LazyLock<HashSet<Discriminant<Body>>> = LazyLock::new(|| {
    let empty = |&number: &u32| {
        let mut bytes = Vec::new();
        prost::encoding::encode_key(number, WireType::LengthDelimited, &mut bytes);
        bytes.push(0);
        pb::Event::decode(bytes.as_slice()).ok()?.body.map(|body| discriminant(&body))
    };
    EVENT.kinds.keys().filter_map(empty).collect()
});

/// Whether an event may have a personal value; asked of every event that is stored, so it looks at nothing but the kind.
pub(super) fn is_personal(event: &pb::Event) -> bool {
    event.body.as_ref().is_some_and(|body| PERSONAL_KINDS.contains(&discriminant(body)))
}

/// Takes the personal values out of a commit, leaving [`SEALED`] in their places.
pub(super) fn take(commit: &mut pb::Commit) -> pb::PersonalValues {
    let mut values = Vec::new();
    each(commit, &mut |at, text| {
        values.push(pb::PersonalValue { at: at.to_owned(), value: std::mem::replace(text, SEALED.to_owned()) });
    });
    pb::PersonalValues { values }
}

/// Whether there are any.
pub(super) fn any(commit: &mut pb::Commit) -> bool {
    let mut found = false;
    each(commit, &mut |_, _| found = true);
    found
}

/// Puts them back.
pub(super) fn fill(commit: &mut pb::Commit, values: pb::PersonalValues) {
    let mut values: BTreeMap<_, _> = values.values.into_iter().map(|value| (value.at, value.value)).collect();
    each(commit, &mut |at, text| {
        if let Some(value) = values.remove(at) {
            *text = value;
        }
    });
}

/// Says that they were erased.
pub(super) fn erase(commit: &mut pb::Commit) {
    each(commit, &mut |_, text| ERASED.clone_into(text));
}

/// Whether a command of a personal kind has a value withheld: nobody may send such a text, and a stored one cannot be opened.
pub fn withheld(command: &[u8]) -> Option<String> {
    let mut found = None;
    COMMAND.visit(command, "command", &mut |at, text| {
        if is_withheld(text) {
            found.get_or_insert_with(|| at.rsplit_once('.').map_or(at, |(_, field)| field).to_owned());
        }
    });
    found
}

/// Whether a command is of a kind that has personal values.
pub fn is_personal_command(command: &[u8]) -> bool {
    COMMAND.kind(command).is_some()
}

/// The command with its personal values erased, if it is of a kind that has any.
pub fn erased_command(command: &[u8]) -> Option<Vec<u8>> {
    COMMAND.visit(command, "command", &mut |_, text| ERASED.clone_into(text))
}

/// Whether a field, as a refusal names it, is one of a personal kind's personal fields.
pub fn is_personal_field(field: &str) -> bool {
    let field = field.split('[').next().unwrap_or(field);
    COMMANDS.iter().flat_map(|(_, fields)| *fields).any(|known| *known == field)
}

/// Names of events, as [`subledger_domain::Event::name`] has them, that may have a personal value.
static EVENT_NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| EVENTS.iter().map(|(kind, _)| camel(kind)).collect());

/// `CustomerCreated` of `customer_created`.
fn camel(kind: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    };
    kind.split('_').map(word).collect()
}

/// Whether an event of that name may have a personal value.
pub(crate) fn is_personal_event(name: &str) -> bool {
    EVENT_NAMES.contains(name)
}

/// Whether a value of the events is withheld.
pub(crate) fn any_withheld(events: &[pb::Event]) -> bool {
    let mut found = false;
    for event in events.iter().filter(|event| is_personal(event)) {
        EVENT.visit(&event.encode_to_vec(), "event", &mut |_, text| found |= is_withheld(text));
    }
    found
}

/// The events with [`SEALED`] in the place of every personal value.
pub(crate) fn mask(events: &mut [pb::Event]) {
    for event in events.iter_mut().filter(|event| is_personal(event)) {
        let masked = EVENT.visit(&event.encode_to_vec(), "event", &mut |_, text| SEALED.clone_into(text));
        if let Some(read) = masked.and_then(|bytes| pb::Event::decode(bytes.as_slice()).ok()) {
            *event = read;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind that were stored in plain although the table names it would be there for ever.
    #[test]
    fn an_event_is_personal_if_the_table_names_it() {
        let mut personal = 0;
        let event = subledger_proto::POOL.get_message_by_name("subledger.log.v1.Event").unwrap();
        for kind in event.fields() {
            let mut bytes = Vec::new();
            prost::encoding::encode_key(kind.number(), WireType::LengthDelimited, &mut bytes);
            bytes.push(0);
            let event = pb::Event::decode(bytes.as_slice()).unwrap();
            let named = EVENTS.iter().any(|(name, _)| *name == kind.name());
            assert_eq!(is_personal(&event), named, "{}", kind.name());
            personal += usize::from(named);
        }
        assert_eq!(personal, EVENTS.len());
        assert!(!is_personal(&pb::Event::default()));
    }
}
