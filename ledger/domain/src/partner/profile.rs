//! The billing profile: what documents say of the partner, and its address for tax (billing-details.md 2.10 and 3.5).

use serde::{Deserialize, Serialize};

use super::{CycleStart, Partner};
use crate::{
    Context, Event, Rejection, check,
    command::UpdateBillingProfile,
    event::BillingProfileUpdated,
    party::{Address, Recipient},
    tax::region,
};

/// What the partner states about itself; each statement replaces the one before as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingProfile {
    /// Business address: the partner is taxed by it (L10744). Its state is the tax region, in the United States and Canada by its two
    /// letters.
    pub address: Address,
    /// Whom invoices are addressed to (L10485); none for the partner at its business address.
    pub bill_to: Option<Recipient>,
    /// The legal, vetted address (L10504); none for the partner at its business address.
    pub service_recipient: Option<Recipient>,
    /// Purchase order number on invoices (L10502); may be empty.
    pub customer_po: String,
    /// Federal tax number, in the United States only (L10483); may be empty.
    pub us_fein: String,
    /// Where documents are announced; may be empty.
    pub contact_email: String,
}

impl BillingProfile {
    /// The region of the business address, as tax rates name it.
    pub fn region(&self) -> Option<String> {
        let state = self.address.state.trim().to_ascii_uppercase();
        if state.is_empty() { None } else { Some(state) }
    }
}

pub(super) fn update(
    partner: &Partner,
    command: &UpdateBillingProfile,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let profile = &command.profile;
    address("profile.address", &profile.address)?;
    if profile.address.country != partner.country {
        let message = format!(
            "The business address stays in {}: currency and market of the account follow from its country",
            partner.country
        );
        return Err(check::invalid("profile.address.country", message).with("country", &partner.country));
    }
    state(&profile.address, "profile.address.state")?;
    recipient("profile.bill_to", profile.bill_to.as_ref())?;
    recipient("profile.service_recipient", profile.service_recipient.as_ref())?;
    check::optional("profile.customer_po", &profile.customer_po)?;
    us_fein(partner, &profile.us_fein)?;
    email("profile.contact_email", &profile.contact_email)?;
    let on = context.effective_on();
    // Account setup: the first region counts at once; a change of it with the next cycle (L10744).
    let settled = partner.tax.has_region();
    let region_from = if settled { super::next_cycle(partner, on)? } else { CycleStart::on(on) };
    let UpdateBillingProfile { partner_id, profile } = command.clone();
    Ok(vec![BillingProfileUpdated { partner_id, profile, region_from }.into()])
}

pub(super) fn address(at: &str, address: &Address) -> Result<(), Rejection> {
    check::required(&format!("{at}.country"), &address.country)?;
    check::required(&format!("{at}.line1"), &address.line1)?;
    check::required(&format!("{at}.city"), &address.city)?;
    check::optional(&format!("{at}.state"), &address.state)?;
    check::optional(&format!("{at}.postal_code"), &address.postal_code)
}

/// Where a country has regions of its own, the state is one of them.
pub(super) fn state(address: &Address, field: &str) -> Result<(), Rejection> {
    let (state, country) = (&address.state, &address.country);
    let is_code = state.len() == 2 && state.bytes().all(|b| b.is_ascii_uppercase());
    if is_code || !region::has_regions(country) {
        return Ok(());
    }
    let message =
        format!("{state:?} is no state or province of {country}: its two capital letters are, such as WA or BC");
    Err(check::invalid(field, message))
}

fn recipient(at: &str, recipient: Option<&Recipient>) -> Result<(), Rejection> {
    let Some(recipient) = recipient else { return Ok(()) };
    check::required(&format!("{at}.name"), &recipient.name)?;
    address(&format!("{at}.address"), &recipient.address)
}

/// `12-3456789`; the hyphen may be left out.
fn us_fein(partner: &Partner, text: &str) -> Result<(), Rejection> {
    if text.is_empty() {
        return Ok(());
    }
    let field = "profile.us_fein";
    if !matches!(partner.country.as_str(), "US" | "PR") {
        let message =
            format!("A federal tax number belongs to a partner in the United States, not in {}", partner.country);
        return Err(check::invalid(field, message));
    }
    let (head, tail) = text.split_once('-').unwrap_or(text.split_at_checked(2).unwrap_or_default());
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    if digits(head, 2) && digits(tail, 7) {
        return Ok(());
    }
    Err(check::invalid(field, format!("{text:?} is no federal tax number: nine digits are, such as 12-3456789")))
}

pub(super) fn email(field: &str, text: &str) -> Result<(), Rejection> {
    check::optional(field, text)?;
    let shaped = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let plain = !text.contains(char::is_whitespace) && text.matches('@').count() == 1;
    if text.is_empty() || shaped && plain {
        return Ok(());
    }
    Err(check::invalid(field, format!("{text:?} is no e-mail address: name@company.example is")))
}
