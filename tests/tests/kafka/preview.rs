//! A preview at a gateway of a ledger on a real Kafka broker: the writer of the partition answers, whichever process it runs in.

use anyhow::{Context as _, ensure};
use subledger_proto::api::SubmitRequest;
use subledger_tests::{
    client::Client,
    commands::{agreement, change_quantity, command as to_command, customer, offer, partner, price, purchase},
    kafka::{self, Broker, Fleet},
};
use tonic::Code;
use tonic_types::StatusExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_previews_by_the_writers_it_knows() -> anyhow::Result<()> {
    if kafka::skipped() {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let broker = Broker::start(dir.path().join("kafka"))?;
    let mut fleet = Fleet::start_on_test_clock(&broker, "preview", dir.path(), "2018-01-13").await?;
    let client = Client::connect(fleet.gateway.address.as_deref().context("it listens")?).await?;
    // Several customers, so that both writers are asked.
    let customers = ["c-1", "c-2", "c-3", "c-4", "c-5", "c-6"];
    for command in [offer("e3"), price("e3", "31.00"), partner("contoso")] {
        client.accepted(&command).await?;
    }
    for id in customers {
        client.accepted(&customer(id, "contoso")).await?;
        client.accepted(&agreement(id, "2018-01-13")).await?;
        client.accepted(&purchase(&format!("b-{id}"), id, "contoso", "e3", 1)).await?;
    }
    let preview = async |id: &str, seats: u32| {
        let command = change_quantity(&format!("q-{id}"), id, "contoso", &format!("sub-b-{id}"), seats);
        let request = SubmitRequest { command: Some(to_command(&command)?), include_events: true, validate_only: true };
        anyhow::Ok(client.commands.clone().submit(request).await)
    };
    for id in customers {
        let outcome = preview(id, 2).await?.with_context(|| fleet.printed())?.into_inner();
        ensure!(outcome.position.is_none() && outcome.events.len() == 1, "{outcome:?}");
        let invoices = outcome.preview.context("a preview")?.next_invoices;
        let totals: Vec<_> =
            invoices.iter().map(|invoice| (invoice.invoice_date.as_str(), invoice.total.as_str())).collect();
        ensure!(totals.len() == 2, "{totals:?}");
        // What is refused is refused as it would be.
        let refused = preview(id, 301).await?.err().context("over the offer's limit")?;
        let info = refused.get_details_error_info().context("an error without ErrorInfo")?;
        ensure!(
            (refused.code(), info.reason.as_str()) == (Code::FailedPrecondition, "QUANTITY_ABOVE_MAXIMUM"),
            "{refused:?}"
        );
    }
    // No trace of it: the same id is free for another command.
    for id in customers {
        client.accepted(&change_quantity(&format!("q-{id}"), id, "contoso", &format!("sub-b-{id}"), 3)).await?;
    }
    // One writer is gone: the other takes over its partitions, and answers for all.
    fleet.writers[0].process.kill()?;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    for id in customers {
        let command = |seats| change_quantity(&format!("r-{id}"), id, "contoso", &format!("sub-b-{id}"), seats);
        loop {
            let request =
                SubmitRequest { command: Some(to_command(&command(4))?), include_events: true, validate_only: true };
            match client.commands.clone().submit(request).await {
                Ok(outcome) => break ensure!(outcome.into_inner().preview.is_some()),
                Err(status) => {
                    ensure!(status.code() == Code::Unavailable, "{status:?}");
                    ensure!(std::time::Instant::now() < until, "{status:?}\n{}", fleet.printed());
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                }
            }
        }
    }
    Ok(())
}
