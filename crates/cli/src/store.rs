//! Stores that the settings choose, and the programs that are run when a token changes.

use std::{
    io,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use mailbearer::{
    Account, AccountKey, FileStore, Kept, Pending, Secret, StoreError, StoreLock, TokenStore, Trouble,
};

use crate::{config::Keeping, output, program};

/// Two programs keep the text: one prints it, the other reads it from standard input. The lock is that of the file store.
pub(crate) struct CommandStore {
    load: Vec<String>,
    save: Vec<String>,
    locks: FileStore,
}

impl CommandStore {
    pub(crate) const fn new(load: Vec<String>, save: Vec<String>, locks: FileStore) -> Self {
        Self { load, save, locks }
    }

    fn read(&self, account: &AccountKey) -> Result<Option<Kept>, StoreError> {
        let text = run(&self.load, account, None)?;
        // A program that fails does not say that nothing is kept. One that succeeds and prints nothing does.
        if text.expose().trim_ascii().is_empty() {
            return Ok(None);
        }
        Kept::from_text(text.expose(), account)
            .map_err(|what| StoreError::new(shown(&self.load), Trouble::Malformed(what)))
    }

    fn write(&self, account: &AccountKey, kept: &Kept) -> Result<(), StoreError> {
        run(&self.save, account, Some(&kept.to_text(account))).map(drop)
    }
}

impl TokenStore for CommandStore {
    fn load<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        Box::pin(std::future::ready(self.read(account)))
    }

    fn save<'a>(&'a self, account: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(std::future::ready(self.write(account, kept)))
    }

    fn lock<'a>(
        &'a self,
        account: &'a AccountKey,
        patience: Duration,
    ) -> Pending<'a, Result<StoreLock, StoreError>> {
        self.locks.lock(account, patience)
    }

    fn probe<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let _lock = self.lock(account, PROBE).await?;
            // The only way to know that the program can write is to write what was there, or an empty text.
            let kept = self.read(account)?;
            self.write(account, &kept.unwrap_or_default())
        })
    }
}

/// Runs a program of the store with `input` on its standard input. Returns what it prints.
fn run(
    words: &[String],
    account: &AccountKey,
    input: Option<&Secret>,
) -> Result<Secret<Vec<u8>>, StoreError> {
    let failed = |error: io::Error| StoreError::new(shown(words), Trouble::Io(error));
    let Some((program, arguments)) = words.split_first() else {
        return Err(StoreError::new("", Trouble::Malformed("it names no program")));
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        // Lets one pair of programs serve several accounts.
        .env("STORE_KEY", account.name())
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(if input.is_some() { Stdio::from(io::stderr()) } else { Stdio::piped() });
    let ran = program::run(&mut command, input.cloned(), LIMIT, program::PATIENCE);
    let ran = ran.map_err(|failure| failed(failure.into()))?;
    if !ran.status.success() {
        return Err(failed(io::Error::other(format!("the program failed ({})", ran.status))));
    }
    ran.written.map_err(failed)?;
    Ok(ran.printed)
}

/// The name of a store of programs: the program and its first argument, because arguments may be long.
fn shown(words: &[String]) -> String {
    words.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// A store that runs a program when there is a new token.
pub(crate) struct Watched<S> {
    store: S,
    hook: Arc<Hook>,
}

struct Hook {
    words: Vec<String>,
    account: String,
    user: String,
    changed: AtomicBool,
}

impl<S: TokenStore + 'static> Watched<S> {
    pub(crate) fn new(store: S, words: Vec<String>, name: &str, account: &Account) -> Self {
        let hook = Hook {
            words,
            account: name.to_owned(),
            user: account.user.clone(),
            changed: AtomicBool::new(false),
        };
        Self { store, hook: Arc::new(hook) }
    }
}

impl<S: TokenStore> TokenStore for Watched<S> {
    fn load<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        self.store.load(account)
    }

    fn save<'a>(&'a self, account: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.store.save(account, kept).await?;
            self.hook.changed.store(kept.token.is_some(), Ordering::Relaxed);
            Ok(())
        })
    }

    fn lock<'a>(
        &'a self,
        account: &'a AccountKey,
        patience: Duration,
    ) -> Pending<'a, Result<StoreLock, StoreError>> {
        Box::pin(async move {
            let lock = self.store.lock(account, patience).await?;
            Ok(StoreLock::new(Held { lock: Some(lock), hook: Arc::clone(&self.hook) }))
        })
    }

    fn probe<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<(), StoreError>> {
        self.store.probe(account)
    }
}

/// A store that warns once when its login is about to end.
pub(crate) struct Ending<S> {
    store: S,
    account: String,
    warned: AtomicBool,
}

impl<S> Ending<S> {
    pub(crate) fn new(store: S, account: &str) -> Self {
        Self { store, account: account.to_owned(), warned: AtomicBool::new(false) }
    }

    fn look(&self, kept: &Kept) {
        let Some(end) = kept.refresh_expires_at.filter(|_| kept.refresh_token.is_some()) else { return };
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        if left > SOON || self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        let day = Timestamp::try_from(end).unwrap_or_default().strftime("%Y-%m-%d %H:%M UTC");
        let what = if left.is_zero() { "ended" } else { "ends" };
        let account = &self.account;
        output::warning(&format!(
            "the login of account {account} {what} on {day}: log in again; {WHY_IT_ENDS}"
        ));
    }
}

impl<S: TokenStore> TokenStore for Ending<S> {
    fn load<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        Box::pin(async move {
            let kept = self.store.load(account).await?;
            kept.iter().for_each(|kept| self.look(kept));
            Ok(kept)
        })
    }

    fn save<'a>(&'a self, account: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        self.store.save(account, kept)
    }

    fn lock<'a>(
        &'a self,
        account: &'a AccountKey,
        patience: Duration,
    ) -> Pending<'a, Result<StoreLock, StoreError>> {
        // A command that only locks the store is about to replace the login, or to end it.
        self.warned.store(true, Ordering::Relaxed);
        self.store.lock(account, patience)
    }

    fn probe<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<(), StoreError>> {
        self.store.probe(account)
    }
}

/// Why the provider ends a login by itself, and what to do about it.
pub(crate) const WHY_IT_ENDS: &str =
    "at Google that is so while the application is in testing, 7 days long, and ends with its publication";
/// How long before the end of a login the warning comes.
const SOON: Duration = Duration::from_secs(3 * 86_400);

/// A lock that runs the hook after it is released, so that the hook can get the token itself.
struct Held {
    lock: Option<StoreLock>,
    hook: Arc<Hook>,
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.lock.take());
        if self.hook.changed.swap(false, Ordering::Relaxed) {
            call(&self.hook.words, "token_changed", &self.hook.account, &self.hook.user);
        }
    }
}

/// Runs the hook, if there is one, that says that a person has to log in.
pub(crate) fn login_needed(keeping: &Keeping, name: &str, user: &str) {
    if let Some(words) = &keeping.login_needed {
        call(words, "login_needed", name, user);
    }
}

/// Runs a hook. If it fails, that is a warning.
fn call(words: &[String], event: &str, account: &str, user: &str) {
    if let Err(trouble) = run_hook(words, event, account, user, program::PATIENCE) {
        output::warning(&trouble);
    }
}

/// Runs a hook to its end. Its output goes to standard error.
///
/// # Errors
///
/// Says what is wrong with one that fails, or does not end in time.
fn run_hook(
    words: &[String],
    event: &str,
    account: &str,
    user: &str,
    patience: Duration,
) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs([("HOOK_EVENT", event), ("HOOK_ACCOUNT", account), ("HOOK_USER", user)])
        .stdin(Stdio::null())
        .stdout(Stdio::from(io::stderr()));
    match program::run(&mut command, None, 0, patience) {
        Ok(ran) if ran.status.success() => Ok(()),
        Ok(ran) => Err(format!("the hook {event}, {program}, failed ({})", ran.status)),
        Err(failure) => Err(format!("the hook {event}, {program}, {failure}")),
    }
}

/// The most octets that a program may print.
const LIMIT: usize = 1 << 20;
const PROBE: Duration = Duration::from_secs(30);

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_fails_or_does_not_end_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let missing = missing.to_str().unwrap();
        let rows: [(&[&str], Result<(), &str>); 5] = [
            (&["sh", "-c", "test $HOOK_EVENT.$HOOK_ACCOUNT.$HOOK_USER = event.ann.u"], Ok(())),
            (&["sh", "-c", "exit 3"], Err("the hook event, sh, failed (exit status: 3)")),
            (&["sleep", "600"], Err("the hook event, sleep, did not end within 0.5 s, and was killed")),
            // What it started may go on.
            (&["sh", "-c", "sleep 2 &"], Ok(())),
            (&[missing], Err("cannot be run: No such file or directory (os error 2)")),
        ];
        for (words, want) in rows {
            let words: Vec<String> = words.iter().map(|&word| word.into()).collect();
            let done = run_hook(&words, "event", "ann", "u", Duration::from_millis(500));
            let is_right = match (&done, want) {
                (Ok(()), Ok(())) => true,
                (Err(trouble), Err(want)) => trouble.ends_with(want),
                _ => false,
            };
            assert!(is_right, "{words:?}: {done:?}");
        }
    }
}
