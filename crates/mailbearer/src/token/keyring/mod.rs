//! Tokens in the desktop's keyring.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use keyring_core::{CredentialStore, Error};
use mailbearer_wire::Secret;

use super::{AccountKey, FileStore, Kept, Pending, StoreError, StoreLock, TokenStore, Trouble, errand};
use pieces::{Entries, PIECE};

mod pieces;
mod system;

/// Keeps tokens in the keyring of the person's desktop: the Secret Service on Linux and BSD (GNOME Keyring, KWallet,
/// KeePassXC), the Keychain on macOS, the Credential Manager on Windows. Its tests run against GNOME Keyring. Its
/// authors never compiled the parts for macOS and Windows.
///
/// An account has several entries of the service `mailbearer`, with at most 2,560 octets each, because Windows takes no
/// more. They are replaced as a whole: after a crash at any point the old tokens or the new ones are there. A lock file
/// keeps other processes out.
///
/// A keyring may ask the person for its password, and then takes as long as the person does. After 60 seconds the
/// operation fails.
#[derive(Clone)]
pub struct KeyringStore {
    locks: FileStore,
    keyring: Arc<Keyring>,
    patience: Duration,
}

impl KeyringStore {
    /// Makes a store in the system's keyring, with its lock files in the folder `locks`. Looks for the keyring when it
    /// is needed.
    pub fn new(locks: impl Into<PathBuf>) -> Self {
        Self { locks: FileStore::new(locks), keyring: Arc::default(), patience: PATIENCE }
    }

    /// Runs `work` in a thread, because the interfaces of keyrings block, perhaps for ever.
    fn ask<T: Send + 'static>(
        &self,
        account: &AccountKey,
        work: impl FnOnce(&dyn Entries) -> Result<T, Trouble> + Send + 'static,
    ) -> Pending<'_, Result<T, StoreError>> {
        let (name, label) = (account.name(), label(account));
        let (keyring, patience) = (Arc::clone(&self.keyring), self.patience);
        Box::pin(async move {
            let asked = errand::run("keyring", move |_| {
                let (tell, told) = mpsc::channel();
                let asking = move || {
                    let done = keyring.connect().and_then(|store| work(&OfSystem { store, label }));
                    let _ = tell.send(done);
                };
                thread::Builder::new().name("keyring".into()).spawn(asking).map_err(Trouble::Io)?;
                match told.recv_timeout(patience) {
                    Ok(done) => done,
                    Err(mpsc::RecvTimeoutError::Timeout) => Err(Trouble::Locked(Some(patience))),
                    Err(mpsc::RecvTimeoutError::Disconnected) => {
                        Err(Trouble::Other("the keyring's own code failed".into()))
                    }
                }
            });
            let done = asked.await.map_err(Trouble::Io).and_then(|done| done);
            done.map_err(|trouble| StoreError::new(format!("keyring, entry {name}"), trouble))
        })
    }
}

impl TokenStore for KeyringStore {
    fn load<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        let key = account.clone();
        self.ask(account, move |entries| {
            let Some(text) = pieces::read(entries, &key.name())? else { return Ok(None) };
            Kept::from_text(text.expose(), &key).map_err(Trouble::Malformed)
        })
    }

    fn save<'a>(&'a self, account: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        let (name, text) = (account.name(), kept.to_text(account));
        self.ask(account, move |entries| pieces::write(entries, &name, text.expose().as_bytes()))
    }

    fn lock<'a>(
        &'a self,
        account: &'a AccountKey,
        patience: Duration,
    ) -> Pending<'a, Result<StoreLock, StoreError>> {
        self.locks.lock(account, patience)
    }

    /// Writes, reads and deletes an entry as long as any will be.
    fn probe<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let _lock = self.lock(account, self.patience).await?;
            let name = account.name() + ".probe";
            let probed = self.ask(account, move |entries| {
                let probe = vec![b'?'; PIECE];
                entries.set(&name, &probe)?;
                let found = entries.get(&name);
                entries.delete(&name)?;
                match found? {
                    Some(found) if *found.expose() == probe => Ok(()),
                    _ => Err(Trouble::Malformed("it does not give back what was written to it")),
                }
            });
            probed.await
        })
    }
}

impl fmt::Debug for KeyringStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyringStore").field("locks", &self.locks).finish_non_exhaustive()
    }
}

/// The name that a person sees in the keyring's list.
fn label(account: &AccountKey) -> String {
    let user = account.fields().find(|(name, _)| *name == "user").map_or("", |(_, user)| user);
    format!("Mailbearer: {user}")
}

/// The system's keyring, once it is found.
#[derive(Default)]
struct Keyring(Mutex<Option<Arc<CredentialStore>>>);

impl Keyring {
    fn connect(&self) -> Result<Arc<CredentialStore>, Trouble> {
        let mut store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*store {
            Some(store) => Ok(Arc::clone(store)),
            None => {
                let found = system::store().map_err(|error| Trouble::NoKeyring(error.to_string()))?;
                Ok(Arc::clone(store.insert(found)))
            }
        }
    }
}

/// The entries of the system's keyring.
struct OfSystem {
    store: Arc<CredentialStore>,
    label: String,
}

impl OfSystem {
    fn entry(&self, name: &str) -> Result<keyring_core::Entry, Trouble> {
        self.store.build(SERVICE, name, system::modifiers(&self.label).as_ref()).map_err(trouble)
    }
}

impl Entries for OfSystem {
    fn get(&self, name: &str) -> Result<Option<Secret<Vec<u8>>>, Trouble> {
        match self.entry(name)?.get_secret() {
            Ok(octets) => Ok(Some(Secret::new(octets))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(trouble(error)),
        }
    }

    fn set(&self, name: &str, octets: &[u8]) -> Result<(), Trouble> {
        self.entry(name)?.set_secret(octets).map_err(trouble)
    }

    fn delete(&self, name: &str) -> Result<(), Trouble> {
        match self.entry(name)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(trouble(error)),
        }
    }
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::NoStorageAccess(error) if system::is_locked(&*error) => Trouble::Locked(None),
        Error::NoStorageAccess(error) => Trouble::NoKeyring(error.to_string()),
        // These errors hold what was read, which may be a secret.
        Error::BadEncoding(_) | Error::BadDataFormat(..) => Trouble::Malformed("an entry can't be read"),
        Error::Ambiguous(_) => Trouble::Malformed("an entry is there twice; remove both from the keyring"),
        error => Trouble::Other(error.to_string().into()),
    }
}

const SERVICE: &str = "mailbearer";
/// How long a keyring may take, including the person whom it asks for the password.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
