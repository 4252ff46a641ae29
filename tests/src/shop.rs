//! What most stories begin with: a ledger on a test clock, one partner, one offer with its price, and customers.

use std::path::Path;

use crate::{
    client::Client,
    commands::{agreement, customer, offer, partner, price},
    process::Serve,
};

/// The first day of a ledger that starts with [`TEST_CLOCK`].
pub const FIRST_DAY: &str = "2018-01-13";
/// Settings of a ledger whose clock stands at [`FIRST_DAY`] until it is advanced.
pub const TEST_CLOCK: &[&str] = &["--set", "test_clock.enabled=true", "--set", "test_clock.start=2018-01-13"];

/// Partner `contoso`, offer `e3` at 4.00 USD, and customers that accepted the agreement on a day.
pub async fn stock<C: AsRef<str>>(
    client: &Client,
    customers: impl IntoIterator<Item = C>,
    accepted_on: &str,
) -> anyhow::Result<()> {
    for command in [partner("contoso"), offer("e3"), price("e3", "4.00")] {
        client.accepted(&command).await?;
    }
    for id in customers {
        client.accepted(&customer(id.as_ref(), "contoso")).await?;
        client.accepted(&agreement(id.as_ref(), accepted_on)).await?;
    }
    Ok(())
}

/// A ledger in one process with all of that.
pub async fn open<C: AsRef<str>>(
    dir: &Path,
    customers: impl IntoIterator<Item = C>,
) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(dir, TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    stock(&client, customers, FIRST_DAY).await?;
    Ok((serve, client))
}
