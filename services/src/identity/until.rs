//! An answer that goes on only as long as the token that asked for it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{limits::Open, refused};
use crate::clock::WallClock;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use subledger_writer::Clock as _;
use tonic::{Status, body::Body};

/// A body that ends with an error when the caller's token has expired, and frees the caller's place when it is dropped.
pub(super) struct Until {
    body: Body,
    expiry: Option<Pin<Box<tokio::time::Sleep>>>,
    ended: bool,
    _open: Open,
}

impl Until {
    /// Ends at `expires_at`, in seconds since 1970; never, without.
    pub(super) fn new(body: Body, expires_at: Option<u64>, open: Open) -> Self {
        let left = expires_at.map(|at| {
            let now = u64::try_from(WallClock.now().timestamp()).unwrap_or_default();
            Duration::from_secs(at.saturating_sub(now))
        });
        // What is whole already need not be watched.
        let left = left.filter(|_| !body.is_end_stream());
        Self { body, expiry: left.map(|left| Box::pin(tokio::time::sleep(left))), ended: false, _open: open }
    }
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        if this.expiry.as_mut().is_some_and(|expiry| expiry.as_mut().poll(context).is_ready()) {
            this.ended = true;
            let status =
                refused("TOKEN_EXPIRED", "the token has expired; show a new one and go on from where this ended");
            let mut trailers = HeaderMap::new();
            return Poll::Ready(status.add_header(&mut trailers).is_ok().then(|| Ok(Frame::trailers(trailers))));
        }
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
