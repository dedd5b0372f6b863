//! Gets a token, sends a message and lists the inbox, over the protocol crates alone.
//!
//! There is no `mailbearer`, no `mailbearer-net` and no rustls in here: TLS is the system's. The settings are those
//! that `mailbearer mock` prints, as environment variables.

mod driver;

use std::{
    collections::HashMap,
    env, fs,
    hash::{BuildHasher, RandomState},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use mailbearer_imap::{Data, FetchItem, Item, Mailbox, Response, SequenceSet, session};
use mailbearer_mime::{DateTime, Message, decode};
use mailbearer_oauth::{Client, Endpoint, TokenExchange, TokenRequest};
use mailbearer_sasl::Credentials;
use mailbearer_smtp as smtp;
use mailbearer_wire::{Secret, Security};

use driver::{Connection, Result};

fn main() -> ExitCode {
    match run(&env::vars().collect()) {
        Ok(lines) => {
            lines.iter().for_each(|line| println!("{line}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does the whole job; returns a line for each message.
fn run(settings: &HashMap<String, String>) -> Result<Vec<String>> {
    let get = |name: &str| {
        let name = format!("MAILBEARER_{name}");
        settings.get(&name).map(String::as_str).ok_or(format!("{name} is not set"))
    };
    let server = |protocol: &str| -> Result<(&str, u16, Security)> {
        let security = match get(&format!("{protocol}_TLS"))? {
            "starttls" => Security::StartTls,
            _ => Security::Implicit,
        };
        Ok((get(&format!("{protocol}_HOST"))?, get(&format!("{protocol}_PORT"))?.parse()?, security))
    };
    let ca_pem = fs::read(get("TLS_CA_FILE")?)?;
    let client = Client::with_secret(get("OAUTH_CLIENT_ID")?, get("OAUTH_CLIENT_SECRET")?);
    let endpoint = Endpoint::parse(get("OAUTH_TOKEN_URL")?)?;
    let request = TokenRequest::client_credentials(endpoint, client, get("OAUTH_SCOPE")?);
    let user = get("USER")?;
    let token = token(&request, &ca_pem)?;
    send(user, &token, server("SMTP")?, &ca_pem)?;
    list(user, &token, server("IMAP")?, &ca_pem)
}

fn token(request: &TokenRequest, ca_pem: &[u8]) -> Result<Secret> {
    let place = (request.endpoint().host(), request.endpoint().port(), Security::Implicit);
    let mut connection =
        Connection::open(TokenExchange::new(request), place, ca_pem, TokenExchange::RECV_LIMIT)?;
    let token = connection.next()?.ok_or("the token endpoint gave no token")?;
    Ok(token.access_token)
}

fn send(user: &str, token: &Secret, server: (&str, u16, Security), ca_pem: &[u8]) -> Result<()> {
    let robot = mailbearer_mime::Address::parse(user)?;
    let message =
        Message::new(robot.clone()).to(robot).subject("Grüße").text("Hello\n").build(now()?, random())?;
    let mut options = smtp::Options::new(server.0, server.1);
    options.security = server.2;
    let mut machine = smtp::Session::new(options)?;
    // All that is to be done is said at once: the machine sends it in as few flights as the server lets it.
    machine.authenticate(Credentials::bearer(user, token.clone())?)?;
    machine.submit(smtp::Envelope::new(message.sender, &message.recipients))?;
    machine.quit()?;
    let mut connection = Connection::open(machine, server, ca_pem, 64 * 1024)?;
    let (mut left, mut done) = (message.octets.as_slice(), false);
    while let Some(event) = connection.next()? {
        match event {
            smtp::Event::BodyWanted(ticket) => {
                let taken = connection.machine.body(ticket, left)?;
                left = left.get(taken..).unwrap_or_default();
                if left.is_empty() {
                    connection.machine.finish_body(ticket)?;
                }
            }
            smtp::Event::Submitted(..) => done = true,
            smtp::Event::Refused(_, refusal) => return Err(format!("not sent: {refusal}").into()),
            _ => {}
        }
    }
    if done { Ok(()) } else { Err("the server took no message".into()) }
}

fn list(user: &str, token: &Secret, server: (&str, u16, Security), ca_pem: &[u8]) -> Result<Vec<String>> {
    let options = session::Options::new(server.0, server.1, server.2);
    let recv_limit = options.limits.buffer();
    let mut machine = session::Session::new(options);
    machine.authenticate(Credentials::bearer(user, token.clone())?)?;
    machine.examine(Mailbox::INBOX)?;
    machine.uid_fetch(SequenceSet::all(), vec![FetchItem::Uid, FetchItem::Envelope])?;
    machine.logout()?;
    let mut connection = Connection::open(machine, server, ca_pem, recv_limit)?;
    let mut lines = Vec::new();
    while let Some(event) = connection.next()? {
        match event {
            session::Event::Data(frame) => {
                if let Response::Untagged(Data::Fetch(message)) = frame.response()? {
                    lines.extend(line(&message.items));
                }
            }
            session::Event::Done(done) if !done.is_ok() => return Err(done.to_string().into()),
            _ => {}
        }
    }
    Ok(lines)
}

fn line(items: &[Item<'_>]) -> Option<String> {
    let uid = items.iter().find_map(|item| match item {
        Item::Uid(uid) => Some(uid),
        _ => None,
    });
    let subject = items.iter().find_map(|item| match item {
        Item::Envelope(envelope) => envelope.subject.as_deref(),
        _ => None,
    });
    Some(format!("{} {}", uid?, decode::unstructured(subject.unwrap_or_default())))
}

fn now() -> Result<DateTime> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(DateTime::new(i64::try_from(seconds)?, 0)?)
}

/// Octets that no other message has. The standard library has no other source of randomness.
fn random() -> [u8; 16] {
    let [high, low] = [0, 1].map(|seed: u64| RandomState::new().hash_one(seed));
    ((u128::from(high) << 64) | u128::from(low)).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::{Child, Command, Stdio},
    };

    use mailbearer_wire::Json;

    use super::*;

    /// `mailbearer mock`, for as long as it is needed.
    struct Mock(Child);

    impl Drop for Mock {
        fn drop(&mut self) {
            // It takes its files along at this signal.
            let _ = Command::new("kill").arg(self.0.id().to_string()).status();
            let _ = self.0.wait();
        }
    }

    fn mock() -> (Mock, HashMap<String, String>) {
        let program =
            env::var("MAILBEARER_PROGRAM").expect("MAILBEARER_PROGRAM names the program mailbearer");
        let mut mock = Command::new(program).args(["mock", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(mock.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let json = Json::parse(line.as_bytes()).expect("mailbearer mock prints an object");
        let names = ["USER", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_TOKEN_URL", "OAUTH_SCOPE"];
        let servers =
            ["IMAP_HOST", "IMAP_PORT", "IMAP_TLS", "SMTP_HOST", "SMTP_PORT", "SMTP_TLS", "TLS_CA_FILE"];
        let names = names.iter().chain(&servers).map(|name| format!("MAILBEARER_{name}"));
        let settings = names.map(|name| (name.clone(), json.get(&name).unwrap().text().unwrap()));
        (Mock(mock), settings.collect())
    }

    #[test]
    fn the_whole_job() {
        let (_mock, settings) = mock();
        assert_eq!(run(&settings).unwrap(), ["1 Grüße"]);
        assert_eq!(run(&settings).unwrap(), ["1 Grüße", "2 Grüße"]);
    }

    #[test]
    fn nothing_is_done_with_a_server_that_is_not_trusted() {
        let (_mock, mut settings) = mock();
        let (_other, others) = mock();
        let file = "MAILBEARER_TLS_CA_FILE".to_owned();
        settings.insert(file.clone(), others[&file].clone());
        let error = run(&settings).unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
    }

    #[test]
    fn a_wrong_secret_is_refused_in_the_servers_words() {
        let (_mock, mut settings) = mock();
        settings.insert("MAILBEARER_OAUTH_CLIENT_SECRET".into(), "wrong".into());
        let error = run(&settings).unwrap_err().to_string();
        assert!(error.contains("invalid_client"), "{error}");
    }
}
