//! Calls whose request is any bytes at all.

use prost::bytes::{Buf as _, BufMut as _};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

/// Calls a method with these bytes as the message; the answer's bytes.
pub async fn call(channel: Channel, method: &'static str, bytes: &[u8]) -> Result<Vec<u8>, Status> {
    call_as(channel, None, method, bytes).await
}

/// The same with a token.
pub async fn call_as(channel: Channel, token: Option<&str>, method: &str, bytes: &[u8]) -> Result<Vec<u8>, Status> {
    call_with(channel, token, &[], method, bytes).await
}

/// The same with metadata.
pub async fn call_with(
    channel: Channel,
    token: Option<&str>,
    more: &[(&'static str, &str)],
    method: &str,
    bytes: &[u8],
) -> Result<Vec<u8>, Status> {
    let mut client = Grpc::new(channel).max_decoding_message_size(64 << 20);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path: tonic::codegen::http::uri::PathAndQuery =
        method.parse().map_err(|_| Status::internal(format!("{method} is no path")))?;
    let mut request = Request::new(bytes.to_vec());
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().map_err(|_| Status::internal("no token"))?;
        request.metadata_mut().insert("authorization", value);
    }
    for (name, value) in more {
        let value = value.parse().map_err(|_| Status::internal("no metadata"))?;
        request.metadata_mut().insert(*name, value);
    }
    Ok(client.unary(request, path, Bytes).await?.into_inner())
}

#[derive(Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&bytes);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; message.remaining()];
        message.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}
