use std::{
    collections::{HashMap, VecDeque},
    future,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use argon2::Block;
use mailbearer::Secret;
use mailbearer_net::Canceller;

use super::{Limits, Options, PasswordHash, server::Shared};

/// Who is connected and who guesses passwords.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    state: Mutex<State>,
    turns: Mutex<Turns>,
    keys: [RandomState; 2],
}

/// Who hashes a password, and who waits for a turn. Argon2 takes memory and time: a crowd that guesses would otherwise
/// take all the threads that others need to put their messages on the disk.
#[derive(Debug, Default)]
struct Turns {
    taken: usize,
    waiting: VecDeque<Canceller>,
    /// Working memory of Argon2 that no turn uses now.
    memory: Vec<Vec<Block>>,
}

/// A turn to hash a password. Dropping this ends it.
pub(crate) struct Turn {
    shared: Arc<Shared>,
}

impl Turn {
    /// Waits for a turn, in order of arrival.
    pub(crate) async fn take(shared: &Arc<Shared>) -> Self {
        let bell = {
            let mut turns = shared.guard.turns();
            if turns.taken < HASHING {
                turns.taken = turns.taken.saturating_add(1);
                None
            } else {
                let bell = Canceller::new();
                turns.waiting.push_back(bell.clone());
                Some(bell)
            }
        };
        if let Some(bell) = bell {
            // Whoever drops a turn rings, and hands the turn over by that.
            let _ = bell.run(future::pending::<()>()).await;
        }
        Self { shared: Arc::clone(shared) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.shared.guard.turns();
        match turns.waiting.pop_front() {
            Some(next) => next.cancel(),
            None => turns.taken = turns.taken.saturating_sub(1),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    by_address: HashMap<IpAddr, usize>,
    failures: HashMap<Who, (u32, Instant)>,
    /// Logins that were right, by a keyed hash of the password: a device that logs in for each page costs one run of Argon2.
    right: HashMap<(String, [u64; 2]), PasswordHash>,
}

/// Who guesses: an address, or on this machine, where all have the same one, the name that is tried.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    Name(String),
}

/// What becomes of a client that connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Free,
    /// There are too many clients, or too many of this address.
    Full,
    /// There are so many that a refusal is not even sent.
    Crowded,
}

impl Guard {
    /// Counts a client in.
    pub(crate) fn enter(&self, address: IpAddr, limits: &Limits) -> Entry {
        let mut state = self.state();
        state.connections = state.connections.saturating_add(1);
        let all = state.connections;
        let own = state.by_address.entry(address).or_default();
        *own = own.saturating_add(1);
        let own = if address.is_loopback() { 0 } else { *own };
        if all > limits.connections.saturating_add(REFUSALS) {
            Entry::Crowded
        } else if all > limits.connections || own > limits.connections_per_address {
            Entry::Full
        } else {
            Entry::Free
        }
    }

    /// Counts a client out.
    pub(crate) fn leave(&self, address: IpAddr) {
        let mut state = self.state();
        state.connections = state.connections.saturating_sub(1);
        if let Some(own) = state.by_address.get_mut(&address) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                state.by_address.remove(&address);
            }
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.state().connections
    }

    /// Whether logins are refused without a look at the password.
    pub(crate) fn is_locked_out(&self, address: IpAddr, name: &str, limits: &Limits) -> bool {
        let who = who(address, name);
        let mut state = self.state();
        match state.failures.get(&who) {
            Some((_, since)) if since.elapsed() >= limits.lock_out => {
                state.failures.remove(&who);
                false
            }
            Some((count, _)) => *count >= limits.failed_logins,
            None => false,
        }
    }

    /// Whether this password was right before and still is.
    pub(crate) fn knows(&self, name: &str, password: &Secret, options: &Options) -> bool {
        let key = self.key(name, password);
        options.user(name).is_some_and(|user| self.state().right.get(&key) == Some(&user.password))
    }

    /// Checks a login. Blocks for as long as Argon2 takes, so it is called in a [`Turn`].
    pub(crate) fn check(&self, address: IpAddr, name: &str, password: &Secret, options: &Options) -> bool {
        let user = options.user(name);
        // An unknown name takes as long as a known one.
        let hash = user.map(|user| user.password.clone()).or_else(|| PasswordHash::parse(NOBODY).ok());
        let mut memory = self.turns().memory.pop().unwrap_or_default();
        let is_right = hash.is_some_and(|hash| hash.is_of_in(password, &mut memory)) && user.is_some();
        self.turns().memory.push(memory);
        let mut state = self.state();
        if is_right {
            state.failures.remove(&who(address, name));
            if let Some(user) = user {
                if state.right.len() >= KNOWN {
                    state.right.clear();
                }
                state.right.insert(self.key(name, password), user.password.clone());
            }
            return true;
        }
        if state.failures.len() >= KNOWN {
            let lock_out = options.limits.lock_out;
            state.failures.retain(|_, (_, since)| since.elapsed() < lock_out);
        }
        let (count, since) = state.failures.entry(who(address, name)).or_insert((0, Instant::now()));
        (*count, *since) = (count.saturating_add(1), Instant::now());
        false
    }

    fn key(&self, name: &str, password: &Secret) -> (String, [u64; 2]) {
        (name.to_owned(), [0, 1].map(|index| self.keyed(index, password)))
    }

    fn keyed(&self, index: usize, password: &Secret) -> u64 {
        self.keys.get(index).map_or(0, |key| key.hash_one(password.expose().as_bytes()))
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn who(address: IpAddr, name: &str) -> Who {
    if address.is_loopback() { Who::Name(name.to_ascii_lowercase()) } else { Who::Address(address) }
}

/// Passwords that are hashed at the same time.
const HASHING: usize = 2;
/// Clients over the limit that get a refusal at the same time.
const REFUSALS: usize = 64;
/// Entries of a table that an attacker can fill.
const KNOWN: usize = 10_000;
/// The hash of a password that nobody knows.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9ibw$\
                      Zm9yIGEgcGFzc3dvcmQgdGhhdCBub2JvZHkga25vd3M";
/// How long a task that can't be served waits.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::{super::User, *};

    #[test]
    fn guesses_are_counted_and_the_right_password_ends_it() {
        let (guard, mut options) = (Guard::default(), Options::new("mx"));
        options.limits.failed_logins = 3;
        assert!(PasswordHash::parse(NOBODY).is_ok());
        options.users.insert("u".into(), User::new(PasswordHash::of(&"right".into(), [1; 16]).unwrap()));
        let [here, there, elsewhere] =
            ["127.0.0.1", "192.0.2.1", "192.0.2.2"].map(|ip| ip.parse::<IpAddr>().unwrap());
        for address in [here, there] {
            for _ in 0..3 {
                assert!(!guard.is_locked_out(address, "u", &options.limits));
                assert!(!guard.check(address, "u", &"wrong".into(), &options));
            }
            assert!(guard.is_locked_out(address, "u", &options.limits));
        }
        assert!(
            !guard.is_locked_out(here, "other", &options.limits)
                && guard.is_locked_out(there, "other", &options.limits)
        );
        assert!(!guard.is_locked_out(elsewhere, "u", &options.limits));
        assert!(guard.check(elsewhere, "u", &"right".into(), &options));
        assert!(guard.knows("u", &"right".into(), &options), "remembered");
        assert!(
            !guard.knows("u", &"wrong".into(), &options) && !guard.knows("other", &"right".into(), &options)
        );
        assert!(!guard.check(elsewhere, "nobody", &"right".into(), &options));
        options.limits.lock_out = Duration::ZERO;
        assert!(!guard.is_locked_out(there, "u", &options.limits), "it is over");
        // Another password from now on: what was right before is not any more.
        options.users.insert("u".into(), User::new(PasswordHash::of(&"new".into(), [1; 16]).unwrap()));
        assert!(!guard.knows("u", &"right".into(), &options));
        assert!(!guard.check(elsewhere, "u", &"right".into(), &options));
    }

    #[test]
    fn connections_are_counted() {
        let guard = Guard::default();
        let limits = Limits { connections: 3, connections_per_address: 1, ..Limits::default() };
        let [here, there] = ["127.0.0.1", "192.0.2.1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        assert_eq!([here, here, there].map(|address| guard.enter(address, &limits)), [Entry::Free; 3]);
        assert_eq!(guard.enter(there, &limits), Entry::Full);
        guard.leave(there);
        assert_eq!(guard.enter(here, &limits), Entry::Full, "all that there may be");
        guard.leave(here);
        guard.leave(here);
        assert_eq!(guard.enter(there, &limits), Entry::Full, "the address has one");
        assert_eq!(guard.connections(), 3);
    }
}
