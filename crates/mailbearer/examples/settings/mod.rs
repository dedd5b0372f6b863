//! The account of the examples, from the environment variables that `mailbearer mock` prints.

use std::{env, error::Error, fs};

use mailbearer::{Account, Security, Server};

/// Makes the account that the variables describe.
pub(crate) fn account() -> Result<Account, Box<dyn Error>> {
    let mut account = Account::custom(get("USER")?, get("OAUTH_TOKEN_URL")?, get("OAUTH_SCOPE")?)
        .client_credentials(get("OAUTH_CLIENT_ID")?, get("OAUTH_CLIENT_SECRET")?);
    account.imap = Some(server("IMAP")?);
    #[cfg(feature = "pop3")]
    {
        account.pop3 = Some(server("POP3")?);
    }
    account.smtp = Some(server("SMTP")?);
    // The mock has a certificate authority of its own. A provider does not need this.
    match get("TLS_CA_FILE") {
        Ok(file) => Ok(account.ca_pem(fs::read(file)?)?),
        Err(_) => Ok(account),
    }
}

fn server(protocol: &str) -> Result<Server, Box<dyn Error>> {
    let security = match get(&format!("{protocol}_TLS"))?.as_str() {
        "starttls" => Security::StartTls,
        _ => Security::Implicit,
    };
    let port = get(&format!("{protocol}_PORT"))?.parse()?;
    Ok(Server::new(get(&format!("{protocol}_HOST"))?, port, security))
}

fn get(name: &str) -> Result<String, String> {
    let name = format!("MAILBEARER_{name}");
    env::var(&name).map_err(|_| format!("{name} is not set; `mailbearer mock` prints it"))
}
