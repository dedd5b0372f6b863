use alloc::{format, string::String};
use core::{fmt, time::Duration};

use mailbearer_wire::{Machine, RecvBuf, Secret, SendBuf, Step};

use super::{BadRequest, Error, Event, Request, Session, reason};
use crate::{InvalidRedirect, Redirect, RedirectCheck};

/// Serves the browser that a login's redirect sends to this machine (RFC 8252 section 7.3): one request, one page.
///
/// The login's answer is a GET of the redirect's own path, with its own host, that passes the [`RedirectCheck`]. Everything
/// else is a [`RedirectEvent::Other`]: answer it with the status in it, and go on waiting. Answer both by
/// [`respond`](Self::respond), then step on.
///
/// The receive buffer must hold [`RequestReader::HEAD`](super::RequestReader::HEAD) and
/// [`RequestReader::BODY`](super::RequestReader::BODY) together.
#[derive(Debug)]
pub struct RedirectSession {
    check: RedirectCheck,
    authority: String,
    path: String,
    session: Session,
    /// Whether the request that has no answer yet is one for the headers alone.
    headers_only: Option<bool>,
}

/// What a browser asked for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RedirectEvent {
    /// The login's answer.
    Answer {
        /// What it says.
        redirect: Redirect,
        /// `Accept-Language`, or nothing.
        languages: String,
    },
    /// Something else: a favicon, another tab, a stranger.
    Other {
        /// What to answer: 400, 404 or 405.
        status: u16,
        /// Why it is no answer to the login.
        reason: OtherRequest,
        /// `Accept-Language`, or nothing.
        languages: String,
    },
}

/// Why a request is no answer to the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtherRequest {
    /// It is no HTTP/1 request, or passes a limit.
    Bad(BadRequest),
    /// It names another host than the redirect's, or several, or none: a page of elsewhere may have led here.
    Host,
    /// It is for another path.
    Path,
    /// Its method is not GET.
    Method,
    /// It is the redirect's path, and not the answer to this login.
    Redirect(InvalidRedirect),
}

impl fmt::Display for OtherRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(bad) => bad.fmt(f),
            Self::Host => f.write_str("another host was asked for"),
            Self::Path => f.write_str("there is nothing at this address"),
            Self::Method => f.write_str("only GET is answered"),
            Self::Redirect(invalid) => invalid.fmt(f),
        }
    }
}

impl RedirectSession {
    /// Expects a request of a browser that has just connected. `redirect_uri` is the one of the authorization request. The
    /// browser may be silent for 30 seconds.
    #[must_use]
    pub fn new(redirect_uri: &str, check: RedirectCheck) -> Self {
        let rest = redirect_uri.split_once("://").map_or(redirect_uri, |(_, rest)| rest);
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self {
            check,
            authority: authority.into(),
            path: if path.is_empty() { "/".into() } else { path.into() },
            session: Session::new(),
            headers_only: None,
        }
    }

    /// Changes how long the browser may be silent.
    #[must_use]
    pub fn silence(self, silence: Duration) -> Self {
        Self { session: self.session.silence(silence), ..self }
    }

    /// Answers with a page in HTML, and closes. The page may have styles in itself, and nothing else: no script, no
    /// picture, no other page around it. No store keeps it, and nobody hears of the address that it was at.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Misuse`] where there is nothing to answer.
    pub fn respond(&mut self, status: u16, page: &str) -> Result<(), Error> {
        let headers_only = self.headers_only.take().ok_or(Error::Misuse("there is no request to answer"))?;
        let allow = if status == 405 { "Allow: GET\r\n" } else { "" };
        let mut response = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nVary: Accept-Language\r\n{allow}\
             Connection: close\r\n\r\n",
            reason(status),
            page.len(),
        );
        if !headers_only {
            response.push_str(page);
        }
        self.session.answer(response.into_bytes())
    }

    fn judge(&self, request: Request) -> RedirectEvent {
        let languages = request.header("accept-language").unwrap_or_default().into();
        let is_host = request.header("host").is_some_and(|host| host.eq_ignore_ascii_case(&self.authority));
        // The code is in it.
        let target = Secret::<String>::new(request.target);
        let (path, query) = target.expose().split_once('?').unwrap_or((target.expose(), ""));
        let (status, reason) = match request.method.as_str() {
            _ if !is_host => (400, OtherRequest::Host),
            _ if path != self.path => (404, OtherRequest::Path),
            "GET" => match self.check.query(query) {
                Ok(redirect) => return RedirectEvent::Answer { redirect, languages },
                Err(invalid) => (400, OtherRequest::Redirect(invalid)),
            },
            _ => (405, OtherRequest::Method),
        };
        RedirectEvent::Other { status, reason, languages }
    }
}

impl Machine for RedirectSession {
    type Event = RedirectEvent;
    type Error = Error;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<RedirectEvent>, Error> {
        let step = self.session.step(rx, tx)?;
        Ok(step.map(|event| match event {
            Event::Request(request) => {
                self.headers_only = Some(request.method == "HEAD");
                self.judge(request)
            }
            Event::Invalid(bad) => {
                self.headers_only = Some(false);
                let reason = OtherRequest::Bad(bad);
                RedirectEvent::Other { status: 400, reason, languages: String::new() }
            }
        }))
    }

    fn patience(&self) -> Option<Duration> {
        self.session.patience()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::RequestReader;

    const REDIRECT: &str = "http://localhost:1234/mail/";

    /// Says `request` in pieces; returns what was told of it and the answer.
    fn ask(request: &[u8], chunk: usize) -> (String, String) {
        let mut rx = RecvBuf::with_limit(RequestReader::HEAD + RequestReader::BODY);
        let (mut session, mut tx) =
            (RedirectSession::new(REDIRECT, RedirectCheck::new("st4te")), SendBuf::new());
        let mut told = String::new();
        let mut pieces = request.chunks(chunk);
        loop {
            match session.step(&mut rx, &mut tx).unwrap() {
                Step::Event(event) => {
                    let status = match event {
                        RedirectEvent::Answer { redirect: Redirect::Code(code), languages } => {
                            told = format!("code {} {languages}", code.expose());
                            200
                        }
                        RedirectEvent::Answer { redirect, .. } => {
                            told = format!("{redirect:?}");
                            200
                        }
                        RedirectEvent::Other { status, reason, .. } => {
                            told = format!("{status} {reason:?}");
                            status
                        }
                    };
                    session.respond(status, "<p>page</p>").unwrap();
                    assert!(session.respond(200, "").is_err(), "once");
                }
                Step::Read => match pieces.next() {
                    Some(piece) => rx.extend(piece).unwrap(),
                    None => rx.set_eof(),
                },
                Step::Close => break,
                step => panic!("{step:?}"),
            }
        }
        (told, String::from_utf8(tx.unsent().to_vec()).unwrap())
    }

    #[test]
    fn only_the_right_request_is_the_answer() {
        let get =
            |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost:1234\r\n{more}\r\n");
        let with_host = |host: &str| {
            format!("GET /mail/?code=c&state=st4te HTTP/1.1\r\n{host}\r\n").replace("; ", "\r\n")
        };
        let right = "/mail/?code=c&state=st4te";
        let rows = [
            (get(right, "Accept-Language: zh\r\n"), "code c zh"),
            (get(right, ""), "code c "),
            (with_host("HOST: LocalHost:1234\r\n"), "code c "),
            (get("/mail/?error=access_denied&state=st4te", ""), "Refused("),
            (get("/mail/?code=c&state=other", ""), "400 Redirect(State)"),
            (get("/mail/?code=c", ""), "400 Redirect(State)"),
            (get("/mail/?error=access_denied", ""), "400 Redirect(State)"),
            (get("/mail/?code=c&state=st4te&state=st4te", ""), "400 Redirect(Doubled)"),
            (get("/mail/?code=&state=st4te", ""), "400 Redirect(Malformed"),
            (get("/mail/", ""), "400 Redirect(State)"),
            (get("/mail?code=c&state=st4te", ""), "404 Path"),
            (get("/?code=c&state=st4te", ""), "404 Path"),
            (get("/favicon.ico", ""), "404 Path"),
            (get("//mail/?code=c&state=st4te", ""), "404 Path"),
            (get("/mail/%2e/?code=c&state=st4te", ""), "404 Path"),
            (get("http://localhost:1234/mail/?code=c&state=st4te", ""), "404 Path"),
            (get("*", ""), "404 Path"),
            (get(right, "").replace("GET", "HEAD"), "405 Method"),
            (get(right, "").replace("GET", "get"), "405 Method|400 Bad"),
            (get(right, "Content-Length: 0\r\n").replace("GET", "POST"), "405 Method"),
            (
                get("/mail/", "Content-Length: 18\r\n").replace("GET", "POST") + "code=c&state=st4te",
                "405 Method",
            ),
            (get(right, "").replace("GET", "OPTIONS"), "400 Bad"),
            (with_host("Host: localhost\r\n"), "400 Host"),
            (with_host("Host: 127.0.0.1:1234\r\n"), "400 Host"),
            (with_host("Host: evil.example\r\n"), "400 Host"),
            (with_host("Host: localhost:1234; Host: localhost:1234\r\n"), "400 Bad"),
            (with_host("Host: localhost:1234; Host: evil.example\r\n"), "400 Bad"),
            (with_host("Accept: */*\r\n"), "400 Host"),
            ("GET /mail/?code=c&state=st4te\r\n\r\n".into(), "400 Bad"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), "400 Bad"),
            ("\u{16}\u{3}\u{1}\u{2}\r\n\r\n".into(), "400 Bad"),
            (get(right, "Transfer-Encoding: chunked\r\n"), "400 Bad"),
            (get(&format!("/mail/?{}", "x".repeat(RequestReader::HEAD)), ""), "400 Bad"),
            (get(right, &"A: b\r\n".repeat(RequestReader::HEADERS)), "400 Bad"),
            (String::new(), ""),
            ("GET /ma".into(), ""),
        ];
        for (request, want) in rows {
            for chunk in [1, 5, usize::MAX] {
                let (told, answer) = ask(request.as_bytes(), chunk);
                assert!(want.split('|').any(|want| told.starts_with(want)), "{request:?}: {told}");
                assert_eq!(answer.is_empty(), want.is_empty(), "{request:?}");
            }
        }
        let (told, _) =
            ask(b"GET /mail/?code=c&state=st4te HTTP/1.1\r\nHost: \xff\r\nHost: localhost:1234\r\n\r\n", 9);
        assert!(told.starts_with("400"), "{told}");
    }

    #[test]
    fn every_answer_is_closed_to_the_outside() {
        let get = "GET /mail/?code=c0de&state=st4te HTTP/1.1\r\nHost: localhost:1234\r\n\r\n";
        for (request, status, allow) in [
            (get.into(), "200 OK", false),
            (get.replace("st4te", "x"), "400 Bad Request", false),
            (get.replace("mail", "x"), "404 Not Found", false),
            (get.replace("GET", "HEAD"), "405 Method Not Allowed", true),
        ] {
            let (_, answer) = ask(request.as_bytes(), 4096);
            let (head, page) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            for field in [
                "Content-Security-Policy: default-src 'none'; ",
                "frame-ancestors 'none'\r\n",
                "Cache-Control: no-store\r\n",
                "Referrer-Policy: no-referrer\r\n",
                "X-Content-Type-Options: nosniff\r\n",
                "Content-Length: 11\r\n",
            ] {
                assert!(head.contains(field), "{field}: {head}");
            }
            assert_eq!(head.contains("Allow: GET"), allow, "{head}");
            for never in ["Server:", "Access-Control", "c0de", "st4te"] {
                assert!(!answer.contains(never), "{never}: {answer}");
            }
            assert_eq!(page, if request.starts_with("HEAD") { "" } else { "<p>page</p>" });
        }
    }

    #[test]
    fn shows_no_code() {
        let mut rx = RecvBuf::with_limit(RequestReader::HEAD + RequestReader::BODY);
        rx.extend(b"GET /mail/?code=c0de&state=st4te HTTP/1.1\r\nHost: localhost:1234\r\n\r\n").unwrap();
        let mut session = RedirectSession::new(REDIRECT, RedirectCheck::new("st4te"));
        let event = session.step(&mut rx, &mut SendBuf::new());
        let shown = format!("{event:?} {session:?} {rx:?}");
        assert!(!shown.contains("c0de") && !shown.contains("st4te"), "{shown}");
        let mut tx = SendBuf::new();
        assert!(session.step(&mut rx, &mut tx).is_err(), "unanswered");
    }

    #[test]
    fn a_silent_browser_is_waited_for_as_long_as_it_was_said() {
        let session = RedirectSession::new(REDIRECT, RedirectCheck::new("st4te"));
        assert_eq!(session.patience(), Some(Duration::from_secs(30)));
        assert_eq!(session.silence(Duration::from_secs(1)).patience(), Some(Duration::from_secs(1)));
    }
}
