//! What one principal may take of a process: calls in a second, and calls that are open at a time. Each limit is a setting, and who is
//! over it is told which.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::Principal;
use crate::{api::errors::DOMAIN, config::Limits};

/// Principals that are remembered; those that have nothing open and are not ahead of their rate are forgotten first.
const PRINCIPALS_MAX: usize = 10_000;

/// Counts what principals take.
#[derive(Debug)]
pub(crate) struct Throttle {
    calls_per_second: u32,
    calls_open: usize,
    taken: Mutex<HashMap<Principal, Taken>>,
}

/// What one of them has taken.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// When the calls so far are paid for, at the rate (GCRA).
    paid_at: Instant,
    open: usize,
}

/// An open call, until it is dropped.
#[derive(Debug)]
pub(super) struct Open {
    throttle: Arc<Throttle>,
    /// None for one that is not counted.
    principal: Option<Principal>,
}

impl Throttle {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            calls_per_second: limits.principal_calls_per_second,
            calls_open: limits.principal_calls_open,
            taken: Mutex::default(),
        }
    }

    /// Takes a call now. A gateway calls for many, and has taken their measure.
    pub(super) fn take(self: &Arc<Self>, principal: &Principal, is_gateway: bool) -> Result<Open, Status> {
        if is_gateway {
            return Ok(Open { throttle: Arc::clone(self), principal: None });
        }
        self.take_at(principal, Instant::now())
    }

    fn take_at(self: &Arc<Self>, principal: &Principal, now: Instant) -> Result<Open, Status> {
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= PRINCIPALS_MAX && !all.contains_key(principal) {
            all.retain(|_, taken| taken.open > 0 || taken.paid_at > now);
        }
        let taken = all.entry(principal.clone()).or_insert(Taken { paid_at: now, open: 0 });
        if taken.open >= self.calls_open {
            return Err(over(
                "PRINCIPAL_CALLS_OPEN",
                "limits.principal_calls_open",
                self.calls_open,
                "calls open",
                None,
            ));
        }
        let each = Duration::from_secs(1) / self.calls_per_second;
        let paid_at = taken.paid_at.max(now) + each;
        let ahead = paid_at.saturating_duration_since(now);
        // A second's worth may come at once.
        if ahead > Duration::from_secs(1) {
            let (setting, wait) = ("limits.principal_calls_per_second", ahead.saturating_sub(Duration::from_secs(1)));
            let most = usize::try_from(self.calls_per_second).unwrap_or(usize::MAX);
            return Err(over("PRINCIPAL_RATE", setting, most, "calls in a second", Some(wait)));
        }
        taken.paid_at = paid_at;
        taken.open += 1;
        Ok(Open { throttle: Arc::clone(self), principal: Some(principal.clone()) })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(principal) = &self.principal else { return };
        let mut all = self.throttle.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = all.get_mut(principal) {
            taken.open = taken.open.saturating_sub(1);
        }
    }
}

fn over(what: &str, setting: &str, most: usize, of: &str, wait: Option<Duration>) -> Status {
    let message = format!("one principal has at most {most} {of}, which is the limit {setting}");
    let facts = HashMap::from([("setting".to_owned(), setting.to_owned()), ("limit".to_owned(), most.to_string())]);
    let mut details = ErrorDetails::with_error_info(format!("{what}_EXCEEDED"), DOMAIN, facts);
    if wait.is_some() {
        details.set_retry_info(wait);
    }
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(calls_per_second: u32, calls_open: usize) -> Arc<Throttle> {
        Arc::new(Throttle { calls_per_second, calls_open, taken: Mutex::default() })
    }

    fn reason(taken: Result<Open, Status>) -> String {
        taken.unwrap_err().get_error_details().error_info().unwrap().reason.clone()
    }

    #[test]
    fn a_second_holds_so_many_calls_of_one_and_as_many_of_another() {
        let (throttle, now) = (throttle(10, 100), Instant::now());
        let (ada, bob) = (Principal::new("oidc", "ada").unwrap(), Principal::new("oidc", "bob").unwrap());
        for _ in 0..10 {
            drop(throttle.take_at(&ada, now).unwrap());
        }
        assert_eq!(reason(throttle.take_at(&ada, now)), "PRINCIPAL_RATE_EXCEEDED");
        assert!(throttle.take_at(&bob, now).is_ok());
        assert!(throttle.take_at(&ada, now + Duration::from_millis(101)).is_ok());
        let status = throttle.take_at(&ada, now + Duration::from_millis(101)).unwrap_err();
        assert!(status.message().contains("limits.principal_calls_per_second"), "{}", status.message());
        assert!(status.get_error_details().retry_info().is_some());
    }

    #[test]
    fn what_is_closed_makes_room() {
        let (throttle, now) = (throttle(1_000, 2), Instant::now());
        let ada = Principal::new("oidc", "ada").unwrap();
        let open = [throttle.take_at(&ada, now).unwrap(), throttle.take_at(&ada, now).unwrap()];
        assert_eq!(reason(throttle.take_at(&ada, now)), "PRINCIPAL_CALLS_OPEN_EXCEEDED");
        drop(open);
        assert!(throttle.take_at(&ada, now).is_ok());
    }

    #[test]
    fn who_is_idle_is_forgotten_before_memory_grows() {
        let (throttle, now) = (throttle(1_000, 2), Instant::now());
        for n in 0..PRINCIPALS_MAX + 500 {
            let at = now + Duration::from_millis(u64::try_from(n).unwrap());
            drop(throttle.take_at(&Principal::new("oidc", &n.to_string()).unwrap(), at));
        }
        assert!(throttle.taken.lock().unwrap().len() <= PRINCIPALS_MAX);
    }
}
