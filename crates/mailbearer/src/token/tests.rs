//! Leases, and what a store has to do with them, with a store in memory and an endpoint that is a value.

use std::{
    future::ready,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, UNIX_EPOCH},
};

use mailbearer_net::{Blocking, Runtime, Tls};
use mailbearer_oauth as oauth;

use super::*;
use crate::{Account, ClientProof, Error, Grant};

/// A store that notes what is done, and some of whose operations fail.
#[derive(Default)]
struct Memory {
    kept: Mutex<Option<Kept>>,
    calls: Mutex<Vec<&'static str>>,
    broken: Mutex<Vec<&'static str>>,
    locks: Arc<AtomicUsize>,
    /// What another process saves before the lock is given.
    meanwhile: Mutex<Option<Kept>>,
}

impl Memory {
    fn note(&self, call: &'static str) -> Result<(), StoreError> {
        self.calls.lock().unwrap().push(call);
        let is_broken = self.broken.lock().unwrap().contains(&call);
        let error = || StoreError::new(call, Trouble::Other("broken".into()));
        if is_broken { Err(error()) } else { Ok(()) }
    }

    fn calls(&self) -> String {
        std::mem::take(&mut *self.calls.lock().unwrap()).join(" ")
    }

    fn break_down(&self, calls: &[&'static str]) {
        *self.broken.lock().unwrap() = calls.to_vec();
    }

    fn kept(&self) -> Kept {
        self.kept.lock().unwrap().clone().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(self.kept.lock().unwrap().as_mut().unwrap());
    }
}

impl TokenStore for Memory {
    fn load<'a>(&'a self, _: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        Box::pin(ready(self.note("load").map(|()| self.kept.lock().unwrap().clone())))
    }

    fn save<'a>(&'a self, _: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        assert_eq!(self.locks.load(Ordering::Relaxed), 1, "it is locked");
        Box::pin(ready(self.note("save").map(|()| *self.kept.lock().unwrap() = Some(kept.clone()))))
    }

    fn lock<'a>(&'a self, _: &'a AccountKey, _: Duration) -> Pending<'a, Result<StoreLock, StoreError>> {
        let lock = self.note("lock").map(|()| {
            assert_eq!(self.locks.fetch_add(1, Ordering::Relaxed), 0, "one at a time");
            if let Some(kept) = self.meanwhile.lock().unwrap().take() {
                *self.kept.lock().unwrap() = Some(kept);
            }
            StoreLock::new(Held(Arc::clone(&self.locks)))
        });
        Box::pin(ready(lock))
    }
}

struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn account() -> Account {
    let account = Account::custom("ann@mail.test", "https://localhost:1/", "mail");
    account.refresh_token("id", ClientProof::Secret("s3cret".into()), "r0")
}

fn keeper(store: &Arc<Memory>, account: &Account) -> Box<dyn Keep> {
    Store::new(store.clone()).keeper(account, account.oauth().unwrap(), &Tls::new().unwrap())
}

fn answer(name: &str, seconds: u64) -> oauth::Token {
    oauth::Token::new(name.into(), Some(Duration::from_secs(seconds)))
}

fn rotated(name: &str, seconds: u64, refresh_token: &str) -> oauth::Token {
    let mut answer = answer(name, seconds);
    answer.refresh_token = Some(refresh_token.into());
    answer
}

fn busy() -> Error {
    let (status, retry_after) = (429, Some(Duration::from_secs(1000)));
    Error::token_response(oauth::Error::Status { status, retry_after, excerpt: "slow down".into() })
}

/// Leases a token while the endpoint says `answer`. Returns whether it was fresh and which one it was, and the refresh
/// token that the endpoint was given, if it was asked.
fn lease(
    tokens: &Tokens,
    keeper: Option<&dyn Keep>,
    answer: Result<oauth::Token, Error>,
) -> (Result<(bool, String), String>, Option<String>) {
    let asked = Mutex::new(None);
    let fetch: Fetch<'_> = Box::new(|refresh_token| {
        let told = refresh_token.map_or_else(|| "nothing".into(), |token| token.expose().clone());
        *asked.lock().unwrap() = Some(told);
        Box::pin(ready(answer))
    });
    let lease = Blocking::task(tokens.lease(0, keeper, fetch));
    let lease = lease.map(|lease| (lease.fresh, lease.token.access_token.expose().clone()));
    (lease.map_err(|error| error.to_string()), asked.into_inner().unwrap())
}

fn told(fresh: bool, name: &str) -> Result<(bool, String), String> {
    Ok((fresh, name.into()))
}

fn asked(refresh_token: &str) -> Option<String> {
    Some(refresh_token.into())
}

fn usable(name: &str) -> Token {
    Token::new(name, SystemTime::now().checked_add(Duration::from_secs(3600)))
}

#[test]
fn a_token_is_asked_for_once_and_used_until_its_end() {
    let tokens = Tokens::new();
    assert_eq!(lease(&tokens, None, Ok(rotated("one", 3600, "r1"))), (told(true, "one"), asked("nothing")));
    assert_eq!(lease(&tokens, None, Ok(answer("two", 3600))), (told(false, "one"), None));
    assert_eq!(tokens.refresh_token().unwrap().expose(), "r1");
    // One that has expired, and one whose end nobody knows.
    let tokens = Tokens::default();
    tokens.keep(Token::new("over", Some(SystemTime::now())));
    assert_eq!(lease(&tokens, None, Ok(answer("three", 0))), (told(true, "three"), asked("nothing")));
    assert_eq!(lease(&tokens, None, Ok(answer("four", 3600))), (told(true, "four"), asked("nothing")));
    tokens.keep(Token::new("endless", None));
    assert_eq!(lease(&tokens, None, Err(busy())), (told(false, "endless"), None));
}

#[test]
fn a_lease_says_what_came_with_the_token() {
    let before = SystemTime::now();
    let tokens = Tokens::new();
    let mut full = rotated("one", 3600, "r1");
    full.scope = Some("mail".into());
    let fetch: Fetch<'_> = Box::new(|_| Box::pin(ready(Ok(full))));
    let token = Blocking::task(tokens.lease(0, None, fetch)).unwrap().token;
    let life = token.expires_at.unwrap().duration_since(before).unwrap();
    assert!((3600..3660).contains(&life.as_secs()), "{life:?}");
    assert_eq!(token.refresh_token.unwrap().expose(), "r1");
    assert_eq!(token.scope.as_deref(), Some("mail"));
    assert!(format!("{tokens:?}").starts_with("Tokens") && !format!("{tokens:?}").contains("one"));
}

/// After nine tenths of its life a token is renewed, though it is still valid.
#[test]
fn a_stale_token_does_while_the_endpoint_fails() {
    let stale = || {
        let tokens = Tokens::new();
        let asked_at = SystemTime::now().checked_sub(Duration::from_secs(950)).unwrap();
        tokens.logged_in(rotated("stale", 1000, "r1"), asked_at);
        tokens
    };
    let tokens = stale();
    assert_eq!(lease(&tokens, None, Ok(answer("new", 3600))), (told(true, "new"), asked("r1")));
    let tokens = stale();
    assert_eq!(lease(&tokens, None, Err(busy())), (told(false, "stale"), asked("r1")));
    // The endpoint is left alone for as long as it said.
    assert_eq!(lease(&tokens, None, Ok(answer("new", 3600))), (told(false, "stale"), None));
    // A refused token is not usable.
    let tokens = stale();
    tokens.forget(&usable("stale"));
    let (failed, _) = lease(&tokens, None, Err(busy()));
    assert!(failed.unwrap_err().contains("slow down"));
}

#[test]
fn a_failure_is_told_to_those_who_come_before_it_is_time() {
    let tokens = Tokens::new();
    let (failed, told) = lease(&tokens, None, Err(busy()));
    assert!(failed.unwrap_err().contains("429") && told.is_some());
    let (failed, told) = lease(&tokens, None, Ok(answer("one", 3600)));
    let failed = failed.unwrap_err();
    assert!(failed.contains("slow down") && failed.contains("1000 s"), "{failed}");
    assert_eq!(told, None);
}

#[test]
fn what_is_kept_forgotten_or_replaced_by_a_login_counts_from_then_on() {
    let tokens = Tokens::new();
    tokens.keep(usable("kept"));
    assert_eq!(lease(&tokens, None, Ok(answer("new", 3600))), (told(false, "kept"), None));
    // A late refusal does not affect a newer token.
    tokens.forget(&usable("older"));
    assert_eq!(lease(&tokens, None, Ok(answer("new", 3600))), (told(false, "kept"), None));
    tokens.forget(&usable("kept"));
    assert_eq!(lease(&tokens, None, Ok(answer("new", 3600))), (told(true, "new"), asked("nothing")));
    let shown = tokens.logged_in(rotated("login", 3600, "r1"), SystemTime::now());
    assert_eq!(shown.access_token.expose(), "login");
    assert_eq!(lease(&tokens, None, Ok(answer("other", 3600))), (told(false, "login"), None));
    assert_eq!(tokens.refresh_token().unwrap().expose(), "r1");
    tokens.log_out();
    assert!(tokens.refresh_token().is_none());
    assert_eq!(lease(&tokens, None, Ok(answer("last", 3600))), (told(true, "last"), asked("nothing")));
}

/// Others wait for the one that fetches. If it is dropped, the next one fetches.
///
/// All users of a client wait behind one token request, and no longer than it may take.
#[test]
fn one_fetches_and_the_others_wait() {
    let tokens = Tokens::new();
    let woken = Arc::new(Woken(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    for is_dropped in [true, false] {
        let (tell, hear) = std::sync::mpsc::channel::<oauth::Token>();
        let fetch: Fetch<'_> = Box::new(move |_| {
            Box::pin(std::future::poll_fn(move |_| match hear.try_recv() {
                Ok(token) => Poll::Ready(Ok(token)),
                Err(_) => Poll::Pending,
            }))
        });
        let mut first = Box::pin(tokens.lease(0, None, fetch));
        let second: Fetch<'_> = Box::new(|_| Box::pin(ready(Ok(answer("second", 3600)))));
        let mut second = Box::pin(tokens.lease(0, None, second));
        assert!(first.as_mut().poll(&mut context).is_pending());
        let before = woken.0.load(Ordering::Relaxed);
        assert!(second.as_mut().poll(&mut context).is_pending(), "it waits");
        if is_dropped {
            drop(first);
        } else {
            tell.send(answer("first", 3600)).unwrap();
            let Poll::Ready(Ok(lease)) = first.as_mut().poll(&mut context) else { panic!("it was told") };
            assert!(lease.fresh);
        }
        assert_eq!(woken.0.load(Ordering::Relaxed), before + 1, "{is_dropped}");
        let Poll::Ready(Ok(lease)) = second.as_mut().poll(&mut context) else { panic!("it was woken") };
        let want = if is_dropped { (true, "second") } else { (false, "first") };
        assert_eq!((lease.fresh, lease.token.access_token.expose().as_str()), want);
        tokens.log_out();
    }
}

#[test]
fn a_kept_token_saves_a_request_unless_it_was_refused_or_is_over() {
    let store = Arc::new(Memory::default());
    let place = keeper(&store, &account());
    let tokens = Tokens::new();
    let first = lease(&tokens, Some(&*place), Ok(rotated("one", 3600, "r1")));
    assert_eq!(first, (told(true, "one"), asked("nothing")));
    assert_eq!(store.calls(), "load lock load save");
    assert_eq!(store.locks.load(Ordering::Relaxed), 0);
    // Another process.
    let tokens = Tokens::new();
    assert_eq!(lease(&tokens, Some(&*place), Ok(answer("two", 3600))), (told(false, "one"), None));
    assert_eq!(store.calls(), "load");
    assert_eq!(lease(&tokens, Some(&*place), Ok(answer("two", 3600))), (told(false, "one"), None));
    assert_eq!(store.calls(), "", "once a process");
    tokens.forget(&usable("one"));
    assert_eq!(lease(&tokens, Some(&*place), Ok(answer("two", 3600))), (told(true, "two"), asked("r1")));
    assert_eq!(store.calls(), "load lock load save");
    store.change(|kept| kept.token.as_mut().unwrap().expires_at = Some(SystemTime::now()));
    let tokens = Tokens::new();
    // It waits for the lock while another process fetches the next.
    let mut next = store.kept();
    next.token = Some(usable("three"));
    *store.meanwhile.lock().unwrap() = Some(next);
    assert_eq!(lease(&tokens, Some(&*place), Ok(answer("four", 3600))), (told(false, "three"), None));
    assert_eq!(store.calls(), "load lock load");
}

#[test]
fn what_is_kept_is_what_the_next_process_needs() {
    let seconds =
        |from: SystemTime, to: Option<SystemTime>| to.unwrap().duration_since(from).unwrap().as_secs();
    let store = Arc::new(Memory::default());
    let place = keeper(&store, &account());
    let mut full = rotated("one", 3600, "r1");
    (full.scope, full.refresh_token_expires_in) = (Some("mail".into()), Some(Duration::from_secs(86_400)));
    lease(&Tokens::new(), Some(&*place), Ok(full)).0.unwrap();
    let kept = store.kept();
    let token = kept.token.unwrap();
    let stored_at = kept.stored_at.unwrap();
    assert!(SystemTime::now().duration_since(stored_at).unwrap() < Duration::from_secs(60));
    assert_eq!(token.access_token.expose(), "one");
    assert_eq!(token.scope.as_deref(), Some("mail"));
    assert_eq!(seconds(stored_at, token.expires_at), 3600);
    assert_eq!(seconds(stored_at, kept.refresh_expires_at), 86_400);
    assert_eq!(kept.refresh_token.unwrap().expose(), "r1");
    let (client, origin) = (kept.client.unwrap(), kept.origin.unwrap());
    for (digest, secret) in [(&client, "s3cret"), (&origin, "r0")] {
        let (salt, rest) = digest.split_once(':').unwrap();
        let is_hex = |text: &str| text.bytes().all(|octet| octet.is_ascii_hexdigit());
        assert!(salt.len() == 32 && rest.len() == 64 && is_hex(salt) && is_hex(rest), "{digest}");
        assert_ne!(salt, "0".repeat(32), "{digest}");
        let again = Tls::new().unwrap().sha256(format!("{salt}:{secret}").as_bytes()).unwrap();
        assert_eq!(rest, again.iter().map(|octet| format!("{octet:02x}")).collect::<String>());
    }
    assert_ne!(client, origin);

    // If an answer has no refresh token, the old one stays valid, as long as it was. A new one brings its own end, or
    // none.
    type Row = (&'static str, Option<&'static str>, Option<u64>, &'static str, Option<u64>);
    let rows: [Row; 4] = [
        ("the same", None, None, "r1", Some(86_400)),
        ("the same for longer", None, Some(90_000), "r1", Some(90_000)),
        ("another", Some("r2"), None, "r2", None),
        ("another with its end", Some("r2"), Some(5), "r2", Some(5)),
    ];
    for (name, refresh_token, life, want, end) in rows {
        store.change(|kept| {
            kept.token = None;
            kept.refresh_token = Some("r1".into());
            kept.refresh_expires_at = stored_at.checked_add(Duration::from_secs(86_400));
        });
        let mut answer = answer("two", 3600);
        answer.refresh_token = refresh_token.map(Into::into);
        answer.refresh_token_expires_in = life.map(Duration::from_secs);
        assert_eq!(
            lease(&Tokens::new(), Some(&*place), Ok(answer)),
            (told(true, "two"), asked("r1")),
            "{name}"
        );
        let kept = store.kept();
        assert_eq!(kept.refresh_token.unwrap().expose(), want, "{name}");
        let from = if life.is_some() { kept.stored_at.unwrap() } else { stored_at };
        assert_eq!(kept.refresh_expires_at.map(|to| seconds(from, Some(to))), end, "{name}");
    }
    // Nobody knows how long a token without an end is good.
    store.change(|kept| kept.token = None);
    let endless = oauth::Token::new("endless".into(), None);
    lease(&Tokens::new(), Some(&*place), Ok(endless)).0.unwrap();
    assert!(store.kept().token.is_none());
}

/// Digests say with which secrets a kept token was requested.
#[test]
fn other_secrets_in_the_account_make_what_is_kept_stale() {
    let with = |client: ClientProof, refresh_token: &str| {
        Account::custom("ann@mail.test", "https://localhost:1/", "mail").refresh_token(
            "id",
            client,
            refresh_token,
        )
    };
    let secret = |secret: &str| ClientProof::Secret(secret.into());
    let rows = [
        ("the same", with(secret("s3cret"), "r0"), told(false, "one"), None),
        (
            "the same, sent otherwise",
            with(ClientProof::Basic("s3cret".into()), "r0"),
            told(false, "one"),
            None,
        ),
        ("another client secret", with(secret("other"), "r0"), told(true, "two"), asked("r1")),
        ("no client secret", with(ClientProof::None, "r0"), told(true, "two"), asked("r1")),
        ("another refresh token", with(secret("s3cret"), "r9"), told(true, "two"), asked("nothing")),
    ];
    for (name, other, want, refresh_token) in rows {
        let store = Arc::new(Memory::default());
        lease(&Tokens::new(), Some(&*keeper(&store, &account())), Ok(rotated("one", 3600, "r1"))).0.unwrap();
        let found = lease(&Tokens::new(), Some(&*keeper(&store, &other)), Ok(answer("two", 3600)));
        assert_eq!(found, (want, refresh_token), "{name}");
    }
    // A malformed digest matches no secret.
    let store = Arc::new(Memory::default());
    let place = keeper(&store, &account());
    lease(&Tokens::new(), Some(&*place), Ok(rotated("one", 3600, "r1"))).0.unwrap();
    store.change(|kept| kept.client = Some("0".into()));
    let found = lease(&Tokens::new(), Some(&*place), Ok(answer("two", 3600)));
    assert_eq!(found, (told(true, "two"), asked("r1")));
}

/// A password is a secret of the account, as the application's is. A refresh token that nobody can use is not kept.
#[test]
fn grants_differ_in_what_is_kept_of_them() {
    let with = |username: &str, password: &str| {
        let mut account =
            Account::custom("ann@mail.test", "https://localhost:1/", "mail").client_credentials("id", "s");
        account.oauth_mut().unwrap().grant =
            Grant::Password { username: username.into(), password: password.into() };
        account
    };
    let rows = [
        (with("ann", "p1"), told(false, "one"), None),
        (with("ann", "p2"), told(true, "two"), asked("nothing")),
        (with("bob", "p1"), told(true, "two"), asked("nothing")),
    ];
    for (other, want, refresh_token) in rows {
        let store = Arc::new(Memory::default());
        let place = keeper(&store, &with("ann", "p1"));
        lease(&Tokens::new(), Some(&*place), Ok(rotated("one", 3600, "r1"))).0.unwrap();
        assert!(store.kept().refresh_token.is_none() && store.kept().origin.is_none());
        let found = lease(&Tokens::new(), Some(&*keeper(&store, &other)), Ok(answer("two", 3600)));
        assert_eq!(found, (want, refresh_token), "{other:?}");
    }
    let person =
        Account::custom("ann@mail.test", "", "").person(crate::Provider::Microsoft365, None, "id", &[]);
    let store = Arc::new(Memory::default());
    lease(&Tokens::new(), Some(&*keeper(&store, &person)), Ok(rotated("one", 3600, "r1"))).0.unwrap();
    assert_eq!(store.kept().refresh_token.unwrap().expose(), "r1");
}

#[test]
fn a_token_that_could_not_be_kept_is_not_requested_twice() {
    let store = Arc::new(Memory::default());
    let place = keeper(&store, &account());
    let tokens = Tokens::new();
    store.break_down(&["save"]);
    let (failed, _) = lease(&tokens, Some(&*place), Ok(rotated("one", 3600, "r1")));
    assert!(failed.unwrap_err().contains("broken"));
    // It survives a lock or a save that fails again.
    for broken in [&["lock"][..], &["save"], &[]] {
        store.break_down(broken);
        // A token that is handed in ends the wait after a failure.
        tokens.keep(Token::new("over", Some(SystemTime::now())));
        let (found, fetched) = lease(&tokens, Some(&*place), Ok(answer("two", 3600)));
        assert_eq!(fetched, None, "{broken:?}");
        assert_eq!(found.is_ok(), broken.is_empty(), "{broken:?}: {found:?}");
    }
    assert_eq!(store.kept().refresh_token.unwrap().expose(), "r1");
    // Keeping it once is enough.
    tokens.forget(&usable("one"));
    assert_eq!(lease(&tokens, Some(&*place), Ok(answer("two", 3600))), (told(true, "two"), asked("r1")));
    // Without a refresh token, asking again loses nothing.
    let store = Arc::new(Memory::default());
    store.break_down(&["save"]);
    let robot = Account::custom("a@mail.test", "https://localhost:1/", "mail").client_credentials("id", "s");
    let failed = Blocking::task(keeper(&store, &robot).renew(
        None,
        None,
        Box::new(|_| Box::pin(ready(Ok(rotated("one", 3600, "r1"))))),
    ));
    let Err(unsaved) = failed else { panic!("it could not be kept") };
    assert!(unsaved.kept.is_none());
}

#[test]
fn only_the_token_that_was_refused_is_discarded() {
    let store = Arc::new(Memory::default());
    let place = keeper(&store, &account());
    Blocking::task(place.discard(&usable("one")));
    assert_eq!(store.calls(), "lock load");
    lease(&Tokens::new(), Some(&*place), Ok(rotated("one", 3600, "r1"))).0.unwrap();
    store.calls();
    Blocking::task(place.discard(&usable("other")));
    assert_eq!(store.calls(), "lock load");
    Blocking::task(place.discard(&usable("one")));
    assert_eq!(store.calls(), "lock load save");
    assert!(store.kept().token.is_none());
    assert_eq!(store.kept().refresh_token.unwrap().expose(), "r1");
}

#[test]
fn a_login_is_probed_for_kept_and_forgotten() {
    let store = Arc::new(Memory::default());
    let place = keeper(&store, &account());
    let place = place.place();
    for broken in ["lock", "load"] {
        store.break_down(&[broken]);
        assert!(Blocking::task(place.probe()).is_err(), "{broken}");
    }
    store.break_down(&[]);
    store.calls();
    Blocking::task(place.probe()).unwrap();
    assert_eq!(store.calls(), "lock load");
    let nobody = |_| ready(Err(busy()));
    let (was_there, revoked) = Blocking::task(place.log_out(nobody)).unwrap();
    assert!(!was_there && revoked.is_ok());
    assert!(Blocking::task(place.peek()).unwrap().is_none());

    let (_, _, before) = Blocking::task(place.log_in(ready(Ok(rotated("one", 3600, "r1"))))).unwrap();
    assert!(before.is_none());
    let (token, asked_at, before) =
        Blocking::task(place.log_in(ready(Ok(rotated("two", 3600, "r2"))))).unwrap();
    assert_eq!((token.access_token.expose().as_str(), before.unwrap().expose().as_str()), ("two", "r1"));
    assert_eq!(store.kept().stored_at, Some(asked_at));
    assert_eq!(Blocking::task(place.peek()).unwrap().unwrap().refresh_token.unwrap().expose(), "r2");
    // A login that fails, or can't be kept, leaves what was there.
    assert!(Blocking::task(place.log_in(ready(Err(busy())))).is_err());
    store.break_down(&["save"]);
    assert!(Blocking::task(place.log_in(ready(Ok(answer("three", 3600))))).is_err());
    store.break_down(&[]);
    assert_eq!(store.kept().refresh_token.unwrap().expose(), "r2");

    let mut revoked = None;
    let revoke = |token: Secret| {
        revoked = Some(token.expose().clone());
        ready(Err(busy()))
    };
    let (was_there, told) = Blocking::task(place.log_out(revoke)).unwrap();
    assert!(was_there && told.is_err());
    assert_eq!(revoked.as_deref(), Some("r2"));
    assert!(store.kept().token.is_none() && store.kept().refresh_token.is_none());
    let (was_there, _) = Blocking::task(place.log_out(nobody)).unwrap();
    assert!(!was_there);
    // A robot's tokens, of which none can be revoked.
    for (kept, want) in [(Some(usable("one")), true), (None, false)] {
        *store.kept.lock().unwrap() = Some(Kept { token: kept, ..Kept::default() });
        let (was_there, told) = Blocking::task(place.log_out(nobody)).unwrap();
        assert_eq!((was_there, told.is_ok()), (want, true));
    }
}

#[test]
fn a_place_in_the_store_is_of_all_but_the_secrets() {
    struct Keys(Mutex<Vec<AccountKey>>);
    impl TokenStore for Arc<Keys> {
        fn load<'a>(&'a self, key: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
            self.0.lock().unwrap().push(key.clone());
            Box::pin(ready(Ok(None)))
        }

        fn save<'a>(&'a self, _: &'a AccountKey, _: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
            Box::pin(ready(Ok(())))
        }

        fn lock<'a>(&'a self, _: &'a AccountKey, _: Duration) -> Pending<'a, Result<StoreLock, StoreError>> {
            Box::pin(ready(Ok(StoreLock::new(()))))
        }
    }
    let keys = Arc::new(Keys(Mutex::new(Vec::new())));
    let account = account().store(Arc::clone(&keys));
    let client =
        account.store.as_ref().unwrap().keeper(&account, account.oauth().unwrap(), &Tls::new().unwrap());
    Blocking::task(client.place().peek()).unwrap();
    let key = keys.0.lock().unwrap().pop().unwrap();
    let fields: Vec<(&str, &str)> = key.fields().collect();
    let want = [
        ("token_url", "https://localhost:1/"),
        ("client_id", "id"),
        ("scope", "mail"),
        ("grant", "refresh_token"),
        ("user", "ann@mail.test"),
    ];
    assert_eq!(fields, want);
}

#[test]
fn trouble_with_a_store_is_told_in_words() {
    type Row = (Trouble, &'static str, bool);
    let rows: [Row; 11] = [
        (Trouble::Busy(Duration::from_secs(7)), "another process holds the lock for 7 s", false),
        (Trouble::Exposed(0o644), "other users can get at it (mode 0644)", false),
        (Trouble::Foreign, "it belongs to another user", false),
        (Trouble::Kind, "it is not a plain file in a folder", false),
        (Trouble::Malformed("it is odd"), "it is odd", false),
        (Trouble::Locked(None), "it is locked, and was not unlocked", false),
        (
            Trouble::Locked(Some(Duration::from_secs(9))),
            "it was silent for 9 s; most likely it is locked",
            false,
        ),
        (Trouble::NoKeyring("no\u{1b} bus".into()), "there is none here: no\\x1b bus", false),
        (Trouble::Io(std::io::Error::other("disk full")), "disk full", true),
        (Trouble::Other("odd\u{7}".into()), "odd\\x07", true),
        (Trouble::Other("".into()), "", true),
    ];
    for (trouble, want, has_source) in rows {
        let error = StoreError::new("/nowhere/\u{1b}x", trouble);
        assert_eq!(error.to_string(), format!("token store /nowhere/\\x1bx: {want}"));
        assert_eq!(error.place(), Path::new("/nowhere/\u{1b}x"));
        assert_eq!(std::error::Error::source(&error).is_some(), has_source, "{want}");
        assert_eq!(error.remedy(), None, "it is in no file");
    }
    assert_eq!(format!("{:?}", StoreLock::new(())), "StoreLock");
}

#[test]
fn a_time_before_the_epoch_is_the_epoch() {
    let tokens = Tokens::new();
    let early = UNIX_EPOCH.checked_sub(Duration::from_secs(9)).unwrap();
    let shown = tokens.logged_in(answer("one", 60), early);
    assert_eq!(shown.expires_at, UNIX_EPOCH.checked_add(Duration::from_secs(60)));
}
