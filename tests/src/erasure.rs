//! A customer with names unlike any other text, and where they are found.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use subledger_proto::{
    api::{GetCustomerRequest, ListActivitiesRequest, ListCustomersRequest, ListUsersRequest, SearchCustomersRequest},
    common::AsOf,
};

use crate::client::Client;

/// Everything personal of the customer that is erased; every text is unlike any other in the ledger.
pub const NAMES: &[&str] = &[
    "Quixotic Zebra",
    "quixzeb",
    "17 Xylophone Crescent",
    "Jabberwock Falls",
    "XQ9 7ZZ",
    "Wilhelmina",
    "Featherstonehaugh",
    "w.feather@quixotic.example",
    "+44 7700 900123",
    "Zaphod",
    "zaphod@",
    "Beeblebrox",
    "Quixotic Renamed",
    "dean@quixotic-school.example",
    "vip-quixotic",
    "was denied for quixotic reasons",
];

fn contact() -> Value {
    json!({ "first_name": "Wilhelmina", "last_name": "Featherstonehaugh", "email": "w.feather@quixotic.example", "phone": "+44 7700 900123" })
}

fn address() -> Value {
    json!({ "country": "US", "line1": "17 Xylophone Crescent", "city": "Jabberwock Falls", "state": "XQ", "postal_code": "XQ9 7ZZ" })
}

/// The commands that say who the customer is.
pub fn named() -> Vec<Value> {
    let of = |id: &str, kind: &str, body: Value| json!({ "command_id": id, kind: body });
    vec![
        of(
            "create",
            "create_customer",
            json!({
                "customer_id": "c-1", "partner_id": "contoso", "company_name": "Quixotic Zebra", "domain_prefix": "quixzeb",
                "address": address(), "contact": contact(),
            }),
        ),
        of(
            "sign",
            "accept_agreement",
            json!({
                "customer_id": "c-1", "mode": "AGREEMENT_MODE_CUSTOMER_DIRECT", "signatory": contact(), "accepted_on": "2018-01-13",
            }),
        ),
        of(
            "rename",
            "update_customer",
            json!({ "customer_id": "c-1", "company_name": "Quixotic Renamed", "contact": contact() }),
        ),
        of(
            "tag",
            "tag_customer",
            json!({ "customer_id": "c-1", "partner_id": "contoso", "tags": ["vip-quixotic", "north"] }),
        ),
        of(
            "user",
            "create_user",
            json!({
                "customer_id": "c-1", "partner_id": "contoso", "user_id": "u-1", "display_name": "Zaphod Beeblebrox",
                "first_name": "Zaphod", "last_name": "Beeblebrox", "email": "zaphod@quixzeb.onmicrosoft.com",
            }),
        ),
        of(
            "user-2",
            "create_user",
            json!({
                "customer_id": "c-1", "partner_id": "contoso", "user_id": "u-2", "display_name": "Wilhelmina", "first_name": "", "last_name": "",
                "email": "w@quixzeb.onmicrosoft.com",
            }),
        ),
        of(
            "segment",
            "request_qualification",
            json!({
                "customer_id": "c-1", "partner_id": "contoso", "segment": "SEGMENT_EDUCATION", "email": "dean@quixotic-school.example",
            }),
        ),
        of(
            "denied",
            "decide_qualification",
            json!({
                "customer_id": "c-1", "segment": "SEGMENT_EDUCATION", "qualified": false, "note": "was denied for quixotic reasons",
            }),
        ),
    ]
}

/// Refused for what they say, and repeating it.
pub fn refused() -> Vec<Value> {
    vec![
        json!({ "command_id": "user-again", "create_user": {
            "customer_id": "c-1", "partner_id": "contoso", "user_id": "u-3", "display_name": "Zaphod Beeblebrox",
            "email": "zaphod@quixzeb.onmicrosoft.com",
        }}),
        json!({ "command_id": "not-a-domain", "create_user": {
            "customer_id": "c-1", "partner_id": "contoso", "user_id": "u-3", "display_name": "Zaphod", "email": "zaphod@elsewhere.example",
        }}),
    ]
}

/// Which names are found in the files of a directory, and where.
pub fn found(dir: &Path, names: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(self::found(&path, names)?);
            continue;
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            // sled replaces its files.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => bail!("{}: {error}", path.display()),
        };
        let lower = bytes.to_ascii_lowercase();
        for name in names {
            let name = name.to_ascii_lowercase();
            if lower.windows(name.len()).any(|window| window == name.as_bytes()) {
                found.push(format!("{name} in {}", path.display()));
            }
        }
    }
    Ok(found)
}

/// What reads say of the customer, as text.
pub async fn shown(client: &Client) -> anyhow::Result<String> {
    let mut customers = client.customers.clone();
    let history = client.history().await?;
    // Of each partition the last: what reads say is of all that was written.
    let written: BTreeMap<_, _> =
        history.iter().filter_map(|record| record.position).map(|at| ((at.family, at.partition), at)).collect();
    let customer = customers
        .get_customer(GetCustomerRequest {
            customer_id: "c-1".into(),
            min_position: written.into_values().collect(),
            ..Default::default()
        })
        .await?
        .into_inner();
    let before = GetCustomerRequest {
        customer_id: "c-1".into(),
        as_of: Some(AsOf { effective_on: "2018-01-14".into(), ..AsOf::default() }),
        ..Default::default()
    };
    // A ledger on a clock of its own began later, and has nobody on that day.
    let before = match customers.get_customer(before).await {
        Err(status) if status.code() == tonic::Code::NotFound => None,
        found => Some(found?.into_inner()),
    };
    let list = customers.list_customers(ListCustomersRequest::default()).await?.into_inner();
    let users =
        customers.list_users(ListUsersRequest { customer_id: "c-1".into(), ..Default::default() }).await?.into_inner();
    let activities = ListActivitiesRequest { customer_id: "c-1".into(), ..Default::default() };
    let activities = customers.list_activities(activities).await?.into_inner();
    let mut said = vec![format!("{customer:?} {before:?} {list:?} {users:?} {activities:?}")];
    for query in ["Quixotic", "quixzeb", "vip-quixotic"] {
        let search = SearchCustomersRequest { text: query.to_owned(), ..Default::default() };
        said.push(format!("{:?}", customers.search_customers(search).await?.into_inner()));
    }
    for record in history {
        said.push(format!("{:?}", record.commit));
        let command = record.commit.map(|commit| commit.command).unwrap_or_default();
        said.push(String::from_utf8_lossy(&command).into_owned());
    }
    Ok(said.join(" "))
}

/// Which names a text has.
pub fn names_in(text: &str) -> Vec<&'static str> {
    let lower = text.to_lowercase();
    NAMES.iter().copied().filter(|name| lower.contains(&name.to_lowercase())).collect()
}
