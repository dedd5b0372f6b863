//! What is an iterator on a blocking runtime is a stream on tokio.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use futures_core::Stream;
use mailbearer_net::Tokio;
use mailbearer_wire::Octets;

use crate::{Body, Error, Fetched, Listing, Messages, Summary};

/// The messages as [`Listing::next`] gives them, the last after a failure.
impl Stream for Listing<'_, Tokio> {
    type Item = Result<Summary, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        poll(self.get_mut().next_or_end(), context)
    }
}

/// The messages as [`Messages::next`] gives them, the last after a failure.
impl Stream for Messages<'_, Tokio> {
    type Item = Result<Fetched, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        poll(self.get_mut().next_or_end(), context)
    }
}

/// The octets as [`Body::next`] gives them, the last after a failure.
impl Stream for Body<'_, Tokio> {
    type Item = Result<Octets, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        poll(self.get_mut().next_or_end(), context)
    }
}

/// Polls a future that is made for each poll: nothing is in it that the connection and the place in the answer do not keep.
fn poll<T>(
    next: impl Future<Output = Result<Option<T>, Error>>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<T, Error>>> {
    pin!(next).poll(context).map(Result::transpose)
}
