use alloc::vec::Vec;

use mailbearer_sasl::Redactor;
use mailbearer_wire::{Machine, RecvBuf, Secret, SendBuf, Step};

use crate::{Error, Limits, TokenRequest, http};

/// A form under way to an endpoint beside that of tokens, until its response was read.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) http: http::Exchange,
    limits: Limits,
    /// What the server was sent and may repeat.
    hidden: Vec<Secret>,
    failed: Option<Error>,
}

impl Posted {
    pub(crate) fn new(request: &TokenRequest) -> Self {
        let limits = Limits::DEFAULT;
        let http = http::Exchange::post(request.endpoint(), request.basic().cloned(), request.form(), limits);
        Self { http, limits, hidden: request.secrets(), failed: None }
    }

    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(&self.hidden)
    }

    /// One step; `read` makes the event of the response.
    pub(crate) fn step<T>(
        &mut self,
        rx: &mut RecvBuf,
        tx: &mut SendBuf,
        read: impl FnOnce(&http::Response, &Limits, &[Secret]) -> Result<T, Error>,
    ) -> Result<Step<T>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let step = match self.http.step(rx, tx) {
            Ok(Step::Event(response)) => read(&response, &self.limits, &self.hidden).map(Step::Event),
            Ok(Step::Read) => Ok(Step::Read),
            Ok(Step::Flush) => Ok(Step::Flush),
            Ok(Step::StartTls) => Ok(Step::StartTls),
            Ok(Step::Close) => Ok(Step::Close),
            Err(error) => Err(error.into()),
        };
        self.failed = step.as_ref().err().cloned();
        step
    }
}
