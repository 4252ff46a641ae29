//! `ExplainCharge`.

use subledger_billing::{DateReason, Explanation, Origin, PriceOrigin, explain_charge};
use subledger_domain::{charge::Basis, ids::LineId, proration::Step};
use subledger_log::codec::Wire as _;
use subledger_proto::{
    api::{
        AmountBasis, ArithmeticStep, ChargeDateReason, ChargeExplanation, ChargeOrigin, ChargePrice,
        ExplainChargeRequest,
    },
    common::Actor,
};
use tonic::Status;

use super::to_charge;
use crate::api::{catalog::id, errors, position::Wanted, read_model::ReadModel};

/// Explains a line.
pub(super) async fn explain(
    model: &ReadModel,
    wanted: Wanted,
    request: ExplainChargeRequest,
) -> Result<ChargeExplanation, Status> {
    let line_id: LineId = id("line_id", request.line_id)?;
    let text = line_id.to_string();
    let (found, reflects) = model.read(wanted, move |rows| explain_charge(rows, &line_id)).await?;
    let explanation = found.ok_or_else(|| errors::not_found("line", &text))?;
    Ok(ChargeExplanation { reflects, ..to_wire(explanation) })
}

fn to_wire(explanation: Explanation) -> ChargeExplanation {
    let date_text = date_text(&explanation);
    let Explanation { arithmetic, date_reason, next_invoice_date, .. } = explanation;
    ChargeExplanation {
        charge: Some(to_charge(explanation.charge)),
        origin: explanation.origin.map(origin),
        price: explanation.price.as_ref().map(price),
        basis: match arithmetic.basis {
            Basis::Prorated => AmountBasis::Prorated,
            Basis::WhatIsLeft => AmountBasis::WhatIsLeft,
            Basis::Given => AmountBasis::Given,
            Basis::Rated => AmountBasis::Rated,
        }
        .into(),
        amount_steps: arithmetic.amount.into_iter().map(step).collect(),
        total_steps: arithmetic.total.into_iter().map(step).collect(),
        date_reason: match date_reason {
            DateReason::OnTheDay => ChargeDateReason::OnTheDay,
            DateReason::PeriodBegins => ChargeDateReason::PeriodBegins,
            DateReason::Anniversary => ChargeDateReason::Anniversary,
            DateReason::Arrears => ChargeDateReason::Arrears,
        }
        .into(),
        date_text,
        reverses: explanation.reverses.map(to_charge),
        reversed_before: explanation.reversed_before.into_iter().map(to_charge).collect(),
        reversed_by: explanation.reversed_by.into_iter().map(to_charge).collect(),
        next_invoice_date: next_invoice_date.to_wire(),
        changes: explanation.changes.into_iter().map(origin).collect(),
        reflects: Vec::new(),
    }
}

fn date_text(explanation: &Explanation) -> String {
    let line = &explanation.charge.line;
    let (on, because) = (line.charged_on, line.purchase_date);
    match explanation.date_reason {
        DateReason::OnTheDay => format!("charged on {on}, the day of what it charges"),
        DateReason::PeriodBegins => format!("charged on {on}, the first day of the period, in advance"),
        DateReason::Anniversary => format!("charged on {on}, the monthly anniversary after the change of {because}"),
        DateReason::Arrears => {
            let day = explanation.origin.as_ref().map(|origin| origin.effective_at.date_naive().to_string());
            let day = day.unwrap_or_else(|| because.to_string());
            format!("charged on {on}, in arrears: {day} was closed already when the command came")
        }
    }
}

fn origin(origin: Origin) -> ChargeOrigin {
    ChargeOrigin {
        position: Some(origin.position.to_wire()),
        command_id: origin.command_id,
        actor: Some(Actor { principal: origin.principal, channel: origin.channel }),
        effective_at: Some(origin.effective_at.to_wire()),
        recorded_at: Some(origin.recorded_at.to_wire()),
        stream: origin.stream,
        stream_version: origin.stream_version,
        events: origin.events,
    }
}

fn price(price: &PriceOrigin) -> ChargePrice {
    ChargePrice { price_list_id: price.price_list_id.to_wire(), price: Some(price.price.to_wire()) }
}

fn step(step: Step) -> ArithmeticStep {
    ArithmeticStep {
        name: step.name.to_owned(),
        expression: step.expression,
        exact: step.exact.normalize().to_string(),
        value: step.value.to_string(),
        digits: step.digits,
    }
}
