//! What a writer process offers over gRPC: previews by its own writers. Commands come to it by their topic, which keeps their order.

use std::sync::Arc;

use subledger_domain::{Reason, Rejection};
use subledger_writer::{Preview, Submission};

use super::{Answers, BoxFuture, LocalRouter, Router, SubmitError, WhenFull};

/// Previews only.
pub(crate) struct Previews(pub(crate) Arc<LocalRouter>);

impl Router for Previews {
    fn submit(&self, batch: Vec<Submission>, _when_full: WhenFull) -> BoxFuture<'_, Answers> {
        let message = "A writer takes commands from its topic only, and previews them; send this one to a gateway";
        let refused = SubmitError::Refused(Rejection::new(Reason::CommandReserved, message));
        let answers: Answers = Box::pin(std::future::ready(vec![Err(refused); batch.len()]));
        Box::pin(std::future::ready(answers))
    }

    fn preview(&self, submission: Submission) -> BoxFuture<'_, Option<Result<Preview, SubmitError>>> {
        self.0.preview(submission)
    }
}
