//! Round trips of every form, golden bytes, and what errors say.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use bytes::Bytes;
use prost::Message as _;
use subledger_domain::{Event, Reason, Rejection, ids::CommandId};
use subledger_proto::{api, log as pb};

use super::{
    Envelope, FieldError, Wire, commands, decode, decode_command, decode_head, encode, events,
    examples::{self, at},
};
use crate::{Actor, Body, Commit, Family, PartitionId, Position, Source};

/// A commit with every field set.
fn commit(body: Body) -> Commit {
    Commit {
        position: Position { partition: PartitionId::new(Family::Customers, 3), seq: 41 },
        epoch: 5,
        command_id: "cmd-1".into(),
        command: Bytes::from_static(b"the command as received"),
        stream: "contoso".into(),
        stream_version_before: 9,
        decided_against: vec![
            Position { partition: PartitionId::CATALOG, seq: 7 },
            Position { partition: PartitionId::new(Family::Partners, 0), seq: 0 },
        ],
        recorded_at: at(),
        effective_at: at(),
        actor: Actor { principal: "user@partner.example".into(), channel: "grpc".into() },
        body,
        previous_root: Some([0xab; 32]),
        source: Some(Source { topic: "subledger.commands".into(), partition: 2, offset: 12 }),
    }
}

fn round_trips(commit: &Commit) {
    let bytes = Bytes::from(encode(commit));
    assert_eq!(decode(&bytes).as_ref().ok(), Some(commit));
    let head = decode_head(&bytes).unwrap();
    assert_eq!((head.position, head.epoch), (commit.position, commit.epoch));
    assert_eq!((head.is_writer_started, head.previous_root), (commit.is_writer_started(), commit.previous_root));
    assert_eq!(encode(commit), bytes, "encoding is a function");
}

#[test]
fn there_is_an_example_of_every_event_and_command() {
    let sorted = |mut names: Vec<&'static str>| {
        names.sort_unstable();
        names
    };
    let found = examples::events().iter().map(Event::name).collect();
    assert_eq!(sorted(found), sorted(events::KINDS.to_vec()));
    let found = examples::commands().iter().map(commands::kind).collect();
    assert_eq!(sorted(found), sorted(commands::KINDS.to_vec()));
}

#[test]
fn every_event_comes_back() {
    for event in examples::events() {
        round_trips(&commit(Body::Accepted(vec![event])));
    }
    round_trips(&commit(Body::Accepted(examples::events())));
}

#[test]
fn every_form_of_commit_comes_back() {
    round_trips(&commit(Body::Accepted(Vec::new())));
    round_trips(&commit(Body::WriterStarted { writer_id: "writer-1/0".into() }));
    for &reason in Reason::ALL {
        let metadata = BTreeMap::from([("customer_id".to_owned(), "contoso".to_owned())]);
        round_trips(&commit(Body::Rejected(Rejection { reason, message: "No.".into(), metadata })));
    }
    let bare =
        Commit { previous_root: None, source: None, command: Bytes::new(), ..commit(Body::Accepted(Vec::new())) };
    round_trips(&bare);
}

fn envelope(command: subledger_domain::Command) -> Envelope {
    let command_id = CommandId::new("cmd-1").unwrap();
    Envelope { command_id, effective_at: Some(at()), expected_version: Some(0), command }
}

#[test]
fn every_command_comes_back() {
    for command in examples::commands() {
        let envelope = envelope(command);
        let bytes = Wire::<api::Command>::to_wire(&envelope).encode_to_vec();
        assert_eq!(decode_command(api::Command::decode(&*bytes).unwrap()), Ok(envelope));
    }
}

/// Bytes stored before a field was added read as events without it.
#[test]
fn events_stored_by_earlier_versions_are_read() {
    let unhex = |text: &str| -> Bytes {
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(byte).collect()
    };
    let read = |line: &str| match decode(&unhex(line.split_once(' ').unwrap().1)).unwrap().body {
        Body::Accepted(mut events) => events.remove(0),
        other => panic!("{other:?}"),
    };
    let events: Vec<_> = include_str!("../../tests/golden/earlier.hex").lines().map(read).collect();
    let [
        Event::OfferPublished(published),
        Event::InvoiceIssued(issued),
        Event::OrderPlaced(placed),
        Event::PartnerAccountSuspended(suspended),
        Event::PartnerAccountReinstated(reinstated),
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!((published.offer.tax_scope, published.offer.limit), (None, 2));
    assert_eq!((&issued.header, issued.line_count), (&None, 17));
    assert_eq!((&placed.location_mpn_id, placed.order_id.as_str()), (&None, "o-1"));
    assert_eq!((suspended.trigger, suspended.note.as_str()), (None, ""), "what is overdue is no other trigger");
    assert_eq!((reinstated.trigger, reinstated.basis.as_str()), (None, ""));
}

/// What an offer and a subscription have beyond the plain ones; messages of a time that knew nothing of it read as such.
#[test]
fn every_part_of_a_product_comes_back() {
    for event in [examples::products(), examples::later_fields()].concat() {
        round_trips(&commit(Body::Accepted(vec![event])));
    }
    let error = stored_error(examples::products().remove(0), |wire| {
        let Some(pb::event::Body::OfferPublished(published)) = &mut wire.events[0].body else { unreachable!() };
        published.offer.as_mut().unwrap().product.as_mut().unwrap().fulfilment = 9;
    });
    assert_eq!(error.path, "events[0].OfferPublished.offer.product.fulfilment");
}

/// A change of these bytes means that this version cannot read what earlier ones stored.
#[test]
fn golden_bytes_of_every_event() {
    let mut text = String::new();
    for event in examples::events() {
        write!(text, "{} ", event.name()).unwrap();
        for byte in encode(&commit(Body::Accepted(vec![event]))) {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events.hex");
    if std::env::var_os("SUBLEDGER_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let lines = |text: &str| -> BTreeMap<String, String> {
        text.lines().filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
    };
    let (now, golden) = (lines(&text), lines(&golden));
    for (name, bytes) in &golden {
        assert_eq!(
            now.get(name),
            Some(bytes),
            "the stored form of {name} changed, so ledgers written before cannot be read as they were. If no ledger has it yet, \
             or it is the example that changed, run this test once with SUBLEDGER_WRITE_GOLDEN=1"
        );
    }
    let new: Vec<_> = now.keys().filter(|name| !golden.contains_key(*name)).collect();
    assert!(new.is_empty(), "no golden bytes for {new:?}: run this test once with SUBLEDGER_WRITE_GOLDEN=1");
}

/// The error of a stored commit after a change of its protobuf form.
fn stored_error(event: Event, change: impl FnOnce(&mut pb::Commit)) -> FieldError {
    let mut wire: pb::Commit = commit(Body::Accepted(vec![event])).to_wire();
    change(&mut wire);
    Commit::from_wire(wire).unwrap_err()
}

fn command_error(kind: &str, change: impl FnOnce(&mut api::command::Body)) -> FieldError {
    let command = examples::commands().into_iter().find(|command| commands::kind(command) == kind).unwrap();
    let mut wire: api::Command = envelope(command).to_wire();
    change(wire.body.as_mut().unwrap());
    decode_command(wire).unwrap_err()
}

#[test]
fn errors_name_the_field_from_the_outside_in() {
    use api::command::Body as B;

    let path = |error: FieldError| error.path;
    let second_line = |change: fn(&mut api::PurchaseLine)| {
        path(command_error("Purchase", |body| {
            let B::Purchase(purchase) = body else { unreachable!() };
            purchase.lines.push(purchase.lines[0].clone());
            change(&mut purchase.lines[1]);
        }))
    };
    assert_eq!(second_line(|line| line.offer_id.clear()), "purchase.lines[1].offer_id");
    assert_eq!(second_line(|line| line.billing_frequency = 99), "purchase.lines[1].billing_frequency");
    assert_eq!(second_line(|line| line.subscription_id = "no spaces".into()), "purchase.lines[1].subscription_id");
    let error = command_error("PublishPriceList", |body| {
        let B::PublishPriceList(list) = body else { unreachable!() };
        list.rows[0].list_price = "1e3".into();
    });
    assert_eq!(error.to_string().split(": ").next(), Some("publish_price_list.rows[0].list_price"));
    assert!(error.to_string().contains("is not an amount"), "{error}");
    let error = command_error("CreateCustomer", |body| {
        let B::CreateCustomer(create) = body else { unreachable!() };
        create.address = None;
    });
    assert_eq!(error.to_string(), "create_customer.address: is required");
    let error = command_error("CloseDay", |body| {
        let B::CloseDay(close) = body else { unreachable!() };
        close.date = "2018-02-30".into();
    });
    assert_eq!(path(error), "close_day.date");
}

#[test]
fn a_command_without_an_id_or_a_body_is_refused() {
    let mut wire: api::Command = envelope(examples::commands().remove(0)).to_wire();
    wire.command_id = String::new();
    assert_eq!(decode_command(wire.clone()).unwrap_err().to_string(), "command_id: is required");
    wire.command_id = "cmd-1".into();
    wire.body = None;
    assert_eq!(decode_command(wire).unwrap_err().path, "body");
}

#[test]
fn stored_commits_that_do_not_fit_say_where() {
    type Change = fn(&mut pb::Commit);
    let event = || examples::events().remove(0);
    let cases: [(&str, Change); 8] = [
        ("family", |wire| wire.family = 0),
        ("partition", |wire| wire.partition = 65_536),
        ("previous_root", |wire| wire.previous_root = vec![1; 31]),
        ("recorded_at", |wire| wire.recorded_at = None),
        ("actor", |wire| wire.actor = None),
        ("events[0]", |wire| wire.events[0].body = None),
        ("decided_against[1].family", |wire| wire.decided_against[1].family = 77),
        ("events", |wire| {
            let reason = Reason::InvalidValue.code().to_owned();
            wire.rejection = Some(subledger_proto::common::Rejection { reason, ..Default::default() });
        }),
    ];
    for (path, change) in cases {
        assert_eq!(stored_error(event(), change).path, path);
    }
    let error = stored_error(event(), |wire| {
        let Some(pb::event::Body::OfferPublished(published)) = &mut wire.events[0].body else { unreachable!() };
        published.offer.as_mut().unwrap().billing_frequencies.push(0);
    });
    assert_eq!(error.path, "events[0].OfferPublished.offer.billing_frequencies[2]");
    assert!(decode(&Bytes::from_static(b"\xff\xff")).is_err());
}

#[test]
fn dates_are_four_digits_two_and_two() {
    use chrono::{Datelike as _, NaiveDate};
    let first = NaiveDate::from_ymd_opt(-1, 12, 30).unwrap();
    let texts = first.iter_days().step_by(37).take_while(|day| day.year() < 10_001).map(|day| {
        let text = Wire::<String>::to_wire(&day);
        assert_eq!(text, day.format("%Y-%m-%d").to_string());
        let back = <NaiveDate as Wire<String>>::from_wire(text.clone());
        assert_eq!(back.is_ok(), (0..=9999).contains(&day.year()), "{text}");
        assert!(back.is_err() || back == Ok(day), "{text}");
    });
    assert!(texts.count() > 90_000);
    for text in [
        "2018-02-29",
        "2018-2-28",
        "2018-02-28 ",
        "2018-13-01",
        "2018-00-10",
        "20180228",
        "2018/02/28",
        "",
        "２018-02-2",
        // Written again, these would be longer, and could not be read.
        "-018-02-28",
        "+018-02-28",
        " 018-02-28",
    ] {
        let error = <NaiveDate as Wire<String>>::from_wire(text.to_owned()).unwrap_err();
        assert!(error.what.contains("is not a date; one looks like 2018-02-28"), "{text}: {error}");
    }
}
