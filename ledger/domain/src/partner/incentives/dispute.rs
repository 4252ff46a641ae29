//! Disputes about earnings (L7674).

use rust_decimal::Decimal;

use crate::{
    Context, Event, Reason, Rejection, check,
    command::{DecideEarningDispute, DisputeEarning},
    event::{EarningDisputeDecided, EarningDisputed},
    incentive,
    partner::Partner,
};

pub(super) fn open(partner: &Partner, command: &DisputeEarning, context: &Context) -> Result<Vec<Event>, Rejection> {
    let incentives = &partner.incentives;
    let enrollment = incentives.enrollment(&command.program_id, &command.mpn_id)?;
    if incentives.disputes.contains_key(&command.dispute_id) {
        let message = format!("The partner has a dispute {}", command.dispute_id);
        return Err(Rejection::field(Reason::DisputeAlreadyExists, "dispute_id", message));
    }
    if !incentive::is_first_of_month(command.period) {
        return Err(check::invalid("period", "A period is a month, given by its first day"));
    }
    if enrollment.closed.is_none_or(|(first, last)| command.period < first || last < command.period) {
        let message = format!("The earnings of the month of {} are not closed", command.period);
        return Err(Rejection::field(Reason::EarningPeriodOpen, "period", message));
    }
    check::optional("earning_id", &command.earning_id)?;
    check::required("reason", &command.reason)?;
    check::amount("amount", command.amount, command.currency)?;
    let of = (command.program_id.clone(), command.mpn_id.clone());
    let same = incentives.disputes.iter().find(|(_, other)| {
        !other.decided && !command.earning_id.is_empty() && other.earning_id == command.earning_id && other.of == of
    });
    if let Some((other, _)) = same {
        let message = format!("Dispute {other} about that earning is not decided");
        return Err(Rejection::field(Reason::EarningAlreadyDisputed, "earning_id", message).with("dispute_id", other));
    }
    let DisputeEarning { partner_id, dispute_id, program_id, mpn_id, period, earning_id, amount, currency, reason } =
        command.clone();
    let disputed_on = context.effective_on();
    Ok(vec![
        EarningDisputed {
            partner_id,
            dispute_id,
            program_id,
            mpn_id,
            period,
            earning_id,
            amount,
            currency,
            reason,
            disputed_on,
        }
        .into(),
    ])
}

pub(super) fn decide(
    partner: &Partner,
    command: &DecideEarningDispute,
    context: &Context,
) -> Result<Vec<Event>, Rejection> {
    let Some(dispute) = partner.incentives.disputes.get(&command.dispute_id) else {
        let message = format!("The partner has no dispute {}", command.dispute_id);
        return Err(Rejection::field(Reason::DisputeNotFound, "dispute_id", message));
    };
    if dispute.decided {
        let message = format!("Dispute {} is decided", command.dispute_id);
        return Err(Rejection::field(Reason::DisputeClosed, "dispute_id", message));
    }
    check::required("note", &command.note)?;
    if let Some(correction) = command.correction {
        // What is taken back is checked as what is given.
        let size = if correction < Decimal::ZERO { -correction } else { correction };
        check::amount("correction", size, dispute.currency)?;
    }
    let (program_id, mpn_id) = dispute.of.clone();
    let DecideEarningDispute { partner_id, dispute_id, correction, note } = command.clone();
    Ok(vec![
        EarningDisputeDecided {
            partner_id,
            dispute_id,
            program_id,
            mpn_id,
            earning_id: dispute.earning_id.clone(),
            correction,
            currency: dispute.currency,
            note,
            decided_on: context.effective_on(),
        }
        .into(),
    ])
}
