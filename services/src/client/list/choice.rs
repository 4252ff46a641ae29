//! Names of enumerations on the command line: `one-time-recurring` for `PRODUCT_FAMILY_ONE_TIME_RECURRING`.

use subledger_proto::common::{OfferKind, ProductFamily, Segment};

use crate::client::Failure;

/// The number of a name; 0 for none.
fn number<T: Into<i32>>(
    flag: &str,
    prefix: &str,
    name: Option<String>,
    from_name: impl Fn(&str) -> Option<T>,
    all: &[&str],
) -> Result<i32, Failure> {
    let Some(name) = name else { return Ok(0) };
    let full = format!("{prefix}_{}", name.to_ascii_uppercase().replace(['-', ' '], "_"));
    let known = from_name(&full).map(Into::into).filter(|number| *number != 0);
    known.ok_or_else(|| Failure::Usage(format!("--{flag} {name}: one of {} is meant", all.join(", "))))
}

pub(super) fn segment(name: Option<String>) -> Result<i32, Failure> {
    let all = ["commercial", "education", "government", "non-profit"];
    number("segment", "SEGMENT", name, Segment::from_str_name, &all)
}

pub(super) fn family(name: Option<String>) -> Result<i32, Failure> {
    let all = ["license", "one-time-recurring", "marketplace-saas"];
    number("family", "PRODUCT_FAMILY", name, ProductFamily::from_str_name, &all)
}

pub(super) fn offer_kind(name: Option<String>) -> Result<i32, Failure> {
    number("offer-kind", "OFFER_KIND", name, OfferKind::from_str_name, &["base", "add-on", "trial"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        assert_eq!(segment(Some("non-profit".into())).ok(), Some(4));
        assert_eq!(family(Some("One-Time-Recurring".into())).ok(), Some(2));
        assert_eq!(offer_kind(None).ok(), Some(0));
        let Err(Failure::Usage(text)) = offer_kind(Some("unspecified".into())) else { panic!("accepted") };
        assert_eq!(text, "--offer-kind unspecified: one of base, add-on, trial is meant");
    }
}
