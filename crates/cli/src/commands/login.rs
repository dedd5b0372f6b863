use std::{
    env,
    io::{self, BufRead, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use mailbearer::{Grant, LoggedIn, Login, LoginOptions, Pasted, Pasting, Person};
use serde_json::json;

use crate::{
    cli::{GlobalArgs, LoginArgs},
    error::Error,
    output::{self, Output},
    session::Session,
    store,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &LoginArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let session =
        if arguments.check { Session::open(global, true) } else { Session::open_for_login(global) }?;
    let Some(person) = person(&session) else {
        let text = format!("account {} gets its tokens without anybody logging in", session.name);
        return Err(
            Error::config(text).hint("set grant of oauth to \"authorization_code\" or \"device_code\"")
        );
    };
    if arguments.check {
        return check(&session, out);
    }
    let done = if arguments.device || person.prefers_code && !arguments.no_browser {
        device(&session)?
    } else {
        browser(&session, arguments, person)?
    };
    report(&session, &done, out)
}

fn person(session: &Session) -> Option<&Person> {
    match &session.client.account().login {
        Login::OAuth(oauth) => match &oauth.grant {
            Grant::Person(person) => Some(person),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the grant works without a person.
fn check(session: &Session, out: &mut Output<impl Write>) -> Result<(), Error> {
    let token = session.with_token(|client| client.token())?;
    let expires_at = token.expires_at.and_then(|time| Timestamp::try_from(time).ok());
    let expires_at = expires_at.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let user = &session.client.account().user;
    if out.is_json() {
        return out.json(&json!({ "user": user, "expires_at": expires_at }));
    }
    let until = expires_at.map(|time| format!(", and has a token until {time}")).unwrap_or_default();
    out.line(&format!("{user} is logged in{until}"))
}

fn device(session: &Session) -> Result<LoggedIn, Error> {
    let login = session.client.begin_device_login().map_err(Error::from)?;
    output::notice(format_args!(
        "Open {} in any browser, and enter the code {}",
        login.page(),
        login.user_code()
    ));
    if let Some(page) = login.complete_page() {
        output::notice(format_args!("or open this address, which has it in it:\n{page}"));
    }
    let countdown = Countdown::start(login.until(), "Waiting for the code to be entered");
    let done = login.wait();
    countdown.stop();
    done.map_err(Error::from)
}

fn browser(session: &Session, arguments: &LoginArgs, person: &Person) -> Result<LoggedIn, Error> {
    let mut options = LoginOptions::default();
    options.prompt.clone_from(&arguments.prompt);
    let login = session.client.begin_login(options).map_err(Error::from)?;
    if !arguments.no_browser {
        output::notice("Open this address in a browser:");
    }
    // On a line of its own, so that a person can copy it and a program can read it.
    output::notice(login.address());
    if person.implicit {
        output::warning("this provider puts the token itself into the address: keep it to yourself");
    }
    let what = if login.is_listening() {
        "Waiting for the login; or paste the address at which the browser ends, and press Enter"
    } else {
        "Paste the address at which the browser ends, and press Enter"
    };
    let countdown = Countdown::start(login.until(), what);
    let pasting = login.pasting();
    thread::spawn(move || paste(&pasting));
    if !arguments.no_browser && has_display(is_set) {
        let address = login.address().to_owned();
        // A browser in a terminal would block the thread until it ends.
        thread::spawn(move || open(&address));
    }
    let done = login.wait();
    countdown.stop();
    done.map_err(Error::from)
}

/// Reads lines of standard input as the address. The end of the input does not end the login.
fn paste(pasting: &Pasting) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        if line.trim().is_empty() {
            continue;
        }
        match pasting.paste(&line) {
            Pasted::Taken | Pasted::Late => return,
            Pasted::Wrong(invalid) => output::warning(&invalid.to_string()),
            _ => {}
        }
    }
}

fn open(address: &str) {
    if let Err(error) = webbrowser::open(address) {
        output::warning(&format!("no browser could be opened: {error}"));
    }
}

/// Whether there is a display. Without one a browser could fail, wait for ever, or take over the terminal.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    if is_set("SSH_CONNECTION") && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") {
        return false;
    }
    let needs_none = cfg!(any(windows, target_os = "macos"));
    needs_none || ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"].into_iter().any(is_set)
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn report(session: &Session, done: &LoggedIn, out: &mut Output<impl Write>) -> Result<(), Error> {
    let wanted = &session.client.account().user;
    if done.user.is_none() {
        output::warning(&format!(
            "the provider does not say who logged in, so nobody knows whether it was {wanted}"
        ));
    }
    let expires_at = done.token.expires_at.and_then(|time| Timestamp::try_from(time).ok());
    let expires_at = expires_at.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    if !done.renewable {
        let end = expires_at.as_deref().unwrap_or("an unknown time");
        output::warning(&format!(
            "the provider gave no refresh token: at {end} somebody has to log in again; ask for the scope \
             offline_access where the provider has it"
        ));
    }
    let ends_at = done.ends_at.and_then(|time| Timestamp::try_from(time).ok());
    let ends_at = ends_at.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    if let Some(end) = &ends_at {
        output::notice(format!("the provider ends this login at {end}; {}", store::WHY_IT_ENDS));
    }
    if done.ended_replaced == Some(false) {
        output::warning(
            "the login whose place this one took could not be ended at the provider; it is good until it expires",
        );
    }
    let user = done.user.as_deref();
    if out.is_json() {
        return out.json(&json!({
            "user": user, "renewable": done.renewable, "expires_at": expires_at, "login_ends_at": ends_at,
        }));
    }
    out.line(&match user {
        Some(user) => format!("{user} is logged in"),
        None => format!("logged in for {wanted}"),
    })
}

/// Shows how long is left, on the line above the one that is typed on. Does nothing where standard error is no terminal.
struct Countdown {
    stopped: Arc<AtomicBool>,
    is_shown: bool,
}

impl Countdown {
    fn start(until: Instant, what: &'static str) -> Self {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let is_shown = io::stderr().is_terminal() && !is_dumb;
        let stopped = Arc::new(AtomicBool::new(false));
        let line = move || {
            let left = until.saturating_duration_since(Instant::now()).as_secs();
            let (minutes, seconds) = (left.div_euclid(60), left.rem_euclid(60));
            format!("{what} ({minutes}:{seconds:02} left)")
        };
        output::notice(line());
        if is_shown {
            let stopped = Arc::clone(&stopped);
            thread::spawn(move || {
                loop {
                    thread::sleep(Duration::from_secs(1));
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    // Saves the position of the cursor, writes one line above, and returns, so that typed text stays.
                    let _ = write!(io::stderr(), "\x1b7\x1b[1A\r{}\x1b[K\x1b8", line());
                }
            });
        }
        Self { stopped, is_shown }
    }

    fn stop(self) {
        self.stopped.store(true, Ordering::Relaxed);
        if self.is_shown {
            // Drops a line that was begun and not sent.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_opened_only_where_it_is_seen() {
        let always = cfg!(any(windows, target_os = "macos"));
        for (set, want) in [
            (&[][..], always),
            (&["TERM"], always),
            (&["DISPLAY"], true),
            (&["WAYLAND_DISPLAY"], true),
            (&["BROWSER"], true),
            (&["WSL_DISTRO_NAME"], true),
            (&["SSH_CONNECTION"], false),
            (&["SSH_CONNECTION", "BROWSER"], false),
            (&["SSH_CONNECTION", "WSL_DISTRO_NAME"], false),
            (&["SSH_CONNECTION", "DISPLAY"], true),
            (&["SSH_CONNECTION", "WAYLAND_DISPLAY"], true),
        ] {
            assert_eq!(has_display(|name| set.contains(&name)), want, "{set:?}");
        }
    }
}
