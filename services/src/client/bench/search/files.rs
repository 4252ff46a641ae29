//! The files that are loaded: partners with customers and their agreements, then one order for each subscription.

use std::{fs::File, io::BufWriter};

use chrono::Datelike as _;

use super::Args;
use crate::client::{
    Failure,
    bench::{month_end::bought_on, names, world::offer_id},
    output::csv_line,
};

/// Writes one of the files.
pub(super) type Writer = fn(&Args, &mut BufWriter<File>) -> Result<(), Failure>;

pub(super) fn partner_id(n: u32) -> String {
    format!("bench-p{n:05}")
}

pub(super) fn customer_id(n: u32) -> String {
    format!("bench-c{n:07}")
}

pub(super) fn subscription_id(n: u32) -> String {
    format!("bench-s{n:08}")
}

/// The partner of a customer, and the customer of a subscription.
pub(super) fn owner(customer: u32, args: &Args) -> String {
    partner_id(customer % args.partners)
}

pub(super) fn customer_of(subscription: u32, args: &Args) -> u32 {
    subscription % args.customers
}

/// Partners, then customers, each with its agreement.
pub(super) fn write_customers(args: &Args, out: &mut BufWriter<File>) -> Result<(), Failure> {
    const HEAD: [&str; 18] = [
        "command",
        "command_id",
        "partner_id",
        "name",
        "kind",
        "country",
        "currency",
        "billing_day",
        "customer_id",
        "company_name",
        "domain_prefix",
        "address.country",
        "address.line1",
        "address.city",
        "contact.first_name",
        "contact.last_name",
        "contact.email",
        "mode",
    ];
    const SIGNED: [&str; 4] = ["signatory.first_name", "signatory.last_name", "signatory.email", "accepted_on"];
    csv_line(out, HEAD.iter().chain(&SIGNED))?;
    let day = bought_on().day().to_string();
    let mut row = |cells: &[(&str, &str)]| {
        let cell = |name: &&str| cells.iter().find(|(known, _)| known == name).map_or("", |(_, text)| *text);
        csv_line(out, HEAD.iter().chain(&SIGNED).map(cell))
    };
    for n in 0..args.partners {
        let (id, name) = (partner_id(n), format!("Partner {n}"));
        row(&[
            ("command", "register_partner"),
            ("command_id", &id),
            ("partner_id", &id),
            ("name", &name),
            ("kind", "direct bill"),
            ("country", "US"),
            ("currency", "USD"),
            ("billing_day", &day),
        ])?;
    }
    for n in 0..args.customers {
        let (id, partner) = (customer_id(n), owner(n, args));
        let (name, prefix, agreed) = (names::company(n), format!("bench{n}"), format!("{id}-a"));
        row(&[
            ("command", "create_customer"),
            ("command_id", &id),
            ("partner_id", &partner),
            ("customer_id", &id),
            ("company_name", &name),
            ("domain_prefix", &prefix),
            ("address.country", "US"),
            ("address.line1", "1 Main Street"),
            ("address.city", "Springfield"),
            ("contact.first_name", "Robin"),
            ("contact.last_name", "Example"),
            ("contact.email", "robin@example.com"),
        ])?;
        row(&[
            ("command", "accept_agreement"),
            ("command_id", &agreed),
            ("customer_id", &id),
            ("mode", "customer direct"),
            ("signatory.first_name", "Robin"),
            ("signatory.last_name", "Example"),
            ("signatory.email", "robin@example.com"),
            ("accepted_on", "2018-01-15"),
        ])?;
    }
    Ok(())
}

/// One order for each subscription.
pub(super) fn write_subscriptions(args: &Args, out: &mut BufWriter<File>) -> Result<(), Failure> {
    csv_line(
        out,
        [
            "command",
            "command_id",
            "customer_id",
            "partner_id",
            "subscription_id",
            "offer_id",
            "quantity",
            "billing_frequency",
        ]
        .iter(),
    )?;
    let offer = offer_id(super::WORLD);
    for n in 0..args.subscriptions {
        let (id, of) = (subscription_id(n), customer_of(n, args));
        let (customer, partner) = (customer_id(of), owner(of, args));
        csv_line(out, ["purchase", &id, &customer, &partner, &id, &offer, "5", "monthly"].iter())?;
    }
    Ok(())
}
