//! Decoders on bytes that were valid once: every example of a command, an event and a commit, cut, flipped, spliced and repeated. Whatever
//! is still understood must say the same again; whatever is not must be an error, and nothing may panic or take memory that was not sent.

use bytes::Bytes;
use proptest::{prelude::*, sample::Index};
use prost::Message as _;
use subledger_domain::ids::CommandId;
use subledger_proto::api;

use super::{
    Envelope, Wire, command_from_json, decode, decode_command, encode,
    examples::{self, at},
    to_json,
};
use crate::{Actor, Body, Commit, Family, PartitionId, Position};

/// A change to bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(Index, u8),
    Set(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    /// A piece of it, once more, somewhere.
    Repeat(Index, Index, usize),
    /// A length that promises far more than there is.
    Huge(Index),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let one = prop_oneof![
        4 => (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        1 => any::<Index>().prop_map(Mutation::Cut),
        2 => (any::<Index>(), 1_usize..9).prop_map(|(at, count)| Mutation::Remove(at, count)),
        2 => (any::<Index>(), any::<Index>(), 1_usize..30).prop_map(|(from, to, count)| Mutation::Repeat(from, to, count)),
        1 => any::<Index>().prop_map(Mutation::Huge),
    ];
    proptest::collection::vec(one, 1..5)
}

fn mutate(bytes: &mut Vec<u8>, mutations: &[Mutation]) {
    for mutation in mutations {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match mutation {
            Mutation::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Mutation::Set(at, byte) => bytes[at.index(length)] = *byte,
            Mutation::Cut(at) => bytes.truncate(at.index(length)),
            Mutation::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..length.min(at + count));
            }
            Mutation::Repeat(from, to, count) => {
                let from = from.index(length);
                let piece = bytes[from..length.min(from + count)].to_vec();
                let to = to.index(length);
                bytes.splice(to..to, piece);
            }
            Mutation::Huge(at) => {
                let at = at.index(length);
                bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x7f]);
            }
        }
    }
}

fn commit(body: Body) -> Commit {
    Commit {
        position: Position { partition: PartitionId::new(Family::Customers, 1), seq: 3 },
        epoch: 2,
        command_id: "c-1".into(),
        command: Bytes::from_static(b"as received"),
        stream: "contoso".into(),
        stream_version_before: 1,
        decided_against: vec![Position { partition: PartitionId::CATALOG, seq: 7 }],
        recorded_at: at(),
        effective_at: at(),
        actor: Actor { principal: "p".into(), channel: "grpc".into() },
        body,
        previous_root: Some([7; 32]),
        source: None,
    }
}

fn json(command: &api::Command) -> String {
    to_json("subledger.v1.Command", command).unwrap().to_string()
}

fn envelopes() -> Vec<Envelope> {
    let envelope = |command| Envelope {
        command_id: CommandId::new("c-1").unwrap(),
        effective_at: Some(at()),
        expected_version: Some(3),
        command,
    };
    examples::commands().into_iter().map(envelope).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stored_commit(example in any::<Index>(), mutations in mutations()) {
        let events = examples::events();
        let event = events[example.index(events.len())].clone();
        let mut bytes = encode(&commit(Body::Accepted(vec![event])));
        mutate(&mut bytes, &mutations);
        if let Ok(understood) = decode(&Bytes::from(bytes)) {
            let again = decode(&Bytes::from(encode(&understood)));
            prop_assert_eq!(again.ok(), Some(understood));
        }
    }

    #[test]
    fn a_command_in_protobuf(example in any::<Index>(), mutations in mutations()) {
        let envelopes = envelopes();
        let mut bytes = Wire::<api::Command>::to_wire(&envelopes[example.index(envelopes.len())]).encode_to_vec();
        mutate(&mut bytes, &mutations);
        let Ok(wire) = api::Command::decode(bytes.as_slice()) else { return Ok(()) };
        match decode_command(wire) {
            Ok(understood) => prop_assert_eq!(decode_command(understood.to_wire()).ok(), Some(understood)),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn a_command_in_json(example in any::<Index>(), mutations in mutations()) {
        let envelopes = envelopes();
        let mut bytes = json(&envelopes[example.index(envelopes.len())].to_wire()).into_bytes();
        mutate(&mut bytes, &mutations);
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(wire) = command_from_json(&text) {
            let again = command_from_json(&json(&wire));
            prop_assert_eq!(again.ok(), Some(wire));
        }
    }
}
