//! Every role, every method and every kind of command, about what is the caller's own, its reseller's, its provider's, another's, and
//! of no relationship at all: what the ledger does is held against the permission matrix, cell by cell.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeSet, fmt::Write as _};

use subledger_domain::role::Role;
use subledger_tests::callers::Checked;
use tonic::Status;
use tonic_types::StatusExt as _;

mod world;

use world::{subject, world};

/// The reference data itself.
const MATRIX: &str = include_str!("../../../services/src/access/matrix.csv");
/// No unary call asks it.
const NOT_CALLED: [&str; 1] = ["ServerReflection/ServerReflectionInfo"];
/// Scopes of methods that ask for one thing, which is there: who is let through gets it.
const OF_ONE_THING: [&str; 10] = [
    "customer",
    "subscription",
    "subscription_state",
    "transfer",
    "association",
    "coop_claim",
    "invoice",
    "credit_note",
    "charge",
    "earning",
];
/// What access control answers as if it were not there.
const HIDDEN: [&str; 10] = [
    "PARTNER_NOT_FOUND",
    "CUSTOMER_NOT_FOUND",
    "SUBSCRIPTION_NOT_FOUND",
    "INVOICE_NOT_FOUND",
    "LINE_NOT_FOUND",
    "CREDIT_NOTE_NOT_FOUND",
    "TRANSFER_NOT_FOUND",
    "ASSOCIATION_NOT_FOUND",
    "EARNING_NOT_FOUND",
    "CO_OP_CLAIM_NOT_FOUND",
];

/// Whose an object is, seen from its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    Own,
    Resellers,
    Providers,
    Other,
    None,
}

const RELATIONS: [Relation; 5] =
    [Relation::Own, Relation::Resellers, Relation::Providers, Relation::Other, Relation::None];

impl Relation {
    fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Resellers => "reseller's",
            Self::Providers => "provider's",
            Self::Other => "other",
            Self::None => "none",
        }
    }

    /// In whose account the caller has its role, and whose the object is.
    fn parties(self) -> (&'static str, &'static str) {
        match self {
            Self::Own => ("p-own", "p-own"),
            Self::Resellers => ("p-provider", "p-provider"),
            Self::Providers => ("p-reseller", "p-provider"),
            Self::Other => ("p-own", "p-other"),
            Self::None => ("p-lone", "p-own"),
        }
    }
}

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// What was asked, or an answer that only who may gets.
    Through,
    /// No role for it.
    Denied,
    /// As if it were not there.
    Hidden,
}

impl Outcome {
    fn letter(self) -> char {
        match self {
            Self::Through => '+',
            Self::Denied => '-',
            Self::Hidden => '0',
        }
    }

    fn of(answer: &Result<Vec<u8>, Status>) -> Self {
        let Err(status) = answer else { return Self::Through };
        let reason = status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default();
        match reason.as_str() {
            "ROLE_FORBIDDEN" | "OPERATORS_ONLY" => Self::Denied,
            hidden if HIDDEN.contains(&hidden) => Self::Hidden,
            _ => Self::Through,
        }
    }
}

struct Row {
    operation: String,
    allowed: BTreeSet<String>,
    scope: String,
}

fn rows() -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(MATRIX.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let allowed = row[1].split_whitespace().map(ToOwned::to_owned).collect();
        Row { operation: row[0].to_owned(), allowed, scope: row[3].to_owned() }
    });
    rows.filter(|row| !NOT_CALLED.contains(&row.operation.as_str())).collect()
}

/// What the matrix says of a cell, read by people who know nothing of the program.
fn expected(row: &Row, role: Role, relation: Relation) -> Outcome {
    match row.scope.as_str() {
        "any" | "command" => return Outcome::Through,
        "operator" => return Outcome::Denied,
        _ if !row.allowed.contains(role.short()) => return Outcome::Denied,
        _ => {}
    }
    // The customer's own principal reaches that customer, and nobody's prices.
    if role == Role::Customer {
        return if relation == Relation::Own { Outcome::Through } else { Outcome::Hidden };
    }
    let command = row.operation.starts_with("Submit/");
    match (row.scope.as_str(), relation) {
        ("transacting", Relation::Providers) => Outcome::Denied,
        ("catalog" | "transacting" | "partners" | "customer_rows", _) | (_, Relation::Own | Relation::Resellers) => {
            Outcome::Through
        }
        // A reseller sees the customers and subscriptions it is named for; what its provider pays, it does not.
        ("customer" | "customer_or_partner" | "subscription" | "subscription_state", Relation::Providers)
            if !command =>
        {
            Outcome::Through
        }
        _ => Outcome::Hidden,
    }
}

/// A method or a kind of command that is added to the API has a row, which the test of the cells then goes through.
#[test]
fn everything_that_can_be_called_has_a_row() {
    let rows: BTreeSet<_> = rows().into_iter().map(|row| row.operation).collect();
    let services = subledger_proto::POOL.services().filter(|it| it.parent_file().package_name() == "subledger.v1");
    let methods = services.flat_map(|service| {
        service.methods().map(|method| format!("{}/{}", service.name(), method.name())).collect::<Vec<_>>()
    });
    let command = subledger_proto::POOL.get_message_by_name("subledger.v1.Command").unwrap();
    let body = command.oneofs().find(|oneof| oneof.name() == "body").unwrap();
    let kinds = body.fields().map(|field| format!("Submit/{}", field.name())).collect::<Vec<_>>();
    let all: Vec<_> = methods.chain(kinds).collect();
    assert!(all.len() > 230, "{}", all.len());
    let missing: Vec<_> = all.iter().filter(|name| !rows.contains(*name)).collect();
    assert!(missing.is_empty(), "services/src/access/matrix.csv says nothing of {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_is_as_the_matrix_has_it() -> anyhow::Result<()> {
    let ledger = Checked::start(&[]).await?;
    let objects = world(&ledger).await?;
    let rows = rows();
    let shorts: Vec<_> = Role::ALL.iter().map(|role| format!("{:>4}", role.short())).collect();
    println!("+ let through   - no role for it   0 as if it were not there");
    println!("{:<46}{:<11}{}", "operation", "whose", shorts.concat());
    let (mut cells, mut different) = (0, Vec::new());
    for row in &rows {
        for relation in RELATIONS {
            let (at, of) = relation.parties();
            let object = &objects[of];
            let mut line = String::new();
            for &role in Role::ALL {
                let at = if role == Role::Customer { "p-own" } else { at };
                // The customer's own principal has one place, and sees no other from there.
                let object = match (role, relation) {
                    (Role::Customer, Relation::Resellers | Relation::Providers) => &objects["p-provider"],
                    (Role::Customer, Relation::Other | Relation::None) => &objects["p-other"],
                    _ => object,
                };
                let token = ledger.token(&subject(role, at))?;
                let answer = match row.operation.strip_prefix("Submit/") {
                    Some(kind) => {
                        let (kind, variant) = kind.split_once(':').map_or((kind, None), |(kind, of)| (kind, Some(of)));
                        ledger.call_raw(&token, "CommandService/Submit", &object.command(kind, variant, role)).await
                    }
                    None => ledger.call_raw(&token, &row.operation, &object.request(&row.operation)).await,
                };
                let (got, wanted) = (Outcome::of(&answer), expected(row, role, relation));
                let answers = wanted == Outcome::Through && OF_ONE_THING.contains(&row.scope.as_str());
                if answers && !row.operation.starts_with("Submit/") {
                    assert!(answer.is_ok(), "{} {} {}: {answer:?}", row.operation, relation.name(), role.short());
                }
                cells += 1;
                write!(line, "{:>4}", got.letter())?;
                if got != wanted {
                    different.push(format!(
                        "{} {} {}: {got:?}, not {wanted:?}: {:?}",
                        row.operation,
                        relation.name(),
                        role.short(),
                        answer.as_ref().err().map(Status::message)
                    ));
                }
            }
            println!("{:<46}{:<11}{line}", row.operation, relation.name());
        }
    }
    println!("{cells} cells, {} differ", different.len());
    assert!(different.is_empty(), "{} of {cells} cells differ:\n{}", different.len(), different.join("\n"));
    assert_eq!(cells, rows.len() * RELATIONS.len() * Role::ALL.len());
    Ok(())
}
