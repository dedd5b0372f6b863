use std::{
    env,
    fs::File,
    io::{self, Read},
    path::Path,
    process::{Command, Stdio},
};

use mailbearer::Secret;
use mailbearer_bridge::named;

use super::settings::{Origin, Settings};
use crate::{
    error::Error,
    program::{self, Failure},
};

/// Gets the secret at `path` from the source that the settings name: themselves, a variable, a file or a program.
///
/// File names are relative to `folder`. Adds to `warnings` what is odd, but no error.
///
/// # Errors
///
/// Fails if two sources are given, if the variable, file or program does not exist, if the program fails, and if the secret is
/// empty, not UTF-8, over 64 KiB, or has lines where none of its kind has.
pub(crate) fn read(
    settings: &Settings,
    path: &str,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> Result<Option<Secret>, Error> {
    let [variable, file, command] = ["env", "file", "command"].map(|source| format!("{path}.{source}"));
    let given = [path, &variable, &file, &command].map(|path| settings.origin(path).is_some());
    if given.iter().filter(|given| **given).count() > 1 {
        let first = [&command, &file, &variable].into_iter().find(|path| settings.origin(path).is_some());
        let first = first.map_or(path, String::as_str);
        return Err(settings.wrong(first, "the secret has more than one source"));
    }
    if let Some(name) = settings.text(&variable) {
        return match env::var(&name) {
            Ok(value) => {
                let wrong = |problem: String| {
                    settings.wrong(&variable, &format!("the environment variable {name} {problem}"))
                };
                let secret = trimmed(value).ok_or_else(|| wrong("is empty".into()))?;
                shaped(path, secret).map(Some).map_err(wrong)
            }
            Err(env::VarError::NotPresent) => {
                Err(settings.wrong(&variable, &format!("the environment variable {name} is not set")))
            }
            Err(env::VarError::NotUnicode(_)) => {
                Err(settings.wrong(&variable, &format!("the environment variable {name} is not UTF-8")))
            }
        };
    }
    if let Some(name) = settings.path(&file) {
        let name = relative_to(settings, &file, folder, &name);
        let secret = from_file(settings, &file, &name, warnings)?;
        let wrong = |problem: String| settings.wrong(&file, &format!("the file {} {problem}", named(&name)));
        return shaped(path, secret).map(Some).map_err(wrong);
    }
    if let Some(words) = settings.command(&command) {
        let secret = from_command(settings, &command, &words)?;
        let program = words.first().map_or("", String::as_str);
        let wrong = |problem: String| settings.wrong(&command, &format!("{program} {problem}"));
        return shaped(path, secret).map(Some).map_err(wrong);
    }
    Ok(settings.secret_text(path))
}

/// The path that a file name in the settings means. In a configuration file it is relative to that file's folder.
pub(crate) fn relative_to(settings: &Settings, path: &str, folder: &Path, name: &Path) -> std::path::PathBuf {
    match settings.origin(path) {
        Some(Origin::File { .. }) => folder.join(name),
        _ => name.to_owned(),
    }
}

/// Warns if others on this machine can read `file`.
pub(crate) fn warn_if_readable(file: &File, name: &Path, warnings: &mut Vec<String>) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o044 != 0) {
            warnings.push(format!(
                "{} holds a secret and can be read by others on this machine; chmod 600 helps",
                named(name)
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = (file, name, warnings);
}

/// Reads a file that holds a secret and need not be text.
///
/// # Errors
///
/// Fails if it can't be read, and if it is over 64 KiB.
pub(crate) fn octets(settings: &Settings, path: &str, name: &Path) -> Result<Secret<Vec<u8>>, Error> {
    let wrong = |problem: String| settings.wrong(path, &format!("the file {} {problem}", named(name)));
    let file = File::open(name).map_err(|error| wrong(format!("cannot be opened: {error}")))?;
    let limit = u64::try_from(LIMIT).unwrap_or(u64::MAX);
    let mut octets = Vec::with_capacity(8 * 1024);
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut octets);
    let octets = Secret::new(octets);
    match read {
        Err(error) => Err(wrong(format!("cannot be read: {error}"))),
        Ok(count) if count > LIMIT => Err(wrong(format!("gives more than {LIMIT} octets"))),
        Ok(_) => Ok(octets),
    }
}

fn from_file(
    settings: &Settings,
    path: &str,
    name: &Path,
    warnings: &mut Vec<String>,
) -> Result<Secret, Error> {
    let wrong = |problem: String| settings.wrong(path, &format!("the file {} {problem}", named(name)));
    let mut file = File::open(name).map_err(|error| Error {
        denied: error.kind() == io::ErrorKind::PermissionDenied,
        ..wrong(format!("cannot be opened: {error}"))
    })?;
    warn_if_readable(&file, name, warnings);
    limited(&mut file).map_err(wrong)
}

fn from_command(settings: &Settings, path: &str, words: &[String]) -> Result<Secret, Error> {
    let Some((name, arguments)) = words.split_first() else {
        return Err(settings.wrong(path, "names no program"));
    };
    let wrong = |problem: String| settings.wrong(path, &format!("{name} {problem}"));
    let mut command = Command::new(name);
    // Standard error stays open, so that a password store can report errors.
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    let ran = program::run(&mut command, None, LIMIT, program::PATIENCE).map_err(|failure| {
        let error = wrong(failure.to_string());
        match failure {
            Failure::Late(_) => error.hint("run it by hand to see what it waits for"),
            _ => error,
        }
    })?;
    if !ran.status.success() {
        return Err(wrong(format!("failed ({})", ran.status)));
    }
    limited(&mut ran.printed.expose().as_slice()).map_err(wrong)
}

fn limited(from: &mut impl Read) -> Result<Secret, String> {
    let mut text = String::new();
    let limit = u64::try_from(LIMIT).unwrap_or(u64::MAX);
    match from.take(limit.saturating_add(1)).read_to_string(&mut text) {
        _ if text.len() > LIMIT => Err(format!("gives more than {LIMIT} octets")),
        Ok(_) => trimmed(text).ok_or_else(|| "gives nothing".into()),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err("gives text that is not UTF-8".into())
        }
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// Takes off the line end that editors and programs add. `None` if nothing is left.
fn trimmed(text: String) -> Option<Secret> {
    let whole = Secret::<String>::new(text);
    let secret = Secret::from(whole.expose().trim_end_matches(['\r', '\n']));
    (!secret.expose().is_empty()).then_some(secret)
}

/// Refuses what can't be the secret at `path`, without showing any of it: a server would only say that it is wrong.
fn shaped(path: &str, secret: Secret) -> Result<Secret, String> {
    let text = secret.expose();
    if text.contains('\0') {
        return Err("gives a NUL, which no secret has".into());
    }
    let lines = text.split(['\r', '\n']).count();
    if lines > 1 && !WITH_LINES.contains(&path) {
        return Err(format!("gives {lines} lines, where a secret is one; let it give that line alone"));
    }
    Ok(secret)
}

/// Secrets in PEM and JSON. All others are one line.
const WITH_LINES: [&str; 2] = ["oauth.client_key", "oauth.service_account_key"];

/// The most octets of a secret.
const LIMIT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{
        super::{settings::File as Config, table},
        *,
    };

    fn get(secret: &str, folder: &Path) -> (Result<Option<String>, String>, Vec<String>) {
        get_at("oauth.client_secret", secret, folder)
    }

    fn get_at(path: &str, secret: &str, folder: &Path) -> (Result<Option<String>, String>, Vec<String>) {
        let text = format!("[accounts.a]\n{path} = {secret}\n");
        let settings = Config::parse("c", &text).unwrap().accounts.remove("a").unwrap();
        let mut warnings = Vec::new();
        let secret = read(&settings, path, folder, &mut warnings);
        (secret.map(|s| s.map(|s| s.expose().clone())).map_err(|error| error.text), warnings)
    }

    #[test]
    fn comes_from_where_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("good"), "s~e c\r\n").unwrap();
        fs::write(folder.path().join("empty"), "\n").unwrap();
        fs::write(folder.path().join("binary"), b"\xff\n").unwrap();
        fs::write(folder.path().join("limit"), "x".repeat(LIMIT)).unwrap();
        fs::write(folder.path().join("long"), "x".repeat(LIMIT + 1)).unwrap();
        let rows: &[(&str, Result<&str, String>)] = &[
            ("'plain'", Ok("plain")),
            ("{ file = 'good' }", Ok("s~e c")),
            (
                "{ file = 'empty' }",
                Err(format!("the file {} gives nothing", folder.path().join("empty").display())),
            ),
            ("{ file = 'binary' }", Err("gives text that is not UTF-8".into())),
            ("{ file = 'long' }", Err("gives more than 65536 octets".into())),
            ("{ file = 'none' }", Err("cannot be opened".into())),
            ("{ env = 'CARGO_PKG_NAME' }", Ok("mailbearer-cli")),
            (
                "{ env = 'MAILBEARER_NOT_SET' }",
                Err("the environment variable MAILBEARER_NOT_SET is not set".into()),
            ),
            ("{ env = 'A', file = 'b' }", Err("the secret has more than one source".into())),
            ("{}", Ok("")),
        ];
        for (source, want) in rows {
            let (got, _) = get(source, folder.path());
            match want {
                Ok(want) => assert_eq!(got.unwrap().unwrap_or_default(), *want, "{source}"),
                Err(want) => assert!(got.as_ref().unwrap_err().contains(want), "{source}: {got:?}"),
            }
        }
        assert_eq!(get("{ file = 'limit' }", folder.path()).0.unwrap().unwrap().len(), LIMIT);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_may_give_it() {
        let folder = Path::new("/");
        for (command, want) in [
            ("'printf', 'hunter2\\n'", Ok("hunter2")),
            ("'sh', '-c', 'read x; echo got$x'", Ok("got")),
            ("'sh', '-c', 'echo hunter2; exit 3'", Err("sh failed (exit status: 3)")),
            ("'sh', '-c', 'echo hunter2; kill -9 $$'", Err("sh failed (signal: 9 (SIGKILL))")),
            ("'sh', '-c', 'kill -9 $$'", Err("sh failed (signal: 9 (SIGKILL))")),
            ("'yes'", Err("yes gives more than 65536 octets")),
            ("'true'", Err("true gives nothing")),
            ("'/no/such/program'", Err("/no/such/program cannot be run")),
        ] {
            let (got, _) = get(&format!("{{ command = [{command}] }}"), folder);
            match want {
                Ok(want) => assert_eq!(got.unwrap().unwrap(), want, "{command}"),
                Err(want) => {
                    let text = got.unwrap_err();
                    assert!(text.contains(want) && !text.contains("hunter2"), "{command}: {text}");
                }
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("two"), "hunter2\nnote\n").unwrap();
        let two = format!("the file {} gives 2 lines, where", folder.path().join("two").display());
        let printf = |text: &str| format!("{{ command = ['printf', '{text}'] }}");
        for (path, source, want) in [
            ("password", printf("hunter2\\nnote\\n"), Some("printf gives 2 lines, where a secret is one")),
            ("oauth.client_secret", printf("\\nhunter2"), Some("printf gives 2 lines, where")),
            ("oauth.refresh_token", printf("a\\rhunter2\\nb"), Some("printf gives 3 lines, where")),
            ("oauth.client_key", printf("a\\000hunter2"), Some("printf gives a NUL, which no secret has")),
            ("password", "{ file = 'two' }".into(), Some(two.as_str())),
            ("oauth.client_key", printf("a\\nhunter2\\n"), None),
            ("oauth.service_account_key", "{ file = 'two' }".into(), None),
            ("password", printf("hunter2\\r\\n\\n"), None),
        ] {
            let (got, _) = get_at(path, &source, folder.path());
            match want {
                None => assert!(got.unwrap().is_some_and(|secret| secret.contains("hunter2")), "{source}"),
                Some(want) => {
                    let text = got.unwrap_err();
                    assert!(text.contains(want) && !text.contains("hunter2"), "{path} {source}: {text}");
                }
            }
        }
        for path in WITH_LINES {
            assert!(table::secret_at(path).is_some_and(|row| row.path == path), "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn warns_of_files_that_others_can_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("f");
        fs::write(&name, "hunter2").unwrap();
        for (mode, want) in [(0o600, 0), (0o640, 1), (0o604, 1), (0o644, 1)] {
            fs::set_permissions(&name, fs::Permissions::from_mode(mode)).unwrap();
            let (_, warnings) = get("{ file = 'f' }", folder.path());
            assert_eq!(warnings.len(), want, "{mode:o}");
            assert!(!warnings.concat().contains("hunter2"));
        }
    }
}
