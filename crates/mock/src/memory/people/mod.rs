//! People who log in: what they are asked, the codes that come of it, and what the codes are exchanged for.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mailbearer_net::Tls;
use mailbearer_oauth::server::decode_form;

use super::tokens::random;

mod endpoint;
mod page;
#[cfg(test)]
mod tests;

pub(crate) use endpoint::{Answer, answer, decide, is_tenant};

/// What is asked of a person at the authorize page.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The parameters, as they came.
    fields: Vec<(String, String)>,
}

/// Why a code is not exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoLogin {
    /// There is no such code, or it is too old, or was used, or for another client or redirect address.
    Code,
    /// The verifier is not the one whose digest was shown.
    Verifier,
    /// The person has not answered yet.
    Pending,
    /// It was asked for too soon after the last time.
    SlowDown,
    /// The person said no.
    Declined,
    /// The device's code is too old.
    Expired,
}

/// A person who logged in.
#[derive(Clone, Debug)]
pub(crate) struct LoggedIn {
    pub(crate) user: String,
    pub(crate) scope: String,
    pub(crate) nonce: Option<String>,
}

/// The codes that are out.
#[derive(Debug, Default)]
pub(crate) struct People {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    codes: VecDeque<Code>,
    devices: VecDeque<Device>,
    /// Seconds between the requests of a device; 5 where it is not set.
    interval: Option<u64>,
}

#[derive(Debug)]
struct Code {
    code: String,
    asked: Asked,
    user: String,
    until: Instant,
    /// The family of refresh tokens that came of it.
    used: Option<u64>,
}

#[derive(Debug)]
struct Device {
    device_code: String,
    user_code: String,
    client_id: String,
    scope: String,
    until: Instant,
    next: Instant,
    answer: Option<Option<String>>,
}

impl Asked {
    pub(crate) fn read(query: &[u8]) -> Result<Self, &'static str> {
        let fields = decode_form(query).map_err(|bad| bad.0)?;
        for (position, (name, _)) in fields.iter().enumerate() {
            if fields.iter().skip(position.saturating_add(1)).any(|(other, _)| other == name) {
                return Err("a parameter occurs twice");
            }
        }
        Ok(Self { fields })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// What is wrong with it, if the person has to see that and the redirect address must not.
    pub(crate) fn problem(&self, client_id: &str) -> Option<(u32, String)> {
        let id = self.get("client_id").unwrap_or_default();
        if !id.eq_ignore_ascii_case(client_id) {
            return Some((
                700_016,
                format!("Application with identifier '{id}' was not found in the directory."),
            ));
        }
        let redirect = self.get("redirect_uri").unwrap_or_default();
        (!is_redirect(redirect)).then(|| {
            let text = format!("The redirect URI '{redirect}' specified in the request does not match.");
            (50_011, text)
        })
    }

    /// The error that goes to the redirect address, if it asks for what there is not.
    fn refusal(&self) -> Option<(&'static str, &'static str)> {
        let method = self.get("code_challenge_method");
        match self.get("response_type") {
            Some("code") if self.get("code_challenge").is_none() => {
                Some(("invalid_request", "Proof Key for Code Exchange is required."))
            }
            Some("code") if method != Some("S256") => {
                Some(("invalid_request", "Only the code challenge method S256 is taken."))
            }
            Some("code" | "token") if self.get("scope").is_none() => {
                Some(("invalid_scope", "The request has no scope."))
            }
            Some("code" | "token") => None,
            _ => Some(("unsupported_response_type", "Only the response types code and token are known.")),
        }
    }
}

/// Loopback with any port, or `https` anywhere.
fn is_redirect(address: &str) -> bool {
    if address.contains('#') {
        return false;
    }
    let Some((scheme, rest)) = address.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'))
        .map_or(authority, |(host, _)| host);
    match scheme {
        "http" => ["localhost", "127.0.0.1", "[::1]"].contains(&host),
        "https" => !host.is_empty(),
        _ => false,
    }
}

impl People {
    /// Issues a code for what was asked, to a person who said yes.
    fn code(&self, asked: &Asked, user: &str) -> io::Result<String> {
        let code = format!("0.A{}", URL_SAFE_NO_PAD.encode(random::<48>()?));
        let issued = Code {
            code: code.clone(),
            asked: asked.clone(),
            user: user.to_owned(),
            until: later(CODE_LIFE),
            used: None,
        };
        keep(&mut self.lock().codes, issued);
        Ok(code)
    }

    /// Exchanges a code, once. A second time returns the family that has to end (RFC 6749 section 4.1.2).
    pub(crate) fn exchange(
        &self,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
        family: u64,
    ) -> Result<LoggedIn, (NoLogin, Option<u64>)> {
        let mut state = self.lock();
        let found = state.codes.iter_mut().find(|issued| issued.code == code).ok_or((NoLogin::Code, None))?;
        if found.used.is_some() || found.until <= Instant::now() {
            return Err((NoLogin::Code, found.used));
        }
        if found.asked.get("redirect_uri") != Some(redirect_uri) {
            return Err((NoLogin::Code, None));
        }
        if found.asked.get("code_challenge") != challenge(verifier).as_deref() {
            return Err((NoLogin::Verifier, None));
        }
        found.used = Some(family);
        Ok(LoggedIn {
            user: found.user.clone(),
            scope: found.asked.get("scope").unwrap_or_default().to_owned(),
            nonce: found.asked.get("nonce").map(str::to_owned),
        })
    }

    /// Begins the login of a device; returns the device's code, the person's, and the interval in seconds.
    pub(crate) fn begin_device(&self, client_id: &str, scope: &str) -> io::Result<(String, String, u64)> {
        let device_code = format!("D{}", URL_SAFE_NO_PAD.encode(random::<48>()?));
        let user_code: String =
            random::<8>()?.iter().map(|octet| char::from(b'B'.saturating_add(octet % 20))).collect();
        let mut state = self.lock();
        let interval = state.interval.unwrap_or(5);
        let device = Device {
            device_code: device_code.clone(),
            user_code: user_code.clone(),
            client_id: client_id.to_owned(),
            scope: scope.to_owned(),
            until: later(DEVICE_LIFE),
            next: Instant::now(),
            answer: None,
        };
        keep(&mut state.devices, device);
        Ok((device_code, user_code, interval))
    }

    /// What a person does at the device page; whether the code is one. `None` for `user` says no.
    pub(crate) fn answer_device(&self, user_code: &str, user: Option<&str>) -> bool {
        let typed: String = user_code.chars().filter(char::is_ascii_alphanumeric).collect();
        let mut state = self.lock();
        let now = Instant::now();
        let found = state.devices.iter_mut().find(|device| {
            device.user_code.eq_ignore_ascii_case(&typed) && device.until > now && device.answer.is_none()
        });
        let Some(device) = found else { return false };
        device.answer = Some(user.map(str::to_owned));
        true
    }

    /// What a device gets that asks for its token.
    pub(crate) fn poll_device(&self, device_code: &str, client_id: &str) -> Result<LoggedIn, NoLogin> {
        let mut state = self.lock();
        let interval = Duration::from_secs(state.interval.unwrap_or(5));
        let now = Instant::now();
        let found = state.devices.iter().position(|device| device.device_code == device_code);
        let device = found.and_then(|found| state.devices.get_mut(found)).ok_or(NoLogin::Code)?;
        if !device.client_id.eq_ignore_ascii_case(client_id) {
            return Err(NoLogin::Code);
        }
        if device.until <= now {
            return Err(NoLogin::Expired);
        }
        let early = device.next > now;
        // A little early is the network's doing.
        device.next = now.checked_add(interval.mul_f32(0.8)).unwrap_or(now);
        let login = match (&device.answer, early) {
            (None, true) => return Err(NoLogin::SlowDown),
            (None, false) => return Err(NoLogin::Pending),
            (Some(None), _) => Err(NoLogin::Declined),
            (Some(Some(user)), _) => {
                Ok(LoggedIn { user: user.clone(), scope: device.scope.clone(), nonce: None })
            }
        };
        state.devices.retain(|device| device.device_code != device_code);
        login
    }

    pub(crate) fn set_interval(&self, seconds: u64) {
        self.lock().interval = Some(seconds);
    }

    pub(crate) fn expire_devices(&self) {
        let now = Instant::now();
        self.lock().devices.iter_mut().for_each(|device| device.until = now);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// BASE64URL(SHA-256(verifier)).
fn challenge(verifier: &str) -> Option<String> {
    let digest = Tls::new().ok()?.sha256(verifier.as_bytes()).ok()?;
    Some(URL_SAFE_NO_PAD.encode(digest))
}

fn keep<T>(kept: &mut VecDeque<T>, fresh: T) {
    if kept.len() >= CODES {
        kept.pop_front();
    }
    kept.push_back(fresh);
}

fn later(life: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(life).unwrap_or(now)
}

const CODE_LIFE: Duration = Duration::from_secs(600);
const DEVICE_LIFE: Duration = Duration::from_secs(900);
/// Codes that are remembered.
const CODES: usize = 1000;
