//! Why a line is what it is: the commit behind it, its price, its arithmetic, what it takes back and what took it back.

use chrono::{DateTime, NaiveDate, Utc};
use subledger_domain::{
    charge::{Arithmetic, ChargeType, Charged, TakenBack, explain},
    ids::{LineId, PriceListId},
    offer::PriceComponent,
    position::Position,
};
use subledger_fold::{Rows, StoreError, as_of::Horizon};

use super::{Charge, charges::Numbers};
use crate::tables::{causes, charges, facts, partners, refunds};

/// Lines that take one line back, at most, in one explanation. A subscription is changed less often in one period.
pub const REVERSALS_MAX: usize = 1_000;

/// The command and the commit that charged a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The commit.
    pub position: Position,
    /// The command's id.
    pub command_id: String,
    /// The stream.
    pub stream: String,
    /// Its version after the commit.
    pub stream_version: u64,
    /// Who sent the command, and how.
    pub principal: String,
    /// `grpc`, `kafka`, `clock`, `projector`.
    pub channel: String,
    /// UTC.
    pub effective_at: DateTime<Utc>,
    /// UTC.
    pub recorded_at: DateTime<Utc>,
    /// What happened, by the names of the events.
    pub events: Vec<String>,
}

/// Where a price comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceOrigin {
    /// None after a conversion, which names no list.
    pub price_list_id: Option<PriceListId>,
    /// The list price that was locked for the term.
    pub price: PriceComponent,
}

/// Why a line has its date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateReason {
    /// The day of the purchase, change, suspension or cancellation itself.
    OnTheDay,
    /// The first day of the period it pays for: charged in advance (L10545).
    PeriodBegins,
    /// The next monthly anniversary after the change (billing.md section 2).
    Anniversary,
    /// Its own day was closed already when it was recorded: the first open day.
    Arrears,
}

/// Why a line is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The line.
    pub charge: Charge,
    /// None in a read model that did not fold its commit.
    pub origin: Option<Origin>,
    /// The commits whose change a correction corrects, where they are not its own commit.
    pub changes: Vec<Origin>,
    /// None where no term is known.
    pub price: Option<PriceOrigin>,
    /// Step by step.
    pub arithmetic: Arithmetic,
    /// Why it has its date.
    pub date_reason: DateReason,
    /// The line it takes back.
    pub reverses: Option<Charge>,
    /// What was taken back of that line before.
    pub reversed_before: Vec<Charge>,
    /// The lines that took it back, in the order decided.
    pub reversed_by: Vec<Charge>,
    /// The date of the invoice that will carry it; none if one does, or if its partner is not known.
    pub next_invoice_date: Option<NaiveDate>,
}

/// Explains a line; none if there is no such id.
pub fn explain_charge(rows: &dyn Rows, id: &LineId) -> Result<Option<Explanation>, StoreError> {
    let Some(key) = causes::line(rows, id)? else { return explain_refund(rows, id) };
    let horizon = Horizon::default();
    let mut numbers = Numbers::new(rows, &horizon);
    let charge = charge_at(rows, &mut numbers, &key)?;
    let line = &charge.line;
    let mut reversed_before = Vec::new();
    let mut reverses = None;
    if let Some(reversed) = &line.reverses_line_id {
        for key in causes::reversals(rows, reversed, REVERSALS_MAX)? {
            let credit = charge_at(rows, &mut numbers, &key)?;
            if credit.line.line_id == *id {
                break;
            }
            reversed_before.push(credit);
        }
        reverses = causes::line(rows, reversed)?.map(|key| charge_at(rows, &mut numbers, &key)).transpose()?;
    }
    let earlier: Vec<Charged> = reversed_before.iter().map(|charge| charge.line.clone()).collect();
    let taken_back = reverses.as_ref().map(|charge| TakenBack { line: &charge.line, earlier: &earlier });
    let arithmetic = explain(line, taken_back);
    let reversals = causes::reversals(rows, id, REVERSALS_MAX)?;
    let reversed_by = reversals.iter().map(|key| charge_at(rows, &mut numbers, key)).collect::<Result<_, _>>()?;
    let next_invoice_date = if charge.invoice_number.is_some() {
        None
    } else {
        let partner = partners::get(rows, &line.partner_id)?;
        partner.and_then(|partner| partner.invoice_date(line.invoice_family, line.charged_on))
    };
    let origin = origin(rows, charge.position)?;
    let date_reason = date_reason(line, origin.as_ref());
    Ok(Some(Explanation {
        price: price(rows, line)?,
        changes: changes(rows, &charge, date_reason)?,
        origin,
        arithmetic,
        date_reason,
        reverses,
        reversed_before,
        reversed_by,
        next_invoice_date,
        charge,
    }))
}

/// A refund is an amount that came with the command that billed again.
fn explain_refund(rows: &dyn Rows, id: &LineId) -> Result<Option<Explanation>, StoreError> {
    let Some(refund) = refunds::by_id(rows, id.as_str())? else { return Ok(None) };
    let number = refund.invoice_number.clone();
    let charge = Charge::of_refund(refund, Some(number));
    Ok(Some(Explanation {
        origin: origin(rows, charge.position)?,
        changes: Vec::new(),
        price: None,
        arithmetic: explain(&charge.line, None),
        date_reason: DateReason::OnTheDay,
        reverses: None,
        reversed_before: Vec::new(),
        reversed_by: Vec::new(),
        next_invoice_date: None,
        charge,
    }))
}

fn charge_at(rows: &dyn Rows, numbers: &mut Numbers<'_>, key: &[u8]) -> Result<Charge, StoreError> {
    let (series, place) = charges::read_key(key)?;
    let line = subledger_fold::get(rows, key)?
        .ok_or_else(|| StoreError("an index names a charge line that is not there".to_owned()))?;
    let number = numbers.of(&series, place.charged_on)?;
    Ok(Charge::new(&place, line, number))
}

fn changes(rows: &dyn Rows, charge: &Charge, reason: DateReason) -> Result<Vec<Origin>, StoreError> {
    let line = &charge.line;
    if reason != DateReason::Anniversary {
        return Ok(Vec::new());
    }
    let (customer, subscription) = (&line.customer_id, &line.subscription_id);
    let found = causes::changes(rows, customer, subscription, line.purchase_date, REVERSALS_MAX)?;
    let others = found.into_iter().filter(|position| *position != charge.position);
    Ok(others.map(|position| origin(rows, position)).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn origin(rows: &dyn Rows, position: Position) -> Result<Option<Origin>, StoreError> {
    Ok(causes::cause(rows, position)?.map(|cause| Origin {
        position,
        command_id: cause.command_id,
        stream: cause.stream,
        stream_version: cause.stream_version,
        principal: cause.principal,
        channel: cause.channel,
        effective_at: cause.effective_at,
        recorded_at: cause.recorded_at,
        events: cause.events,
    }))
}

fn price(rows: &dyn Rows, line: &Charged) -> Result<Option<PriceOrigin>, StoreError> {
    let Some(term) = facts::term(rows, &line.customer_id, &line.subscription_id, line.charge_start)? else {
        return Ok(None);
    };
    let price = term.prices.into_iter().find(|price| price.component == line.component);
    Ok(price
        .filter(|_| term.offer_id == line.offer_id)
        .map(|price| PriceOrigin { price_list_id: term.price_list_id, price }))
}

fn date_reason(line: &Charged, origin: Option<&Origin>) -> DateReason {
    // What a closed day had taken comes on the first open one (Decision::new).
    let late = origin.is_some_and(|origin| origin.effective_at.date_naive() < line.charged_on);
    let whole = line.derivation.billed_days >= line.derivation.period_days;
    if late && line.charge_start < line.charged_on {
        DateReason::Arrears
    } else if line.reverses_line_id.is_none()
        && whole
        && line.charge_start == line.charged_on
        && line.purchase_date < line.charged_on
    {
        DateReason::PeriodBegins
    } else if line.charge_type == ChargeType::CycleInstanceProrate && line.purchase_date < line.charged_on {
        DateReason::Anniversary
    } else if line.charge_type == ChargeType::Renew {
        DateReason::PeriodBegins
    } else if late {
        DateReason::Arrears
    } else {
        DateReason::OnTheDay
    }
}
