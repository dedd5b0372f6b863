//! Conversations of a whole run of a client, as `mailbearer --trace=FILE` writes them.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::{
    Authority, Certificate, Difference, LineError, Transcript,
    serve::Player,
    transcript::{Turn, TurnKind},
};

/// Several transcripts in one file, and the settings with which a client says the same again.
///
/// The lines are those of a [`Transcript`], and two marks more: `--set NAME VALUE--` is a setting of the client, and
/// `--connection N SERVICE--` begins the connection of that number, or goes on with it. The services are `token`, `imap`,
/// `smtp` and `pop3`, and `client` for a client that a relay served, which is not played.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    settings: Vec<(String, String)>,
    connections: Vec<(u64, String, Transcript)>,
}

impl Recording {
    /// Reads a recording from the text of its file.
    ///
    /// # Errors
    ///
    /// Returns the number of the first line that is none of the format's, with the rule it breaks.
    pub fn parse(text: &str) -> Result<Self, LineError> {
        let (mut recording, mut current) = (Self::default(), None);
        for (line, content) in (1..).zip(text.lines()) {
            let mark = content.strip_prefix("--").and_then(|rest| rest.strip_suffix("--"));
            if let Some(setting) = mark.and_then(|mark| mark.strip_prefix("set ")) {
                let wrong = LineError { line, rule: "a setting has a name and a value" };
                let (name, value) = setting.split_once(' ').ok_or(wrong)?;
                recording.settings.push((name.to_owned(), value.to_owned()));
            } else if let Some(connection) = mark.and_then(|mark| mark.strip_prefix("connection ")) {
                let wrong = LineError { line, rule: "a connection has a number and a service" };
                let (number, service) = connection.split_once(' ').ok_or(wrong)?;
                let number: u64 = number.parse().map_err(|_| wrong)?;
                if service != CLIENT && !SERVICES.contains(&service) {
                    return Err(LineError {
                        line,
                        rule: "the services are token, imap, smtp, pop3 and client",
                    });
                }
                let known = recording.connections.iter().position(|(own, _, _)| *own == number);
                current = Some(known.unwrap_or(recording.connections.len()));
                if known.is_none() {
                    let empty = Transcript { turns: Vec::new() };
                    recording.connections.push((number, service.to_owned(), empty));
                }
            } else if let Some((_, _, transcript)) = current.and_then(|at| recording.connections.get_mut(at))
            {
                transcript.push(line, content)?;
            } else if !content.is_empty() && !content.starts_with('#') {
                return Err(LineError { line, rule: "a line before the first connection" });
            }
        }
        // Nobody heard what the client said after the server had closed, often its QUIT.
        for (_, _, transcript) in &mut recording.connections {
            let ends = |turn: &Turn| matches!(turn.kind, TurnKind::Close | TurnKind::Reset);
            if let Some(end) = transcript.turns.iter().position(ends) {
                transcript.turns.truncate(end.saturating_add(1));
            }
        }
        Ok(recording)
    }

    /// The transcripts of its connections with their services, in the order in which they were made.
    pub fn connections(&self) -> impl Iterator<Item = (&str, &Transcript)> {
        self.connections.iter().map(|(_, service, transcript)| (service.as_str(), transcript))
    }

    /// Whom its messages were sent to, in the order in which the client said so.
    fn recipients(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for (_, _, transcript) in self.connections.iter().filter(|(_, service, _)| service == "smtp") {
            for turn in &transcript.turns {
                let TurnKind::Client(pattern) = &turn.kind else { continue };
                let line = pattern.clone().literal().and_then(|line| String::from_utf8(line).ok());
                let path = line.as_deref().and_then(|line| line.strip_prefix("RCPT TO:<")?.split('>').next());
                if let Some(path) = path.filter(|path| !all.iter().any(|known| known == path)) {
                    all.push(path.to_owned());
                }
            }
        }
        all
    }

    /// Makes a header for each message that the client replied to, as long as the one that was left out: the client takes
    /// the recipients of its reply from there.
    fn restore_headers(&mut self) {
        let recipients = self.recipients();
        for (_, _, transcript) in self.connections.iter_mut().filter(|(_, service, _)| service == "imap") {
            let mut is_header = false;
            for turn in &mut transcript.turns {
                match &mut turn.kind {
                    TurnKind::ServerOctets { count, text } if is_header => {
                        *text = header(&recipients, *count)
                    }
                    _ => {}
                }
                is_header = match &turn.kind {
                    TurnKind::Server(pattern) => {
                        pattern.clone().literal().is_some_and(|line| announces_header(&line))
                    }
                    _ => false,
                };
            }
        }
    }

    /// Plays the servers on free ports of 127.0.0.1 until the result is dropped. Each service plays its connections in order, and
    /// then begins with the first again. If the recording has no token endpoint, there is one that hands out a token. Calls
    /// `differs` when a client says something else.
    ///
    /// # Errors
    ///
    /// Fails if there is no free port, and if no certificate can be made.
    pub fn play(mut self, differs: impl Fn(&Difference) + Send + Sync + 'static) -> io::Result<Playing> {
        self.restore_headers();
        let authority = Authority::new()?;
        let tls = authority.server_config(Certificate::Good)?;
        let differs = Arc::new(differs);
        let over = Arc::new(AtomicBool::new(false));
        let mut playing = Playing {
            settings: self.settings,
            ca_pem: authority.pem(),
            ports: BTreeMap::new(),
            over: Arc::clone(&over),
            threads: Vec::new(),
        };
        for service in SERVICES {
            let mut turns: Vec<_> = self.connections.iter().filter(|(_, own, _)| own == service).collect();
            let fallback = (0, (*service).to_owned(), Transcript::parse(TOKEN).map_err(io::Error::other)?);
            let closed =
                (0, (*service).to_owned(), Transcript::parse("--close--").map_err(io::Error::other)?);
            let setting = format!("MAILBEARER_{}_TLS", service.to_ascii_uppercase());
            let is_named = playing.settings.iter().any(|(name, _)| *name == setting);
            match (turns.is_empty(), *service) {
                (false, _) => {}
                (true, "token") => turns.push(&fallback),
                // The account has such a server, and the client did not get as far as to talk to it.
                (true, _) if is_named => turns.push(&closed),
                (true, _) => continue,
            }
            let turns: Vec<Transcript> =
                turns.into_iter().map(|(_, _, transcript)| transcript.clone()).collect();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            playing.ports.insert(service, listener.local_addr()?.port());
            let (tls, differs, over) = (Arc::clone(&tls), Arc::clone(&differs), Arc::clone(&over));
            playing.threads.push(thread::Builder::new().name((*service).to_owned()).spawn(move || {
                let (turns, next) = (Arc::new(turns), AtomicUsize::new(0));
                for client in listener.incoming() {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(client) = client else { continue };
                    let (turns, tls, differs) = (Arc::clone(&turns), Arc::clone(&tls), Arc::clone(&differs));
                    let turn =
                        next.fetch_add(1, Ordering::SeqCst).checked_rem(turns.len()).unwrap_or_default();
                    thread::spawn(move || {
                        let Some(transcript) = turns.get(turn) else { return };
                        if let Err(difference) = Player::new(transcript, tls).run(client) {
                            differs(&difference);
                        }
                    });
                }
            })?);
        }
        Ok(playing)
    }
}

/// The servers of a [`Recording`].
#[derive(Debug)]
#[must_use = "they play until this is dropped"]
pub struct Playing {
    settings: Vec<(String, String)>,
    ca_pem: String,
    ports: BTreeMap<&'static str, u16>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Playing {
    /// Returns the certificate that clients have to trust, in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Returns the port of a service, if the recording has it.
    #[must_use]
    pub fn port(&self, service: &str) -> Option<u16> {
        self.ports.get(service).copied()
    }

    /// Returns the account's configuration as environment variables of the `mailbearer` program. `ca_file` is where
    /// [`ca_pem`](Self::ca_pem) was written to.
    #[must_use]
    pub fn env(&self, ca_file: &Path) -> Vec<(String, String)> {
        let setting =
            |name: &str| self.settings.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        let own = self.settings.iter().filter(|(name, _)| name.starts_with("MAILBEARER_"));
        let mut variables: BTreeMap<String, String> = own.cloned().collect();
        let mut set = |name: &str, value: String| drop(variables.insert(name.to_owned(), value));
        if setting("MAILBEARER_PASSWORD").is_none() {
            let path = setting("TOKEN_PATH").unwrap_or("/token");
            let port = self.port("token").unwrap_or_default();
            set("MAILBEARER_OAUTH_TOKEN_URL", format!("https://localhost:{port}{path}"));
            if setting("MAILBEARER_OAUTH_GRANT").is_none() {
                set("MAILBEARER_OAUTH_GRANT", "client_credentials".to_owned());
                set("MAILBEARER_OAUTH_CLIENT_SECRET", "replayed-secret".to_owned());
            } else {
                // A person logs in: one port says what the token endpoint and the device endpoint said, in its order.
                set("MAILBEARER_OAUTH_AUTHORIZE_URL", format!("https://localhost:{port}/authorize"));
                set("MAILBEARER_OAUTH_DEVICE_URL", format!("https://localhost:{port}/devicecode"));
            }
            if setting("MAILBEARER_OAUTH_CLIENT_ID").is_none() {
                set("MAILBEARER_OAUTH_CLIENT_ID", "replayed".to_owned());
            }
        }
        for (service, name) in
            [("imap", "MAILBEARER_IMAP"), ("smtp", "MAILBEARER_SMTP"), ("pop3", "MAILBEARER_POP3")]
        {
            match self.port(service) {
                Some(port) => {
                    variables.insert(format!("{name}_HOST"), "localhost".to_owned());
                    variables.insert(format!("{name}_PORT"), port.to_string());
                }
                None => drop(variables.remove(&format!("{name}_TLS"))),
            }
        }
        let mut variables: Vec<(String, String)> = variables.into_iter().collect();
        variables.push(("MAILBEARER_TLS_CA_FILE".to_owned(), ca_file.display().to_string()));
        variables
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        for port in self.ports.values() {
            // Wakes the thread that waits for a client.
            drop(TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))));
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Whether a line ends in the literal of a message's header.
fn announces_header(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line).to_ascii_uppercase();
    let Some((before, _)) = text.strip_suffix('}').and_then(|text| text.rsplit_once(" {")) else {
        return false;
    };
    before.ends_with("BODY[HEADER]") || before.ends_with("RFC822.HEADER")
}

/// A header whose answer goes to `recipients`, as far as they fit into so many octets.
fn header(recipients: &[String], octets: usize) -> Vec<u8> {
    const END: &str = "\r\n\r\n";
    let room = octets.saturating_sub(END.len());
    let mut text = String::new();
    for recipient in recipients {
        let start = if text.is_empty() { "From: replayed@mailbearer.test\r\nReply-To: " } else { ",\r\n " };
        if text.len().saturating_add(start.len()).saturating_add(recipient.len()) > room {
            break;
        }
        text.push_str(start);
        text.push_str(recipient);
    }
    let pad = if text.is_empty() { "X-Replayed: " } else { "\r\nX-Replayed: " };
    let filler = if text.len().saturating_add(pad.len()) > room { b' ' } else { b'x' };
    if filler == b'x' {
        text.push_str(pad);
    }
    let mut text = text.into_bytes();
    text.resize(room.max(text.len()), filler);
    text.extend_from_slice(END.as_bytes());
    text
}

/// What is not played.
const CLIENT: &str = "client";
const SERVICES: &[&str] = &["token", "imap", "smtp", "pop3"];
/// A token endpoint for recordings of clients that had their token from before.
const TOKEN: &str = "--TLS--\n--C HTTP--\nS: HTTP/1.1 200 OK\nS: Content-Type: application/json\n\
                     S: Content-Length: 80\nS:\n\
                     S: {\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"replayed-access-token\"}\\\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_go_on_after_another() {
        let text = "# x\n--set MAILBEARER_USER a b--\n--connection 1 token--\n--TLS--\n--connection 2 imap--\n--TLS--\n\
                    S: * OK\n--connection 1 token--\n--C HTTP--\n--connection 2 imap--\nC: A1 NOOP\n";
        let recording = Recording::parse(text).unwrap();
        let told: Vec<_> = recording.connections().map(|(service, one)| (service, one.turns.len())).collect();
        assert_eq!(told, [("token", 2), ("imap", 3)]);
        assert_eq!(recording.settings, [("MAILBEARER_USER".to_owned(), "a b".to_owned())]);
    }

    #[test]
    fn an_answered_message_has_the_header_that_its_answer_needs() {
        let text = "--connection 1 imap--\nS: * 1 FETCH (UID 1 BODY[HEADER] {200}\n--S 200 x--\nS: )\n\
                    S: * 1 FETCH (BODY[1] {9}\n--S 9 x--\nS: )\n\
                    --connection 2 smtp--\nC: RCPT TO:<ann@x>\nC: RCPT TO:<\\<any>@x> NOTIFY=NEVER\nC: RCPT TO:<ann@x>\n";
        let mut recording = Recording::parse(text).unwrap();
        assert_eq!(recording.recipients(), ["ann@x", "<any>@x"].map(|text| text.split('>').next().unwrap()));
        recording.restore_headers();
        let sent = String::from_utf8(recording.connections[0].2.server_octets("")).unwrap();
        let head = "* 1 FETCH (UID 1 BODY[HEADER] {200}\r\nFrom: replayed@mailbearer.test\r\nReply-To: ann@x,\r\n <any\r\n";
        assert!(
            sent.starts_with(head)
                && sent.ends_with("x\r\n\r\n)\r\n* 1 FETCH (BODY[1] {9}\r\nxxxxxxxxx)\r\n"),
            "{sent}"
        );
        let ann = ["ann@example.org".to_owned()];
        for (octets, want) in [
            (0, "\r\n\r\n".to_owned()),
            (9, "     \r\n\r\n".to_owned()),
            (20, "X-Replayed: xxxx\r\n\r\n".to_owned()),
            (
                64,
                format!(
                    "From: replayed@mailbearer.test\r\nReply-To: ann@example.org{}\r\n\r\n",
                    " ".repeat(3)
                ),
            ),
        ] {
            let text = String::from_utf8(header(&ann, octets)).unwrap();
            assert_eq!(text, want);
            assert_eq!(text.len(), octets.max(4));
        }
    }

    #[test]
    fn nobody_hears_what_is_said_to_a_closed_connection() {
        for end in ["--close--", "--reset--"] {
            let text = format!("--connection 1 smtp--\nS: 535 no\n{end}\nC: QUIT\nS: x\n");
            let recording = Recording::parse(&text).unwrap();
            let told: Vec<_> = recording.connections().map(|(_, one)| one.turns.len()).collect();
            assert_eq!(told, [2], "{end}");
        }
    }

    #[test]
    fn recordings_of_the_field_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings");
        let mut count = 0_usize;
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            count += Recording::parse(&text).unwrap().connections().count();
        }
        assert!(count >= 4);
    }

    #[test]
    fn what_the_account_has_is_there_though_nobody_talked_to_it() {
        let recording = Recording::parse("--set MAILBEARER_IMAP_TLS implicit--\n").unwrap();
        let playing = recording.play(|_| ()).unwrap();
        assert!(playing.port("imap").is_some() && playing.port("token").is_some());
        assert_eq!(playing.port("smtp"), None);
        let variables = playing.env(Path::new("/ca.pem"));
        let get = |name: &str| variables.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        assert_eq!(get("MAILBEARER_IMAP_HOST"), Some("localhost"));
        assert_eq!(get("MAILBEARER_TLS_CA_FILE"), Some("/ca.pem"));
        assert!(get("MAILBEARER_OAUTH_TOKEN_URL").unwrap().ends_with("/token"));
    }
}
