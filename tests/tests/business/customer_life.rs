//! A customer's life through the real binary: record, segment, trial, schedule, licenses, upgrade, search, files, the catalog of a day.

use serde_json::{Value, json};
use subledger_proto::api::{GetOfferRequest, GetSubscriptionStateRequest, ListPricesRequest, SearchCustomersRequest};
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{agreement, customer, offer, partner, price, purchase},
    process::Serve,
    shop::TEST_CLOCK,
};

async fn ledger(dir: &std::path::Path) -> anyhow::Result<(Serve, Client)> {
    let serve = Serve::start(dir, TEST_CLOCK).await?;
    let client = Client::connect(&serve.address).await?;
    for command in [
        partner("contoso"),
        offer("e3"),
        price("e3", "4.00"),
        customer("fabrikam", "contoso"),
        customer("northwind", "contoso"),
        agreement("fabrikam", "2018-01-13"),
    ] {
        client.accepted(&command).await?;
    }
    Ok((serve, client))
}

/// A command about `fabrikam` by `contoso`.
fn of(id: &str, name: &str, mut fields: Value) -> Value {
    fields["customer_id"] = json!("fabrikam");
    fields["partner_id"] = json!("contoso");
    json!({ "command_id": id, name: fields })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_changes_and_is_found_and_exported() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    client.accepted(&of("u-1", "update_customer", json!({ "bill_to_name": "Woodgrove Bank" }))).await?;
    client.accepted(&of("t-1", "tag_customer", json!({ "tags": ["Key account"] }))).await?;
    let last = client.accepted(&purchase("b-1", "fabrikam", "contoso", "e3", 20)).await?;
    let name = of("u-2", "update_customer", json!({ "company_name": "X" }));
    assert_eq!(client.refused(&name).await?, "INVALID_VALUE");
    let (education, owned) = ("SEGMENT_EDUCATION", "dean@gmail.com");
    let asked = of("q-1", "request_qualification", json!({ "segment": education, "email": owned }));
    assert_eq!(client.refused(&asked).await?, "EMAIL_NOT_ENTITY_OWNED");

    for (text, matched) in [
        ("wood", "prefix"),
        ("Woodgrov Bnk", "alike"),
        ("key account", "tag"),
        ("SUB-B-1", "subscription_id"),
        ("order-b-1", "order_id"),
        ("fabrikam.onmicrosoft.com", "prefix"),
    ] {
        let request = SearchCustomersRequest {
            text: text.to_owned(),
            partner_id: "contoso".to_owned(),
            min_position: last.position.into_iter().collect(),
            ..SearchCustomersRequest::default()
        };
        let found = client.customers.clone().search_customers(request).await?.into_inner();
        let hit = found.hits.first().map(|hit| {
            (hit.customer.as_ref().map(|it| it.customer_id.clone()).unwrap_or_default(), hit.matched_by.clone())
        });
        assert_eq!(hit, Some(("fabrikam".to_owned(), matched.to_owned())), "{text}");
    }
    let printed = run(&["search", "Woodgrov Bnk", "--address", &serve.address, "-o", "csv"])?.expect_code(0)?.out;
    let head =
        "customer.customer_id,customer.company_name,customer.bill_to_name,customer.domain_name,matched_by,likeness";
    assert!(printed.starts_with(&format!("{head}\r\nfabrikam,")), "{printed}");

    let csv = |arguments: &[&str]| -> anyhow::Result<String> {
        let all = [&["csv"], arguments, &["--address", &serve.address]].concat();
        Ok(run(&all)?.expect_code(0)?.out)
    };
    assert_eq!(
        csv(&["customers", "--partner", "contoso"])?,
        "Microsoft ID,Company name,Primary domain name,Relationship\r\n\
         northwind,Company northwind,northwind.onmicrosoft.com,Cloud Reseller\r\n\
         fabrikam,Woodgrove Bank,fabrikam.onmicrosoft.com,Cloud Reseller\r\n"
    );
    assert_eq!(
        csv(&["subscriptions", "--customer", "fabrikam"])?,
        "Subscription ID,Subscription,Quantity,Status,Reseller\r\n\
         sub-b-1,Offer e3,20,Auto renews on 1/13/2019,\r\n"
    );
    let activities = csv(&["activities", "--customer", "fabrikam"])?;
    assert!(activities.starts_with("Date-Time,Affected customer,Action,Partner user\r\n"), "{activities}");
    assert!(activities.contains("CustomerUpdated fabrikam bill_to_name none -> Woodgrove Bank"), "{activities}");
    run(&["csv", "subscriptions", "--address", &serve.address])?.expect_error(&["--customer"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_trial_to_a_scheduled_end() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (_serve, client) = ledger(dir.path()).await?;
    let mut trial = offer("e3-trial");
    trial["publish_offers"]["offers"][0]["kind"] = json!("OFFER_KIND_TRIAL");
    client.accepted(&trial).await?;
    client.accepted(&price("e3-trial", "0")).await?;
    client
        .accepted(&json!({ "command_id": "terms", "publish_trials": { "trials": [{
        "offer_id": "e3-trial", "paid_offer_id": "e3", "convert_to_offer_ids": ["e3"] }] }}))
        .await?;
    let start = json!({ "offer_id": "e3-trial", "subscription_id": "t" });
    let started = client.accepted(&of("s-1", "start_trial", start.clone())).await?;
    let subscription = client.subscription("t", started.position).await?;
    assert_eq!((subscription.state.as_str(), subscription.quantity), ("trial", 25));
    assert_eq!(subscription.free_trial_ends_on, "2018-02-12");
    let mut again = start;
    again["subscription_id"] = json!("t2");
    assert_eq!(client.refused(&of("s-2", "start_trial", again)).await?, "TRIAL_ALREADY_USED");

    client.advance("2018-01-31").await?;
    assert_eq!(client.invoices("contoso").await?, [], "a trial is on no document");
    let convert = json!({ "subscription_id": "t", "to_offer_id": "e3", "quantity": 10,
        "billing_frequency": "BILLING_FREQUENCY_ANNUAL" });
    client.accepted(&of("c-1", "convert_trial", convert)).await?;

    for (id, user) in [("n-1", "ada"), ("n-2", "bob")] {
        let email = format!("{user}@fabrikam.onmicrosoft.com");
        let fields = json!({ "user_id": user, "display_name": user, "email": email });
        client.accepted(&of(id, "create_user", fields)).await?;
    }
    let row = |user: &str| json!({ "user_id": user, "subscription_id": "t", "assign": true });
    client.accepted(&of("l-1", "change_licenses", json!({ "rows": [row("ada"), row("bob"), row("eve")] }))).await?;
    let fewer = of("q-1", "change_quantity", json!({ "subscription_id": "t", "quantity": 1 }));
    assert_eq!(client.refused(&fewer).await?, "LICENSES_STILL_ASSIGNED");

    let change = json!({ "quantity": 4, "on": "2018-03-01" });
    client.accepted(&of("p-1", "schedule_change", json!({ "subscription_id": "t", "change": change }))).await?;
    client.advance("2018-03-01").await?;
    assert_eq!(client.subscription("t", None).await?.quantity, 4);
    let end = of("p-2", "schedule_change", json!({ "subscription_id": "t", "change": {} }));
    let planned = client.accepted(&end).await?;
    assert!(client.subscription("t", planned.position).await?.scheduled_change.is_some());
    client.advance("2019-02-01").await?;
    assert_eq!(client.subscription("t", None).await?.state, "expired");

    for (on, state, event, quantity) in [
        ("2018-01-13", "trial", "TrialStarted", 25),
        ("2018-02-01", "active", "FreeTrialConverted", 10),
        ("2018-03-05", "active", "QuantityChanged", 4),
        ("2019-02-01", "expired", "SubscriptionExpired", 4),
    ] {
        let request = GetSubscriptionStateRequest {
            customer_id: "fabrikam".to_owned(),
            subscription_id: "t".to_owned(),
            on: on.to_owned(),
            ..GetSubscriptionStateRequest::default()
        };
        let was = client.customers.clone().get_subscription_state(request).await?.into_inner();
        assert_eq!((was.state.as_str(), was.event.as_str(), was.quantity), (state, event, quantity), "{on}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_of_any_day_stays_answerable() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (serve, client) = ledger(dir.path()).await?;
    client.advance("2018-01-20").await?;
    let mut renamed = offer("e3");
    renamed["command_id"] = json!("offer-again");
    renamed["publish_offers"]["offers"][0]["display_name"] = json!("Offer E3, renamed");
    client.accepted(&renamed).await?;
    let mut list = price("e3", "5.50");
    list["command_id"] = json!("prices-february");
    list["publish_price_list"]["price_list_id"] = json!("2018-02-US");
    list["publish_price_list"]["rows"][0]["valid_from"] = json!("2018-02-01");
    list["publish_price_list"]["rows"][0]["change_flag"] = json!("CHG");
    let repriced = client.accepted(&list).await?;
    let name = async |as_of: &str| -> anyhow::Result<String> {
        let request = GetOfferRequest {
            offer_id: "e3".to_owned(),
            as_of_date: as_of.to_owned(),
            min_position: repriced.position.into_iter().collect(),
        };
        let found = client.catalog.clone().get_offer(request).await?.into_inner();
        Ok(found.offer.unwrap_or_default().display_name)
    };
    assert_eq!(name("2018-01-20").await?, "Offer e3");
    assert_eq!(name("2018-01-21").await?, "Offer E3, renamed");
    assert_eq!(name("").await?, "Offer E3, renamed");
    assert!(name("2018-01-12").await.is_err(), "nothing was published yet");

    let prices = async |on: &str, as_of: &str| -> anyhow::Result<Vec<String>> {
        let request = ListPricesRequest {
            currency: "USD".to_owned(),
            on: on.to_owned(),
            as_of_date: as_of.to_owned(),
            ..ListPricesRequest::default()
        };
        let listed = client.catalog.clone().list_prices(request).await?.into_inner().prices;
        Ok(listed.iter().map(|it| format!("{} {} {}", it.change_flag, it.list_price, it.previous_price)).collect())
    };
    assert_eq!(prices("2018-02-01", "").await?, ["CHG 5.50 4.00"], "a preview of the list to come");
    assert_eq!(prices("2018-02-01", "2018-01-20").await?, ["UNC 4.00 4.00"], "as it was known before");
    assert_eq!(prices("2018-01-15", "").await?, ["ADD 4.00 "]);
    let arguments =
        ["list", "prices", "--currency", "USD", "--on", "2018-02-01", "-o", "csv", "--address", &serve.address];
    let printed = run(&arguments)?.expect_code(0)?.out;
    assert!(printed.ends_with("e3,\"Offer E3, renamed\",,CHG,5.50,4.00,2018-02-US\r\n"), "{printed}");
    Ok(())
}
