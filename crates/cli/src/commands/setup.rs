use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use console::Term;
use mailbearer::{GrantType, Provider, Secret};
use mailbearer_bridge::named;

use super::login;
use crate::{
    cli::{GlobalArgs, LoginArgs},
    config::{self, folders},
    error::Error,
    output::{self, Output},
    session::Session,
};

#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    /// Mail provider, one of those that `mailbearer providers` lists
    #[arg(long)]
    pub(crate) provider: Option<Provider>,
    /// Address of the mailbox
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) user: Option<String>,
    /// How tokens are obtained; by default the provider's first choice for a person
    #[arg(long, value_name = "GRANT")]
    pub(crate) grant: Option<GrantType>,
    /// Directory (tenant) at Microsoft: its id or one of its domains
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Id of the registered application
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// File that holds the application's secret, or the key of a service account
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Redirect address, where the provider takes https ones only
    #[arg(long, value_name = "URI")]
    pub(crate) redirect_uri: Option<String>,
    /// What the account is called in the configuration
    #[arg(long, value_name = "NAME", default_value = "mail")]
    pub(crate) name: String,
    /// Write the configuration, and get no token yet
    #[arg(long)]
    pub(crate) no_login: bool,
}

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &SetupArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let Some(path) = global.config.clone().or_else(folders::own_config_file) else {
        return Err(
            Error::config("no folder is known for the configuration").hint("name a file: --config FILE")
        );
    };
    if arguments.name.is_empty()
        || !arguments.name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    {
        return Err(Error::usage("the name of an account is made of letters, digits and hyphens"));
    }
    if config::has_account(&path, &arguments.name)? {
        let error = format!("{} has an account {} already", named(&path), arguments.name);
        return Err(Error::config(error).hint("choose another name: --name NAME"));
    }
    let provider = match arguments.provider {
        Some(provider) => provider,
        None => ask("Mail provider (as `mailbearer providers` lists them)", "--provider")?
            .parse()
            .map_err(|error: mailbearer::UnknownProvider| Error::usage(error.to_string()))?,
    };
    let user = value(arguments.user.as_ref(), "Address of the mailbox", "--user")?;
    let grant = grant(arguments, provider)?;
    output::notice(steps(provider, grant, &user, arguments));
    let tenant = match (&arguments.tenant, provider.token_url(None), grant.is_application()) {
        (None, None, true) => Some(ask("Directory (tenant) ID", "--tenant")?),
        (tenant, ..) => tenant.clone(),
    };
    let client_id = match grant {
        GrantType::ServiceAccount => None,
        _ => Some(value(arguments.client_id.as_ref(), "Application (client) ID", "--client-id")?),
    };
    let redirect_uri = match (&arguments.redirect_uri, provider.redirect_host(), grant) {
        (None, None, GrantType::AuthorizationCode) => {
            Some(ask("Redirect address that was registered", "--redirect-uri")?)
        }
        (uri, ..) => uri.clone(),
    };
    let secret_file = match &arguments.secret_file {
        Some(file) => Some(absolute(file)?),
        None => match wants_secret(provider, grant) {
            Some(what) => keep_secret(&path, &arguments.name, what)?,
            None => None,
        },
    };
    let secret_key = if grant == GrantType::ServiceAccount { "service_account_key" } else { "client_secret" };
    let secret_file = secret_file.map(|file| file.display().to_string());
    let text = table(
        &arguments.name,
        &[("provider", Some(provider.name())), ("user", Some(&user))],
        &[
            ("grant", Some(grant.name())),
            ("tenant", tenant.as_deref()),
            ("client_id", client_id.as_deref()),
            ("redirect_uri", redirect_uri.as_deref()),
        ],
        secret_key,
        secret_file.as_deref(),
    );
    append(&path, &text)?;
    output::notice(format_args!("wrote [accounts.{}] to {}", arguments.name, named(&path)));
    if arguments.no_login {
        return Ok(());
    }
    let global = GlobalArgs {
        config: Some(path),
        account: Some(arguments.name.clone()),
        json: global.json,
        trace: global.trace.clone(),
        lang: global.lang,
    };
    if grant.needs_person() {
        return login::run(&global, &LoginArgs::default(), out);
    }
    // The first token proves that the registration is right. It is kept and not printed.
    Session::open(&global, true)?.with_token(|client| client.token())?;
    out.line(&format!("{user}: a token was issued; `mailbearer doctor` tries the rest"))
}

fn grant(arguments: &SetupArgs, provider: Provider) -> Result<GrantType, Error> {
    let person = [GrantType::AuthorizationCode, GrantType::DeviceCode];
    let first = provider.grants().iter().find(|grant| person.contains(grant)).copied();
    let grant = match (arguments.grant, first) {
        (Some(grant), _) | (None, Some(grant)) => grant,
        (None, None) => GrantType::ClientCredentials,
    };
    let taken =
        grant.needs_person() || matches!(grant, GrantType::ClientCredentials | GrantType::ServiceAccount);
    if !taken {
        return Err(
            Error::usage(format!("setup does not know {grant}")).hint("mailbearer help config explains it")
        );
    }
    provider
        .check(grant, arguments.tenant.as_deref())
        .map_err(|error| Error::usage(error.to_string()).hint(error.instead))?;
    Ok(grant)
}

/// The page on registering at the provider, with known values filled in.
fn steps(provider: Provider, grant: GrantType, user: &str, arguments: &SetupArgs) -> String {
    let page = match (provider, grant) {
        (Provider::OutlookCom, _) => include_str!("../../providers/outlook.com.md"),
        (Provider::Google, GrantType::ServiceAccount) => {
            include_str!("../../providers/google-service-account.md")
        }
        (Provider::Google, _) => include_str!("../../providers/google-person.md"),
        (Provider::Yahoo | Provider::Aol, _) => include_str!("../../providers/yahoo.md"),
        (Provider::Fastmail, _) => include_str!("../../providers/fastmail.md"),
        (Provider::Microsoft365China, _) => include_str!("../../providers/21vianet.md"),
        (Provider::Microsoft365 | Provider::Microsoft365UsGov | Provider::Microsoft365UsDod, grant) => {
            if grant.is_application() {
                include_str!("../../providers/microsoft365-robot.md")
            } else {
                include_str!("../../providers/microsoft365-person.md")
            }
        }
        _ => "No page is known of how this provider registers applications; ask it for a client id.\n",
    };
    // Without the page's example of a configuration, which this command writes.
    let (page, _) = page.split_once("```toml").unwrap_or((page, ""));
    let mut page = page.replace("USER", user);
    if let Some(tenant) = &arguments.tenant {
        page = page.replace("TENANT", tenant);
    }
    if let Some(id) = &arguments.client_id {
        page = page.replace("CLIENT-ID", id);
    }
    page.trim_end().to_owned() + "\n"
}

/// The secret that the grant needs, if any.
fn wants_secret(provider: Provider, grant: GrantType) -> Option<&'static str> {
    match (provider, grant) {
        (_, GrantType::ClientCredentials) => Some("Client secret (the value, not its id)"),
        (_, GrantType::ServiceAccount) => None,
        (Provider::Google | Provider::Yahoo | Provider::Aol, _) => Some("Client secret"),
        _ => None,
    }
}

/// Asks for a secret without showing it, and writes it to a file beside the configuration.
fn keep_secret(config: &Path, name: &str, what: &str) -> Result<Option<PathBuf>, Error> {
    let secret = if io::stdin().is_terminal() {
        output::notice(format_args!("{what} (it does not show):"));
        Term::stderr().read_secure_line().map_err(|error| no_answer("--secret-file", &error))?
    } else {
        ask(what, "--secret-file")?
    };
    let secret = Secret::<String>::new(secret);
    if secret.expose().trim().is_empty() {
        return Ok(None);
    }
    // Names in the configuration are relative to its folder.
    let file = PathBuf::from(format!("{name}.secret"));
    if let Some(folder) = config.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    }
    let path = config.with_file_name(&file);
    write(&path, OpenOptions::new().write(true).create_new(true), secret.expose().trim())?;
    Ok(Some(file))
}

fn value(given: Option<&String>, what: &str, option: &str) -> Result<String, Error> {
    match given {
        Some(given) => Ok(given.clone()),
        None => ask(what, option),
    }
}

/// Asks on standard error, and reads a line from standard input.
fn ask(what: &str, option: &str) -> Result<String, Error> {
    let _ = write!(io::stderr(), "{what}: ");
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| no_answer(option, &error))?;
    let line = line.trim().to_owned();
    if line.is_empty() {
        let _ = writeln!(io::stderr());
        return Err(Error::usage(format!("{what}: nothing was said"))
            .hint(format!("the option {option} says it too")));
    }
    Ok(line)
}

fn no_answer(option: &str, error: &io::Error) -> Error {
    Error::usage(format!("standard input can't be read: {error}")).hint(format!("use the option {option}"))
}

fn absolute(file: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(file).map_err(|error| Error::input("the secret", file, &error))
}

/// The account as TOML.
fn table(
    name: &str,
    account: &[(&str, Option<&str>)],
    oauth: &[(&str, Option<&str>)],
    secret_key: &str,
    secret_file: Option<&str>,
) -> String {
    let lines = |pairs: &[(&str, Option<&str>)]| {
        let pairs = pairs.iter().filter_map(|(key, value)| Some((key, (*value)?)));
        pairs.map(|(key, value)| format!("{key} = {}\n", quoted(value))).collect::<String>()
    };
    let secret = secret_file.map(|file| format!("{secret_key} = {{ file = {} }}\n", quoted(file)));
    format!(
        "[accounts.{name}]\n{}[accounts.{name}.oauth]\n{}{}",
        lines(account),
        lines(oauth),
        secret.unwrap_or_default()
    )
}

/// A basic string of TOML, whose escapes are those of JSON.
fn quoted(text: &str) -> String {
    mailbearer::proto::wire::json_string(text)
}

/// Appends an account to the file. Only the user may read the file.
fn append(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    }
    let is_new = fs::metadata(path).map_or(true, |metadata| metadata.len() == 0);
    let text = if is_new { text.to_owned() } else { format!("\n{text}") };
    write(path, OpenOptions::new().append(true).create(true), &text)
}

fn write(path: &Path, options: &mut OpenOptions, text: &str) -> Result<(), Error> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let mut file = options.open(path).map_err(|error| cannot(path, &error))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &io::Error) -> Error {
    Error::output("write", path, error)
}
