//! Values that nobody uses for now, in few bytes.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

/// A value, encoded and compressed. A copy shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed(Arc<[u8]>);

/// Bytes that are not what was packed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    #[error("cannot be decompressed: {0}")]
    Compression(#[from] lz4_flex::block::DecompressError),
    #[error("cannot be decoded: {0}")]
    Encoding(#[from] postcard::Error),
}

impl Packed {
    pub(crate) fn of<T: Serialize>(value: &T) -> Self {
        // Nothing of a state is of a kind that postcard cannot write: it has no floats in maps, no sequences of unknown length.
        let encoded = postcard::to_stdvec(value).unwrap_or_else(|error| unreachable!("a state is packed: {error}"));
        Self(lz4_flex::block::compress_prepend_size(&encoded).into())
    }

    /// The value that was packed in this process, or that a snapshot has whose checksum and version are right.
    pub(crate) fn unpack<T: DeserializeOwned>(&self) -> T {
        self.try_unpack().unwrap_or_else(|error| unreachable!("what was packed is unpacked: {error}"))
    }

    pub(crate) fn try_unpack<T: DeserializeOwned>(&self) -> Result<T, UnpackError> {
        Ok(postcard::from_bytes(&lz4_flex::block::decompress_size_prepended(&self.0)?)?)
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl serde::de::Visitor<'_> for Bytes {
            type Value = Packed;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Packed, E> {
                Ok(Packed(bytes.into()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}
