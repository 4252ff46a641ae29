//! Sealing and opening, what is personal, and keys that are torn, rotated, destroyed, missing.

use std::{collections::BTreeSet, fs, path::Path};

use bytes::Bytes;
use chrono::DateTime;
use prost::Message as _;
use prost_reflect::{Kind, MessageDescriptor};
use subledger_domain::{Event, Reason, Rejection};
use subledger_proto::{POOL, api};

use super::{
    ERASED, KeyError, KeyStore, Keys, Master, MasterKey, NoKeys, OpenKeys, SEALED,
    fields::{self, COMMANDS, EVENTS},
};
use crate::{
    Actor, Body, Commit, Family, LedgerId, PartitionId, Position,
    codec::{self, DecodeError, PersonalValues, Wire as _, examples},
};

const CUSTOMERS: PartitionId = PartitionId { family: Family::Customers, index: 3 };
const LEDGER: LedgerId = LedgerId(uuid::Uuid::from_u128(7));

fn keys_in(dir: &Path) -> KeyStore {
    let (dir, master) = (dir.to_owned(), Master::File(dir.join("master.key")));
    KeyStore::open_or_create(OpenKeys { dir, master, ledger: LEDGER }).unwrap()
}

fn commit(command: Bytes, body: Body) -> Commit {
    let at = DateTime::from_timestamp(1_515_801_600, 0).unwrap();
    Commit {
        position: Position { partition: CUSTOMERS, seq: 41 },
        epoch: 5,
        command_id: "cmd-1".into(),
        command,
        stream: "fabrikam".into(),
        stream_version_before: 9,
        decided_against: Vec::new(),
        recorded_at: at,
        effective_at: at,
        actor: Actor { principal: "ada".into(), channel: "grpc".into() },
        body,
        previous_root: None,
        source: None,
    }
}

fn bytes_of(command: subledger_domain::Command) -> Bytes {
    let command_id = subledger_domain::ids::CommandId::new("cmd-1").unwrap();
    let envelope = codec::Envelope { command_id, effective_at: None, expected_version: None, command };
    let wire: api::Command = envelope.to_wire();
    wire.encode_to_vec().into()
}

/// A commit of every kind: each command with a refusal that says its values, and each event.
fn commits() -> Vec<Commit> {
    let refused = |command| {
        let rejection = Rejection::field(Reason::InvalidValue, "email", "ada@contoso.example is known")
            .with("domain", "contoso.example");
        commit(bytes_of(command), Body::Rejected(rejection))
    };
    let accepted = |event| commit(Bytes::new(), Body::Accepted(vec![event]));
    examples::commands().into_iter().map(refused).chain(examples::events().into_iter().map(accepted)).collect()
}

fn sealed(commit: &Commit, keys: &dyn Keys) -> Bytes {
    let bytes = codec::seal(commit, keys).unwrap().0;
    keys.persist(CUSTOMERS).unwrap();
    bytes.into()
}

/// What is sealed in stored bytes. The facts of a refusal have no order, so whole records cannot be compared.
fn values(bytes: &Bytes) -> Option<subledger_proto::log::SealedValues> {
    subledger_proto::log::Commit::decode(bytes.as_ref()).unwrap().sealed
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn every_commit_comes_back_with_its_key_and_says_nothing_without() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys_in(dir.path());
    let mut found = 0;
    for commit in commits() {
        let bytes = sealed(&commit, &keys);
        assert_eq!(codec::open(&bytes, &keys).unwrap(), commit);
        assert_eq!(values(&sealed(&commit, &keys)), values(&bytes), "a retry is sealed the same");
        let kind = codec::personal_values(&bytes).unwrap();
        let plain = codec::personal_values(&codec::encode(&commit).into()).unwrap();
        assert_eq!(kind == PersonalValues::Sealed, plain == PersonalValues::Plain, "{commit:?}");
        if kind == PersonalValues::Sealed {
            found += 1;
            for text in ["Ada", "Berg", "ada@", "contoso.example", "Main Street"] {
                assert!(!holds(&bytes, text), "{text} in {}", bytes.escape_ascii());
            }
            assert!(format!("{:?}", codec::decode(&bytes).unwrap()).contains(SEALED) || commit.events().is_empty());
        } else {
            assert_eq!(codec::decode(&bytes).unwrap(), commit, "what has nothing personal is stored as ever");
        }
    }
    assert_eq!(found, COMMANDS.len() + EVENTS.len());
}

#[test]
fn without_keys_everything_is_stored_as_ever() {
    for commit in commits() {
        let (bytes, kept) = codec::seal(&commit, &NoKeys).unwrap();
        let bytes = Bytes::from(bytes);
        assert!(kept && values(&bytes).is_none());
        assert_eq!(codec::decode(&bytes).unwrap(), commit);
    }
}

#[test]
fn a_destroyed_key_erases_for_good_and_no_byte_changes() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys_in(dir.path());
    let created = commits().into_iter().find(|commit| matches!(commit.events(), [Event::UserCreated(_)])).unwrap();
    let bytes = sealed(&created, &keys);
    keys.destroy(CUSTOMERS, "fabrikam").unwrap();
    keys.destroy(CUSTOMERS, "fabrikam").unwrap();
    for keys in [&keys, &keys_in(dir.path())] {
        let read = codec::open(&bytes, keys).unwrap();
        let [Event::UserCreated(user)] = read.events() else { panic!("{read:?}") };
        assert_eq!((user.email.as_str(), user.display_name.as_str()), (ERASED, ERASED));
        // What comes later is not kept.
        let (later, kept) = codec::seal(&created, keys).unwrap();
        assert!(!kept && !holds(&later, "Ada"));
        assert_eq!(codec::open(&later.into(), keys).unwrap(), read);
    }
    let text = fs::read_to_string(dir.path().join("customers-3.keys")).unwrap();
    assert!(text.ends_with("erased fabrikam\n") && !text.contains("key "), "{text}");
}

#[test]
fn what_another_process_did_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, reader) = (keys_in(dir.path()), keys_in(dir.path()));
    for commit in commits() {
        let bytes = sealed(&commit, &writer);
        assert_eq!(codec::open(&bytes, &reader).unwrap(), commit);
    }
    assert_eq!(writer.rotate(Some("fabrikam")).unwrap(), 1);
    let user = commits().into_iter().find(|commit| matches!(commit.events(), [Event::UserCreated(_)])).unwrap();
    let (before, after) = (sealed(&user, &reader), sealed(&user, &writer));
    assert_eq!(before, after, "both seal with the newest key");
    assert_eq!(codec::open(&after, &reader).unwrap(), user);
    writer.destroy(CUSTOMERS, "fabrikam").unwrap();
    assert!(format!("{:?}", codec::open(&after, &reader).unwrap()).contains(ERASED));
}

#[test]
fn keys_are_rotated_under_a_new_master_key() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys_in(dir.path());
    let user = commits().into_iter().find(|commit| matches!(commit.events(), [Event::UserCreated(_)])).unwrap();
    let first = sealed(&user, &keys);
    assert_eq!(keys.rotate(None).unwrap(), 1);
    let second = sealed(&user, &keys);
    assert_ne!(first, second);
    let (master, copy) = (dir.path().join("master.key"), fs::read(dir.path().join("customers-3.keys")).unwrap());
    let old = fs::read_to_string(&master).unwrap();
    // A crash after the new master key was made, and before anything was wrapped with it.
    Master::write(&dir.path().join("master.key.next"), &MasterKey::random().unwrap()).unwrap();
    assert_eq!(codec::open(&first, &keys_in(dir.path())).unwrap(), user);
    assert_eq!(keys.rotate_master().unwrap(), 2);
    assert_ne!(fs::read_to_string(&master).unwrap(), old);
    assert!(!dir.path().join("master.key.next").exists());
    for keys in [&keys, &keys_in(dir.path())] {
        assert_eq!(codec::open(&first, keys).unwrap(), user);
        assert_eq!(codec::open(&second, keys).unwrap(), user);
    }
    // An old copy of the keys is of no use without the old master key.
    fs::write(dir.path().join("customers-3.keys"), copy).unwrap();
    let error = codec::open(&first, &keys_in(dir.path())).unwrap_err().to_string();
    assert!(error.contains("the master key does not open key"), "{error}");
}

#[test]
fn a_torn_line_sealed_nothing_and_a_damaged_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("customers-3.keys");
    let user = commits().into_iter().find(|commit| matches!(commit.events(), [Event::UserCreated(_)])).unwrap();
    let first = sealed(&user, &keys_in(dir.path()));
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{whole}key 0011 tailsp")).unwrap();
    let keys = keys_in(dir.path());
    assert_eq!(codec::open(&first, &keys).unwrap(), user);
    let other = Commit { stream: "tailspin".into(), ..user.clone() };
    let second = sealed(&other, &keys);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(&whole) && text.lines().count() == whole.lines().count() + 1, "{text}");
    assert_eq!(codec::open(&second, &keys_in(dir.path())).unwrap(), other);

    fs::write(&file, text.replace("key ", "kye ")).unwrap();
    let error = codec::open(&first, &keys_in(dir.path())).unwrap_err().to_string();
    assert!(error.contains("customers-3.keys") && error.contains("a line is damaged"), "{error}");
    fs::write(&file, text.replace(&LEDGER.to_string(), "another")).unwrap();
    let error = codec::open(&first, &keys_in(dir.path())).unwrap_err().to_string();
    assert!(error.contains("it is of ledger another"), "{error}");
}

#[test]
fn a_missing_key_is_an_error_until_it_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let user = commits().into_iter().find(|commit| matches!(commit.events(), [Event::UserCreated(_)])).unwrap();
    let bytes = sealed(&user, &keys_in(dir.path()));
    let empty = tempfile::tempdir().unwrap();
    let keys = keys_in(empty.path());
    let error = codec::open(&bytes, &keys).unwrap_err();
    assert!(
        matches!(&error, DecodeError::Keys(KeyError::Missing { customer, .. }) if customer == "fabrikam"),
        "{error}"
    );
    keys.give_up([CUSTOMERS]).unwrap();
    assert!(format!("{:?}", codec::open(&bytes, &keys).unwrap()).contains(SEALED));
    // A copy brought back opens again, also in a ledger that is made of this one.
    let (back, other) = (tempfile::tempdir().unwrap(), LedgerId(uuid::Uuid::from_u128(8)));
    KeyStore::restore(dir.path(), back.path(), LEDGER, other).unwrap();
    let master = Master::File(back.path().join("master.key"));
    let keys = KeyStore::open_or_create(OpenKeys { dir: back.path().to_owned(), master, ledger: other }).unwrap();
    assert_eq!(codec::open(&bytes, &keys).unwrap(), user);
    // Somebody moved values to another customer, or changed them.
    let moved = Commit { stream: "tailspin".into(), ..user };
    let sealed_values = subledger_proto::log::Commit::decode(bytes.as_ref()).unwrap().sealed;
    let mut wire: subledger_proto::log::Commit = moved.to_wire();
    wire.sealed = sealed_values;
    assert!(codec::open(&wire.encode_to_vec().into(), &keys).is_err());
}

#[test]
fn an_auditor_gets_the_keys_of_whom_they_may_know() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keys = keys_in(dir.path());
    let user = commits().into_iter().find(|commit| matches!(commit.events(), [Event::UserCreated(_)])).unwrap();
    let other = Commit { stream: "tailspin".into(), ..user.clone() };
    let (mine, others) = (sealed(&user, &keys), sealed(&other, &keys));
    let master = MasterKey::random().unwrap();
    assert_eq!(keys.export(&["fabrikam".to_owned()], out.path(), &master).unwrap(), 1);
    let given = OpenKeys { dir: out.path().to_owned(), master: Master::Given(master), ledger: LEDGER };
    let given = KeyStore::open_or_create(given).unwrap();
    assert_eq!(codec::open(&mine, &given).unwrap(), user);
    assert!(format!("{:?}", codec::open(&others, &given).unwrap()).contains(SEALED));
}

/// Texts of commands and events about customers that name nobody: what decisions, money and documents rest on.
const NOT_PERSONAL: &[&str] = &[
    "command_id",
    "customer_id",
    "partner_id",
    "reseller_id",
    "source_partner_id",
    "target_partner_id",
    "provider_id",
    "earner_id",
    "subscription_id",
    "base_subscription_id",
    "new_subscription_id",
    "to_subscription_id",
    "azure_subscription_id",
    "transferred_from_subscription_id",
    "order_id",
    "offer_id",
    "to_offer_id",
    "paid_offer_id",
    "price_list_id",
    "promotion_id",
    "transfer_id",
    "claim_id",
    "incident_id",
    "line_id",
    "reverses_line_id",
    "assignment_id",
    "principal_id",
    "user_id",
    "meter_id",
    "support_contact_id",
    "resource_group",
    "resource_uri",
    "path",
    "role",
    "scope",
    "sku",
    "from_sku",
    "to_sku",
    "service_code",
    "service",
    "country",
    "language",
    "currency",
    "pricing_currency",
    "unit",
    "tag",
    "tags",
    "region",
    "name",
    "offer_name",
    "friendly_name",
    "subscription_description",
    "po_number",
    "component",
    "reference",
    "rule",
    "authorization_code",
    "reason",
    "note",
    "clear",
    "details",
    "subscription_ids",
    "user_ids",
    "add_on_ids",
    "left_user_ids",
    "moved_user_ids",
    "restored",
    "not_restored",
    "refused",
    "consumed_service",
    "resource_location",
    "service_info1",
    "service_info2",
    "ends_on",
    "anchor",
    "included",
    "charged_before",
    "credited_before",
    "earned_credit",
    "quantity_before",
    "replaces_quantity",
    "location_mpn_id",
    "location_mpn_ids",
    "mpn_id",
    "group_id",
    "ticket_id",
    "association_id",
    "replaced_by",
    "replaces",
    "document_id",
    "proof",
    "sha256",
    "isv_product",
    "solution_seller",
    "workloads",
    "dispute_id",
    "earning_id",
    "program_id",
    "principal",
    "customer_requested_on",
    "expired_on",
    "created_on",
    "notified_on",
    "opt_out_until",
    "opted_out_on",
    "rejected_on",
    "ended_on",
    "recorded_on",
    "decided_on",
    "correction",
    // Dates, amounts and the like, as texts.
    "accepted_on",
    "consent_on",
    "incident_date",
    "date",
    "from",
    "to",
    "month",
    "on",
    "start",
    "end",
    "until",
    "term_start",
    "term_end",
    "trial_end",
    "effective_on",
    "first_day",
    "expires_on",
    "requested_on",
    "disputed_on",
    "withdrawn_on",
    "claimed_percent",
    "paid_from",
    "rated_on",
    "charge_on",
    "charged_on",
    "charge_start",
    "charge_end",
    "purchase_date",
    "submitted_on",
    "deadline",
    "asked_on",
    "answered_on",
    "approved_on",
    "refused_on",
    "restorable_until",
    "usage_date",
    "period_start",
    "period_end",
    "erased_on",
    "ordered_at",
    "amount",
    "unit_price",
    "quantity",
    "used",
    "value",
    "fee",
    "credit",
    "price",
    "estimate",
    "budget",
    "percent",
    "rate_percent",
    "exchange_rate",
    "credit_percent",
    "possible_percent",
    "period_price",
    "additional_info",
];

/// Every text of a message, with its path.
fn texts(message: &MessageDescriptor, at: &str, seen: &mut Vec<String>, found: &mut BTreeSet<String>) {
    if seen.iter().any(|name| name == message.full_name()) {
        return;
    }
    seen.push(message.full_name().to_owned());
    for field in message.fields() {
        let path = if at.is_empty() { field.name().to_owned() } else { format!("{at}.{}", field.name()) };
        match field.kind() {
            Kind::String => {
                found.insert(path);
            }
            Kind::Message(inner) if inner.full_name() != "google.protobuf.Timestamp" => {
                texts(&inner, &path, seen, found);
            }
            _ => {}
        }
    }
    seen.pop();
}

/// A text that is added to a command or event of customers is either sealed or listed as naming nobody: somebody has to decide.
#[test]
fn every_text_about_customers_is_known_to_be_personal_or_not() {
    let mut unknown = Vec::new();
    for (message, table) in [("subledger.v1.Command", COMMANDS), ("subledger.log.v1.Event", EVENTS)] {
        let message = POOL.get_message_by_name(message).unwrap();
        for kind in message.oneofs().flat_map(|oneof| oneof.fields().collect::<Vec<_>>()) {
            let Kind::Message(body) = kind.kind() else { continue };
            let personal = table.iter().find(|(name, _)| *name == kind.name()).map_or(&[][..], |(_, fields)| *fields);
            if body.get_field_by_name("customer_id").is_none() {
                assert!(personal.is_empty(), "{} is about no customer", kind.name());
                continue;
            }
            let mut found = BTreeSet::new();
            texts(&body, "", &mut Vec::new(), &mut found);
            for field in personal {
                assert!(found.contains(*field), "{}.{field} is no text", kind.name());
            }
            let plain = |path: &String| {
                let last = path.rsplit('.').next().unwrap_or(path);
                // A group of licenses is called after a department, a user after a person.
                let group = kind.name().contains("license_group") && last == "display_name";
                group || personal.contains(&path.as_str()) || NOT_PERSONAL.contains(&last)
            };
            unknown.extend(found.into_iter().filter(|path| !plain(path)).map(|path| format!("{}.{path}", kind.name())));
        }
        for (name, _) in table {
            assert!(message.get_field_by_name(name).is_some(), "{name}");
        }
    }
    assert!(unknown.is_empty(), "personal or not? Say so in `fields.rs`, or in this test: {unknown:#?}");
}

#[test]
fn fields_of_refusals_are_recognised() {
    for (field, personal) in
        [("tags[3]", true), ("contact.email", true), ("email", true), ("partner_id", false), ("address.country", false)]
    {
        assert_eq!(fields::is_personal_field(field), personal, "{field}");
    }
}

#[test]
fn what_is_sealed_and_who_is_erased_is_told_without_decoding() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys_in(dir.path());
    for commit in commits() {
        let bytes = sealed(&commit, &keys);
        assert_eq!(codec::is_sealed(&bytes), values(&bytes).is_some());
        assert_eq!(codec::erases(&bytes), matches!(commit.events(), [Event::CustomerErased(_)]));
        assert!(codec::is_withheld(&codec::decode(&bytes).unwrap()) == codec::is_sealed(&bytes), "{commit:?}");
        assert!(!codec::is_withheld(&commit));
    }
}
