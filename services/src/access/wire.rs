//! gRPC messages as the layer sees them: one frame of a unary call, and fields by their names.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, ReflectMessage as _, Value};
use subledger_proto::common as pbc;
use tonic::Status;

use crate::api::errors;

/// A byte that says whether it is compressed, and the length.
pub(super) const HEAD_BYTES: usize = 5;

/// Fields that name a location of the partner.
const LOCATIONS: [&str; 2] = ["mpn_id", "location_mpn_id"];

/// The one message of a unary call.
pub(super) fn unframe(body: &Bytes) -> Result<Bytes, Status> {
    let broken = || Status::internal("the body is no single message of gRPC");
    let head = body.get(..HEAD_BYTES).ok_or_else(broken)?;
    if head[0] != 0 {
        return Err(Status::unimplemented("compressed messages are not taken"));
    }
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if body.len() != HEAD_BYTES + length {
        return Err(broken());
    }
    Ok(body.slice(HEAD_BYTES..))
}

/// A message as the body of a call.
pub(super) fn frame(message: &[u8]) -> Bytes {
    let mut body = BytesMut::with_capacity(HEAD_BYTES + message.len());
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    body.put_slice(message);
    body.freeze()
}

/// A message with its fields.
pub(super) fn decode(descriptor: MessageDescriptor, body: &Bytes) -> Result<DynamicMessage, Status> {
    DynamicMessage::decode(descriptor, body.clone())
        .map_err(|error| errors::field_status("INVALID_VALUE", "", &format!("the request cannot be read: {error}")))
}

/// A message of a type as one with its fields.
pub(super) fn dynamic(message: &impl prost::Message, name: &str) -> Option<DynamicMessage> {
    let descriptor = subledger_proto::POOL.get_message_by_name(name)?;
    DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).ok()
}

/// Whether there is such a field.
pub(super) fn has(message: &DynamicMessage, field: &str) -> bool {
    message.descriptor().get_field_by_name(field).is_some()
}

/// The text of a field; empty if there is none.
pub(super) fn text<'a>(message: &'a DynamicMessage, field: &str) -> std::borrow::Cow<'a, str> {
    use std::borrow::Cow;
    match message.get_field_by_name(field) {
        Some(Cow::Borrowed(Value::String(text))) => Cow::Borrowed(text.as_str()),
        Some(Cow::Owned(Value::String(text))) => Cow::Owned(text),
        _ => Cow::Borrowed(""),
    }
}

/// The texts of a repeated field.
pub(super) fn texts(message: &DynamicMessage, field: &str) -> Vec<String> {
    let Some(value) = message.get_field_by_name(field) else { return Vec::new() };
    value.as_list().into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

/// The look back of a request; none if it has none.
pub(super) fn as_of(message: &DynamicMessage) -> Option<pbc::AsOf> {
    let field = message.descriptor().get_field_by_name("as_of")?;
    if !message.has_field(&field) {
        return None;
    }
    message.get_field(&field).as_message()?.transcode_to().ok()
}

/// Where a row belongs to, or a request asks about: the id of a location of the partner; empty if it names none.
pub(super) fn location(message: &DynamicMessage) -> std::borrow::Cow<'_, str> {
    for field in LOCATIONS {
        let location = text(message, field);
        if !location.is_empty() {
            return location;
        }
    }
    let details = message.get_field_by_name("details");
    let of_details =
        details.as_deref().and_then(Value::as_message).map(|details| text(details, LOCATIONS[1]).into_owned());
    of_details.unwrap_or_default().into()
}

/// The field of a request that names a location.
pub(super) fn location_field(message: &MessageDescriptor) -> Option<&'static str> {
    LOCATIONS.into_iter().find(|field| message.get_field_by_name(field).is_some())
}

/// Sets the text of a field.
pub(super) fn set_text(message: &mut DynamicMessage, field: &str, text: &str) {
    message.set_field_by_name(field, Value::String(text.to_owned()));
}

/// Changes each message inside, however deep: `keep` is asked for those of lists, and for single ones, which are left out.
pub(super) fn retain(message: &mut DynamicMessage, keep: &mut dyn FnMut(&mut DynamicMessage) -> bool) {
    let inside: Vec<_> = message
        .descriptor()
        .fields()
        .filter(|field| matches!(field.kind(), Kind::Message(_)) && !field.is_map() && message.has_field(field))
        .collect();
    for field in inside {
        match message.get_field_mut(&field) {
            Value::List(values) => values.retain_mut(|value| match value {
                Value::Message(inner) => {
                    keep(inner) && {
                        retain(inner, keep);
                        true
                    }
                }
                _ => true,
            }),
            Value::Message(inner) => {
                if keep(inner) {
                    retain(inner, keep);
                } else {
                    message.clear_field(&field);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use subledger_proto::api::{Customer, Relationship};

    use super::*;

    #[test]
    fn one_frame_and_nothing_else_is_a_call() {
        assert_eq!(unframe(&frame(b"abc")).unwrap(), Bytes::from_static(b"abc"));
        assert_eq!(unframe(&frame(b"")).unwrap(), Bytes::new());
        let two = [frame(b"a"), frame(b"b")].concat();
        for bad in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x02a", &two] {
            assert!(unframe(&Bytes::copy_from_slice(bad)).is_err(), "{bad:?}");
        }
        assert_eq!(unframe(&Bytes::from_static(b"\x01\0\0\0\0")).unwrap_err().code(), tonic::Code::Unimplemented);
    }

    #[test]
    fn what_is_not_kept_is_gone() {
        let relationship = |id: &str| Relationship { partner_id: id.into(), ..Relationship::default() };
        let customer = Customer { relationships: vec![relationship("a"), relationship("b")], ..Customer::default() };
        let mut message = dynamic(&customer, "subledger.v1.Customer").unwrap();
        retain(&mut message, &mut |inner| text(inner, "partner_id") == "b");
        let left = Customer::decode(message.encode_to_vec().as_slice()).unwrap();
        assert_eq!(left.relationships.iter().map(|known| known.partner_id.as_str()).collect::<Vec<_>>(), ["b"]);
    }
}
