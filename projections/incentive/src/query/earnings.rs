//! Earnings of closed months, computed again from their lines, and one of them explained.

use chrono::{Months, NaiveDate};
use rust_decimal::Decimal;
use subledger_domain::{
    calendar,
    ids::{CustomerId, IncentiveProgramId, InvoiceNumber, PartnerId, PaymentId},
    incentive::{IncentiveProgram, Lever, PaymentStatus, history_start},
    position::Position,
};
use subledger_fold::{
    Key, Rows, StoreError,
    as_of::Horizon,
    decode,
    page::{Page, PageRequest, Pager, QueryError},
};

use super::programs::closed_status;
use crate::{
    earnings::{Earning, Failed, Scope},
    month::Month,
    tables::{
        adjustments,
        enrollments::{self, Closed, EnrollmentKey},
        parties, reference,
    },
};

/// Bytes of a page token that say which earning of its month is next.
const NUMBER_BYTES: usize = 8;

/// Which earnings; a none matches all.
#[derive(Clone, Debug, Default)]
pub struct EarningFilter {
    /// Of this partner.
    pub partner_id: Option<PartnerId>,
    /// Of this program.
    pub program_id: Option<IncentiveProgramId>,
    /// Of this location.
    pub mpn_id: Option<String>,
    /// Of this customer; adjustments have none.
    pub customer_id: Option<CustomerId>,
    /// In this payment.
    pub payment_id: Option<PaymentId>,
    /// In this month and later.
    pub from: Option<Month>,
    /// In this month and before.
    pub to: Option<Month>,
    /// By this lever.
    pub lever: Option<String>,
    /// In this status.
    pub status: Option<PaymentStatus>,
    /// As they were then; names are those of today.
    pub horizon: Horizon,
}

/// An earning, with what lists and the export print of it (billing-details.md 3.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarningLine {
    /// The earning.
    pub earning: Earning,
    /// The partner's name.
    pub partner_name: String,
    /// The partner's country.
    pub partner_country: String,
    /// The program's name.
    pub program_name: String,
    /// The customer's name; empty of an adjustment.
    pub customer_name: String,
    /// Where it was sold to; empty if that is not known.
    pub customer_country: String,
    /// The payment it is in.
    pub payment_id: Option<PaymentId>,
    /// Where it stands; what goes to a co-op fund stays unprocessed.
    pub status: PaymentStatus,
    /// Code of the co-op program whose fund it went to; none if it is paid.
    pub coop_program: Option<String>,
    /// The invoice of the transaction.
    pub invoice_number: Option<InvoiceNumber>,
    /// First day of the subscription.
    pub subscription_start: Option<NaiveDate>,
    /// Last day of its first term.
    pub subscription_end: Option<NaiveDate>,
    /// The reseller's name.
    pub reseller_name: String,
    /// The provider behind which the reseller stands.
    pub distributor: Option<(PartnerId, String)>,
}

/// Earnings by partner, program, location and month, in the order computed.
pub fn list_earnings(
    rows: &dyn Rows,
    filter: &EarningFilter,
    page: PageRequest<'_>,
) -> Result<Page<EarningLine>, QueryError> {
    let prefix = enrollments::closed_prefix(filter.partner_id.as_ref(), filter.program_id.as_ref());
    let mut pager = Pager::new(page, &prefix)?;
    let (start, mut first) = split(pager.from())?;
    rows.scan(&prefix, &start, false, &mut |key, row| {
        let skip = std::mem::take(&mut first);
        let closed = decode::<Closed>(row)?.at(&filter.horizon).filter(|closed| filter.takes(closed));
        let Some(closed) = closed else { return Ok(true) };
        let mut view = View::new(rows, &closed, &filter.horizon)?;
        if filter.status.is_some_and(|status| status != view.status) {
            return Ok(true);
        }
        let (mut number, mut full) = (0_u64, false);
        each(rows, &closed, &mut |earning| {
            let at = number;
            number += 1;
            if at < skip {
                return Ok(true);
            }
            let token = Key::default().bytes(key).number(at).build();
            let go_on = pager
                .offer(&token, || if filter.takes_one(&earning) { view.line(earning).map(Some) } else { Ok(None) })?;
            full = !go_on;
            Ok(go_on)
        })?;
        Ok(!full)
    })?;
    Ok(pager.finish())
}

/// Whole months before the current one that an export has if nothing is said (L9478).
const EXPORT_MONTHS: u32 = 3;

/// The months of an export: those that are asked for, or the last three and the current one; none before the two fiscal years before this
/// one (L9446).
pub fn export_months(
    rows: &dyn Rows,
    (from, to): (Option<Month>, Option<Month>),
) -> Result<(Option<Month>, Option<Month>), StoreError> {
    let Some(closed) = reference::closed(rows)? else { return Ok((from, to)) };
    let first = Month::of(history_start(closed));
    let recent = calendar::first_of_month(closed).checked_sub_months(Months::new(EXPORT_MONTHS)).map(Month::of);
    let from = from.or(recent.filter(|_| to.is_none())).map_or(first, |from| from.max(first));
    Ok((Some(from), to))
}

/// The key of a closed month in a token, and the number of the earning in it.
fn split(token: &[u8]) -> Result<(Vec<u8>, u64), QueryError> {
    if token.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let at = token.len().checked_sub(NUMBER_BYTES).ok_or(QueryError::InvalidPageToken)?;
    let (key, number) = token.split_at(at);
    let number: [u8; NUMBER_BYTES] = number.try_into().map_err(|_| QueryError::InvalidPageToken)?;
    Ok((key.to_vec(), u64::from_be_bytes(number)))
}

/// Every earning of a closed month.
fn each(
    rows: &dyn Rows,
    closed: &Closed,
    visit: &mut dyn FnMut(Earning) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    Scope::of_closed(rows, closed).and_then(|mut scope| scope.each(visit)).map_err(|failed| broken(closed, failed))
}

fn broken(closed: &Closed, failed: Failed) -> StoreError {
    match failed {
        Failed::Store(error) => error,
        // While a read model catches up its partitions may stand apart.
        Failed::Waiting(waiting) => {
            let month = Month::of(closed.event.period);
            StoreError(format!("the earnings of {month} are closed, and cannot be shown yet: {waiting:?}"))
        }
    }
}

impl EarningFilter {
    fn takes(&self, closed: &Closed) -> bool {
        let e = &closed.event;
        let month = Month::of(e.period);
        self.partner_id.as_ref().is_none_or(|id| *id == e.partner_id)
            && self.program_id.as_ref().is_none_or(|id| *id == e.program_id)
            && self.mpn_id.as_ref().is_none_or(|id| *id == e.mpn_id)
            && self.payment_id.as_ref().is_none_or(|id| closed.payment_id() == Some(id))
            && self.from.is_none_or(|from| from <= month)
            && self.to.is_none_or(|to| month <= to)
    }

    fn takes_one(&self, earning: &Earning) -> bool {
        let customer = earning.source.as_ref().filter(|_| !earning.kind.is_adjustment()).map(|it| &it.customer_id);
        self.lever.as_ref().is_none_or(|lever| *lever == earning.lever)
            && self.customer_id.as_ref().is_none_or(|id| customer == Some(id))
    }
}

/// What the earnings of a month have in common.
struct View<'a> {
    rows: &'a dyn Rows,
    partner: parties::Partner,
    program: Option<IncentiveProgram>,
    payment_id: Option<PaymentId>,
    status: PaymentStatus,
}

impl<'a> View<'a> {
    fn new(rows: &'a dyn Rows, closed: &Closed, horizon: &Horizon) -> Result<Self, StoreError> {
        let e = &closed.event;
        let partner = parties::partner(rows, &e.partner_id)?;
        let partner = partner.ok_or_else(|| StoreError(format!("partner {} is not registered", e.partner_id)))?;
        let program = reference::program(rows, &e.program_id)?;
        Ok(Self {
            rows,
            partner,
            program,
            payment_id: closed.payment_id().cloned(),
            status: closed_status(rows, closed, horizon)?,
        })
    }

    fn line(&mut self, earning: Earning) -> Result<EarningLine, StoreError> {
        let shown = earning.source.as_ref().filter(|_| !earning.kind.is_adjustment());
        let name = |id: &PartnerId| -> Result<String, StoreError> {
            Ok(parties::partner(self.rows, id)?.map(|partner| partner.name).unwrap_or_default())
        };
        let (mut customer, mut invoice_number, mut sold) = (parties::Customer::default(), None, None);
        let (mut reseller_name, mut distributor) = (String::new(), None);
        if let Some(source) = shown {
            customer = parties::customer(self.rows, &source.customer_id)?.unwrap_or_default();
            let series = (source.family, source.currency);
            invoice_number = adjustments::covering(self.rows, &source.payer_id, series, source.charged_on)?;
            sold = parties::sold(self.rows, &source.customer_id, &source.subscription_id)?;
            if let Some(reseller) = &source.reseller_id {
                reseller_name = name(reseller)?;
                distributor = Some((source.payer_id.clone(), name(&source.payer_id)?));
            }
        }
        // What feeds a fund is in no payment.
        let coop_program = self.program.as_ref().and_then(|program| earning.coop_program(program)).map(str::to_owned);
        let is_paid = coop_program.is_none();
        Ok(EarningLine {
            partner_name: self.partner.name.clone(),
            partner_country: self.partner.country.clone(),
            program_name: self.program.as_ref().map(|program| program.name.clone()).unwrap_or_default(),
            customer_name: customer.name,
            customer_country: customer.country,
            payment_id: self.payment_id.clone().filter(|_| is_paid),
            status: if is_paid { self.status } else { PaymentStatus::Unprocessed },
            coop_program,
            invoice_number,
            subscription_start: sold.as_ref().map(|sold| sold.start),
            subscription_end: sold.and_then(|sold| sold.term_end.pred_opt()),
            reseller_name,
            distributor,
            earning,
        })
    }
}

/// How an earning came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarningExplanation {
    /// The earning; an adjustment shows its line here.
    pub line: EarningLine,
    /// The lever, as its card has it.
    pub lever: Option<Lever>,
    /// The revenue of the lever in the month that decided the rate, in US dollars.
    pub lever_revenue_usd: Option<Decimal>,
    /// The commit that closed the month.
    pub closed_at: Position,
    /// Whether the earnings of the month, computed again, are those that were closed.
    pub is_verified: bool,
    /// In sentences.
    pub steps: Vec<String>,
}

/// Explains an earning; none if there is no such one.
pub fn explain_earning(rows: &dyn Rows, earning_id: &str) -> Result<Option<EarningExplanation>, StoreError> {
    let mut parts = earning_id.splitn(4, '/');
    let (Some(partner), Some(program), Some(month)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let ids = (PartnerId::new(partner), IncentiveProgramId::new(program), month.parse::<Month>());
    let (Ok(partner_id), Ok(program_id), Ok(month)) = ids else { return Ok(None) };
    let mut found = None;
    let prefix = enrollments::closed_prefix(Some(&partner_id), Some(&program_id));
    rows.scan(&prefix, &[], false, &mut |_, row| {
        let closed: Closed = decode(row)?;
        if Month::of(closed.event.period) == month {
            each(rows, &closed, &mut |earning| {
                let is_it = earning.earning_id == earning_id;
                if is_it {
                    found = Some((closed.clone(), earning));
                }
                Ok(!is_it)
            })?;
        }
        Ok(found.is_none())
    })?;
    let Some((closed, earning)) = found else { return Ok(None) };
    let key = EnrollmentKey::from(&closed.event);
    let rated = key.closed(rows, earning.rated_in)?;
    let total = rated.as_ref().and_then(|rated| {
        let of_lever = |total: &&subledger_domain::incentive::LeverTotal| {
            Some(total.card_from) == earning.card_from && total.lever == earning.lever
        };
        rated.event.levers.iter().find(of_lever)
    });
    let program = reference::program(rows, &program_id)?;
    let card = program.and_then(|it| it.cards.into_iter().find(|card| Some(card.valid_from) == earning.card_from));
    let lever = card.and_then(|card| card.lever(&earning.lever).cloned());
    let lever_revenue_usd = total.map(|total| total.revenue_usd);
    let is_verified = verify_earnings(rows, &closed)?;
    let steps = steps(&earning, lever.as_ref(), lever_revenue_usd);
    let line = View::new(rows, &closed, &Horizon::default())?.line(earning)?;
    Ok(Some(EarningExplanation { line, lever, lever_revenue_usd, closed_at: closed.told.position, is_verified, steps }))
}

/// Whether the earnings of a closed month, computed again, have its sums and digest.
pub(crate) fn verify_earnings(rows: &dyn Rows, closed: &Closed) -> Result<bool, StoreError> {
    let computed = Scope::of_closed(rows, closed).and_then(|mut scope| scope.sum());
    let (summing, _) = computed.map_err(|failed| broken(closed, failed))?;
    let e = &closed.event;
    Ok((summing.line_count, summing.earned_usd) == (e.line_count, e.earned_usd) && summing.digest() == e.lines_digest)
}

fn steps(earning: &Earning, lever: Option<&Lever>, revenue_usd: Option<Decimal>) -> Vec<String> {
    let mut steps = Vec::new();
    let (code, month) = (earning.currency, Month::of(earning.period));
    if let Some(source) = &earning.source {
        steps.push(format!(
            "line {} was charged on {} at {}: {} {code} net of discount, without tax",
            source.line_id, source.charged_on, source.position, source.net
        ));
        steps.push(format!("it is on an invoice of {month}"));
    }
    if let (Some(lever), Some(card)) = (lever, earning.card_from) {
        let rated_in = Month::of(earning.rated_in);
        let revenue = revenue_usd.map(|usd| format!(", which had {usd} USD of revenue")).unwrap_or_default();
        let at = format!("lever {} of the card from {card}, rated in {rated_in}{revenue}", lever.name);
        steps.push(format!("{at}: rate {}", earning.rate.normalize()));
    }
    if !earning.reference.is_empty() {
        steps.push(format!("{} {}", earning.kind.label(), earning.reference));
    }
    steps.push(format!(
        "{} {code} x {} = {} {code}, rounded half up to the minor unit",
        earning.transaction_amount,
        earning.rate.normalize(),
        earning.amount
    ));
    steps.push(format!(
        "{} {code} x {} of {} = {} USD",
        earning.amount,
        earning.earning_rate.normalize(),
        earning.earned_on,
        earning.amount_usd
    ));
    steps
}
