//! The whole way of a file against a small server: order, retries, rejections, running again.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};

use clap::Parser;
use serde_json::Value;
use subledger_proto::{
    api::{
        Outcome, SubmitRequest, SubmitStreamRequest, SubmitStreamResponse,
        command_service_server::{CommandService, CommandServiceServer},
    },
    common::{Position, Rejection},
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

use super::*;

/// Takes commands, refuses customer `bad`, has no room now and then, and breaks streams.
#[derive(Clone, Default)]
struct Fake {
    state: Arc<Mutex<FakeState>>,
}

#[derive(Default)]
struct FakeState {
    /// Ids in the order they were recorded.
    recorded: Vec<String>,
    outcomes: BTreeMap<String, Outcome>,
    batches: usize,
    /// Batches after which the stream breaks.
    breaks: Vec<usize>,
    /// Batches in whose middle the queue is full.
    full: Vec<usize>,
}

impl FakeState {
    fn take(&mut self, request: &SubmitStreamRequest) -> SubmitStreamResponse {
        self.batches += 1;
        let full_from = if self.full.contains(&self.batches) { request.commands.len() / 2 } else { usize::MAX };
        let outcomes = request.commands.iter().enumerate().map(|(n, command)| {
            let command_id = command.command_id.clone();
            if n >= full_from {
                let metadata = [("retry_after_ms".to_owned(), "1".to_owned())].into();
                let rejection = Rejection { reason: "WRITER_OVERLOADED".into(), message: "no room".into(), metadata };
                return Outcome { command_id, rejection: Some(rejection), ..Outcome::default() };
            }
            if let Some(known) = self.outcomes.get(&command_id) {
                return Outcome { duplicate: true, ..known.clone() };
            }
            let seq = self.recorded.len() as u64;
            let position = Some(Position { family: 3, partition: 0, seq });
            let rejection = format!("{command:?}").contains("\"bad\"").then(|| Rejection {
                reason: "CUSTOMER_NOT_FOUND".into(),
                message: "There is no customer bad".into(),
                ..Rejection::default()
            });
            let outcome = Outcome { command_id: command_id.clone(), rejection, position, ..Outcome::default() };
            self.recorded.push(command_id.clone());
            self.outcomes.insert(command_id, outcome.clone());
            outcome
        });
        SubmitStreamResponse { outcomes: outcomes.collect() }
    }
}

#[tonic::async_trait]
impl CommandService for Fake {
    async fn submit(&self, _: Request<SubmitRequest>) -> Result<Response<Outcome>, Status> {
        Err(Status::unimplemented("not here"))
    }

    type SubmitStreamStream = ReceiverStream<Result<SubmitStreamResponse, Status>>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let mut requests = request.into_inner();
        let state = Arc::clone(&self.state);
        let (answers, stream) = mpsc::channel(4);
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                let (answer, breaks) = {
                    let mut state = state.lock().unwrap();
                    (state.take(&request), state.breaks.contains(&state.batches))
                };
                // The batch is recorded, but its answer is lost.
                let answer = if breaks { Err(Status::unavailable("going down")) } else { Ok(answer) };
                if answers.send(answer).await.is_err() || breaks {
                    break;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

async fn serve(fake: Fake) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().add_service(CommandServiceServer::new(fake));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

async fn load(address: &str, file: &Path, more: &[&str]) -> Result<(), Failure> {
    let file = file.to_str().unwrap();
    let words = ["load", file, "--address", address, "--output", "json"].into_iter().chain(more.iter().copied());
    run(Line::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).args).await
}

fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("subledger-load-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn line(n: usize, customer: &str) -> String {
    format!(
        "{{\"command_id\": \"c-{n}\", \"change_quantity\": {{\"customer_id\": \"{customer}\", \"partner_id\": \"p\", \
         \"subscription_id\": \"s\", \"quantity\": {n}}}}}\n"
    )
}

#[tokio::test]
async fn order_stays_through_full_queues_and_broken_streams() {
    let fake = Fake::default();
    {
        let mut state = fake.state.lock().unwrap();
        state.breaks = vec![3, 9];
        state.full = vec![5, 6, 14];
    }
    let address = serve(fake.clone()).await;
    let directory = directory("order");
    let file = directory.join("commands.jsonl");
    fs::write(&file, (0..100).map(|n| line(n, "c")).collect::<String>()).unwrap();
    load(&address, &file, &["--batch-size", "10", "--in-flight", "1"]).await.unwrap();
    let expected: Vec<_> = (0..100).map(|n| format!("c-{n}")).collect();
    assert_eq!(fake.state.lock().unwrap().recorded, expected);
    assert!(!directory.join("commands.jsonl.rejected.jsonl").exists());
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn rejected_and_unreadable_lines_are_kept_with_their_reason() {
    let fake = Fake::default();
    let address = serve(fake.clone()).await;
    let directory = directory("rejected");
    let file = directory.join("commands.jsonl");
    let text = format!("{}nonsense\n{}{}", line(1, "c"), line(3, "bad"), line(4, "c"));
    fs::write(&file, text).unwrap();
    for _again in 0..2 {
        let Err(Failure::Differs(text)) = load(&address, &file, &[]).await else { panic!("all taken") };
        assert!(text.starts_with("2 not taken"), "{text}");
        let kept = fs::read_to_string(directory.join("commands.jsonl.rejected.jsonl")).unwrap();
        let kept: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut reasons: Vec<_> = kept.iter().map(|k| (k["line"].as_u64(), k["reason"].as_str())).collect();
        reasons.sort_unstable();
        assert_eq!(reasons, [(Some(2), Some("UNREADABLE")), (Some(3), Some("CUSTOMER_NOT_FOUND"))]);
        let refused = kept.iter().find(|k| k["line"] == 3).unwrap();
        assert_eq!(refused["command"]["change_quantity"]["customer_id"], "bad");
        assert_eq!(fake.state.lock().unwrap().recorded, ["c-1", "c-3", "c-4"], "the second time nothing is new");
    }
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn no_ledger_is_said_after_the_patience() {
    let directory = directory("away");
    let file = directory.join("commands.jsonl");
    fs::write(&file, line(1, "c")).unwrap();
    let result = load("http://127.0.0.1:1", &file, &["--patience", "0"]).await;
    assert!(matches!(result, Err(Failure::Unreachable(_))), "{result:?}");
    fs::remove_dir_all(directory).unwrap();
}
