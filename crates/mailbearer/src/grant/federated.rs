use std::{env, fs, future::ready, io::Read, path::PathBuf};

use mailbearer_oauth::{self as oauth, Endpoint};
use mailbearer_wire::{Secret, printable};

use super::{Asking, AssertionSource, failure};
use crate::{
    Error,
    token::{Pending, SourceError},
};

/// Reads the assertion from a file, again for each request: whoever puts it there renews it in place.
#[derive(Clone, Debug)]
pub struct FileAssertion(PathBuf);

impl FileAssertion {
    /// The environment variable that names the file.
    pub const VARIABLE: &str = "AZURE_FEDERATED_TOKEN_FILE";

    /// Reads the assertion from this file. White space around it is dropped.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Reads the assertion from the file that [`VARIABLE`](Self::VARIABLE) names. Kubernetes' workload identity for
    /// Azure sets it. `None` if it is not set.
    #[must_use]
    pub fn from_environment() -> Option<Self> {
        env::var_os(Self::VARIABLE).filter(|path| !path.is_empty()).map(Self::new)
    }

    fn read(&self) -> Result<Secret, SourceError> {
        let wrong = |what: &str| {
            failure(format!("the assertion in {}: {what}", printable(&self.0.to_string_lossy())))
        };
        let file = fs::File::open(&self.0).map_err(|error| wrong(&error.to_string()))?;
        let mut octets = Vec::with_capacity(8 * 1024);
        let read = file.take(LIMIT).read_to_end(&mut octets);
        let octets = Secret::<Vec<u8>>::new(octets);
        read.map_err(|error| wrong(&error.to_string()))?;
        checked(octets.expose()).ok_or_else(|| wrong("is none"))
    }
}

impl AssertionSource for FileAssertion {
    fn assertion<'a>(&'a self, _: &'a Asking<'a>) -> Pending<'a, Result<Secret, SourceError>> {
        Box::pin(ready(self.read()))
    }
}

/// Reads the assertion from an environment variable, again for each request.
#[derive(Clone, Debug)]
pub struct VariableAssertion(String);

impl VariableAssertion {
    /// Reads the assertion from the variable of this name. White space around it is dropped.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
}

impl AssertionSource for VariableAssertion {
    fn assertion<'a>(&'a self, _: &'a Asking<'a>) -> Pending<'a, Result<Secret, SourceError>> {
        let text = env::var(&self.0).ok().map(Secret::<String>::new);
        let found = text.and_then(|text| checked(text.expose().as_bytes()));
        Box::pin(ready(found.ok_or_else(|| {
            failure(format!("the environment variable {} holds no assertion", printable(&self.0)))
        })))
    }
}

/// Requests the assertion that GitHub Actions issues to a job with `permissions: id-token: write`.
#[derive(Clone, Debug)]
pub struct GitHubActions {
    url: Endpoint,
    token: Secret,
    audience: String,
}

impl GitHubActions {
    /// The audience that Microsoft's clouds want, except for their national ones.
    pub const AZURE: &str = "api://AzureADTokenExchange";

    /// Takes what the environment of a job says. `None` if it says nothing. For the audience see
    /// [`Provider::assertion_audience`](crate::Provider::assertion_audience).
    ///
    /// # Errors
    ///
    /// Fails if `ACTIONS_ID_TOKEN_REQUEST_URL` is not an https URL.
    pub fn from_environment(audience: &str) -> Result<Option<Self>, Error> {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        match (variable("ACTIONS_ID_TOKEN_REQUEST_URL"), variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")) {
            (Some(url), Some(token)) => Self::new(&url, token, audience).map(Some),
            _ => Ok(None),
        }
    }

    /// Takes the URL and the token of the job.
    ///
    /// # Errors
    ///
    /// Fails if `url` is not an https URL.
    pub fn new(url: &str, token: impl Into<Secret>, audience: &str) -> Result<Self, Error> {
        let url = Endpoint::parse(url)
            .map_err(|error| Error::settings(format!("the address of GitHub's tokens: {error}")))?;
        Ok(Self { url, token: token.into(), audience: audience.into() })
    }
}

impl AssertionSource for GitHubActions {
    fn assertion<'a>(&'a self, asking: &'a Asking<'a>) -> Pending<'a, Result<Secret, SourceError>> {
        Box::pin(async {
            let request = oauth::github_request(&self.url, &self.token, &self.audience)?;
            Ok(oauth::github_token(&asking.exchange(request).await?)?)
        })
    }
}

fn checked(octets: &[u8]) -> Option<Secret> {
    let text = str::from_utf8(octets.trim_ascii()).ok()?;
    oauth::is_assertion(text).then(|| text.into())
}

/// The most octets of a file that are read.
const LIMIT: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = FileAssertion::new(&path);
        let read = || source.read().map(|token| token.expose().clone()).map_err(|error| error.to_string());
        assert!(read().unwrap_err().contains("token: No such file"));
        for (text, want) in [
            ("a.b.c", Some("a.b.c")),
            (" other.one\r\n", Some("other.one")),
            ("", None),
            ("a b", None),
            ("a\u{fc}", None),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(read().ok().as_deref(), want, "{text:?}");
        }
        fs::write(&path, "hunter2 hunter2").unwrap();
        assert!(!read().unwrap_err().contains("hunter2"));
        fs::write(&path, "x".repeat(64 * 1024)).unwrap();
        assert!(read().is_ok());
        fs::write(&path, b"\xff").unwrap();
        assert!(read().unwrap_err().ends_with("is none"));
    }
}
