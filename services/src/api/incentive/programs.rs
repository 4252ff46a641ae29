//! Programs: enrollment, earnings, payments, as the API shows them.

use subledger_domain::{
    ids::{IncentiveProgramId, PartnerId},
    incentive::{IncentiveProgram, PaymentStatus, PaymentTab},
};
use subledger_fold::{Rows, as_of::Horizon, page::PageRequest};
use subledger_incentive::{
    self as incentive, EarningDispute, EarningExplanation, EarningFilter, EarningLine, EarningPeriod, EnrollmentView,
    HistoryStep, IncentiveOverview, IncentivePayment, Month, ProgramFilter,
};
use subledger_log::codec::Wire;
use subledger_proto::{api, common as pbc};
use tonic::{Response, Status};

use super::month;
use crate::api::{billing::optional_id, catalog::id, errors, position::Wanted, read_model::ReadModel};

/// Which enrollments a request asks for.
pub(super) fn filter(partner: String, program: String, mpn_id: String) -> Result<ProgramFilter, Status> {
    Ok(ProgramFilter {
        partner_id: optional_id("partner_id", partner)?,
        program_id: optional_id("program_id", program)?,
        mpn_id: Some(mpn_id).filter(|text| !text.is_empty()),
        ..ProgramFilter::default()
    })
}

fn status(wire: i32) -> Result<Option<PaymentStatus>, Status> {
    Wire::from_wire(wire)
        .map_err(|error: subledger_log::codec::FieldError| errors::invalid_field(&error.within("status")))
}

/// The months of a request, the first not after the last.
fn months(from: &str, to: &str) -> Result<(Option<Month>, Option<Month>), Status> {
    let (from, to) = (month("from_month", from)?, month("to_month", to)?);
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        return Err(errors::field_status("INVALID_VALUE", "to_month", &format!("{to} is before {from}")));
    }
    Ok((from, to))
}

/// A page of programs.
pub(super) async fn programs(
    model: &ReadModel,
    wanted: Wanted,
    request: api::ListIncentiveProgramsRequest,
) -> Result<Response<api::ListIncentiveProgramsResponse>, Status> {
    let page = model.page(request.page_size, request.page_token)?;
    let list = move |rows: &dyn Rows| incentive::list_programs(rows, page.request());
    let (programs, next_page_token, reflects) = model.list(wanted, list).await?;
    let programs = programs.iter().map(to_program).collect();
    Ok(Response::new(api::ListIncentiveProgramsResponse { programs, next_page_token, reflects }))
}

/// A page of enrollments.
pub(super) async fn enrollments(
    model: &ReadModel,
    wanted: Wanted,
    request: api::ListEnrollmentsRequest,
) -> Result<Response<api::ListEnrollmentsResponse>, Status> {
    let page = model.page(request.page_size, request.page_token)?;
    let filter = filter(request.partner_id, request.program_id, request.mpn_id)?;
    let as_of = model.as_of(request.as_of)?;
    let list = move |rows: &dyn Rows, horizon: &Horizon| {
        incentive::list_enrollments(rows, &ProgramFilter { horizon: horizon.clone(), ..filter }, page.request())
    };
    let (found, next_page_token, reflects) = model.list_as_of(wanted, as_of, list).await?;
    let enrollments = found.iter().map(|view| if request.masked { masked(view) } else { to_enrollment(view) });
    Ok(Response::new(api::ListEnrollmentsResponse { enrollments: enrollments.collect(), next_page_token, reflects }))
}

/// A page of closed months.
pub(super) async fn periods(
    model: &ReadModel,
    wanted: Wanted,
    request: api::ListEarningPeriodsRequest,
) -> Result<Response<api::ListEarningPeriodsResponse>, Status> {
    let page = model.page(request.page_size, request.page_token)?;
    let filter = filter(request.partner_id, request.program_id, request.mpn_id)?;
    let (months, verify) = (months(&request.from_month, &request.to_month)?, request.verify);
    let as_of = model.as_of(request.as_of)?;
    let list = move |rows: &dyn Rows, horizon: &Horizon| {
        let filter = ProgramFilter { horizon: horizon.clone(), ..filter };
        incentive::list_earning_periods(rows, &filter, months, verify, page.request())
    };
    let (periods, next_page_token, reflects) = model.list_as_of(wanted, as_of, list).await?;
    let periods = periods.iter().map(to_period).collect();
    Ok(Response::new(api::ListEarningPeriodsResponse { periods, next_page_token, reflects }))
}

/// A page of earnings.
pub(super) async fn earnings(
    model: &ReadModel,
    wanted: Wanted,
    request: api::ListEarningsRequest,
) -> Result<Response<api::ListEarningsResponse>, Status> {
    let page = model.page(request.page_size, request.page_token)?;
    let as_of = model.as_of(request.as_of)?;
    let ProgramFilter { partner_id, program_id, mpn_id, .. } =
        filter(request.partner_id, request.program_id, request.mpn_id)?;
    let (from, to) = months(&request.from_month, &request.to_month)?;
    let filter = EarningFilter {
        partner_id,
        program_id,
        mpn_id,
        customer_id: optional_id("customer_id", request.customer_id)?,
        payment_id: optional_id("payment_id", request.payment_id)?,
        from,
        to,
        lever: Some(request.lever).filter(|text| !text.is_empty()),
        status: status(request.status)?,
        ..EarningFilter::default()
    };
    let list = move |rows: &dyn Rows, horizon: &Horizon| {
        incentive::list_earnings(rows, &EarningFilter { horizon: horizon.clone(), ..filter }, page.request())
    };
    let (earnings, next_page_token, reflects) = model.list_as_of(wanted, as_of, list).await?;
    let earnings = earnings.iter().map(to_earning).collect();
    Ok(Response::new(api::ListEarningsResponse { earnings, next_page_token, reflects }))
}

/// One earning explained.
pub(super) async fn explain(
    model: &ReadModel,
    wanted: Wanted,
    request: api::ExplainEarningRequest,
) -> Result<Response<api::EarningExplanation>, Status> {
    let wanted_id = request.earning_id.clone();
    let read = move |rows: &dyn Rows| incentive::explain_earning(rows, &wanted_id);
    let (found, reflects) = model.read(wanted, read).await?;
    let found = found.ok_or_else(|| errors::not_found("earning", &request.earning_id))?;
    Ok(Response::new(api::EarningExplanation { reflects, ..to_explanation(&found) }))
}

/// A page of payments.
pub(super) async fn payments(
    model: &ReadModel,
    wanted: Wanted,
    request: api::ListIncentivePaymentsRequest,
) -> Result<Response<api::ListIncentivePaymentsResponse>, Status> {
    let page = model.page(request.page_size, request.page_token)?;
    let filter = filter(request.partner_id, request.program_id, request.mpn_id)?;
    let (payment_id, status) = (optional_id("payment_id", request.payment_id)?, status(request.status)?);
    let as_of = model.as_of(request.as_of)?;
    let list = move |rows: &dyn Rows, horizon: &Horizon| {
        let filter = ProgramFilter { horizon: horizon.clone(), ..filter };
        incentive::list_incentive_payments(rows, &filter, payment_id.as_ref(), status, page.request())
    };
    let (payments, next_page_token, reflects) = model.list_as_of(wanted, as_of, list).await?;
    let payments = payments.iter().map(to_payment).collect();
    Ok(Response::new(api::ListIncentivePaymentsResponse { payments, next_page_token, reflects }))
}

/// A page of disputes.
pub(super) async fn disputes(
    model: &ReadModel,
    wanted: Wanted,
    request: api::ListEarningDisputesRequest,
) -> Result<Response<api::ListEarningDisputesResponse>, Status> {
    let page = model.page(request.page_size, request.page_token)?;
    let filter = filter(request.partner_id, request.program_id, String::new())?;
    let as_of = model.as_of(request.as_of)?;
    let list = move |rows: &dyn Rows, horizon: &Horizon| {
        incentive::list_earning_disputes(rows, &ProgramFilter { horizon: horizon.clone(), ..filter }, page.request())
    };
    let (disputes, next_page_token, reflects) = model.list_as_of(wanted, as_of, list).await?;
    let disputes = disputes.iter().map(to_dispute).collect();
    Ok(Response::new(api::ListEarningDisputesResponse { disputes, next_page_token, reflects }))
}

/// A partner's overview.
pub(super) async fn overview(
    model: &ReadModel,
    wanted: Wanted,
    request: api::GetIncentiveOverviewRequest,
) -> Result<Response<api::IncentiveOverview>, Status> {
    let partner_id: PartnerId = id("partner_id", request.partner_id)?;
    let mpn_id = Some(request.mpn_id).filter(|id| !id.is_empty());
    let read = move |rows: &dyn Rows| incentive::incentive_overview(rows, &partner_id, mpn_id.as_deref());
    let (overview, reflects) = model.read(wanted, read).await?;
    let show = if request.masked { masked } else { to_enrollment };
    Ok(Response::new(api::IncentiveOverview { reflects, ..to_overview(&overview, show) }))
}

/// The filter of an export.
pub(super) fn export_filter(request: &api::ExportIncentivesRequest) -> Result<EarningFilter, Status> {
    let ProgramFilter { partner_id, program_id, mpn_id, .. } =
        filter(request.partner_id.clone(), request.program_id.clone(), request.mpn_id.clone())?;
    let (from, to) = months(&request.from_month, &request.to_month)?;
    let payment_id = optional_id("payment_id", request.payment_id.clone())?;
    Ok(EarningFilter { partner_id, program_id, mpn_id, payment_id, from, to, ..EarningFilter::default() })
}

/// Payments of an export.
pub(super) fn export_payments(
    rows: &dyn Rows,
    filter: &EarningFilter,
    page: PageRequest<'_>,
) -> Result<subledger_fold::page::Page<IncentivePayment>, subledger_fold::page::QueryError> {
    let EarningFilter { partner_id, program_id, mpn_id, payment_id, from, to, .. } = filter.clone();
    let filter = ProgramFilter { partner_id, program_id, mpn_id, ordered: (from, to), ..ProgramFilter::default() };
    incentive::list_incentive_payments(rows, &filter, payment_id.as_ref(), None, page)
}

/// The API's form.
pub(crate) fn to_program(program: &IncentiveProgram) -> pbc::IncentiveProgram {
    program.to_wire()
}

fn step(step: &HistoryStep) -> api::StatusChange {
    api::StatusChange {
        status: step.status.clone(),
        on: step.on.to_wire(),
        reason: step.reason.clone(),
        position: Some(step.position.to_wire()),
    }
}

/// The API's form.
pub(crate) fn to_enrollment(view: &EnrollmentView) -> api::Enrollment {
    api::Enrollment {
        partner_id: view.partner_id.to_wire(),
        program_id: view.program_id.to_wire(),
        program_name: view.program_name.clone(),
        mpn_id: view.mpn_id.clone(),
        status: view.status.label().to_owned(),
        unmet: view.unmet.iter().cloned().collect(),
        validate_until: view.validate_until.to_wire(),
        actions_required: view.actions_required.iter().map(|text| (*text).to_owned()).collect(),
        enrolled_on: view.enrolled_on.to_wire(),
        closed_through: view.closed_through.to_wire(),
        history: view.history.iter().map(step).collect(),
    }
}

/// What somebody sees who is no incentives administrator (L9424).
fn masked(view: &EnrollmentView) -> api::Enrollment {
    api::Enrollment {
        status: view.status.masked_label().to_owned(),
        validate_until: None,
        actions_required: Vec::new(),
        history: Vec::new(),
        ..to_enrollment(view)
    }
}

/// The API's form.
pub(crate) fn to_period(period: &EarningPeriod) -> api::EarningPeriod {
    let e = &period.event;
    api::EarningPeriod {
        partner_id: e.partner_id.to_wire(),
        program_id: e.program_id.to_wire(),
        program_name: period.program_name.clone(),
        mpn_id: e.mpn_id.clone(),
        month: Month::of(e.period).to_string(),
        earned_usd: e.earned_usd.to_wire(),
        adjusted_usd: e.adjusted_usd.to_wire(),
        line_count: e.line_count,
        status: period.status.label().to_owned(),
        payment_id: period.payment_id.to_wire(),
        order_on: e.order_on.to_wire(),
        payment_on: e.payment_on.to_wire(),
        payment_threshold: e.payment_threshold.to_wire(),
        levers: e.levers.to_wire(),
        totals: e.totals.to_wire(),
        position: Some(period.position.to_wire()),
        verified: period.is_verified,
        lines_digest: e.lines_digest.clone(),
        coop: e.coop.to_wire(),
    }
}

/// The API's form.
pub(crate) fn to_earning(line: &EarningLine) -> api::Earning {
    let e = &line.earning;
    let shown = e.source.as_ref().filter(|_| !e.kind.is_adjustment());
    api::Earning {
        earning_id: e.earning_id.clone(),
        kind: e.kind.label().to_owned(),
        partner_id: e.partner_id.to_wire(),
        partner_name: line.partner_name.clone(),
        partner_country: line.partner_country.clone(),
        program_id: e.program_id.to_wire(),
        program_name: line.program_name.clone(),
        mpn_id: e.mpn_id.clone(),
        month: Month::of(e.period).to_string(),
        currency: e.currency.to_wire(),
        transaction_date: e.transaction_date.to_wire(),
        transaction_exchange_rate: e.transaction_rate.normalize().to_wire(),
        transaction_amount: e.transaction_amount.to_wire(),
        transaction_amount_usd: e.transaction_usd.to_wire(),
        transaction_country: line.customer_country.clone(),
        lever: e.lever.clone(),
        earning_rate: e.rate.normalize().to_wire(),
        quantity: e.quantity.normalize().to_wire(),
        earning_type: e.earning_type.label().to_owned(),
        amount: e.amount.to_wire(),
        amount_usd: e.amount_usd.to_wire(),
        earned_on: e.earned_on.to_wire(),
        earning_exchange_rate: e.earning_rate.normalize().to_wire(),
        payment_id: line.payment_id.to_wire(),
        status: line.status.label().to_owned(),
        status_description: line.status.description().to_owned(),
        customer_id: shown.map(|source| source.customer_id.to_wire()).unwrap_or_default(),
        customer_name: line.customer_name.clone(),
        offer_id: shown.map(|source| source.offer_id.to_wire()).unwrap_or_default(),
        offer_name: shown.map(|source| source.offer_name.clone()).unwrap_or_default(),
        invoice_number: line.invoice_number.to_wire(),
        subscription_id: shown.map(|source| source.subscription_id.to_wire()).unwrap_or_default(),
        reseller_id: shown.map(|source| source.reseller_id.to_wire()).unwrap_or_default(),
        distributor_id: line.distributor.as_ref().map(|(id, _)| id.to_wire()).unwrap_or_default(),
        reference: e.reference.clone(),
        coop_program: line.coop_program.clone().unwrap_or_default(),
    }
}

fn to_explanation(of: &EarningExplanation) -> api::EarningExplanation {
    let e = &of.line.earning;
    let source = e.source.as_ref();
    api::EarningExplanation {
        earning: Some(to_earning(&of.line)),
        line_id: source.map(|source| source.line_id.to_wire()).unwrap_or_default(),
        charged_at: source.map(|source| source.position.to_wire()),
        line_customer_id: source.map(|source| source.customer_id.to_wire()).unwrap_or_default(),
        line_subscription_id: source.map(|source| source.subscription_id.to_wire()).unwrap_or_default(),
        reverses_line_id: source.map(|source| source.reverses.to_wire()).unwrap_or_default(),
        lever: of.lever.as_ref().map(Wire::to_wire),
        card_from: e.card_from.to_wire(),
        rated_in: Month::of(e.rated_in).to_string(),
        lever_revenue_usd: of.lever_revenue_usd.to_wire(),
        closed_at: Some(of.closed_at.to_wire()),
        verified: of.is_verified,
        steps: of.steps.clone(),
        reflects: Vec::new(),
    }
}

/// The API's form.
pub(crate) fn to_payment(payment: &IncentivePayment) -> api::IncentivePayment {
    let e = &payment.event;
    api::IncentivePayment {
        payment_id: e.payment_id.to_wire(),
        partner_id: e.partner_id.to_wire(),
        partner_name: payment.partner_name.clone(),
        program_id: e.program_id.to_wire(),
        program_name: payment.program_name.clone(),
        mpn_id: e.mpn_id.clone(),
        periods: e.periods.to_wire(),
        amounts: Some(e.amounts.to_wire()),
        method: e.method.label().to_owned(),
        status: payment.status.label().to_owned(),
        status_description: payment.status.description().to_owned(),
        tab: match payment.status.tab() {
            PaymentTab::Paid => "paid",
            PaymentTab::Pending => "pending",
            PaymentTab::Neither => "neither",
        }
        .to_owned(),
        ordered_on: e.ordered_on.to_wire(),
        payment_on: e.payment_on.to_wire(),
        sent_on: payment.sent_on.to_wire(),
        tax_invoice: payment.tax_invoice.clone().unwrap_or_default(),
        history: payment.history.iter().map(step).collect(),
    }
}

/// The API's form.
pub(crate) fn to_dispute(dispute: &EarningDispute) -> api::EarningDispute {
    let e = &dispute.event;
    api::EarningDispute {
        dispute_id: e.dispute_id.to_wire(),
        partner_id: e.partner_id.to_wire(),
        program_id: e.program_id.to_wire(),
        mpn_id: e.mpn_id.clone(),
        month: Month::of(e.period).to_string(),
        earning_id: e.earning_id.clone(),
        amount: e.amount.to_wire(),
        currency: e.currency.to_wire(),
        reason: e.reason.clone(),
        state: dispute.state.to_owned(),
        correction: dispute.correction.to_wire(),
        note: dispute.note.clone(),
        disputed_on: e.disputed_on.to_wire(),
        decided_on: dispute.decided_on.to_wire(),
    }
}

fn to_overview(overview: &IncentiveOverview, show: fn(&EnrollmentView) -> api::Enrollment) -> api::IncentiveOverview {
    let next = |(on, program, usd): &(chrono::NaiveDate, IncentiveProgramId, rust_decimal::Decimal)| {
        api::NextIncentivePayment { on: on.to_wire(), program_id: program.to_wire(), estimate_usd: usd.to_wire() }
    };
    let row = |row: &incentive::OverviewRow| api::IncentiveOverviewRow {
        enrollment: Some(show(&row.enrollment)),
        earned_usd: row.earned_usd.to_wire(),
        earned_this_year_usd: row.earned_this_year_usd.to_wire(),
        paid_usd: row.paid_usd.to_wire(),
        pending_usd: row.pending_usd.to_wire(),
    };
    let trend = |point: &incentive::TrendPoint| api::IncentiveTrend {
        month: point.month.to_string(),
        program_id: point.program_id.to_wire(),
        earned_usd: point.earned_usd.to_wire(),
        paid_usd: point.paid_usd.to_wire(),
    };
    api::IncentiveOverview {
        as_of: overview.as_of.to_wire(),
        year_start: overview.year_start.to_wire(),
        rows: overview.rows.iter().map(row).collect(),
        paid_this_year_usd: overview.paid_this_year_usd.to_wire(),
        earned_this_year_usd: overview.earned_this_year_usd.to_wire(),
        next_payment: overview.next_payment.as_ref().map(next),
        last_payment: overview.last_payment.as_ref().map(to_payment),
        trends: overview.trends.iter().map(trend).collect(),
        reflects: Vec::new(),
    }
}
