//! Access tokens that are kept on disk between runs.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mailbearer::{Account, Grant, Secret, Token};
use serde_json::{Value, json};

use crate::{config::folders, output};

/// The place for the token of one account.
///
/// It is named after what the token was asked with, but for the secrets: those are on disk neither as they are nor
/// as a hash. What can't be read or written costs a token request and a warning, never the command.
pub(crate) struct TokenFile {
    path: PathBuf,
    account: Value,
}

impl TokenFile {
    /// The file for `account`; `None` where the platform names no folder for it.
    pub(crate) fn of(account: &Account) -> Option<Self> {
        Some(Self::within(&folders::cache()?, account))
    }

    fn within(folder: &Path, account: &Account) -> Self {
        let oauth = &account.oauth;
        let grant = if matches!(oauth.grant, Grant::RefreshToken(_)) {
            "refresh_token"
        } else {
            "client_credentials"
        };
        let account = json!({
            "token_url": oauth.token_url,
            "client_id": oauth.client_id,
            "scope": oauth.scope,
            "grant": grant,
            "user": account.user,
        });
        let path = folder.join(format!("token-{:016x}.json", fnv1a(account.to_string().as_bytes())));
        Self { path, account }
    }

    /// The token from last time, if it is good for [`MARGIN`] yet.
    pub(crate) fn load(&self) -> Option<Token> {
        self.load_at(SystemTime::now()).unwrap_or_else(|problem| {
            output::warning(&format!("the kept token in {} is ignored: {problem}", self.path.display()));
            None
        })
    }

    /// Keeps `token`, if it is known when it ends.
    pub(crate) fn store(&self, token: &Token) {
        let Some(expires_at) = token.expires_at else { return };
        if let Err(error) = self.write(token, expires_at) {
            output::warning(&format!("the token can't be kept in {}: {error}", self.path.display()));
        }
    }

    /// Forgets the token; a server did not take it.
    pub(crate) fn remove(&self) {
        // That there is none is as good.
        let _ = fs::remove_file(&self.path);
    }

    fn load_at(&self, now: SystemTime) -> Result<Option<Token>, String> {
        let text = match self.read() {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let kept: Value = serde_json::from_str(&text).map_err(|_| "it is no JSON")?;
        if kept.get("account").is_some_and(|account| *account != self.account) {
            // Two accounts share a name by chance.
            return Ok(None);
        }
        let time = |name: &str| kept.get(name).and_then(Value::as_u64).and_then(from_unix);
        let token = kept.get("access_token").and_then(Value::as_str).filter(|token| is_token(token));
        let (Some(token), Some(stored_at), Some(expires_at)) = (token, time("stored_at"), time("expires_at"))
        else {
            return Err("a part is missing or wrong".into());
        };
        // A clock that was set back would make an old token look fresh.
        let left = expires_at.duration_since(now).unwrap_or_default();
        Ok((stored_at <= now && left > MARGIN).then(|| Token {
            access_token: token.into(),
            expires_at: Some(expires_at),
            refresh_token: None,
            scope: kept.get("scope").and_then(Value::as_str).map(str::to_owned),
        }))
    }

    fn read(&self) -> io::Result<String> {
        let mut text = String::new();
        fs::File::open(&self.path)?.take(LIMIT).read_to_string(&mut text)?;
        Ok(text)
    }

    fn write(&self, token: &Token, expires_at: SystemTime) -> io::Result<()> {
        let text = Secret::<String>::new(
            json!({
                "account": self.account,
                "stored_at": unix(SystemTime::now()),
                "expires_at": unix(expires_at),
                "scope": token.scope,
                "access_token": token.access_token.expose(),
            })
            .to_string(),
        );
        let folder = self.path.parent().unwrap_or(Path::new(""));
        create_private_folder(folder)?;
        // Only its owner can read it.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.expose().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// How long a kept token must be good for, so that it outlasts what it is used for.
const MARGIN: Duration = Duration::from_secs(300);

/// Octets of a kept token that are read.
const LIMIT: u64 = 1 << 20;

fn create_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Visible ASCII, as the token endpoint's answer was held to.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic())
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn from_unix(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// A hash that stays the same between versions; it only has to tell a few accounts apart, and the file says which
/// it is for.
fn fnv1a(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: &str) -> Account {
        Account::custom(user, "https://x/token", "s").client_credentials("c", "hunter2")
    }

    fn token(life: u64) -> Token {
        Token {
            access_token: "t.o.k".into(),
            expires_at: SystemTime::now().checked_add(Duration::from_secs(life)),
            refresh_token: Some("refresh".into()),
            scope: Some("granted".into()),
        }
    }

    #[test]
    fn hashes_as_published() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn keeps_a_token_until_shortly_before_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::within(&folder.path().join("a/b"), &account("u"));
        assert!(file.load().is_none());
        file.store(&token(3600));
        let kept = file.load().unwrap();
        assert_eq!((kept.access_token.expose().as_str(), kept.scope.as_deref()), ("t.o.k", Some("granted")));
        let at = |seconds: u64| SystemTime::now().checked_add(Duration::from_secs(seconds)).unwrap();
        assert!(file.load_at(at(3200)).unwrap().is_some());
        assert!(file.load_at(at(3301)).unwrap().is_none(), "too near its end");
        assert!(file.load_at(at(100_000)).unwrap().is_none());
        let earlier = SystemTime::now().checked_sub(Duration::from_secs(60)).unwrap();
        assert!(file.load_at(earlier).unwrap().is_none(), "the clock was set back");
        assert!(
            TokenFile::within(&folder.path().join("a/b"), &account("v")).load().is_none(),
            "another user"
        );
        file.remove();
        file.remove();
        assert!(file.load().is_none());
        file.store(&Token { expires_at: None, ..token(0) });
        assert!(file.load().is_none(), "nobody knows when it ends");
    }

    #[test]
    fn no_secret_of_the_account_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::within(folder.path(), &account("u"));
        file.store(&token(3600));
        let text = fs::read_to_string(&file.path).unwrap();
        assert!(!text.contains("hunter2") && !text.contains("refresh"), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_broken_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::within(folder.path(), &account("u"));
        let whole = json!({ "account": file.account, "stored_at": 1, "expires_at": u64::MAX / 4, "access_token": "t" });
        let with = |name: &str, value: Value| {
            let mut changed = whole.clone();
            changed[name] = value;
            changed.to_string().into_bytes()
        };
        fs::write(&file.path, whole.to_string()).unwrap();
        assert!(file.load().is_some());
        let deep = "[".repeat(100_000).into_bytes();
        for content in [
            b"".to_vec(),
            b"{".to_vec(),
            b"\xff".to_vec(),
            b"[]".to_vec(),
            deep,
            with("access_token", json!("t\r\nx")),
            with("access_token", json!("")),
            with("access_token", json!(1)),
            with("expires_at", json!("soon")),
            with("expires_at", json!(-1)),
            with("expires_at", json!(u64::MAX)),
            with("stored_at", Value::Null),
        ] {
            fs::write(&file.path, &content).unwrap();
            let loaded = file.load_at(SystemTime::now());
            assert!(loaded.is_err(), "{}", String::from_utf8_lossy(&content));
        }
    }
}
