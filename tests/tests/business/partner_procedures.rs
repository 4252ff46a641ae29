//! The published procedures of providers, resellers and partners in transition (reports page section 2.14, program page C05 to C08,
//! accounts page sections 2.3 to 2.5), each as one story through gRPC, and the ledger's own proof of it afterwards.

use serde_json::{Value, json};
use subledger_proto::api::ListCustomersRequest;
use subledger_tests::{
    cli::run,
    client::Client,
    commands::{agreement, change_quantity, customer, offer, price, purchase},
    partners::{about, between, domain, global_account, register},
    process::Serve,
};

const TEST_CLOCK: &[&str] = &["--set", "test_clock.enabled=true", "--set", "test_clock.start=2020-01-13"];

/// A ledger in which partnerships and the partner agreement are required, with a provider, a reseller and a direct bill partner.
struct Market {
    serve: Serve,
    client: Client,
    dir: tempfile::TempDir,
}

impl Market {
    async fn open() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let serve = Serve::start(&dir.path().join("data"), TEST_CLOCK).await?;
        let client = Client::connect(&serve.address).await?;
        for command in [
            json!({ "command_id": "rules", "publish_partner_rules": { "rules": [
                { "rule": "PARTNER_RULE_PARTNERSHIP_REQUIRED", "from": "2020-01-01" },
                { "rule": "PARTNER_RULE_LOCATION_REQUIRED", "from": "2020-01-01" },
            ]}}),
            json!({ "command_id": "mpa", "publish_partner_agreement": {
                "version": "MPA", "signing_from": "2019-09-01", "required_from": "2020-02-01" }}),
            register("distributor", "INDIRECT_PROVIDER", "4390934"),
            register("corner-shop", "INDIRECT_RESELLER", "5359761"),
            register("contoso", "DIRECT_BILL", "4952745"),
            offer("e3"),
            price("e3", "4.00"),
        ] {
            client.accepted(&command).await?;
        }
        Ok(Self { serve, client, dir })
    }

    async fn accepted(&self, commands: &[Value]) -> anyhow::Result<()> {
        for command in commands {
            let at = self.client.accepted(command).await?.position;
            // What is read from now on has it.
            self.client.balances("distributor", at).await?;
            let min_position = at.into_iter().collect();
            let request = ListCustomersRequest { min_position, ..ListCustomersRequest::default() };
            self.client.customers.clone().list_customers(request).await?;
        }
        Ok(())
    }

    /// The provider invites by its link, and the reseller follows it, ticks the box and authorizes.
    async fn partner_up(&self, reseller: &str) -> anyhow::Result<()> {
        self.accepted(&[
            between(&format!("invite-{reseller}"), "request_partnership", "distributor", reseller, json!({})),
            between(
                &format!("authorize-{reseller}"),
                "authorize_provider",
                "distributor",
                reseller,
                json!({ "confirmed": true }),
            ),
        ])
        .await
    }

    /// An export of the ledger, in which every decision comes out again as it was recorded.
    fn proves_itself(&self) -> anyhow::Result<()> {
        let folder = self.dir.path().join("audit");
        let folder = folder.to_str().unwrap_or_default();
        let key = run(&["keys", "list", "--address", &self.serve.address])?.expect_code(0)?.out;
        let file = self.dir.path().join("key.txt");
        std::fs::write(&file, key)?;
        run(&["export", "--out", folder, "--address", &self.serve.address])?.expect_code(0)?;
        run(&["verify", folder, "--key", file.to_str().unwrap_or_default()])?.expect_code(0)?;
        Ok(())
    }

    fn printed(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let form: &[&str] = if arguments[0] == "list" { &["--output", "csv"] } else { &[] };
        let all = [arguments, &["--address", &self.serve.address], form].concat();
        Ok(run(&all)?.expect_code(0)?.out)
    }
}

fn create_for(reseller: &str, id: &str) -> Value {
    let mut command = customer(id, "distributor");
    command["create_customer"]["reseller_id"] = json!(reseller);
    command
}

/// Inviting a reseller (L17625-17637), and what each side sees then (L17801).
#[tokio::test(flavor = "multi_thread")]
async fn inviting_a_reseller() -> anyhow::Result<()> {
    let market = Market::open().await?;
    let client = &market.client;
    // Before, the reseller cannot be tied to a customer.
    assert_eq!(client.refused(&create_for("corner-shop", "fabrikam")).await?, "RESELLER_NO_PARTNERSHIP");
    market.accepted(&[between("invite", "request_partnership", "distributor", "corner-shop", json!({}))]).await?;
    assert_eq!(client.partnerships("corner-shop").await?[0].state, "requested");
    // It follows the link, but leaves the box alone; then it ticks it.
    let authorize = |id: &str, confirmed: bool| {
        let fields = json!({ "confirmed": confirmed });
        between(id, "authorize_provider", "distributor", "corner-shop", fields)
    };
    assert_eq!(client.refused(&authorize("a-1", false)).await?, "CONFIRMATION_REQUIRED");
    client.accepted(&authorize("a-2", true)).await?;
    // Each appears in the other's list; the provider may administer the reseller's account.
    for side in ["distributor", "corner-shop"] {
        let [partnership] = client.partnerships(side).await?.try_into().unwrap();
        assert_eq!((partnership.state.as_str(), partnership.provider_admin), ("active", true), "{side}");
    }
    // The reseller takes that access away; the partnership stays (L17805).
    client.accepted(&between("revoke", "revoke_provider_admin", "distributor", "corner-shop", json!({}))).await?;
    let [partnership] = client.partnerships("distributor").await?.try_into().unwrap();
    assert_eq!((partnership.state.as_str(), partnership.provider_admin), ("active", false));
    let printed = market.printed(&["list", "partnerships", "--partner", "corner-shop"])?;
    assert!(printed.contains("distributor,corner-shop,active,2020-01-13,false"), "{printed}");
    market.proves_itself()
}

/// Adding a second provider: nothing moves from the first, in either direction (L17823).
#[tokio::test(flavor = "multi_thread")]
async fn adding_a_provider() -> anyhow::Result<()> {
    let market = Market::open().await?;
    let client = &market.client;
    market.partner_up("corner-shop").await?;
    market.accepted(&[create_for("corner-shop", "fabrikam"), agreement("fabrikam", "2020-01-13")]).await?;
    market.accepted(&[register("wholesale", "INDIRECT_PROVIDER", "6006679")]).await?;
    market
        .accepted(&[
            between("invite-2", "request_partnership", "wholesale", "corner-shop", json!({})),
            between("authorize-2", "authorize_provider", "wholesale", "corner-shop", json!({ "confirmed": true })),
        ])
        .await?;
    assert_eq!(client.partnerships("corner-shop").await?.len(), 2);
    let order = purchase("p", "fabrikam", "wholesale", "e3", 5);
    assert_eq!(client.refused(&order).await?, "RELATIONSHIP_REQUIRED", "a customer accepts each partner itself");
    market
        .accepted(&[
            json!({ "command_id": "ask", "request_relationship": {
                "customer_id": "fabrikam", "partner_id": "wholesale", "reseller_id": "corner-shop" }}),
            json!({ "command_id": "yes", "accept_relationship": { "customer_id": "fabrikam", "partner_id": "wholesale" }}),
            purchase("p-2", "fabrikam", "wholesale", "e3", 5),
        ])
        .await?;
    // A partner in another market is nobody's (L17970).
    let mut german = register("haendler", "INDIRECT_RESELLER", "5408568");
    german["register_partner"]["country"] = json!("DE");
    german["register_partner"]["currency"] = json!("EUR");
    client.accepted(&german).await?;
    let across = between("invite-3", "request_partnership", "wholesale", "haendler", json!({}));
    assert_eq!(client.refused(&across).await?, "MARKET_NOT_ALLOWED");
    Ok(())
}

/// The provider adds a customer for a reseller, orders for it, and buys more later (L17663-17684).
#[tokio::test(flavor = "multi_thread")]
async fn adding_customers_for_a_reseller() -> anyhow::Result<()> {
    let market = Market::open().await?;
    let client = &market.client;
    market.partner_up("corner-shop").await?;
    // Choose the reseller, add a new customer, name subscriptions and seats, review, submit.
    market
        .accepted(&[
            create_for("corner-shop", "fabrikam"),
            agreement("fabrikam", "2020-01-13"),
            purchase("first", "fabrikam", "distributor", "e3", 10),
        ])
        .await?;
    let first = client.subscription("sub-first", None).await?;
    assert_eq!((first.partner_id.as_str(), first.reseller_id.as_str()), ("distributor", "corner-shop"));
    // A reseller has no orders of its own (L17891).
    let own = purchase("own", "fabrikam", "corner-shop", "e3", 1);
    assert_eq!(client.refused(&own).await?, "RESELLER_CANNOT_TRANSACT");
    // Add a subscription, choose the reseller from the list.
    let mut more = purchase("more", "fabrikam", "distributor", "e3", 2);
    more["purchase"]["lines"][0]["reseller_id"] = json!("corner-shop");
    client.accepted(&more).await?;
    // The reseller is tied to the customer's account, and carries each subscription.
    let printed = market.printed(&["csv", "subscriptions", "--customer", "fabrikam"])?;
    assert_eq!(printed.lines().filter(|line| line.ends_with("corner-shop")).count(), 2, "{printed}");
    // Set the reseller as the designated support contact of the subscription (L17641), once the customer knows it (L11800).
    let support = json!({ "command_id": "support", "update_subscription": {
        "customer_id": "fabrikam", "partner_id": "distributor", "subscription_id": "sub-first",
        "support_contact_id": "corner-shop" }});
    assert_eq!(client.refused(&support).await?, "RESELLER_NO_RELATIONSHIP");
    let ask = json!({ "command_id": "ask", "request_relationship": {
        "customer_id": "fabrikam", "partner_id": "corner-shop", "delegated_admin": true }});
    let yes = json!({ "command_id": "yes", "accept_relationship": { "customer_id": "fabrikam", "partner_id": "corner-shop" }});
    let mut again = support.clone();
    again["command_id"] = json!("support-2");
    market.accepted(&[ask, yes, again]).await?;
    market.proves_itself()
}

/// Removing a reseller from a customer, and ending the partnership through support (L17960).
#[tokio::test(flavor = "multi_thread")]
async fn removing_a_reseller() -> anyhow::Result<()> {
    let market = Market::open().await?;
    let client = &market.client;
    market.partner_up("corner-shop").await?;
    market
        .accepted(&[
            create_for("corner-shop", "fabrikam"),
            agreement("fabrikam", "2020-01-13"),
            purchase("kept", "fabrikam", "distributor", "e3", 10),
        ])
        .await?;
    let end = |id: &str, request: &str| {
        let fields = json!({ "support_request": request });
        between(id, "end_partnership", "distributor", "corner-shop", fields)
    };
    assert_eq!(client.refused(&end("end-1", "")).await?, "SUPPORT_REQUEST_REQUIRED");
    client.accepted(&end("end-2", "119040921001234")).await?;
    // What was sold keeps its reseller; nothing new is sold with it, until the provider takes it off the customer.
    assert_eq!(client.subscription("sub-kept", None).await?.reseller_id, "corner-shop");
    client.accepted(&change_quantity("seats", "fabrikam", "distributor", "sub-kept", 12)).await?;
    let again = purchase("again", "fabrikam", "distributor", "e3", 1);
    assert_eq!(client.refused(&again).await?, "RESELLER_NO_PARTNERSHIP");
    market
        .accepted(&[
            json!({ "command_id": "off", "remove_reseller": {
                "customer_id": "fabrikam", "partner_id": "distributor", "reseller_id": "corner-shop" }}),
            purchase("alone", "fabrikam", "distributor", "e3", 1),
        ])
        .await?;
    assert_eq!(client.partnerships("corner-shop").await?[0].state, "ended");
    // They may become partners again.
    client.accepted(&between("again-2", "request_partnership", "distributor", "corner-shop", json!({}))).await?;
    market.proves_itself()
}

/// Each transacting partner has signed the agreement by 2020-02-01 (L17905-17916); a reseller too, or nothing new carries it.
#[tokio::test(flavor = "multi_thread")]
async fn signing_the_partner_agreement() -> anyhow::Result<()> {
    let market = Market::open().await?;
    let client = &market.client;
    market.partner_up("corner-shop").await?;
    market
        .accepted(&[
            create_for("corner-shop", "fabrikam"),
            agreement("fabrikam", "2020-01-13"),
            purchase("before", "fabrikam", "distributor", "e3", 10),
        ])
        .await?;
    client.advance("2020-01-31").await?;
    let order = |id: &str| purchase(id, "fabrikam", "distributor", "e3", 1);
    assert_eq!(client.refused(&order("p-1")).await?, "PARTNER_AGREEMENT_MISSING");
    client.accepted(&change_quantity("seats", "fabrikam", "distributor", "sub-before", 12)).await?;
    let sign = |partner: &str| {
        let fields = json!({ "version": "MPA", "signatory": "Kim Lee", "signed_on": "2020-02-01" });
        about(&format!("sign-{partner}"), partner, "sign_partner_agreement", fields)
    };
    client.accepted(&sign("distributor")).await?;
    assert_eq!(client.refused(&order("p-2")).await?, "PARTNER_AGREEMENT_MISSING", "its reseller has not");
    client.accepted(&sign("corner-shop")).await?;
    client.accepted(&order("p-3")).await?;
    let printed = market.printed(&["list", "partner-agreements", "--partner", "contoso"])?;
    assert!(printed.contains("contoso,MPA,,,2019-09-01,2020-02-01"), "{printed}");
    market.proves_itself()
}

/// From direct bill to indirect reseller: enroll, bring the provider in, let subscriptions go (program page C05 to C07).
#[tokio::test(flavor = "multi_thread")]
async fn a_transition_from_direct_bill_to_reseller() -> anyhow::Result<()> {
    let market = Market::open().await?;
    let client = &market.client;
    market
        .accepted(&[
            customer("fabrikam", "contoso"),
            agreement("fabrikam", "2020-01-13"),
            purchase("old", "fabrikam", "contoso", "e3", 10),
        ])
        .await?;
    let extend = |id: &str| {
        json!({ "command_id": id, "extend_relationship": { "customer_id": "fabrikam", "partner_id": "contoso",
            "provider_id": "distributor", "consent_on": "2020-01-13" }})
    };
    assert_eq!(client.refused(&extend("x-1")).await?, "RESELLER_NOT_ENROLLED");
    client.accepted(&about("enroll", "contoso", "enroll_reseller", json!({}))).await?;
    assert_eq!(client.refused(&extend("x-2")).await?, "RESELLER_NO_PARTNERSHIP");
    market.partner_up("contoso").await?;
    client.accepted(&extend("x-3")).await?;
    // The publisher restricts it meanwhile: nothing new, but what exists goes on, and over.
    let fields = json!({ "from": "2020-01-13", "reason": "no support plan", "notice": "N-1" });
    client.accepted(&about("restrict", "contoso", "restrict_direct_bill", fields)).await?;
    assert_eq!(client.refused(&purchase("new", "fabrikam", "contoso", "e3", 1)).await?, "PARTNER_RESTRICTED");
    assert_eq!(client.refused(&customer("tailspin", "contoso")).await?, "PARTNER_RESTRICTED");
    client.accepted(&change_quantity("seats", "fabrikam", "contoso", "sub-old", 12)).await?;
    market
        .accepted(&[
            json!({ "command_id": "t-1", "request_transfer": { "customer_id": "fabrikam", "transfer_id": "t",
                "source_partner_id": "contoso", "target_partner_id": "distributor", "subscription_ids": ["sub-old"] }}),
        ])
        .await?;
    let accept = json!({ "command_id": "t-2", "accept_transfer": {
        "customer_id": "fabrikam", "transfer_id": "t", "partner_id": "distributor" }});
    let moved = client.accepted(&accept).await?.position;
    let old = client.subscription("sub-old", moved).await?;
    let new = client.subscription(&old.transferred_to_subscription_id, moved).await?;
    assert_eq!((new.partner_id.as_str(), new.reseller_id.as_str(), new.quantity), ("distributor", "contoso", 12));
    let partner = client.partner("contoso", "").await?;
    assert_eq!(partner.reseller_since, "2020-01-13");
    assert_eq!(partner.restriction.map(|known| known.reason).as_deref(), Some("no support plan"));
    market.proves_itself()
}

/// A company with locations: only they sell, and after a merge they stand under the other company (accounts page 2.1 and 2.4).
#[tokio::test(flavor = "multi_thread")]
async fn two_companies_become_one() -> anyhow::Result<()> {
    let market = Market::open().await?;
    let client = &market.client;
    market
        .accepted(&[
            register("litware", "DIRECT_BILL", "5366091"),
            global_account("contoso", "6104425"),
            global_account("litware", "6105399"),
            about("branch", "litware", "add_location", json!({ "mpn_id": "5366094", "name": "Branch" })),
            customer("fabrikam", "contoso"),
            agreement("fabrikam", "2020-01-13"),
        ])
        .await?;
    let from = |id: &str, location: &str| {
        let mut order = purchase(id, "fabrikam", "contoso", "e3", 1);
        order["purchase"]["location_mpn_id"] = json!(location);
        order
    };
    assert_eq!(client.refused(&from("p-1", "6104425")).await?, "PGA_CANNOT_TRANSACT");
    assert_eq!(client.refused(&from("p-2", "5366094")).await?, "LOCATION_NOT_FOUND", "it is another company's");
    client.accepted(&from("p-3", "4952745")).await?;

    client.advance("2020-01-31").await?;
    let merge = json!({ "merge_id": "m", "target_mpn_id": "6105399", "invited_by": "admin@contoso.example" });
    client.accepted(&about("m-1", "contoso", "invite_merge", merge)).await?;
    let complete = |id: &str| about(id, "contoso", "complete_merge", json!({ "merge_id": "m" }));
    assert_eq!(client.refused(&complete("m-2")).await?, "MERGE_NOT_ACCEPTED");
    let accept = json!({ "merge_id": "m", "target_partner_id": "litware" });
    client.accepted(&about("m-3", "contoso", "accept_merge", accept)).await?;
    client.accepted(&complete("m-4")).await?;
    let names = |of: Vec<subledger_proto::api::Location>| {
        of.into_iter().map(|it| format!("{} {}", it.mpn_id, it.company_mpn_id)).collect::<Vec<_>>()
    };
    let before = names(client.locations("contoso", "2020-01-31").await?);
    assert_eq!(before, ["6104425 6104425", "4952745 6104425"]);
    let after = names(client.locations("litware", "").await?);
    assert_eq!(after, ["6105399 6104425", "6104425 6104425", "4952745 6104425", "5366091 6104425", "5366094 6104425"]);
    assert_eq!(client.partner("litware", "2020-01-31").await?.absorbed_by_partner_id, "");
    assert_eq!(client.partner("litware", "").await?.absorbed_by_mpn_id, "6104425");
    // Now they are one company: neither sells to what the other uses itself (L17947).
    let tie = json!({ "command_id": "tie", "tie_customer": {
        "customer_id": "fabrikam", "partner_id": "litware", "tie": "CUSTOMER_TIE_OWN_USE" }});
    client.accepted(&tie).await?;
    let sign = json!({ "version": "MPA", "signatory": "Kim Lee", "signed_on": "2020-02-01" });
    client.accepted(&about("sign", "contoso", "sign_partner_agreement", sign)).await?;
    assert_eq!(client.refused(&from("p-4", "4952745")).await?, "AFFILIATE_SALE");
    let printed = market.printed(&["list", "merges", "--partner", "litware"])?;
    assert!(printed.contains("m,contoso,litware,6105399,merged,2020-02-01,"), "{printed}");
    market.proves_itself()
}

/// An action pack through its years: the clock reminds, renews and lets it lapse (accounts page section 2.5).
#[tokio::test(flavor = "multi_thread")]
async fn an_action_pack_through_its_years() -> anyhow::Result<()> {
    let market = Market::open().await?;
    let client = &market.client;
    let buy = json!({ "membership_id": "pack", "offer": "MEMBERSHIP_OFFER_ACTION_PACK",
        "payment": "MEMBERSHIP_PAYMENT_CREDIT_CARD", "amount": "475.00", "currency": "USD" });
    let renew = |id: &str| {
        let fields = json!({ "membership_id": "pack", "amount": "475.00", "currency": "USD" });
        about(id, "contoso", "renew_membership", fields)
    };
    market.accepted(&[global_account("contoso", "6104425")]).await?;
    assert_eq!(client.refused(&about("b-1", "contoso", "purchase_membership", buy.clone())).await?, "NO_GLOBAL_ADMIN");
    market.accepted(&[domain("contoso"), about("b-2", "contoso", "purchase_membership", buy)]).await?;
    let state = async || -> anyhow::Result<(String, String)> {
        let [pack] = client.memberships("contoso").await?.try_into().unwrap();
        Ok((pack.state, pack.anniversary))
    };
    client.advance("2021-01-11").await?;
    assert_eq!(client.refused(&renew("r-1")).await?, "RENEWAL_WINDOW_NOT_OPEN");
    client.advance("2021-01-12").await?;
    client.accepted(&renew("r-2")).await?;
    // It renews by itself from now on, on the first day after the anniversary.
    client.advance("2022-01-13").await?;
    assert_eq!(state().await?, ("active".to_owned(), "2023-01-12".to_owned()));
    let off = json!({ "membership_id": "pack", "auto_renew": false });
    client.accepted(&about("off", "contoso", "set_membership_renewal", off)).await?;
    let on = json!({ "membership_id": "pack", "auto_renew": true });
    assert_eq!(client.refused(&about("on", "contoso", "set_membership_renewal", on)).await?, "AUTORENEW_LOCKED_OFF");
    client.advance("2023-02-12").await?;
    assert_eq!(state().await?, ("lapsed".to_owned(), "2023-01-12".to_owned()));
    assert_eq!(client.refused(&renew("r-3")).await?, "RENEWAL_WINDOW_CLOSED");
    market.proves_itself()
}

/// A rejected profile suspends, and so do the publisher's own findings; each is lifted in its way (accounts page section 2.3).
#[tokio::test(flavor = "multi_thread")]
async fn suspension_and_reinstatement() -> anyhow::Result<()> {
    let market = Market::open().await?;
    let client = &market.client;
    market
        .accepted(&[
            global_account("contoso", "6104425"),
            customer("fabrikam", "contoso"),
            agreement("fabrikam", "2020-01-13"),
            purchase("old", "fabrikam", "contoso", "e3", 10),
        ])
        .await?;
    let check = |id: &str, check: &str, passed: bool| {
        let fields = json!({ "check": format!("VERIFICATION_CHECK_{check}"), "passed": passed, "note": "register" });
        about(id, "contoso", "decide_verification", fields)
    };
    client.accepted(&check("v-1", "BUSINESS", false)).await?;
    let partner = client.partner("contoso", "").await?;
    assert_eq!((partner.standing.as_str(), partner.verification.as_str()), ("suspended", "rejected"));
    assert_eq!(partner.suspended_by, ["profile_rejected"]);
    assert_eq!(client.refused(&purchase("new", "fabrikam", "contoso", "e3", 1)).await?, "PARTNER_SUSPENDED");
    client.accepted(&change_quantity("seats", "fabrikam", "contoso", "sub-old", 12)).await?;
    let proof = json!({ "check": "VERIFICATION_CHECK_BUSINESS", "document_hash": "Bwc=" });
    assert_eq!(client.refused(&about("d-1", "contoso", "provide_verification_proof", proof)).await?, "INVALID_VALUE");
    let hash = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
    let proof = json!({ "check": "VERIFICATION_CHECK_BUSINESS", "document_hash": hash });
    market
        .accepted(&[
            about("d-2", "contoso", "provide_verification_proof", proof),
            check("v-2", "EMAIL_OWNERSHIP", true),
            check("v-3", "EMPLOYMENT", true),
            check("v-4", "BUSINESS", true),
            purchase("new-2", "fabrikam", "contoso", "e3", 1),
        ])
        .await?;
    let partner = client.partner("contoso", "").await?;
    assert_eq!((partner.standing.as_str(), partner.verification.as_str()), ("good", "authorized"));
    let abuse = json!({ "trigger": "SUSPENSION_TRIGGER_ABUSE", "note": "resold keys" });
    client.accepted(&about("s-1", "contoso", "suspend_partner", abuse)).await?;
    let printed = market.printed(&["list", "partners"])?;
    assert!(printed.lines().any(|line| line.starts_with("contoso,") && line.contains("suspended")), "{printed}");
    let lift = json!({ "trigger": "SUSPENSION_TRIGGER_ABUSE", "support_request": "119040921001234" });
    client.accepted(&about("s-2", "contoso", "reinstate_partner", lift)).await?;
    market.proves_itself()
}
