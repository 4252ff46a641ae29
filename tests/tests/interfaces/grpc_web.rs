//! gRPC-web, as a browser speaks it: plain HTTP/1.1, frames in the body, the status in a last frame.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use prost::Message;
use subledger_proto::api::{GetCustomerRequest, GetStatusRequest, Status};
use subledger_tests::{client::Client, commands::partner, process::Serve, shop::TEST_CLOCK};

const WEB: &str = "application/grpc-web+proto";
/// Marks the frame with the trailers.
const TRAILERS: u8 = 0x80;
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Names in small letters, and their values.
type Fields = Vec<(String, String)>;

/// An answer of HTTP/1.1, its body put together.
struct Answer {
    status: u16,
    headers: Fields,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The messages, and the trailers.
    fn frames(&self) -> anyhow::Result<(Vec<&[u8]>, Fields)> {
        let (mut messages, mut trailers) = (Vec::new(), Vec::new());
        let mut rest = self.body.as_slice();
        while !rest.is_empty() {
            let (head, after) = rest.split_at_checked(5).context("half a frame")?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let (frame, after) = after.split_at_checked(usize::try_from(length)?).context("a frame breaks off")?;
            ensure!(trailers.is_empty(), "a frame after the trailers");
            match head[0] {
                0 => messages.push(frame),
                TRAILERS => trailers = fields(std::str::from_utf8(frame)?),
                flag => anyhow::bail!("a frame with the flag {flag}"),
            }
            rest = after;
        }
        Ok((messages, trailers))
    }
}

fn fields(text: &str) -> Fields {
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned())).collect()
}

/// One POST on a connection of its own.
fn post(address: &str, path: &str, message: &impl Message) -> anyhow::Result<Answer> {
    let host = address.trim_start_matches("http://");
    let message = message.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len())?.to_be_bytes());
    body.extend(message);
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(Some(ANSWER_MAX))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {WEB}\r\nAccept: {WEB}\r\nX-Grpc-Web: 1\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes())?;
    socket.write_all(&body)?;
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes)?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("no end of the head")?;
    let head = std::str::from_utf8(&bytes[..end])?;
    let (line, headers) = head.split_once("\r\n").context("no headers")?;
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).context("not HTTP/1.1")?.parse()?;
    let mut answer = Answer { status, headers: fields(headers), body: bytes[end + 4..].to_vec() };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = unchunked(&answer.body)?;
    }
    Ok(answer)
}

fn unchunked(mut rest: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").context("no size of a chunk")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line])?, 16)?;
        if size == 0 {
            return Ok(body);
        }
        let chunk = rest.get(line + 2..line + 2 + size).context("a chunk breaks off")?;
        body.extend(chunk);
        rest = &rest[line + 2 + size + 2..];
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_a_message_and_its_trailers() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(dir.path(), TEST_CLOCK).await?;
    Client::connect(&serve.address).await?.accepted(&partner("contoso")).await?;
    let answer = post(&serve.address, "/subledger.v1.AdminService/GetStatus", &GetStatusRequest {})?;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(WEB)), "{:?}", answer.headers);
    let (messages, trailers) = answer.frames()?;
    assert_eq!(messages.len(), 1);
    let status = Status::decode(messages[0])?;
    assert_eq!((status.backend.as_str(), status.roles.as_slice()), ("embedded", &["serve".to_owned()][..]));
    assert_eq!((status.partitions.len(), status.projectors.len()), (7, 3));
    assert!(trailers.contains(&("grpc-status".to_owned(), "0".to_owned())), "{trailers:?}");

    // What is refused has its status, and its reason, where a browser finds them.
    let request = GetCustomerRequest { customer_id: "nobody".into(), ..GetCustomerRequest::default() };
    let answer = post(&serve.address, "/subledger.v1.CustomerService/GetCustomer", &request)?;
    assert_eq!(answer.status, 200);
    let (messages, mut all) = answer.frames()?;
    assert!(messages.is_empty());
    all.extend(answer.headers.clone());
    assert!(all.contains(&("grpc-status".to_owned(), "5".to_owned())), "{all:?}");
    assert!(all.iter().any(|(name, value)| name == "grpc-message" && value.contains("nobody")), "{all:?}");
    Ok(())
}
