use std::{
    fmt,
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mailbearer_net::{Runtime, Timer};
use mailbearer_oauth::{AuthorizationRequest, Pkce, Redirect, RedirectCheck, TokenExchange, TokenRequest};
use mailbearer_wire::Secret;

use super::{
    LoggedIn, LoginOptions,
    listen::{Guest, Reception},
    page::Page,
    paste::Pasting,
};
use crate::{
    Client, Error, RedirectTo,
    advice::{self, Language},
    fetch::{endpoint, oauth_client},
};

/// A login that waits for a person in a browser.
///
/// ```no_run
/// use mailbearer::{Client, LoginOptions};
///
/// # fn job(client: &Client) -> Result<(), mailbearer::Error> {
/// let login = client.begin_login(LoginOptions::default())?;
/// println!("Open {}", login.address());
/// let person = login.wait()?;
/// println!("{} logged in", person.user.as_deref().unwrap_or("somebody"));
/// # Ok(()) }
/// ```
pub struct BrowserLogin<R: Runtime> {
    client: Client<R>,
    address: String,
    redirect_uri: String,
    pkce: Pkce,
    implicit: bool,
    pasting: Pasting,
    reception: Reception<R>,
    until: Instant,
    patience: Duration,
}

impl<R: Runtime> BrowserLogin<R> {
    pub(super) fn begin(client: Client<R>, options: LoginOptions) -> Result<Self, Error> {
        let (oauth, person) = client.person()?;
        let authorize_url = endpoint("authorize URL", person.authorize_url.as_deref().unwrap_or_default())?;
        let tls = &client.shared.tls;
        let mut random = [0; 32];
        let settings = |error: mailbearer_net::TlsError| Error::settings(error.to_string());
        tls.random(&mut random).map_err(settings)?;
        let pkce = Pkce::new(&Secret::new(random), |octets| tls.sha256(octets)).map_err(settings)?;
        let mut random = [0; 24];
        tls.random(&mut random).map_err(settings)?;
        let state = URL_SAFE_NO_PAD.encode(random);
        let mut check = RedirectCheck::new(state.as_str());
        if let Some(issuer) = &person.issuer {
            check = check.issuer(issuer.as_str());
        }
        // No server ever sees a token in a fragment.
        let listens = options.listen && !person.implicit;
        let reception = match &person.redirect {
            RedirectTo::Loopback { host, port } => Reception::open(host, *port, listens, &check)?,
            RedirectTo::Pasted(uri) => Reception::closed(uri),
        };
        let redirect_uri = reception.redirect_uri().to_owned();
        let id = oauth.client_id.as_str();
        let mut request = if person.implicit {
            AuthorizationRequest::implicit(authorize_url, id, &redirect_uri, &oauth.scope, &state)
        } else {
            AuthorizationRequest::code(authorize_url, id, &redirect_uri, &oauth.scope, &state, &pkce)
        };
        if let Some(prompt) = &options.prompt {
            request = request.parameter("prompt", prompt);
        }
        if options.hint {
            request = request.parameter("login_hint", client.expected());
        }
        let (address, implicit) = (request.to_string(), person.implicit);
        let pasting = Pasting::new(check, implicit);
        let now = R::now();
        let until = now.checked_add(options.patience).unwrap_or(now);
        let patience = options.patience;
        Ok(Self { client, address, redirect_uri, pkce, implicit, pasting, reception, until, patience })
    }

    /// Returns the address to open in the browser. It is visible ASCII.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the address to which the provider sends the browser afterwards.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Returns whether this machine listens there. If not, the person has to paste the address.
    #[must_use]
    pub const fn is_listening(&self) -> bool {
        self.reception.is_open()
    }

    /// Returns until when the login waits for the person.
    #[must_use]
    pub const fn until(&self) -> Instant {
        self.until
    }

    /// Returns a handle that takes the pasted address in place of a redirect.
    #[must_use]
    pub fn pasting(&self) -> Pasting {
        self.pasting.clone()
    }

    /// Waits for the redirect or a pasted address, gets the first token, and keeps it.
    ///
    /// Anything else that arrives at the redirect address gets an answer, and the login waits on. Afterwards nothing
    /// listens there.
    ///
    /// # Errors
    ///
    /// Fails if the provider or the person refuses, if somebody else logs in, if the time is up, and if the token
    /// endpoint or the store fails.
    pub fn wait(self) -> R::Task<'static, Result<LoggedIn, Error>> {
        R::task(async move {
            let Self {
                client, redirect_uri, pkce, implicit, pasting, mut reception, until, patience, ..
            } = self;
            let mut timer = R::timer(until);
            let answer = {
                let mut redirected = pin!(reception.answer());
                poll_fn(|context| {
                    if let Poll::Ready(redirect) = pasting.poll(context) {
                        return Poll::Ready(Some((redirect, None)));
                    }
                    if let Poll::Ready((redirect, guest)) = redirected.as_mut().poll(context) {
                        // If an address is pasted at the same moment, it counts as the first.
                        if pasting.close() {
                            return Poll::Ready(Some((redirect, Some(guest))));
                        }
                    }
                    timer.poll_expired(context).map(|()| None)
                })
                .await
            };
            // Nobody listens from here on: whatever comes later redeems nothing.
            drop(reception);
            pasting.close();
            let Some((redirect, guest)) = answer else { return Err(Error::login_timed_out(patience)) };
            let done = match redirect {
                Redirect::Code(code) if !implicit => {
                    let (oauth, _) = client.person()?;
                    let at = endpoint("token URL", &oauth.token_url)?;
                    let request =
                        TokenRequest::authorization_code(at, oauth_client(oauth), code, &redirect_uri, &pkce);
                    let exchange = || TokenExchange::new(&request);
                    let token = client.exchange_again(request.endpoint(), exchange, Error::did_nothing);
                    client.finish_login(token).await
                }
                Redirect::Token(token) if implicit => client.finish_login(async { Ok(*token) }).await,
                Redirect::Refused(refusal) => Err(Error::login_refused(*refusal)),
                _ => Err(Error::settings("the provider answered what was not asked for".into())),
            };
            if let Some(guest) = guest {
                show(guest, done.as_ref().map(|(done, _)| done)).await;
            }
            Ok(client.end_replaced(done?).await)
        })
    }
}

/// Shows the person in the browser how it ended.
async fn show<R: Runtime>(guest: Guest<R>, done: Result<&LoggedIn, &Error>) {
    let language = guest.language();
    let page = match done {
        Ok(login) => Page::done(language, login.user.as_deref()),
        Err(error) => {
            let advice = advice::of(error);
            let known = advice.map(|entry| (entry.cause(language), entry.fix(language)));
            Page::failed(language, &error.to_string(), known)
        }
    };
    guest.show(200, &page).await;
}

impl<R: Runtime> fmt::Debug for BrowserLogin<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserLogin").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// Returns the language of `Accept-Language` (RFC 9110 section 12.5.4) with the highest weight that the pages have.
pub(super) fn language(accepted: &str) -> Language {
    let mut best = (Language::English, 0);
    for part in accepted.split(',') {
        let mut parts = part.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, weight);
        let primary = range.split('-').next().unwrap_or_default();
        let language = match primary {
            _ if primary.eq_ignore_ascii_case("zh") => Language::Chinese,
            _ if primary.eq_ignore_ascii_case("en") => Language::English,
            _ => continue,
        };
        if weight > best.1 {
            best = (language, weight);
        }
    }
    best.0
}

/// Returns the thousandths in `1`, `0.8`, `0.125`.
fn weight(text: &str) -> u32 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = fraction.chars().chain(['0'; 3]).take(3);
    let thousandths = digits.fold(0u32, |sum, digit| {
        sum.saturating_mul(10).saturating_add(digit.to_digit(10).unwrap_or_default())
    });
    if whole == "1" { 1000 } else { thousandths }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_in_the_language_that_the_browser_asks_for() {
        for (accepted, want) in [
            ("", Language::English),
            ("en-US,en;q=0.9", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("en;q=0.7, ZH-TW; q=0.9", Language::Chinese),
            ("de, fr;q=0.9, zh;q=0.1", Language::Chinese),
            ("zh;q=0", Language::English),
            ("de", Language::English),
            ("*", Language::English),
            (";;q=,,zh;q=x", Language::English),
        ] {
            assert_eq!(language(accepted), want, "{accepted}");
        }
    }
}
