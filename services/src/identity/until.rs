//! An answer that goes on only as long as the token or the certificate that asked for it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{layer::untrusted, limits::Open, refused};
use crate::{clock::WallClock, router::BoxFuture, tls::Trusting};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use subledger_writer::Clock as _;
use tonic::{Status, body::Body};

/// What an answer ends with.
pub(super) enum Ends {
    /// A token that expires, in seconds since 1970.
    Token(u64),
    /// A certificate.
    Certificate(Trusting),
}

impl Ends {
    async fn wait(self) -> Status {
        match self {
            Self::Token(at) => {
                let now = u64::try_from(WallClock.now().timestamp()).unwrap_or_default();
                tokio::time::sleep(Duration::from_secs(at.saturating_sub(now))).await;
                refused("TOKEN_EXPIRED", "the token has expired; show a new one and go on from where this ended")
            }
            Self::Certificate(trusting) => {
                trusting.ended().await;
                untrusted()
            }
        }
    }
}

/// A body that ends with an error when the caller's token or certificate does, and frees the caller's place when it is dropped.
pub(super) struct Until {
    body: Body,
    end: Option<BoxFuture<'static, Status>>,
    ended: bool,
    _open: Open,
}

impl Until {
    /// Ends with `ends`; never, without.
    pub(super) fn new(body: Body, ends: Option<Ends>, open: Open) -> Self {
        // What is whole already need not be watched.
        let end = ends.filter(|_| !body.is_end_stream()).map(|ends| Box::pin(ends.wait()) as BoxFuture<'static, _>);
        Self { body, end, ended: false, _open: open }
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
        if let Some(Poll::Ready(status)) = this.end.as_mut().map(|end| end.as_mut().poll(context)) {
            this.ended = true;
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
