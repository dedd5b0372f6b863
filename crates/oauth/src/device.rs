use alloc::{string::String, vec::Vec};
use core::time::Duration;

use mailbearer_sasl::Redactor;
use mailbearer_wire::{Json, Machine, RecvBuf, Secret, SendBuf, Step, printable_bytes};

use crate::{Client, Endpoint, Error, Hides, Limits, Token, TokenRequest, http, posted::Posted};

/// Asks for a code that a person enters on another device (RFC 8628 section 3.1).
#[derive(Clone, Debug)]
pub struct DeviceRequest(TokenRequest);

impl DeviceRequest {
    /// Asks for a code for these scopes, with spaces between them.
    #[must_use]
    pub fn new(endpoint: Endpoint, client: Client, scope: &str) -> Self {
        Self(TokenRequest::bare(endpoint, client).parameter("scope", scope))
    }

    /// The same request with a form field more, as [`TokenRequest::parameter`] has it.
    #[must_use]
    pub fn parameter(self, name: &str, value: impl Into<Secret>) -> Self {
        Self(self.0.parameter(name, value))
    }

    /// Where to connect to.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        self.0.endpoint()
    }
}

/// What a person has to do, and what to ask for the token with (RFC 8628 section 3.2).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceAuthorization {
    /// What [`TokenRequest::device_code`] shows.
    pub device_code: Secret,
    /// What the person enters; escaped. Not for logs: whoever enters it gives this program access to his own mailbox.
    pub user_code: String,
    /// The page on which it is entered: an `https` address in visible ASCII.
    pub verification_uri: String,
    /// The same page with the code filled in, where the server has one.
    pub verification_uri_complete: Option<String>,
    /// What to do in the server's own words, in one line, escaped. Microsoft has it.
    pub message: Option<String>,
    /// How long the codes are good; at most a day.
    pub expires_in: Duration,
    /// How long to wait between requests. Default 5 s; at least 1 s, at most 5 minutes.
    pub interval: Duration,
}

impl DeviceAuthorization {
    fn read(response: &http::Response, limits: &Limits, secrets: &[Secret]) -> Result<Self, Error> {
        let refused = match Token::read(response, limits, secrets) {
            Err(error @ (Error::Refused(_) | Error::Status { .. })) => return Err(error),
            other => other,
        };
        let wrong = |reason| match &refused {
            Err(Error::NotAToken { status, excerpt, .. }) => {
                Error::NotAToken { status: *status, reason, excerpt: excerpt.clone() }
            }
            _ => Error::NotAToken { status: response.status, reason, excerpt: String::new() },
        };
        let json = Json::parse(response.body.expose()).filter(|json| json.is_object());
        let json = json.ok_or_else(|| wrong("no JSON object"))?;
        let text = |name| json.get(name).and_then(Json::text).filter(|text| !text.is_empty());
        let device_code = text("device_code").map(Secret::new).ok_or_else(|| wrong("no device code"))?;
        if device_code.expose().len() > limits.token {
            return Err(wrong("device code over the limit"));
        }
        // They are for a person to see, and a server repeats what it was sent anywhere.
        let redactor = Redactor::new(secrets);
        let line = |name, limit| {
            let text = redactor.redact(&text(name)?);
            let words: Vec<&str> = text.split_whitespace().collect();
            Some(printable_bytes(words.join(" ").as_bytes(), limit))
        };
        // One that holds a secret of ours is no page: without the secret it leads nowhere.
        let page = |name| text(name).filter(|page| is_page(page) && redactor.redact(page) == *page);
        // Google named it so before there was a standard.
        let name = if text("verification_uri").is_some() { "verification_uri" } else { "verification_url" };
        let seconds = |name| json.get(name).and_then(seconds);
        Ok(Self {
            device_code,
            user_code: line("user_code", USER_CODE).ok_or_else(|| wrong("no user code"))?,
            verification_uri: page(name).ok_or_else(|| wrong("no https address of a page"))?,
            verification_uri_complete: page("verification_uri_complete"),
            message: line("message", MESSAGE),
            expires_in: seconds("expires_in").unwrap_or(LIFE).min(DAY),
            interval: seconds("interval").unwrap_or(INTERVAL).clamp(SHORTEST, LONGEST),
        })
    }
}

/// Sends a [`DeviceRequest`] in one flight, reads the response, closes.
///
/// It is driven as a [`TokenExchange`](crate::TokenExchange) is, with a receive buffer as large.
#[derive(Debug)]
pub struct DeviceExchange(Posted);

impl DeviceExchange {
    /// An exchange with the default [`Limits`].
    #[must_use]
    pub fn new(request: &DeviceRequest) -> Self {
        Self(Posted::new(&request.0))
    }
}

impl Hides for DeviceExchange {
    fn redactor(&self) -> Redactor {
        self.0.redactor()
    }
}

impl Machine for DeviceExchange {
    type Event = DeviceAuthorization;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<DeviceAuthorization>, Error> {
        self.0.step(rx, tx, DeviceAuthorization::read)
    }

    fn patience(&self) -> Option<Duration> {
        self.0.http.patience()
    }
}

/// When to ask for the token while a person enters the code (RFC 8628 section 3.5).
///
/// Times are arguments, counted from any fixed moment.
#[derive(Clone, Debug)]
pub struct Polling {
    interval: Duration,
    /// What is waited now: more than the interval while the network is in trouble.
    wait: Duration,
    until: Duration,
}

/// What to do after an answer of the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "whether to ask again has no third answer")]
pub enum Poll {
    /// Ask again after this time.
    Again(Duration),
    /// It is over: the error says why, or the code's time is up.
    Over,
}

impl Polling {
    /// Begins at `now`, when the authorization came. The first request is due after its interval.
    #[must_use]
    pub const fn new(authorization: &DeviceAuthorization, now: Duration) -> Self {
        let interval = authorization.interval;
        Self { interval, wait: interval, until: now.saturating_add(authorization.expires_in) }
    }

    /// How long to wait between requests at present.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// What follows from the answer that came at `now`; `None` where there was none, since the network failed.
    ///
    /// `authorization_pending` waits the interval, `slow_down` one that is 5 s longer from now on. What passes (status 429
    /// and 5xx, `temporarily_unavailable`, the network) waits twice as long each time, up to a minute. Everything else is
    /// the end, and so is the end of the code's life.
    pub fn after(&mut self, answer: Option<&Error>, now: Duration) -> Poll {
        let name = match answer {
            Some(Error::Refused(refusal)) => refusal.error.as_str(),
            _ => "",
        };
        self.wait = match (name, answer) {
            ("authorization_pending", _) => self.interval,
            ("slow_down", _) => {
                self.interval = self.interval.saturating_add(SLOWER).min(LONGEST);
                self.interval
            }
            (_, None) => self.backed_off(None),
            (_, Some(error)) if error.is_transient() => self.backed_off(error.retry_after()),
            _ => return Poll::Over,
        };
        match now.saturating_add(self.wait) < self.until {
            true => Poll::Again(self.wait),
            false => Poll::Over,
        }
    }

    fn backed_off(&self, asked: Option<Duration>) -> Duration {
        let twice = self.wait.saturating_mul(2).min(BACKOFF.max(self.interval));
        twice.max(asked.unwrap_or_default())
    }
}

fn seconds(value: Json<'_>) -> Option<Duration> {
    let text = value.number().map(String::from).or_else(|| value.text())?;
    text.parse().ok().map(Duration::from_secs)
}

/// Whether a person can be sent there: no other scheme, and nothing that a terminal would take for more than text.
fn is_page(address: &str) -> bool {
    address.len() <= PAGE && Endpoint::parse(address).is_ok()
}

const INTERVAL: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
const SLOWER: Duration = Duration::from_secs(5);
const BACKOFF: Duration = Duration::from_secs(60);
/// Where the server does not say, against RFC 8628.
const LIFE: Duration = Duration::from_secs(900);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Octets kept of a user code.
const USER_CODE: usize = 256;
/// Octets kept of a message.
const MESSAGE: usize = 1024;
/// Octets of a page's address.
const PAGE: usize = 2048;

#[cfg(test)]
mod tests {
    use alloc::{boxed::Box, format, string::ToString};

    use super::*;
    use crate::ErrorResponse;

    const RIGHT: &str = r#"{"device_code":"d3vice","user_code":"WDJB-MJHT","verification_uri":"https://a.example/dev",
        "verification_uri_complete":"https://a.example/dev?c=WDJB-MJHT","expires_in":900,"interval":7,
        "message":"Go to\r\n https://a.example/dev \u001b[2J"}"#;

    fn exchange(status: u16, body: &str, chunk: usize) -> Result<DeviceAuthorization, Error> {
        let endpoint = Endpoint::parse("https://a.example/devicecode").unwrap();
        let request = DeviceRequest::new(endpoint, Client::public("id"), "a b").parameter("mkt", "zh-CN");
        let (mut rx, mut tx) = (RecvBuf::with_limit(crate::TokenExchange::RECV_LIMIT), SendBuf::new());
        let mut exchange = DeviceExchange::new(&request);
        assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Read)));
        assert!(tx.unsent().ends_with(b"\r\n\r\nscope=a+b&mkt=zh-CN&client_id=id"));
        let response = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        for piece in response.as_bytes().chunks(chunk) {
            rx.extend(piece).unwrap();
            match exchange.step(&mut rx, &mut tx) {
                Ok(Step::Read) => {}
                Ok(Step::Event(authorization)) => return Ok(authorization),
                Ok(step) => panic!("{step:?}"),
                Err(error) => {
                    assert_eq!(exchange.step(&mut rx, &mut tx).unwrap_err(), error, "it sticks");
                    return Err(error);
                }
            }
        }
        panic!("no answer");
    }

    #[test]
    fn reads_what_the_person_has_to_do() {
        for chunk in [1, 7, 4096] {
            let found = exchange(200, RIGHT, chunk).unwrap();
            assert_eq!(found.device_code.expose(), "d3vice");
            assert_eq!(found.user_code, "WDJB-MJHT");
            assert_eq!(found.verification_uri, "https://a.example/dev");
            assert_eq!(found.verification_uri_complete.as_deref(), Some("https://a.example/dev?c=WDJB-MJHT"));
            assert_eq!(found.message.as_deref(), Some("Go to https://a.example/dev \\x1b[2J"));
            assert_eq!((found.expires_in.as_secs(), found.interval.as_secs()), (900, 7));
            assert!(!format!("{found:?}").contains("d3vice"));
        }
        let with = |from: &str, to: &str| exchange(200, &RIGHT.replace(from, to), 4096);
        let seconds = |found: DeviceAuthorization| (found.expires_in.as_secs(), found.interval.as_secs());
        for (from, to, want) in [
            (",\"interval\":7", "", (900, 5)),
            ("\"interval\":7", "\"interval\":0", (900, 1)),
            ("\"interval\":7", "\"interval\":86400", (900, 300)),
            ("\"interval\":7", "\"interval\":\"8\"", (900, 8)),
            ("\"expires_in\":900", "\"expires_in\":-1", (900, 7)),
            ("\"expires_in\":900", "\"expires_in\":99999999999999999999", (900, 7)),
            ("\"expires_in\":900", "\"expires_in\":999999999", (86400, 7)),
            ("verification_uri\"", "verification_url\"", (900, 7)),
        ] {
            assert_eq!(seconds(with(from, to).unwrap()), want, "{to}");
        }
        let unsafe_page = with("https://a.example/dev?c=WDJB-MJHT", "javascript:alert(1)").unwrap();
        assert_eq!(unsafe_page.verification_uri_complete, None);
    }

    #[test]
    fn refuses_what_sends_nobody_anywhere() {
        let rows = [
            (200, "", "empty body|no JSON object"),
            (200, "[]", "no JSON object"),
            (200, "{}", "no device code"),
            (200, &RIGHT.replace("d3vice", ""), "no device code"),
            (200, &RIGHT.replace("WDJB-MJHT\",", "\","), "no user code"),
            (200, &RIGHT.replace("https://a.example/dev\"", "http://a.example/dev\""), "no https address"),
            (200, &RIGHT.replace("https://a.example/dev\"", "javascript:x\""), "no https address"),
            (
                200,
                &RIGHT.replace("https://a.example/dev\"", "https://a.example/\\u001b[2J\""),
                "no https address",
            ),
            (400, r#"{"error":"unauthorized_client"}"#, "unauthorized_client"),
            (404, "<p>", "HTTP 404"),
        ];
        for (status, body, want) in rows {
            let error = exchange(status, body, 4096).unwrap_err().to_string();
            assert!(want.split('|').any(|want| error.contains(want)), "{body}: {error}");
            assert!(!error.contains("d3vice"), "{error}");
        }
    }

    /// What a peer echoes is not shown, wherever it stands.
    #[test]
    fn a_secret_that_comes_back_is_shown_nowhere() {
        let endpoint = Endpoint::parse("https://a.example/devicecode").unwrap();
        let secret = "s3cret~of-the-client";
        for client in [Client::with_secret("id", secret), Client::with_basic_secret("id", secret)] {
            let request = DeviceRequest::new(endpoint.clone(), client, "scope");
            for (status, body) in [
                (
                    400,
                    format!(r#"{{"error":"invalid_request","error_description":"client_secret={secret}"}}"#),
                ),
                (400, format!("client_id=id&client_secret={}", secret.replace('~', "%7E"))),
                (401, format!(r#"{{"error":"{secret}","error_uri":"https://a.example/?{secret}"}}"#)),
                (200, format!("<p>{secret}</p>")),
                (200, RIGHT.replace("Go to", secret)),
                (200, RIGHT.replace("WDJB-MJHT\",\"ver", &format!("{secret}\",\"ver"))),
                (200, RIGHT.replace("/dev\"", &format!("/dev?client_secret={secret}\""))),
                (200, RIGHT.replace("?c=WDJB-MJHT", &format!("?client_secret={secret}"))),
            ] {
                let (mut rx, mut tx) =
                    (RecvBuf::with_limit(crate::TokenExchange::RECV_LIMIT), SendBuf::new());
                let mut exchange = DeviceExchange::new(&request);
                assert!(matches!(exchange.step(&mut rx, &mut tx), Ok(Step::Read)));
                let length = body.len();
                rx.extend(
                    format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes(),
                )
                .unwrap();
                let told = match exchange.step(&mut rx, &mut tx) {
                    Err(error) => format!("{error} {error:?}"),
                    Ok(step) => format!("{step:?}"),
                };
                assert!(!told.contains("s3cret"), "{status} {body}: {told}");
            }
        }
    }

    #[test]
    fn polls_as_the_server_wants() {
        let refused = |error: &str| {
            Error::Refused(Box::new(ErrorResponse {
                error: error.into(),
                http_status: 400,
                ..Default::default()
            }))
        };
        let busy = |wait| Error::Status { status: 503, retry_after: wait, excerpt: String::new() };
        let at = Duration::from_secs;
        let authorization = exchange(200, RIGHT, 4096).unwrap();
        let mut polling = Polling::new(&authorization, at(100));
        let pending = refused("authorization_pending");
        for (answer, now, want) in [
            (Some(&pending), 107, Poll::Again(at(7))),
            (Some(&refused("slow_down")), 114, Poll::Again(at(12))),
            (Some(&pending), 126, Poll::Again(at(12))),
            (None, 138, Poll::Again(at(24))),
            (Some(&busy(None)), 162, Poll::Again(at(48))),
            (None, 210, Poll::Again(at(60))),
            (Some(&busy(Some(at(90)))), 270, Poll::Again(at(90))),
            (Some(&pending), 360, Poll::Again(at(12))),
            (Some(&pending), 987, Poll::Again(at(12))),
            (Some(&pending), 988, Poll::Over),
            (Some(&refused("expired_token")), 400, Poll::Over),
            (Some(&refused("access_denied")), 400, Poll::Over),
            (Some(&refused("authorization_declined")), 400, Poll::Over),
            (Some(&refused("invalid_grant")), 400, Poll::Over),
        ] {
            assert_eq!(polling.after(answer, at(now)), want, "{answer:?} at {now}");
        }
        for _ in 0..100 {
            let _ = polling.after(Some(&refused("slow_down")), at(400));
        }
        assert_eq!(polling.interval(), at(300), "it is bounded");
    }

    #[test]
    fn an_answer_of_somebody_else_is_shown() {
        let error = exchange(200, "<html>log in to this network</html>", 4096).unwrap_err();
        assert!(error.to_string().contains("log in to this network"), "{error}");
        for (octets, is_good) in [(Limits::DEFAULT.token, true), (Limits::DEFAULT.token + 1, false)] {
            let found = exchange(200, &RIGHT.replace("d3vice", &"x".repeat(octets)), 4096);
            assert_eq!(found.is_ok(), is_good, "{octets}");
        }
    }
}
