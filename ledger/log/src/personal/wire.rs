//! Texts in encoded messages, changed where they stand: every event that is read or stored comes by here, so nothing else is decoded.

use prost::encoding::{WireType, decode_varint, encode_key, encode_varint};
use prost_reflect::{Kind, MessageDescriptor};

/// Called with the place of a text and the text.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&str, &mut String);

/// A field of a message that is a text, or has texts below it.
pub(super) struct Field {
    pub(super) number: u32,
    name: &'static str,
    holds: Holds,
}

enum Holds {
    /// A text, which is no value while it is empty.
    Text,
    /// Any number of texts.
    Texts,
    /// A message with these of its fields.
    Message(Vec<Field>),
}

impl Field {
    /// A field of a message with the fields that paths lead to; none if the message has no such field.
    pub(super) fn of(message: &MessageDescriptor, name: &'static str, paths: &[&'static str]) -> Option<Self> {
        let field = message.get_field_by_name(name)?;
        let holds = match field.kind() {
            Kind::Message(inner) => {
                let mut below: Vec<Field> = Vec::new();
                let split =
                    |path: &&'static str| path.split_once('.').map_or((*path, None), |(at, rest)| (at, Some(rest)));
                for (first, _) in paths.iter().map(split) {
                    if below.iter().all(|field| field.name != first) {
                        let rest: Vec<_> = paths
                            .iter()
                            .map(split)
                            .filter(|(at, _)| *at == first)
                            .filter_map(|(_, rest)| rest)
                            .collect();
                        below.extend(Self::of(&inner, first, &rest));
                    }
                }
                Holds::Message(below)
            }
            _ if field.is_list() => Holds::Texts,
            _ => Holds::Text,
        };
        Some(Self { number: field.number(), name, holds })
    }
}

/// The message with what `visit` made of the texts of some fields; none if it cannot be read.
pub(super) fn rewritten(mut bytes: &[u8], fields: &[Field], at: &str, visit: Visit<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut counts = vec![0_usize; fields.len()];
    while !bytes.is_empty() {
        let whole = bytes;
        let (number, part) = next(&mut bytes)?;
        let known = fields.iter().position(|field| field.number == number);
        let Some((known, part)) = known.zip(part) else {
            out.extend_from_slice(&whole[..whole.len() - bytes.len()]);
            continue;
        };
        let field = &fields[known];
        let at = format!("{at}.{}", field.name);
        let new = match &field.holds {
            Holds::Message(below) => rewritten(part, below, &at, visit)?,
            Holds::Text | Holds::Texts => {
                let mut text = std::str::from_utf8(part).ok()?.to_owned();
                if matches!(field.holds, Holds::Texts) {
                    visit(&format!("{at}.{}", counts[known]), &mut text);
                    counts[known] += 1;
                } else if !text.is_empty() {
                    visit(&at, &mut text);
                }
                text.into_bytes()
            }
        };
        encode_key(number, WireType::LengthDelimited, &mut out);
        encode_varint(new.len() as u64, &mut out);
        out.extend_from_slice(&new);
    }
    Some(out)
}

/// Takes one field from an encoded message: its number, and its bytes if it has a length. None at the end, and where it cannot be read.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u32, Option<&'a [u8]>)> {
    // Reading on would say the same, with an error that is allocated: every message ends, and every command comes by here twice.
    if bytes.is_empty() {
        return None;
    }
    let key = decode_varint(bytes).ok()?;
    let (length, has_length) = match key & 7 {
        0 => (decode_varint(bytes).map(|_| 0).ok()?, false),
        1 => (8, false),
        2 => (usize::try_from(decode_varint(bytes).ok()?).ok()?, true),
        5 => (4, false),
        _ => return None,
    };
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some((u32::try_from(key >> 3).ok()?, has_length.then_some(part)))
}

/// The fields of an encoded message: their numbers, and the bytes of those that have a length. As far as it can be read.
pub(super) fn parts(mut bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    std::iter::from_fn(move || next(&mut bytes)).map(|(number, part)| (number, part.unwrap_or_default()))
}

/// The numbers of the fields of an encoded message.
pub(super) fn tags(bytes: &[u8]) -> impl Iterator<Item = u32> {
    parts(bytes).map(|(tag, _)| tag)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;
    use subledger_proto::log as pb;

    use super::*;

    fn field() -> Field {
        let event = subledger_proto::POOL.get_message_by_name("subledger.log.v1.Event").unwrap();
        Field::of(&event, "customer_created", &["company_name", "address.city", "contact.email", "contact.phone"])
            .unwrap()
    }

    fn created(company: &str, city: &str, email: &str) -> pb::Event {
        let address =
            subledger_proto::common::Address { city: city.into(), country: "US".into(), ..Default::default() };
        let contact = subledger_proto::common::Contact { email: email.into(), ..Default::default() };
        let created = pb::CustomerCreated {
            customer_id: "c-1".into(),
            company_name: company.into(),
            address: Some(address),
            contact: Some(contact),
            ..Default::default()
        };
        pb::Event { body: Some(pb::event::Body::CustomerCreated(created)) }
    }

    proptest! {
        #[test]
        fn only_the_named_texts_change(company in ".{0,200}", city in ".{0,20}", email in ".{0,20}", new in ".{1,300}") {
            let event = created(&company, &city, &email).encode_to_vec();
            let mut seen = Vec::new();
            let field = field();
            let fields = std::slice::from_ref(&field);
            let same = rewritten(&event, fields, "event.0", &mut |at, text| seen.push((at.to_owned(), text.clone())));
            prop_assert_eq!(same.unwrap(), event.clone());
            let all = [("company_name", &company), ("address.city", &city), ("contact.email", &email)];
            let there = all.iter().filter(|(_, text)| !text.is_empty());
            let mut expected: Vec<_> =
                there.map(|(at, text)| (format!("event.0.customer_created.{at}"), (*text).clone())).collect();
            seen.sort();
            expected.sort();
            prop_assert_eq!(seen, expected);
            let changed = rewritten(&event, fields, "event.0", &mut |_, text| text.clone_from(&new)).unwrap();
            let put = |text: &str| if text.is_empty() { String::new() } else { new.clone() };
            let wanted = created(&put(&company), &put(&city), &put(&email));
            prop_assert_eq!(pb::Event::decode(changed.as_slice()).unwrap(), wanted);
        }

        #[test]
        fn damage_is_no_message_or_another_but_no_panic(
            at in any::<proptest::sample::Index>(), to in any::<u8>(), cut in any::<proptest::sample::Index>(),
        ) {
            let mut event = created("Fabrikam", "Redmond", "kim@fabrikam.example").encode_to_vec();
            let place = at.index(event.len());
            event[place] = to;
            event.truncate(cut.index(event.len() + 1));
            let field = field();
            let _ = rewritten(&event, std::slice::from_ref(&field), "event", &mut |_, text| text.push('x'));
            tags(&event).for_each(drop);
        }
    }
}
