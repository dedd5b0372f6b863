//! The keyring of this system.

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

/// Attributes of an entry. Only the Secret Service shows people a label of ours.
pub(super) fn modifiers(label: &str) -> Option<HashMap<&str, &str>> {
    let is_secret_service =
        cfg!(all(unix, not(any(target_os = "macos", target_os = "ios", target_os = "android"))));
    is_secret_service.then(|| HashMap::from([("label", label)]))
}

/// Whether a person refused to unlock it, or nobody could be asked. The other reason why a Secret Service gives no
/// access is that it has no default collection to put anything into.
pub(super) fn is_locked(error: &(dyn error::Error + Send + Sync + 'static)) -> bool {
    // Its type belongs to a crate that only the store depends on.
    !error.to_string().contains("result not returned")
}
