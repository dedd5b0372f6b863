use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
};

use mailbearer_oauth::{self as oauth, Identity};
use mailbearer_wire::{Secret, printable};

use super::{Asking, TokenFlow, failure};
use crate::{
    Error,
    token::{Pending, SourceError},
};

/// The identity that Azure gives a machine: to virtual machines, in App Service, Functions and Container Apps, and
/// through the agent of Azure Arc.
///
/// It is requested without TLS and without a proxy, at an address that only the machine itself reaches. Any other
/// address must be https.
#[derive(Clone, Debug)]
pub struct ManagedIdentity {
    service: oauth::ManagedIdentity,
    /// The folder in which the agent of Azure Arc puts its files.
    folder: PathBuf,
}

impl ManagedIdentity {
    /// Uses the identity of the machine that this program runs on. The environment says where to ask.
    ///
    /// # Errors
    ///
    /// Fails if the environment names an address that is neither one of the machine itself nor https, and on Service
    /// Fabric, which has another protocol.
    pub fn from_environment() -> Result<Self, Error> {
        Self::found(|name| env::var(name).ok().filter(|value| !value.is_empty()), None)
    }

    /// Does the same, and asks at `url`.
    ///
    /// # Errors
    ///
    /// Fails as [`from_environment`](Self::from_environment) does, for `url`.
    pub fn at(url: &str) -> Result<Self, Error> {
        Self::found(|name| env::var(name).ok().filter(|value| !value.is_empty()), Some(url))
    }

    /// Asks App Service, Functions or Container Apps, with the values of their environment.
    ///
    /// # Errors
    ///
    /// Fails as [`from_environment`](Self::from_environment) does, for `url`.
    pub fn app_service(url: &str, header: impl Into<Secret>) -> Result<Self, Error> {
        Self::of(oauth::ManagedIdentity::app_service(url, header))
    }

    /// Asks the agent of Azure Arc, if the environment does not name it.
    ///
    /// # Errors
    ///
    /// Fails as [`from_environment`](Self::from_environment) does, for `url`.
    pub fn arc(url: &str) -> Result<Self, Error> {
        Self::of(oauth::ManagedIdentity::arc(url))
    }

    fn of(service: Result<oauth::ManagedIdentity, oauth::InvalidEndpoint>) -> Result<Self, Error> {
        let service = service
            .map_err(|error| Error::settings(format!("the service for the machine's identity: {error}")))?;
        Ok(Self { service, folder: arc_folder() })
    }

    fn found(variable: impl Fn(&str) -> Option<String>, url: Option<&str>) -> Result<Self, Error> {
        let (endpoint, header) = (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER"));
        let at = |default: &str| url.unwrap_or(default).to_owned();
        let service = match (endpoint, header) {
            (Some(_), Some(_)) if variable("IDENTITY_SERVER_THUMBPRINT").is_some() => {
                return Err(Error::settings("managed identities of Service Fabric are not supported".into()));
            }
            (Some(endpoint), Some(header)) => oauth::ManagedIdentity::app_service(&at(&endpoint), header),
            (Some(endpoint), None) if variable("IMDS_ENDPOINT").is_some() => {
                oauth::ManagedIdentity::arc(&at(&endpoint))
            }
            _ if url.is_none() && Path::new(ARC_AGENT).exists() => {
                oauth::ManagedIdentity::arc(oauth::ManagedIdentity::ARC)
            }
            _ => {
                let host = variable("AZURE_POD_IDENTITY_AUTHORITY_HOST");
                let default = host.map_or_else(
                    || oauth::ManagedIdentity::VIRTUAL_MACHINE.to_owned(),
                    |host| format!("{}/metadata/identity/oauth2/token", host.trim_end_matches('/')),
                );
                oauth::ManagedIdentity::virtual_machine(&at(&default))
            }
        };
        let service = service
            .map_err(|error| Error::settings(format!("the service for the machine's identity: {error}")))?;
        Ok(Self { service, folder: arc_folder() })
    }

    /// Uses another identity than the machine's own. Azure Arc has no others.
    #[must_use]
    pub fn with_identity(self, by: Identity, name: impl Into<String>) -> Self {
        Self { service: self.service.with_identity(by, name), ..self }
    }

    /// Sets the folder in which the agent of Azure Arc puts its files, for tests of this flow.
    #[must_use]
    pub fn with_arc_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ..self }
    }

    pub(crate) const fn service(&self) -> &oauth::ManagedIdentity {
        &self.service
    }

    /// Reads the agent's file. It must be a plain file, because a link in the agent's folder could lead anywhere, and
    /// its size is checked before it is read (4,096 octets at most).
    fn key(&self, name: &str) -> Result<Secret, SourceError> {
        let path = self.folder.join(name);
        let wrong = |what: &str| {
            failure(format!("the key of Azure Arc in {}: {what}", printable(&path.to_string_lossy())))
        };
        let io = |error: std::io::Error| wrong(&format!("{error} (its group is himds)"));
        let metadata = fs::symlink_metadata(&path).map_err(io)?;
        if !metadata.is_file() {
            return Err(wrong("it is no plain file"));
        }
        if metadata.len() > oauth::ManagedIdentity::CHALLENGE {
            return Err(wrong("it is over 4096 octets"));
        }
        let mut text = String::with_capacity(4096);
        let file = fs::File::open(&path).map_err(io)?;
        file.take(oauth::ManagedIdentity::CHALLENGE).read_to_string(&mut text).map_err(io)?;
        Ok(Secret::new(text))
    }

    async fn ask(&self, asking: &Asking<'_>) -> Result<oauth::Token, SourceError> {
        let mut response = asking.exchange(self.service.request(asking.scope(), None)?).await?;
        if let Some(file) = self.service.challenge(&response) {
            let key = self.key(&file)?;
            response = asking.exchange(self.service.request(asking.scope(), Some(&key))?).await?;
        }
        Ok(self.service.token(&response, asking.now())?)
    }
}

impl TokenFlow for ManagedIdentity {
    fn name(&self) -> &'static str {
        "managed_identity"
    }

    fn token<'a>(&'a self, asking: &'a Asking<'a>) -> Pending<'a, Result<oauth::Token, SourceError>> {
        Box::pin(self.ask(asking))
    }
}

#[cfg(windows)]
fn arc_folder() -> PathBuf {
    let data = env::var_os("ProgramData").unwrap_or_else(|| "C:\\ProgramData".into());
    Path::new(&data).join("AzureConnectedMachineAgent").join("Tokens")
}

#[cfg(not(windows))]
fn arc_folder() -> PathBuf {
    "/var/opt/azcmagent/tokens".into()
}

/// Where the agent of Azure Arc is installed. The environment of services does not name it.
const ARC_AGENT: &str = if cfg!(windows) {
    "C:\\Program Files\\AzureConnectedMachineAgent\\himds.exe"
} else {
    "/opt/azcmagent/bin/himds"
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_where_to_ask() {
        let (endpoint, header) =
            (("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token"), ("IDENTITY_HEADER", "h"));
        let rows: &[(&[(&str, &str)], Option<&str>, Result<&str, &str>)] = &[
            (&[], None, Ok("http://169.254.169.254/metadata/identity/oauth2/token")),
            (&[endpoint, header], None, Ok("http://127.0.0.1:41/msi/token")),
            (
                &[endpoint, ("IMDS_ENDPOINT", "http://localhost:40342")],
                None,
                Ok("http://127.0.0.1:41/msi/token"),
            ),
            (&[endpoint], None, Ok("http://169.254.169.254/metadata/identity/oauth2/token")),
            (
                &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:2579/")],
                None,
                Ok("http://127.0.0.1:2579/metadata/identity/oauth2/token"),
            ),
            (&[], Some("http://127.0.0.1:5/x"), Ok("http://127.0.0.1:5/x")),
            (&[endpoint, header], Some("http://127.0.0.1:5/x"), Ok("http://127.0.0.1:5/x")),
            (&[endpoint, header, ("IDENTITY_SERVER_THUMBPRINT", "t")], None, Err("Service Fabric")),
            (
                &[("IDENTITY_ENDPOINT", "http://10.0.0.1/"), header],
                None,
                Err("neither https nor of this machine"),
            ),
            (&[], Some("http://a.example/"), Err("neither https nor of this machine")),
        ];
        for (variables, url, want) in rows {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            match (ManagedIdentity::found(variable, *url), want) {
                (Ok(found), Ok(want)) => assert_eq!(found.service.endpoint().to_string(), *want),
                (Err(error), Err(want)) => assert!(error.to_string().contains(want), "{error}"),
                (found, want) => panic!("{found:?}, {want:?}"),
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_a_small_plain_file_of_the_agent_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let identity = ManagedIdentity::at("http://127.0.0.1:1/").unwrap().with_arc_folder(folder.path());
        let key =
            |name: &str| identity.key(name).map(|key| key.expose().len()).map_err(|error| error.to_string());
        let path = |name: &str| folder.path().join(name);
        fs::write(path("good.key"), "x".repeat(4096)).unwrap();
        fs::write(path("long.key"), "x".repeat(4097)).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path("link.key")).unwrap();
        fs::create_dir(path("folder.key")).unwrap();
        assert_eq!(key("good.key"), Ok(4096));
        for (name, want) in [
            ("long.key", "over 4096"),
            ("link.key", "no plain file"),
            ("folder.key", "no plain file"),
            ("none.key", "No such file"),
        ] {
            assert!(key(name).unwrap_err().contains(want), "{name}");
        }
    }
}
