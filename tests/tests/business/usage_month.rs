//! A month of generated usage through the real process: the sum of the daily rated lines is the invoice and the entries, and earned credit
//! is what a naive program says, to the cent. `SUBLEDGER_TEST_USAGE_CUSTOMERS` and `SUBLEDGER_TEST_USAGE_METERS` make it larger: 1000 and 20 are 14
//! million records.

use subledger_tests::{
    client::Client,
    process::Serve,
    random::{Random, number_from_environment},
    usage_month::{Story, dispute_and_check, play_and_check},
};

const SETTINGS: &[&str] =
    &["--set", "test_clock.enabled=true", "--set", "test_clock.start=2019-10-01", "--set", "layout.customers=3"];

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_month_is_what_a_naive_program_says() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let serve = Serve::start(dir.path(), SETTINGS).await?;
    let client = Client::connect(&serve.address).await?;
    let size = |variable: &str, default| usize::try_from(number_from_environment(variable, default));
    let (customers, meters) = (size("SUBLEDGER_TEST_USAGE_CUSTOMERS", 20)?, size("SUBLEDGER_TEST_USAGE_METERS", 4)?);
    let random = Random::from_environment();
    eprintln!("SUBLEDGER_TEST_SEED={}", random.seed());
    let mut story = Story::new(random, customers, meters);
    play_and_check(&client, &serve.address, &mut story).await?;
    dispute_and_check(&client, &serve.address, &story).await
}
