//! The keyring that this system comes with.

use std::{collections::HashMap, error, sync::Arc};

use keyring_core::{CredentialStore, Result};

#[cfg(target_os = "macos")]
pub(super) fn store() -> Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
pub(super) fn store() -> Result<Arc<CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))))]
pub(super) fn store() -> Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(any(target_os = "ios", target_os = "android", not(any(unix, windows))))]
pub(super) fn store() -> Result<Arc<CredentialStore>> {
    Err(keyring_core::Error::NoDefaultStore)
}

/// What an entry is made with. Only the Secret Service shows people a label of ours.
pub(super) fn modifiers(label: &str) -> Option<HashMap<&str, &str>> {
    let is_secret_service =
        cfg!(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))));
    is_secret_service.then(|| HashMap::from([("label", label)]))
}

/// Whether a person was asked to unlock it and said no, or nobody could be asked. The other reason for which a Secret
/// Service gives no access is that it has no place to put anything: no default collection.
pub(super) fn is_locked(error: &(dyn error::Error + Send + Sync + 'static)) -> bool {
    // The type of it is of a crate that is the store's own affair.
    !error.to_string().contains("result not returned")
}
