//! Associations and claims in the API's form.

use chrono::SecondsFormat;
use subledger_domain::coop::{Activity, Cap, CapPer, Condition, caps, expense_name, programs};
use subledger_incentive::{AssociationCredit, Step};
use subledger_log::codec::Wire;
use subledger_proto::api;

/// The API's form, without the history.
pub(crate) fn to_association(row: &subledger_incentive::Association) -> api::Association {
    api::Association {
        association_id: row.association_id.to_wire(),
        customer_id: row.customer_id.to_wire(),
        partner_id: row.partner_id.to_wire(),
        state: row.state.name().to_owned(),
        programs: row.details.programs().into_iter().map(|program| program.name().to_owned()).collect(),
        subscription_ids: row.subscription_ids.to_wire(),
        details: row.details.to_wire(),
        submitted_on: row.submitted_on.to_wire(),
        opt_out_until: row.opt_out_until.to_wire(),
        active_from: row.active_from.to_wire(),
        extended_until: row.extended_until.to_wire(),
        ended_on: row.ended_on.to_wire(),
        replaced_by: row.replaced_by.to_wire(),
        note: row.note.clone(),
        history: Vec::new(),
        reflects: Vec::new(),
    }
}

/// The API's form.
pub(super) fn to_step(step: Step) -> api::ClaimHistoryEntry {
    api::ClaimHistoryEntry {
        position: Some(step.position.to_wire()),
        command_id: step.command_id,
        principal: step.principal,
        effective_on: step.effective_on.to_wire(),
        recorded_at: step.recorded_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        event: step.event,
        state: step.state,
        note: step.note,
    }
}

/// The API's form.
pub(crate) fn to_credit(row: &AssociationCredit) -> api::AssociationCredit {
    let (partner, association) = row.cpor.clone().unzip();
    let metrics = row.metrics.iter().map(|(metric, by, partner_id)| api::MetricCredit {
        metric: metric.name().to_owned(),
        partner_id: partner_id.to_wire(),
        r#as: by.name().to_owned(),
    });
    api::AssociationCredit {
        customer_id: row.customer_id.to_wire(),
        subscription_id: row.subscription_id.to_wire(),
        csp_partner_id: row.csp.to_wire(),
        cpor_partner_id: partner.to_wire(),
        association_id: association.to_wire(),
        dpor_partner_id: row.dpor.to_wire(),
        metrics: metrics.collect(),
    }
}

/// The API's form, with the caps under a program, or those of all.
pub(super) fn to_activity(activity: &Activity, program: Option<&str>) -> api::CoopActivity {
    let texts = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect();
    let proofs = activity.proofs.iter().map(|proof| api::CoopProof {
        proof: proof.code.to_owned(),
        when: match proof.when {
            Condition::Always => "always",
            Condition::Optional => "optional",
            Condition::Expense(code) => code,
            Condition::InHouse(true) => "in-house",
            Condition::InHouse(false) => "third-party",
        }
        .to_owned(),
    });
    let expenses = activity.expenses.iter().map(|&expense| api::CoopExpense {
        expense: expense.to_owned(),
        name: expense_name(expense).unwrap_or_default().to_owned(),
    });
    let mut found: Vec<&Cap> = Vec::new();
    for known in programs().filter(|known| program.is_none_or(|code| code == known.code)) {
        found.extend(caps(activity.code, known.code));
    }
    found.sort_by_key(|cap| std::ptr::from_ref::<Cap>(cap));
    found.dedup_by_key(|cap| std::ptr::from_ref::<Cap>(cap));
    api::CoopActivity {
        activity: activity.code.to_owned(),
        group: activity.group.to_owned(),
        name: activity.name.to_owned(),
        core: texts(&activity.core),
        proofs: proofs.collect(),
        metric: activity.metric.unwrap_or_default().to_owned(),
        expenses: expenses.collect(),
        excluded_programs: texts(&activity.excluded_programs),
        caps: found.into_iter().map(to_cap).collect(),
    }
}

fn to_cap(cap: &Cap) -> api::CoopCap {
    let texts = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect();
    api::CoopCap {
        programs: texts(&cap.programs),
        expenses: texts(&cap.expenses),
        per: match cap.per {
            CapPer::Period => "period",
            CapPer::Conference => "conference",
            CapPer::Person => "person",
        }
        .to_owned(),
        percent: cap.percent.to_wire(),
        amount_usd: cap.amount_usd.to_wire(),
        attendees: cap.attendees.and_then(|most| u32::try_from(most).ok()).unwrap_or_default(),
    }
}

/// The API's form.
pub(crate) fn to_fund(fund: &subledger_incentive::CoopFund) -> api::CoopFund {
    api::CoopFund {
        partner_id: fund.partner_id.to_wire(),
        program: fund.program.clone(),
        usage_period_id: fund.usage_period_id.to_wire(),
        location_mpn_id: fund.location_mpn_id.clone(),
        currency: fund.currency.to_wire(),
        accrued: fund.accrued.to_wire(),
        in_review: fund.in_review.to_wire(),
        approved: fund.approved.to_wire(),
        handed_over: fund.handed_over.to_wire(),
        available: fund.available.to_wire(),
        expired: fund.expired.to_wire(),
        claim_deadline: fund.claim_deadline.to_wire(),
    }
}

/// The API's form, without the history.
pub(crate) fn to_claim(claim: &subledger_incentive::CoopClaim) -> api::CoopClaim {
    let currency = claim.details.currency;
    api::CoopClaim {
        claim_id: claim.claim_id.to_wire(),
        partner_id: claim.partner_id.to_wire(),
        program: claim.program.clone(),
        usage_period_id: claim.usage_period_id.to_wire(),
        location_mpn_id: claim.location_mpn_id.clone(),
        activity: claim.activity.clone(),
        state: claim.state.name().to_owned(),
        details: claim.details.to_wire(),
        documents: claim.documents.to_wire(),
        amount: claim.details.amount().to_wire(),
        claimed: currency.round(claim.claimed).to_wire(),
        approved: claim.approved.to_wire(),
        currency: currency.to_wire(),
        created_on: claim.created_on.to_wire(),
        submitted_on: claim.submitted_on.to_wire(),
        decided_on: claim.decided_on.to_wire(),
        claim_deadline: claim.claim_deadline.to_wire(),
        answer_by: claim.answer_by.to_wire(),
        retained_until: claim.retained_until.to_wire(),
        note: claim.note.clone(),
        payment_reference: claim.payment_reference.clone(),
        history: Vec::new(),
        reflects: Vec::new(),
    }
}
