use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mailbearer_wire::Secret;
use rustls::crypto::ring;
use serde_json::{Value, json};

use super::{bell::Bell, fault::ClaimsFault, mailbox::now};

/// The access and refresh tokens of a memory server.
///
/// Clones are the same tokens.
#[derive(Clone)]
pub struct Tokens {
    store: Arc<Mutex<Store>>,
    /// Rung when tokens end early.
    bell: Arc<Bell>,
}

struct Store {
    access: VecDeque<Access>,
    refresh: VecDeque<Refresh>,
    /// Whether a refresh ends the refresh token that it used.
    rotating: bool,
    next_family: u64,
    lifetime: Duration,
    octets: usize,
    kept: usize,
    issued: usize,
    /// What is issued in place of made-up tokens.
    handed_out: Option<String>,
    /// Token requests still to be answered with an error.
    failing_requests: usize,
    /// Token requests still to be done without an answer.
    lost_answers: usize,
    /// Logins with good tokens still to be refused.
    failing_logins: usize,
}

struct Access {
    token: String,
    until: Instant,
}

struct Refresh {
    token: String,
    /// The login that it goes back to.
    family: u64,
    /// Who uses it has to be whom it was issued to: the person, and whether a client that proves itself.
    person: Option<Person>,
    spent: bool,
}

/// A person that a refresh token was issued to.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) user: String,
    pub(crate) scope: String,
}

/// Whom a token is for; its claims.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claims<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) object_id: &'a str,
    pub(crate) audience: &'a str,
    /// The person in whose name the application acts.
    pub(crate) person: Option<&'a Person>,
    /// What makes it one that no server takes.
    pub(crate) fault: Option<ClaimsFault>,
}

impl Tokens {
    pub(crate) fn new(lifetime: Duration, octets: usize, kept: usize, bell: Arc<Bell>) -> Self {
        let store = Store {
            access: VecDeque::new(),
            refresh: VecDeque::new(),
            rotating: false,
            next_family: 0,
            lifetime,
            octets,
            kept: kept.max(1),
            issued: 0,
            handed_out: None,
            failing_requests: 0,
            lost_answers: 0,
            failing_logins: 0,
        };
        Self { store: Arc::new(Mutex::new(store)), bell }
    }

    /// Returns how many access tokens were issued since the start.
    #[must_use]
    pub fn issued(&self) -> usize {
        self.lock().issued
    }

    /// Returns the access token that was issued last.
    #[must_use]
    pub fn latest(&self) -> Option<String> {
        self.lock().access.back().map(|access| access.token.clone())
    }

    /// Returns the refresh token that was issued last.
    #[must_use]
    pub fn latest_refresh(&self) -> Option<String> {
        self.lock().refresh.back().map(|refresh| refresh.token.clone())
    }

    /// Issues a refresh token, which the token endpoint accepts.
    ///
    /// # Errors
    ///
    /// Fails when the system gives no random octets.
    pub fn new_refresh_token(&self) -> io::Result<String> {
        let mut store = self.lock();
        let family = store.next_family;
        store.next_family = family.wrapping_add(1);
        store.add_refresh_token(family, None)
    }

    /// The number that the next login's family of refresh tokens gets.
    pub(crate) fn next_family(&self) -> u64 {
        let mut store = self.lock();
        let family = store.next_family;
        store.next_family = family.wrapping_add(1);
        family
    }

    /// The first refresh token of a person's login.
    pub(crate) fn begin_family(&self, family: u64, person: Person) -> io::Result<String> {
        self.lock().add_refresh_token(family, Some(person))
    }

    /// Whom a refresh token was issued to, if that was a person who logged in here.
    pub(crate) fn person_of(&self, token: &str) -> Option<Person> {
        self.lock().refresh.iter().find(|known| known.token == token)?.person.clone()
    }

    /// Whether a refresh token was issued and not forgotten, spent or not.
    pub(crate) fn is_known(&self, token: &str) -> bool {
        self.lock().refresh.iter().any(|known| known.token == token)
    }

    /// Ends a refresh token and all that came from the same login.
    pub(crate) fn revoke(&self, token: &str) {
        let mut store = self.lock();
        if let Some(family) =
            store.refresh.iter().find(|known| known.token == token).map(|known| known.family)
        {
            store.refresh.retain(|known| known.family != family);
        }
    }

    pub(crate) fn end_family(&self, family: u64) {
        self.lock().refresh.retain(|known| known.family != family);
    }

    /// Returns for how many logins the token endpoint still accepts a refresh token.
    #[must_use]
    pub fn families(&self) -> usize {
        let store = self.lock();
        let good = store.refresh.iter().filter(|known| !known.spent).map(|known| known.family);
        good.collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Sets whether each refresh ends the refresh token that it used, as with some providers. Default no.
    ///
    /// If a client uses one that has ended, all refresh tokens of the same login end: of the two who had it one must be a
    /// thief (RFC 9700 section 4.14.2).
    pub fn set_rotating(&self, rotating: bool) {
        self.lock().rotating = rotating;
    }

    /// Returns whether the token endpoint accepts this refresh token.
    #[must_use]
    pub fn is_refresh_token(&self, token: &str) -> bool {
        self.lock().refresh.iter().any(|known| known.token == token && !known.spent)
    }

    /// Ends every access token now, in open sessions too.
    pub fn expire_all(&self) {
        let now = Instant::now();
        for access in &mut self.lock().access {
            access.until = now;
        }
        self.bell.ring();
    }

    /// Forgets every refresh token.
    pub fn revoke_refresh_tokens(&self) {
        self.lock().refresh.clear();
    }

    /// Sets how long the tokens that are issued from now on are good.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.lock().lifetime = lifetime;
    }

    /// Issues this token from now on, in place of made-up ones: for other mail servers, which check tokens themselves.
    pub fn hand_out(&self, token: impl Into<String>) {
        self.lock().handed_out = Some(token.into());
    }

    /// Answers the next `count` token requests with 503, `temporarily_unavailable` and `Retry-After: 1`.
    pub fn fail_requests(&self, count: usize) {
        self.lock().failing_requests = count;
    }

    /// Returns how many token requests are still to be answered so.
    #[must_use]
    pub fn requests_to_fail(&self) -> usize {
        self.lock().failing_requests
    }

    /// Carries out the next `count` token requests, but closes the connection in place of each answer.
    pub fn lose_answers(&self, count: usize) {
        self.lock().lost_answers = count;
    }

    /// Returns how many answers are still to be lost.
    #[must_use]
    pub fn answers_to_lose(&self) -> usize {
        self.lock().lost_answers
    }

    /// Refuses the next `count` logins, whatever their token.
    pub fn fail_logins(&self, count: usize) {
        self.lock().failing_logins = count;
    }

    /// Issues an access token; returns it and its life in seconds.
    pub(crate) fn issue(&self, claims: Claims<'_>) -> io::Result<(String, u64)> {
        let mut store = self.lock();
        let seconds = store.lifetime.as_secs();
        let token = match &store.handed_out {
            Some(token) => token.clone(),
            None => token(claims, seconds, store.octets)?,
        };
        let now = Instant::now();
        // A life too long for the clock is as good as a day.
        let until = now.checked_add(store.lifetime).or_else(|| now.checked_add(Duration::from_secs(86_400)));
        let kept = store.kept;
        let until = until.filter(|_| claims.fault.is_none()).unwrap_or(now);
        keep(&mut store.access, Access { token: token.clone(), until }, kept);
        store.issued = store.issued.saturating_add(1);
        Ok((token, seconds))
    }

    /// Whether a session with `token` may go on.
    pub(crate) fn is_good(&self, token: &str) -> bool {
        let now = Instant::now();
        self.lock().access.iter().any(|access| access.token == token && access.until > now)
    }

    /// When a token that was issued here ends.
    pub(crate) fn end_of(&self, token: &str) -> Option<Instant> {
        self.lock().access.iter().rev().find(|access| access.token == token).map(|access| access.until)
    }

    /// Whether a login with `token` succeeds.
    pub(crate) fn login(&self, token: &str) -> bool {
        !countdown(&mut self.lock().failing_logins) && self.is_good(token)
    }

    /// Uses a refresh token; returns the one that follows it, or `None` for one that is not good.
    pub(crate) fn refresh(&self, token: &str) -> io::Result<Option<String>> {
        let mut store = self.lock();
        let rotating = store.rotating;
        let Some(used) = store.refresh.iter_mut().find(|known| known.token == token) else { return Ok(None) };
        let family = used.family;
        if used.spent {
            store.refresh.retain(|known| known.family != family);
            return Ok(None);
        }
        used.spent = rotating;
        let person = used.person.clone();
        store.add_refresh_token(family, person).map(Some)
    }

    pub(crate) fn request_fails(&self) -> bool {
        countdown(&mut self.lock().failing_requests)
    }

    pub(crate) fn answer_is_lost(&self) -> bool {
        countdown(&mut self.lock().lost_answers)
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    fn add_refresh_token(&mut self, family: u64, person: Option<Person>) -> io::Result<String> {
        let token = format!("0.{}", URL_SAFE_NO_PAD.encode(random::<96>()?));
        let fresh = Refresh { token: token.clone(), family, person, spent: false };
        keep(&mut self.refresh, fresh, self.kept);
        Ok(token)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("issued", &self.issued()).finish_non_exhaustive()
    }
}

fn countdown(left: &mut usize) -> bool {
    let counts = *left > 0;
    *left = left.saturating_sub(1);
    counts
}

fn keep<T>(kept: &mut VecDeque<T>, fresh: T, most: usize) {
    if kept.len() >= most {
        kept.pop_front();
    }
    kept.push_back(fresh);
}

/// A token as long as asked for: in the shape of Microsoft's, a JWT whose signature is noise, or where that does
/// not fit, all noise.
fn token(claims: Claims<'_>, seconds: u64, octets: usize) -> io::Result<String> {
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": hex(&random::<8>()?) });
    let (start, _) = now();
    let mut tenant = claims.tenant.to_owned();
    if claims.fault == Some(ClaimsFault::Tenant) {
        tenant = guid()?;
    }
    let mut body = json!({
        "aud": claims.audience,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": start,
        "nbf": start,
        "exp": start.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)),
        "appid": claims.client_id,
        "oid": claims.object_id,
        "roles": ["IMAP.AccessAsApp", "POP.AccessAsApp", "SMTP.SendAsApp"],
        "tid": tenant,
        "ver": "1.0",
    });
    if let (Some(person), Some(body)) = (claims.person, body.as_object_mut()) {
        body.remove("roles");
        body.insert("upn".to_owned(), person.user.as_str().into());
        body.insert("scp".to_owned(), short_scopes(&person.scope).into());
    }
    let person =
        |scopes: &str| [("roles", Value::Null), ("scp", scopes.into()), ("upn", "ann@contoso.test".into())];
    let tomorrow = start.saturating_add(24 * 60 * 60);
    let changes = match claims.fault {
        None | Some(ClaimsFault::Tenant) => Vec::new(),
        Some(ClaimsFault::Early) => vec![("nbf", tomorrow.into()), ("iat", tomorrow.into())],
        Some(ClaimsFault::Audience(audience)) => vec![("aud", audience.into())],
        Some(ClaimsFault::Roles(roles)) => vec![("roles", json!(roles))],
        Some(ClaimsFault::Scopes(scopes)) => person(scopes).to_vec(),
        Some(ClaimsFault::Person) => person("IMAP.AccessAsUser.All POP.AccessAsUser.All SMTP.Send").to_vec(),
    };
    for (name, value) in changes {
        if let Some(body) = body.as_object_mut() {
            body.insert(name.to_owned(), value);
        }
    }
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let mut token = format!("{}.{}.", encode(header.to_string()), encode(body.to_string()));
    let octets = octets.clamp(MIN_TOKEN, MAX_TOKEN);
    if token.len().saturating_add(MIN_SIGNATURE) > octets {
        token.clear();
    }
    while token.len() < octets {
        token.push_str(&URL_SAFE_NO_PAD.encode(random::<48>()?));
    }
    token.truncate(octets);
    Ok(token)
}

/// Scopes as they stand in a token: without the resource, and without those that are about the login itself.
fn short_scopes(scope: &str) -> String {
    let own = ["offline_access", "openid", "profile", "email"];
    let short = scope.split(' ').filter(|scope| !own.contains(scope));
    short.map(|scope| scope.rsplit('/').next().unwrap_or(scope)).collect::<Vec<_>>().join(" ")
}

/// An id token, whose signature is noise.
pub(crate) fn id_token(claims: Claims<'_>, nonce: Option<&str>) -> io::Result<String> {
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": hex(&random::<8>()?) });
    let (start, _) = now();
    let body = json!({
        "aud": claims.client_id,
        "iss": format!("https://login.microsoftonline.com/{}/v2.0", claims.tenant),
        "iat": start,
        "nbf": start,
        "exp": start.saturating_add(3600),
        "oid": claims.object_id,
        "sub": claims.object_id,
        "tid": claims.tenant,
        "preferred_username": claims.person.map(|person| &person.user),
        "nonce": nonce,
        "ver": "2.0",
    });
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let signature = URL_SAFE_NO_PAD.encode(random::<48>()?);
    Ok(format!("{}.{}.{signature}", encode(header.to_string()), encode(body.to_string())))
}

const MIN_SIGNATURE: usize = 64;
const MIN_TOKEN: usize = 32;
const MAX_TOKEN: usize = 1 << 20;

/// A random GUID in the usual form.
pub(crate) fn guid() -> io::Result<String> {
    let mut octets = random::<16>()?;
    // RFC 9562 section 5.4: version and variant.
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    let digits = hex(&octets);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

/// A secret in the shape of Microsoft's, 40 letters, digits and `~ . _ -`: none that a form has to encode or a shell
/// would take apart.
pub(crate) fn client_secret() -> io::Result<Secret> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
    let letter = |octet: &u8| alphabet.get(usize::from(octet % 64)).map(|&letter| char::from(letter));
    let octets = random::<37>()?;
    let (start, rest) = octets.split_at_checked(3).unwrap_or_default();
    let letters = |octets: &[u8]| octets.iter().filter_map(letter).collect::<String>();
    Ok(Secret::new(format!("{}8Q~{}", letters(start), letters(rest))))
}

pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    let source = ring::default_provider().secure_random;
    source.fill(&mut octets).map_err(|_| io::Error::other("no random octets"))?;
    Ok(octets)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: Claims<'_> = Claims {
        tenant: "t",
        client_id: "c",
        object_id: "o",
        audience: "https://mail.test",
        person: None,
        fault: None,
    };

    #[test]
    fn tokens_are_good_for_their_life() {
        let tokens = Tokens::new(Duration::from_secs(60), 1500, 2, Arc::default());
        let (first, life) = tokens.issue(CLAIMS).unwrap();
        assert_eq!((first.len(), life, tokens.is_good(&first)), (1500, 60, true));
        assert!(!tokens.is_good("other") && !tokens.is_good(""));
        tokens.fail_logins(1);
        assert!(!tokens.login(&first) && tokens.login(&first));
        tokens.expire_all();
        assert!(!tokens.login(&first));
        tokens.set_lifetime(Duration::ZERO);
        let (second, _) = tokens.issue(CLAIMS).unwrap();
        assert!(!tokens.is_good(&second), "a life of nothing");
        assert_ne!(first, second);
        tokens.set_lifetime(Duration::MAX);
        let (third, _) = tokens.issue(CLAIMS).unwrap();
        assert!(tokens.is_good(&third));
        assert_eq!((tokens.issued(), tokens.latest()), (3, Some(third)));
        assert_eq!(tokens.lock().access.len(), 2, "the oldest is forgotten");
    }

    #[test]
    fn refresh_tokens_are_good_until_revoked() {
        let tokens = Tokens::new(Duration::from_secs(60), 200, 2, Arc::default());
        let refresh = tokens.new_refresh_token().unwrap();
        assert!(tokens.is_refresh_token(&refresh) && !tokens.is_refresh_token("x"));
        tokens.revoke_refresh_tokens();
        assert!(!tokens.is_refresh_token(&refresh));
        tokens.fail_requests(2);
        assert_eq!([(); 3].map(|()| tokens.request_fails()), [true, true, false]);
    }

    #[test]
    fn a_rotated_refresh_token_that_comes_back_ends_its_family() {
        let tokens = Tokens::new(Duration::from_secs(60), 200, 10, Arc::default());
        let first = tokens.new_refresh_token().unwrap();
        let second = tokens.refresh(&first).unwrap().unwrap();
        assert!(tokens.is_refresh_token(&first) && tokens.is_refresh_token(&second), "not rotating");
        tokens.set_rotating(true);
        let stranger = tokens.new_refresh_token().unwrap();
        let third = tokens.refresh(&second).unwrap().unwrap();
        assert!(!tokens.is_refresh_token(&second) && tokens.is_refresh_token(&third));
        assert_eq!(tokens.refresh("x").unwrap(), None);
        assert!(tokens.is_refresh_token(&third));
        assert_eq!(tokens.refresh(&second).unwrap(), None);
        let good = [&first, &second, &third, &stranger].map(|token| tokens.is_refresh_token(token));
        assert_eq!(good, [false, false, false, true]);
    }

    #[test]
    fn hands_out_a_token_of_elsewhere() {
        let tokens = Tokens::new(Duration::from_secs(60), 200, 2, Arc::default());
        tokens.hand_out("theirs");
        assert_eq!(tokens.issue(CLAIMS).unwrap().0, "theirs");
        assert!(tokens.is_good("theirs"));
    }

    #[test]
    fn secrets_need_no_encoding() {
        let secret = client_secret().unwrap();
        let secret = secret.expose();
        assert!(secret.len() == 40 && secret.get(3..6) == Some("8Q~"), "{secret}");
        assert!(
            secret.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"._~".contains(&octet)),
            "{secret}"
        );
    }

    #[test]
    fn guids_are_of_version_4() {
        let guid = guid().unwrap();
        assert_eq!(guid.len(), 36);
        assert_eq!(&guid[14..15], "4");
        assert!("89ab".contains(&guid[19..20]), "{guid}");
    }
}
