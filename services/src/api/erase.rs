//! Erasing who a customer is, for its operator: says first what cannot be erased, then has the ledger record it and destroy the key.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use subledger_domain::ids::CustomerId;
use subledger_log::{
    Actor, Cursor, Family, Follower, Log, Position, ReadError,
    codec::{self, PersonalValues, Wire as _},
    ends,
};
use subledger_proto::api::{Command, EraseCustomer, EraseCustomerRequest, EraseCustomerResponse, command::Body};
use subledger_writer::Submission;
use tonic::{Code, Status};

use super::errors;
use crate::{
    ids,
    router::{self, Router, WhenFull},
};

/// How long to wait for records that the log says are there.
const READ_WAIT: Duration = Duration::from_millis(500);
/// How many plain records an error names.
const NAMED_MAX: usize = 5;

/// What the history has of a customer's personal values.
#[derive(Default)]
struct Found {
    /// Records in which they are sealed.
    sealed: u64,
    /// Records of a time without keys, in which they are plain.
    plain: Vec<Position>,
}

/// Erases.
pub(crate) async fn erase(
    log: &Arc<dyn Log>,
    router: &Arc<dyn Router>,
    actor: Actor,
    request: EraseCustomerRequest,
) -> Result<EraseCustomerResponse, Status> {
    let EraseCustomerRequest { customer_id, reason, request_id, accept_plain_records } = request;
    let customer = CustomerId::new(&customer_id)
        .map_err(|what| errors::field_status("INVALID_VALUE", "customer_id", &what.to_string()))?;
    let found = {
        let log = Arc::clone(log);
        tokio::task::spawn_blocking(move || look(&*log, &customer)).await
    };
    let found = found.map_err(|error| Status::internal(error.to_string()))?.map_err(|error| errors::read(&error))?;
    if !found.plain.is_empty() && !accept_plain_records {
        return Err(plain_records(&customer_id, &found.plain));
    }
    let command = Command {
        command_id: if request_id.is_empty() { ids::random().to_string() } else { request_id },
        effective_at: None,
        expected_version: None,
        body: Some(Body::EraseCustomer(EraseCustomer { customer_id, reason })),
    };
    let submission = Submission::new(command, actor, None).map_err(|error| errors::invalid_field(&error))?;
    let answer = router::submit(&**router, vec![submission], WhenFull::Refuse).await;
    let outcome = match answer.into_iter().next() {
        Some(Ok(outcome)) => outcome,
        Some(Err(error)) => return Err(errors::submit(&error)),
        None => return Err(errors::unavailable("WRITER_UNAVAILABLE", "the writer gave no answer; ask again")),
    };
    if let Err(rejection) = &outcome.result {
        return Err(errors::rejection(rejection, Some(outcome.position)));
    }
    Ok(EraseCustomerResponse {
        position: Some(outcome.position.to_wire()),
        erased_records: found.sealed,
        plain_records: found.plain.len() as u64,
    })
}

fn plain_records(customer: &str, plain: &[Position]) -> Status {
    let named: Vec<_> = plain.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let more = if plain.len() > NAMED_MAX { ", …" } else { "" };
    let message = format!(
        "{} records of {customer} were written before there were keys of customers, and have personal values in plain, which stay in the \
         history for ever: {}{more}; set accept_plain_records to erase the others",
        plain.len(),
        named.join(", ")
    );
    let metadata = [("customer_id", customer.to_owned()), ("plain_records", plain.len().to_string())];
    errors::status(Code::FailedPrecondition, "PLAIN_RECORDS", message, &metadata)
}

/// Reads the customer's partition to its end.
fn look(log: &dyn Log, customer: &CustomerId) -> Result<Found, ReadError> {
    let partition = log.layout().partition_of(Family::Customers, customer.as_str());
    let ends = ends(log, [partition])?;
    let mut follower = Follower::new(log, [(partition, Cursor::default())].into())?;
    let mut found = Found::default();
    while !follower.reached(&ends) {
        for accepted in follower.next(READ_WAIT)? {
            if accepted.commit.stream != customer.as_str() {
                continue;
            }
            match values(&accepted.bytes) {
                PersonalValues::None => {}
                PersonalValues::Sealed => found.sealed += 1,
                PersonalValues::Plain => found.plain.push(accepted.commit.position),
            }
        }
    }
    Ok(found)
}

/// It was read a moment ago.
fn values(stored: &Bytes) -> PersonalValues {
    codec::personal_values(stored).unwrap_or(PersonalValues::None)
}
