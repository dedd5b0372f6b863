//! Streams on tokio, for what is an iterator on a blocking runtime.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use futures_core::Stream;
use mailbearer_net::Tokio;
use mailbearer_wire::Octets;

use crate::{Body, Error, Fetched, Listing, Messages, Summary};

/// The messages that [`Listing::next`] returns. Ends after the first failure.
impl Stream for Listing<'_, Tokio> {
    type Item = Result<Summary, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        poll(self.get_mut().next_or_end(), context)
    }
}

/// The messages that [`Messages::next`] returns. Ends after the first failure.
impl Stream for Messages<'_, Tokio> {
    type Item = Result<Fetched, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        poll(self.get_mut().next_or_end(), context)
    }
}

/// The octets that [`Body::next`] returns. Ends after the first failure.
impl Stream for Body<'_, Tokio> {
    type Item = Result<Octets, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        poll(self.get_mut().next_or_end(), context)
    }
}

/// Makes a future and polls it once. Each poll makes another, because the connection and the place in the answer keep
/// everything that it needs.
fn poll<T>(
    next: impl Future<Output = Result<Option<T>, Error>>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<T, Error>>> {
    pin!(next).poll(context).map(Result::transpose)
}
