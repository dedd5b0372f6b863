use mailbearer::{ClientProof, Login};

use super::*;

/// Finds the account with a configuration file (if any), variables, and the value of `--account`.
fn run(
    file: Option<&str>,
    variables: &[(&str, &str)],
    account: Option<&str>,
) -> (Result<Account, Error>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    if let Some(text) = file {
        fs::write(&path, text).unwrap();
        restrict(&path);
    }
    let arguments =
        GlobalArgs { config: None, account: account.map(Into::into), json: false, trace: None, lang: None };
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    let mut warnings = Vec::new();
    let found = find(&arguments, variables, Some(path), &mut warnings).map(|loaded| loaded.account);
    (found, warnings)
}

fn find(
    arguments: &GlobalArgs,
    variables: impl Iterator<Item = (OsString, OsString)>,
    platform_file: Option<PathBuf>,
    warnings: &mut Vec<String>,
) -> Result<Loaded, Error> {
    Configuration::read(arguments, variables, platform_file, warnings)?
        .find(arguments.account.as_deref(), warnings)
}

fn restrict(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = path;
}

const TWO: &str = "
[accounts.one]
user = 'one@x'
provider = 'microsoft365'
oauth = { tenant = 't', client_id = 'c', client_secret = 's' }
[accounts.two]
user = 'two@x'
provider = 'microsoft365'
oauth = { tenant = 't', client_id = 'c', client_secret = 's' }
";

/// Name, file, variables, `--account`; the user, or parts of the error and its hint.
type Row<'a> = (
    &'a str,
    Option<&'a str>,
    &'a [(&'a str, &'a str)],
    Option<&'a str>,
    Result<&'a str, (&'a str, &'a str)>,
);

#[test]
fn chooses_the_account() {
    let default = format!("default = 'two'\n{TWO}");
    let one = TWO.split("[accounts.two]").next().unwrap();
    let many: String = (10..40).map(|number| format!("[accounts.a{number}]\n")).collect();
    let rows: &[Row<'_>] = &[
        ("many", Some(&many), &[], None, Err(("has several accounts", "a28, a29, and 10 more"))),
        ("unknown of many", Some(&many), &[], Some("x"), Err(("no account \"x\"", "a29, and 10 more"))),
        ("default", Some(&default), &[], None, Ok("two@x")),
        ("flag over default", Some(&default), &[], Some("one"), Ok("one@x")),
        ("variable over default", Some(&default), &[("MAILBEARER_DEFAULT", "one")], None, Ok("one@x")),
        ("the only one", Some(one), &[], None, Ok("one@x")),
        ("several", Some(TWO), &[], None, Err(("has several accounts", "known are: one, two"))),
        (
            "unknown",
            Some(TWO),
            &[],
            Some("twoo"),
            Err(("--account: there is no account \"twoo\"", "did you mean two? Known are: one, two")),
        ),
        (
            "unknown default",
            Some("default = 'x'\n[accounts.one]"),
            &[],
            None,
            Err(("default: there is no account \"x\"", "known are: one")),
        ),
        ("no file", None, &[], Some("x"), Err(("no account \"x\"", "does not exist"))),
        ("nothing", None, &[], None, Err(("no account is configured", "MAILBEARER_USER"))),
        ("empty file", Some(""), &[], None, Err(("no account is configured", "config.toml"))),
        ("empty variable", None, &[("MAILBEARER_USER", "")], None, Err(("no account is configured", ""))),
        ("variable over file", Some(one), &[("MAILBEARER_USER", "env@x")], None, Ok("env@x")),
    ];
    for (name, file, variables, account, want) in rows {
        let (got, _) = run(*file, variables, *account);
        match (got, want) {
            (Ok(got), Ok(want)) => assert_eq!(got.user, *want, "{name}"),
            (Err(got), Err((text, hint))) => {
                assert!(
                    got.text.contains(text) && got.hint.as_ref().unwrap().contains(hint),
                    "{name}: {got}"
                );
                assert_eq!(got.exit, crate::exit::Exit::Config, "{name}");
            }
            (got, _) => panic!("{name}: {got:?}"),
        }
    }
}

#[test]
fn the_environment_is_enough() {
    let (account, warnings) = run(
        None,
        &[
            ("MAILBEARER_PROVIDER", "custom"),
            ("MAILBEARER_USER", "u@x"),
            ("MAILBEARER_OAUTH_GRANT", "client_credentials"),
            ("MAILBEARER_OAUTH_TENANT", "t"),
            ("MAILBEARER_OAUTH_CLIENT_ID", "c"),
            ("MAILBEARER_OAUTH_CLIENT_SECRET", "s"),
            ("MAILBEARER_OAUTH_TOKEN_URL", "https://localhost:1/token"),
            ("MAILBEARER_OAUTH_SCOPE", "a/.default"),
            ("MAILBEARER_IMAP_HOST", "localhost"),
            ("MAILBEARER_IMAP_PORT", "9930"),
            ("MAILBEARER_IMAP_TLS", "starttls"),
            ("MAILBEARER_TIMEOUTS_READ", "2"),
            ("PATH", "/bin"),
        ],
        None,
    );
    let account = account.unwrap();
    assert_eq!(warnings, [""; 0]);
    assert_eq!(client_secret(&account), "s");
    assert_eq!(
        account.imap,
        Some(mailbearer::Server::new("localhost", 9930, mailbearer::Security::StartTls))
    );
    assert_eq!((account.smtp, account.timeouts.read), (None, Some(std::time::Duration::from_secs(2))));
}

#[test]
fn a_wrong_variable_is_named() {
    let (error, _) = run(Some(TWO), &[("MAILBEARER_IMAP_PORT", "x")], Some("one"));
    assert_eq!(error.unwrap_err().text, "MAILBEARER_IMAP_PORT: must be a port number, 1 to 65535");
    let (_, warnings) = run(Some(TWO), &[("MAILBEARER_IMAP_HSOT", "x")], Some("one"));
    assert_eq!(
        warnings,
        [
            "the environment variable MAILBEARER_IMAP_HSOT means nothing to this program; did you mean MAILBEARER_IMAP_HOST?"
        ]
    );
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let arguments = GlobalArgs {
        config: Some("/no/such.toml".into()),
        account: None,
        json: false,
        trace: None,
        lang: None,
    };
    let error = find(&arguments, std::iter::empty(), None, &mut Vec::new()).unwrap_err();
    assert!(error.text.starts_with("cannot read the configuration file /no/such.toml: "), "{error}");
}

#[test]
fn file_names_are_relative_to_the_file_that_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let server = mailbearer_mock::Server::start(mailbearer_mock::memory::Options::default()).unwrap();
    fs::write(folder.path().join("ca.pem"), server.ca_pem()).unwrap();
    fs::write(folder.path().join("secret"), "hunter2\n").unwrap();
    fs::write(
        &path,
        "[accounts.a]\nuser = 'u'\nprovider = 'microsoft365'\ntls.ca_file = 'ca.pem'\n\
         oauth = { tenant = 't', client_id = 'c', client_secret = { file = 'secret' } }\n",
    )
    .unwrap();
    let arguments = GlobalArgs { config: Some(path), account: None, json: false, trace: None, lang: None };
    let account = find(&arguments, std::iter::empty(), None, &mut Vec::new()).unwrap().account;
    assert!(account.tls.is_some());
    assert_eq!(client_secret(&account), "hunter2");
    let variables = [("MAILBEARER_TLS_CA_FILE", "ca.pem")].map(|(name, value)| (name.into(), value.into()));
    let error = find(&arguments, variables.into_iter(), None, &mut Vec::new()).unwrap_err();
    assert!(error.text.starts_with("MAILBEARER_TLS_CA_FILE: the file ca.pem cannot be read"), "{error}");
    fs::write(folder.path().join("ca.pem"), "no certificate").unwrap();
    let error = find(&arguments, std::iter::empty(), None, &mut Vec::new()).unwrap_err();
    assert!(error.text.ends_with("ca.pem is of no use: no certificate in PEM form found"), "{error}");
}

/// A configuration with a secret in it that others can read draws a warning, for group, too.
#[cfg(unix)]
#[test]
fn warns_of_a_secret_in_a_file_for_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, TWO).unwrap();
    for (mode, want) in [(0o644, 1), (0o640, 1), (0o600, 0)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let mut warnings = Vec::new();
        read_file(&path, true, &mut warnings).unwrap();
        assert_eq!(warnings.len(), want, "{mode:o}");
    }
}

fn client_secret(account: &Account) -> &str {
    let Login::OAuth(oauth) = &account.login else { panic!("{:?}", account.login) };
    let ClientProof::Secret(secret) = &oauth.client else { panic!("{oauth:?}") };
    secret.expose()
}
