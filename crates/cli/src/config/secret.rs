use std::{
    env,
    fs::File,
    io::{self, Read},
    path::Path,
    process::{Command, Stdio},
};

use mailbearer::Secret;

use super::settings::{Origin, Settings};
use crate::error::Error;

/// Gets the secret at `path` from the source that the settings name: themselves, a variable, a file or a program.
///
/// File names are relative to `folder`. Adds to `warnings` what is odd, but no error.
///
/// # Errors
///
/// Fails if two sources are given, if the variable, file or program does not exist, if the program fails, and if the secret is
/// empty, not UTF-8 or over 64 KiB.
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
            Ok(value) => trimmed(value).map(Some).ok_or_else(|| {
                settings.wrong(&variable, &format!("the environment variable {name} is empty"))
            }),
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
        return from_file(settings, &file, &name, warnings).map(Some);
    }
    if let Some(words) = settings.command(&command) {
        return from_command(settings, &command, &words).map(Some);
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
                name.display()
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
    let wrong = |problem: String| settings.wrong(path, &format!("the file {} {problem}", name.display()));
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
    let wrong = |problem: String| settings.wrong(path, &format!("the file {} {problem}", name.display()));
    let mut file = File::open(name).map_err(|error| Error {
        denied: error.kind() == io::ErrorKind::PermissionDenied,
        ..wrong(format!("cannot be opened: {error}"))
    })?;
    warn_if_readable(&file, name, warnings);
    limited(&mut file).map_err(wrong)
}

fn from_command(settings: &Settings, path: &str, words: &[String]) -> Result<Secret, Error> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(settings.wrong(path, "names no program"));
    };
    let wrong = |problem: String| settings.wrong(path, &format!("{program} {problem}"));
    // Standard error stays open, so that a password store can report errors.
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| wrong(format!("cannot be run: {error}")))?;
    let secret =
        child.stdout.take().ok_or_else(|| "prints nothing".to_owned()).and_then(|mut out| limited(&mut out));
    if secret.is_err() {
        // The program may print for ever. Killing it fails only if it has ended already.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| wrong(format!("cannot be waited for: {error}")))?;
    match secret {
        Ok(_) if !status.success() => Err(wrong(format!("failed ({status})"))),
        Err(problem) if status.success() || status.code().is_none() => Err(wrong(problem)),
        Err(_) => Err(wrong(format!("failed ({status})"))),
        Ok(secret) => Ok(secret),
    }
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

/// The most octets of a secret.
const LIMIT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::settings::File as Config, *};

    fn get(secret: &str, folder: &Path) -> (Result<Option<String>, String>, Vec<String>) {
        let text = format!("[accounts.a.oauth]\nclient_secret = {secret}\n");
        let settings = Config::parse("c", &text).unwrap().accounts.remove("a").unwrap();
        let mut warnings = Vec::new();
        let secret = read(&settings, "oauth.client_secret", folder, &mut warnings);
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
            ("'sh', '-c', 'kill -9 $$'", Err("sh gives nothing")),
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
