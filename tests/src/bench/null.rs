//! A server that answers at once: tonic itself, with messages of the sizes that a ledger has. What it answers is the ceiling.

use std::{
    convert::Infallible,
    net::SocketAddr,
    task::{Context, Poll},
};

use prost_types::Timestamp;
use subledger_proto::{
    api::{
        GetSubscriptionRequest, ListSubscriptionsRequest, ListSubscriptionsResponse, Outcome, SubmitRequest,
        SubmitStreamRequest, SubmitStreamResponse, Subscription,
        command_service_server::{CommandService, CommandServiceServer},
    },
    common::{Position, PriceComponent},
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::{Grpc, NamedService, UnaryService},
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

/// Subscriptions of one page.
const PAGE: usize = 50;
/// Answers of one stream that wait to be taken.
const ANSWERS_MAX: usize = 16;

/// Answers until the process ends.
pub async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    Server::builder()
        .add_service(CommandServiceServer::new(Null))
        .add_service(Null)
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

#[derive(Clone, Copy)]
struct Null;

fn outcome(command_id: String) -> Outcome {
    Outcome {
        command_id,
        position: Some(Position { family: 3, partition: 2, seq: 1_234_567 }),
        stream_version: 12,
        recorded_at: Some(Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 }),
        effective_at: Some(Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 }),
        ..Outcome::default()
    }
}

fn subscription() -> Subscription {
    let reflects = (0..6).map(|partition| Position { family: 3, partition, seq: 1_234_567 }).collect();
    Subscription {
        subscription_id: "load-0000123-0".into(),
        customer_id: "load-customer-0000123".into(),
        partner_id: "load-partner-00003".into(),
        order_id: "6e9d4f5e-5f3e-5d2a-9f01-a336c15e135f".into(),
        offer_id: "load-offer".into(),
        offer_name: "Enterprise E3".into(),
        friendly_name: "Enterprise E3".into(),
        state: "active".into(),
        quantity: 5,
        billing_frequency: 1,
        term_months: 12,
        start: "2018-01-13".into(),
        term_end: "2019-01-12".into(),
        auto_renew: true,
        currency: "USD".into(),
        prices: vec![PriceComponent::default()],
        reflects,
        ..Subscription::default()
    }
}

#[tonic::async_trait]
impl CommandService for Null {
    async fn submit(&self, request: Request<SubmitRequest>) -> Result<Response<Outcome>, Status> {
        let command = request.into_inner().command.unwrap_or_default();
        Ok(Response::new(outcome(command.command_id)))
    }

    type SubmitStreamStream = ReceiverStream<Result<SubmitStreamResponse, Status>>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let (sender, answers) = mpsc::channel(ANSWERS_MAX);
        let mut requests = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(batch)) = requests.message().await {
                let outcomes = batch.commands.into_iter().map(|command| outcome(command.command_id)).collect();
                if sender.send(Ok(SubmitStreamResponse { outcomes })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }
}

/// The two reads that are measured, of a service that has many more.
impl NamedService for Null {
    const NAME: &'static str = "subledger.v1.CustomerService";
}

impl Service<http::Request<Body>> for Null {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/subledger.v1.CustomerService/GetSubscription" => {
                    Grpc::new(ProstCodec::default()).unary(Null, request).await
                }
                "/subledger.v1.CustomerService/ListSubscriptions" => {
                    Grpc::new(ProstCodec::default()).unary(Page, request).await
                }
                _ => Status::unimplemented("only what is measured").into_http(),
            })
        })
    }
}

struct Page;

impl UnaryService<GetSubscriptionRequest> for Null {
    type Response = Subscription;
    type Future = BoxFuture<Response<Subscription>, Status>;

    fn call(&mut self, _: Request<GetSubscriptionRequest>) -> Self::Future {
        Box::pin(async { Ok(Response::new(subscription())) })
    }
}

impl UnaryService<ListSubscriptionsRequest> for Page {
    type Response = ListSubscriptionsResponse;
    type Future = BoxFuture<Response<ListSubscriptionsResponse>, Status>;

    fn call(&mut self, _: Request<ListSubscriptionsRequest>) -> Self::Future {
        let one = || Subscription { reflects: Vec::new(), ..subscription() };
        let subscriptions = std::iter::repeat_with(one).take(PAGE).collect();
        Box::pin(async { Ok(Response::new(ListSubscriptionsResponse { subscriptions, ..Default::default() })) })
    }
}
