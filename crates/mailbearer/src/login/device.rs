use std::{
    fmt,
    time::{Duration, Instant},
};

use mailbearer_net::Runtime;
use mailbearer_oauth::{self as oauth, DeviceAuthorization, Poll, Polling, TokenExchange, TokenRequest};

use super::LoggedIn;
use crate::{
    Client, Error,
    fetch::{endpoint, oauth_client},
};

/// A login that waits for a person to enter a code on any device (RFC 8628).
///
/// ```no_run
/// # fn job(client: &mailbearer::Client) -> Result<(), mailbearer::Error> {
/// let login = client.begin_device_login()?;
/// println!("Open {} and enter {}", login.page(), login.user_code());
/// login.wait()?;
/// # Ok(()) }
/// ```
pub struct DeviceLogin<R: Runtime> {
    client: Client<R>,
    authorization: DeviceAuthorization,
    begun: Instant,
}

impl<R: Runtime> DeviceLogin<R> {
    pub(super) const fn new(client: Client<R>, authorization: DeviceAuthorization, begun: Instant) -> Self {
        Self { client, authorization, begun }
    }

    /// Returns the code that the person enters, escaped.
    #[must_use]
    pub fn user_code(&self) -> &str {
        &self.authorization.user_code
    }

    /// Returns the page where the person enters it: https, visible ASCII.
    #[must_use]
    pub fn page(&self) -> &str {
        &self.authorization.verification_uri
    }

    /// Returns the same page with the code filled in, if the provider has one.
    #[must_use]
    pub fn complete_page(&self) -> Option<&str> {
        self.authorization.verification_uri_complete.as_deref()
    }

    /// Returns until when the code is valid.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.begun.checked_add(self.authorization.expires_in).unwrap_or(self.begun)
    }

    /// Waits until the person has entered the code, and keeps the token.
    ///
    /// It asks as often as the provider wants (RFC 8628 section 3.5), less often while the network fails, and as long
    /// as the code is valid.
    ///
    /// # Errors
    ///
    /// Fails if the person refuses, if the code expires, if somebody else logs in, and if the store fails.
    pub fn wait(self) -> R::Task<'static, Result<LoggedIn, Error>> {
        R::task(async move {
            let Self { client, authorization, begun } = self;
            let (oauth, _) = client.person()?;
            let at = endpoint("token URL", &oauth.token_url)?;
            let request =
                TokenRequest::device_code(at, oauth_client(oauth), authorization.device_code.clone());
            let since = || R::now().saturating_duration_since(begun);
            let mut polling = Polling::new(&authorization, Duration::ZERO);
            let mut wait = polling.interval();
            loop {
                let now = R::now();
                R::sleep(now.checked_add(wait).unwrap_or(now)).await;
                let answer = client.exchange(request.endpoint(), TokenExchange::new(&request)).await;
                let error = match answer {
                    Ok(token) => {
                        let done = client.finish_login(async { Ok(token) }).await?;
                        return Ok(client.end_replaced(done).await);
                    }
                    Err(error) => error,
                };
                let refusal = error.cause::<oauth::Error>();
                if refusal.is_none() && !error.is_transient() {
                    return Err(error);
                }
                wait = match polling.after(refusal, since()) {
                    Poll::Again(wait) => wait,
                    Poll::Over => return Err(over(error, authorization.expires_in)),
                };
            }
        })
    }
}

/// Returns why it is over: the provider's last error, unless that only says that nobody came.
fn over(error: Error, life: Duration) -> Error {
    let waits = |error: &oauth::Error| {
        matches!(error, oauth::Error::Refused(refusal)
            if ["authorization_pending", "slow_down"].contains(&refusal.error.as_str()))
    };
    if error.cause().is_some_and(waits) { Error::login_timed_out(life) } else { error }
}

impl<R: Runtime> fmt::Debug for DeviceLogin<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLogin").field("page", &self.page()).finish_non_exhaustive()
    }
}
