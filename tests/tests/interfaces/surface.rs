//! What any gRPC client finds without our files: reflection, health, and the history by time and by subject.

use std::collections::BTreeSet;

use anyhow::Context as _;
use subledger_proto::api::{ReadEventsRequest, Record};
use subledger_tests::{
    client::Client,
    commands::{change_quantity, purchase},
    process::Serve,
    shop::{self, FIRST_DAY, TEST_CLOCK},
};
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const SERVICES: [&str; 8] = ["Command", "Catalog", "Customer", "Billing", "Incentive", "Claim", "Audit", "Admin"];

async fn ledger(dir: &std::path::Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(dir, TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    Ok((serve, client))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_knows_nothing_finds_every_service_and_its_health() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, _client) = ledger(dir.path()).await?;
    let channel = Endpoint::from_shared(serve.address.clone())?.connect().await?;
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel.clone())
        .server_reflection_info(tokio_stream::once(ask))
        .await?
        .into_inner();
    let answer = answers.message().await?.and_then(|answer| answer.message_response).context("no answer")?;
    let MessageResponse::ListServicesResponse(list) = answer else { anyhow::bail!("{answer:?}") };
    let found: BTreeSet<String> = list.service.into_iter().map(|service| service.name).collect();
    for name in SERVICES.map(|name| format!("subledger.v1.{name}Service")) {
        assert!(found.contains(&name), "{name} is not among {found:?}");
        let request = HealthCheckRequest { service: name.clone() };
        let health = HealthClient::new(channel.clone()).check(request).await?.into_inner();
        assert_eq!(health.status(), ServingStatus::Serving, "{name}");
    }
    Ok(())
}

async fn read(client: &Client, request: ReadEventsRequest) -> anyhow::Result<Vec<Record>> {
    let mut stream = client.audit.clone().read_events(request).await?.into_inner();
    let mut records = Vec::new();
    while let Some(answer) = stream.message().await? {
        records.extend(answer.records);
    }
    Ok(records)
}

fn ids(records: &[Record]) -> Vec<&str> {
    let ids = records.iter().filter_map(|record| Some(record.commit.as_ref()?.command_id.as_str()));
    ids.filter(|id| id.starts_with("t-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_read_by_time_by_stream_and_by_subscription() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    shop::stock(&client, ["fabrikam"], FIRST_DAY).await?;
    client.accepted(&purchase("t-1", "fabrikam", "contoso", "e3", 5)).await?;
    client.accepted(&purchase("t-2", "fabrikam", "contoso", "e3", 6)).await?;
    client.advance("2018-01-20").await?;
    let late = client.accepted(&change_quantity("t-3", "fabrikam", "contoso", "sub-t-1", 7)).await?;
    let all = read(&client, ReadEventsRequest::default()).await?;
    assert_eq!(ids(&all), ["t-1", "t-2", "t-3"]);

    let after = ReadEventsRequest { recorded_from: late.recorded_at, ..ReadEventsRequest::default() };
    assert_eq!(ids(&read(&client, after).await?), ["t-3"]);
    let before = ReadEventsRequest { recorded_to: late.recorded_at, ..ReadEventsRequest::default() };
    assert_eq!(ids(&read(&client, before).await?), ["t-1", "t-2"]);
    let about = ReadEventsRequest { subscription_id: "sub-t-1".into(), ..ReadEventsRequest::default() };
    assert_eq!(ids(&read(&client, about).await?), ["t-1", "t-3"]);
    let stream = ReadEventsRequest { stream: "contoso".into(), ..ReadEventsRequest::default() };
    let partner = read(&client, stream).await?;
    assert!(!partner.is_empty());
    assert!(partner.iter().all(|record| record.commit.as_ref().is_some_and(|commit| commit.stream == "contoso")));
    let from = ReadEventsRequest { from: late.position.into_iter().collect(), ..ReadEventsRequest::default() };
    assert_eq!(ids(&read(&client, from).await?), ["t-3"]);
    Ok(())
}
