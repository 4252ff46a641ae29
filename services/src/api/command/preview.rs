//! `Submit` with `validate_only`: what a command would do and cost. Only a writer can say: it holds the state that the command meets.

mod elsewhere;

use subledger_domain::Event;
use subledger_log::codec::Wire as _;
use subledger_proto::api::{Outcome, Preview, UpcomingInvoice};
use subledger_writer::{Decided, Submission};
use tonic::{Code, Status};

use super::to_wire;
pub(crate) use elsewhere::Writers;

use crate::{
    api::{billing::line_to_wire, errors},
    router::SubmitError,
};

/// Answers for a preview; none if this process has no writers.
pub(super) fn respond(
    submission: &Submission,
    previewed: Option<Result<subledger_writer::Preview, SubmitError>>,
) -> Result<Outcome, Status> {
    let unsupported = || {
        let message = "only a writer can preview a command, and this gateway knows none: start writers with --listen and name \
                       them to the gateway, --set writers=http://HOST:PORT,http://HOST:PORT";
        errors::status(Code::Unimplemented, "PREVIEW_NOT_SUPPORTED", message, &[])
    };
    match previewed.ok_or_else(unsupported)? {
        Err(error) => Err(errors::submit(&error)),
        Ok(subledger_writer::Preview::Recorded(outcome)) => match &outcome.result {
            Ok(_) => Ok(to_wire(*outcome, true)),
            Err(rejection) => Err(errors::rejection(rejection, Some(outcome.position))),
        },
        Ok(subledger_writer::Preview::Decided(decided)) => match decided.result {
            Err(rejection) => Err(errors::rejection(&rejection, None)),
            Ok(ref events) => Ok(outcome(submission, events, &decided)),
        },
    }
}

fn outcome(submission: &Submission, events: &[Event], decided: &Decided) -> Outcome {
    let charges = events.iter().filter_map(|event| match event {
        Event::Charged(line) => Some(line_to_wire(line.clone(), None)),
        _ => None,
    });
    Outcome {
        command_id: submission.envelope.command_id.to_string(),
        stream_version: decided.stream_version,
        effective_at: Some(decided.effective_at.to_wire()),
        events: events.to_vec().to_wire(),
        preview: Some(Preview {
            charges: charges.collect(),
            next_invoices: decided.invoices.iter().map(upcoming).collect(),
        }),
        ..Outcome::default()
    }
}

fn upcoming(invoice: &subledger_writer::UpcomingInvoice) -> UpcomingInvoice {
    let total = invoice.lines.iter().map(subledger_domain::charge::Charged::total).sum();
    UpcomingInvoice {
        partner_id: invoice.partner_id.to_wire(),
        family: invoice.family.to_wire(),
        currency: invoice.currency.to_wire(),
        invoice_date: invoice.date.to_wire(),
        total: invoice.currency.round(total).to_wire(),
        lines: invoice.lines.iter().map(|line| line_to_wire(line.clone(), None)).collect(),
    }
}
