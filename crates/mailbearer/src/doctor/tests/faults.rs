//! Shows each entry of the catalogue once, by a fault of the memory server or by what is wrong on this machine, and
//! checks that the library names it. A new entry needs a fault of its own name, or a row here.

use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    net::TcpListener,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use mailbearer_imap::{SearchKey, Text, UidSet};
use mailbearer_mock::{
    Server as Mock,
    memory::{Fault, Options, Personality},
};
use mailbearer_net::{self as net, Proxies, Proxy};
use mailbearer_oauth::{self as oauth, Retry};

use crate::{
    Account, Blocking, Client, Error, FileStore, Grant, Login, Message, OAuth, Range, Security, Server,
    Token,
    advice::{self, entries},
    error::Protocol,
    token::{StoreError, Trouble},
};

/// Faults that show another entry than that of their name, and the place where they do.
const NAMES: &[(&str, &str, &str)] = &[
    ("throttled", "token", "tenant-throttled"),
    ("throttled", "smtp", "thread-limit"),
    ("authenticate-failed", "smtp", "smtp-auth-exchange"),
    ("authenticate-failed", "pop3", "pop-auth"),
    ("gmail-token-refused", "imap", "gmail-auth"),
    ("gmail-token-refused", "smtp", "gmail-smtp-auth"),
    ("gmail-token-refused", "pop3", "pop-credentials"),
    ("reply-lost", "smtp", "outcome-unknown"),
    ("server-busy", "token", "token-endpoint-busy"),
    ("server-busy", "imap", "imap-bye"),
    ("server-busy", "smtp", "greeting-busy"),
    ("server-busy", "pop3", "server-unavailable"),
    // Networks.
    ("tls-alert", "net", "tls-failed"),
    // The token endpoint.
    ("app-unsupported", "token", "app-not-found"),
    ("secret-for-public-client", "token", "secret-not-wanted"),
    ("assertion-certificate", "token", "assertion-audience"),
    ("federated-subject", "token", "federated-credential"),
    ("other-cloud", "token", "wrong-cloud"),
    ("grant-on-common", "token", "tenant-needed"),
    ("not-multi-tenant", "token", "single-tenant"),
    ("personal-accounts-only", "token", "account-kind"),
    ("organizations-only", "token", "account-kind"),
    ("user-of-another-tenant", "token", "user-elsewhere"),
    ("no-tenant", "token", "tenant-needed"),
    ("not-consented", "token", "consent-missing"),
    ("admin-consent", "token", "consent-missing"),
    ("resource-not-listed", "token", "exchange-permission-missing"),
    ("resource-not-found", "token", "no-exchange"),
    ("scope-not-valid", "token", "scope-invalid"),
    ("scope-not-default", "token", "scope-default"),
    ("scopes-of-two-resources", "token", "scope-two-resources"),
    ("parameter-missing", "token", "request-malformed"),
    ("malformed-request", "token", "request-malformed"),
    ("wrong-password", "token", "password-wrong"),
    ("second-factor-enrolment", "token", "second-factor"),
    ("external-challenge", "token", "second-factor"),
    ("security-defaults", "token", "security-policy"),
    ("redirect-uri", "token", "redirect-mismatch"),
    ("refresh-token-expired", "token", "refresh-expired"),
    ("token-revoked", "token", "refresh-revoked"),
    ("spa-refresh-token", "token", "spa-refresh"),
    ("authorization-pending", "token", "device-pending"),
    ("slow-down", "token", "device-slow-down"),
    ("device-code-expired", "token", "device-expired"),
    ("wrong-datacentre", "token", "device-datacentre"),
    ("google-invalid-grant", "token", "google-refresh-dead"),
    ("google-org-internal", "token", "google-internal"),
    ("google-deleted-client", "token", "deleted-client"),
    ("google-assertion-time", "token", "clock"),
    ("client-without-reason", "token", "invalid-client"),
    ("token-server-error", "token", "token-endpoint-busy"),
    ("not-json", "token", "not-oauth"),
    ("token-not-yet-valid", "token", "clock-wrong"),
    ("clock-behind", "token", "clock-wrong"),
    ("directory-in-china", "token", "cloud-mismatch"),
    // What a token says of itself, to the IMAP server.
    ("token-for-another-service", "token", "token-audience"),
    ("token-without-roles", "token", "token-role-missing"),
    ("token-with-role-of-pop", "token", "token-role-missing"),
    ("token-without-scope", "token", "token-scope-missing"),
    ("token-of-another-tenant", "token", "token-other-tenant"),
    ("token-of-another-person", "token", "token-other-account"),
    // IMAP.
    ("logon-denied", "imap", "authenticate-failed"),
    ("wrong-server", "imap", "mailbox-moving"),
    ("basic-login-off", "imap", "imap-basic-off"),
    ("session-token-expired", "imap", "token-expired"),
    ("gmail-session-expired", "imap", "token-expired"),
    ("connection-closed", "imap", "connection-closed-14"),
    ("argument-error", "imap", "command-error"),
    ("bare-server-unavailable", "imap", "server-unavailable"),
    ("yahoo-unavailable", "imap", "server-unavailable"),
    ("bad-charset", "imap", "search-charset"),
    ("gmail-connections", "imap", "too-many-connections"),
    ("dovecot-connections", "imap", "too-many-connections"),
    ("gmail-bandwidth", "imap", "throttled"),
    ("netease-unsafe-login", "imap", "id-wanted"),
    ("login-limit", "imap", "limit"),
    ("no-such-mailbox", "imap", "no-folder"),
    ("mailbox-in-use", "imap", "server-unavailable"),
    ("append-over-quota", "imap", "over-quota"),
    // Submission.
    ("smtp-basic-disabled", "smtp", "smtp-basic-off"),
    ("smtp-basic-retired", "smtp", "smtp-basic-off"),
    ("smtp-wrong-credentials", "smtp", "smtp-credentials"),
    ("smtp-federation-down", "smtp", "federation-unreachable"),
    ("smtp-line-too-long", "smtp", "line-too-long"),
    ("smtp-mechanism", "smtp", "smtp-mechanism-unknown"),
    ("smtp-high-volume-address", "smtp", "hve-address"),
    ("smtp-temporary-auth-failure", "smtp", "smtp-auth-busy"),
    ("gmail-web-login-smtp", "smtp", "gmail-smtp-web-login"),
    ("not-authenticated", "smtp", "smtp-not-authenticated"),
    ("client-no-permission", "smtp", "send-as-denied"),
    ("sender-throttled", "smtp", "penalty-send-as"),
    ("submission-quota", "smtp", "daily-recipients"),
    ("sender-threads", "smtp", "thread-limit"),
    ("mailbox-logon-failure", "smtp", "mailbox-logon"),
    ("proxy-failure", "smtp", "backend-proxy"),
    ("access-denied-busy", "smtp", "server-busy"),
    ("bad-outbound-sender", "smtp", "account-blocked"),
    ("spam-abuse", "smtp", "account-blocked"),
    ("tenant-threshold", "smtp", "account-blocked"),
    ("unregistered-domain", "smtp", "tenant-threshold"),
    ("external-recipient-limit", "smtp", "tenant-threshold"),
    ("bare-line-feed", "smtp", "bare-line-ends"),
    ("several-from", "smtp", "message-format"),
    ("no-from", "smtp", "message-format"),
    ("external-sending", "smtp", "hve-internal"),
    ("not-a-submission-server", "smtp", "greeting-refused"),
    // POP3.
    ("pop-protocol-error", "pop3", "pop-one-line-auth"),
    ("pop-login-delay", "pop3", "pop-in-use"),
    ("pop-system-temporary", "pop3", "server-unavailable"),
    ("pop-system-permanent", "pop3", "pop-system"),
    ("pop-message-unavailable", "pop3", "server-unavailable"),
    ("pop-connections", "pop3", "too-many-connections"),
    ("pop-message-refused", "pop3", "pop-refused"),
    ("imap-command-refused", "imap", "imap-refused"),
];

/// Messages that QUIT could not remove: the library reports that, but not as a failure.
const TOLD: &[&str] = &["pop-not-removed"];

/// Returns the entry that a fault shows at a place.
fn wanted(fault: &'static Fault, place: &str) -> &'static str {
    let named = NAMES.iter().find(|(name, at, _)| *name == fault.name() && *at == place);
    named.map_or(fault.name(), |(.., entry)| entry)
}

/// A server and its accounts.
pub(super) struct Bench {
    mock: Mock,
    /// Fetched before anything went wrong.
    token: Token,
}

impl Bench {
    fn new() -> Self {
        let mut options = Options::default();
        options.limits.silence = Duration::from_secs(5);
        let mock = Mock::start(options).unwrap();
        mock.mailbox().deliver(*b"Subject: x\r\n\r\nx\r\n").unwrap();
        let token = prepared(Self::oauth(&mock), &mock).blocking().unwrap().token().unwrap();
        Self { mock, token }
    }

    fn oauth(mock: &Mock) -> Account {
        Account::custom(mock.user(), mock.token_url(), mock.scope())
            .client_credentials(mock.client_id(), mock.client_secret())
    }

    /// Returns an account that has its token already, and no server yet.
    fn account(&self) -> Account {
        let token = self.token.clone();
        prepared(Account::with_source(self.mock.user(), move |_| Ok(token.clone())), &self.mock)
    }

    fn imap(&self) -> Account {
        self.account().imap(Server::new("localhost", self.mock.ports().imaps, Security::Implicit))
    }

    fn smtp(&self, security: Security) -> Account {
        let ports = self.mock.ports();
        let port = if security == Security::Implicit { ports.smtps } else { ports.smtp };
        self.account().smtp(Server::new("localhost", port, security))
    }

    /// Returns what a fault shows at a place: to the doctor, or if it finds nothing, to other operations.
    pub(super) fn shown(&self, fault: &Fault, place: &str) -> String {
        self.mock.set_fault(Some(*fault));
        let ports = self.mock.ports();
        let account = match place {
            "token" => prepared(Self::oauth(&self.mock), &self.mock).imap(Server::new(
                "localhost",
                ports.imaps,
                Security::Implicit,
            )),
            "imap" => self.imap(),
            "pop3" => self.account().pop3(Server::new("localhost", ports.pop3s, Security::Implicit)),
            "smtp" => self.smtp(Security::Implicit),
            _ => self.imap(),
        };
        let found = examined(account.clone());
        if found.is_none() && place == "net" {
            return examined(self.smtp(Security::StartTls)).unwrap_or_default();
        }
        let client = account.blocking().unwrap();
        let id = found.or_else(|| {
            let error = match place {
                "imap" => read(&client).err(),
                "smtp" => send(&client).err(),
                "pop3" => collect(&client).err(),
                _ => None,
            };
            advice::of(&error?).map(|entry| entry.id().to_owned())
        });
        id.unwrap_or_default()
    }
}

/// Sets what all accounts here have in common.
fn prepared(mut account: Account, mock: &Mock) -> Account {
    account.timeouts.connect = Duration::from_secs(1);
    account.timeouts.read = Some(Duration::from_secs(1));
    account.retry = Retry::NEVER;
    account.ca_pem(mock.ca_pem()).unwrap()
}

/// Returns the first diagnosis.
fn examined(account: Account) -> Option<String> {
    let report = account.blocking().unwrap().examine(|_| ());
    report.diagnoses().first().map(|first| first.id().to_owned())
}

fn read(client: &Client<Blocking>) -> Result<(), Error> {
    let mut imap = client.connect_imap()?;
    imap.append("INBOX", &[], None, b"Subject: y\r\n\r\ny\r\n")?;
    imap.create("New")?;
    imap.delete("New")?;
    let mut inbox = imap.examine("INBOX")?;
    let mut listing = inbox.list(Range::All)?;
    while listing.next()?.is_some() {}
    inbox.copy(UidSet::from(1), "Drafts")?;
    // Exchange, which this server speaks as, refuses it also where nothing else is wrong.
    inbox.search(&SearchKey::Subject(Text::from("é")))?;
    imap.logout()
}

fn send(client: &Client<Blocking>) -> Result<(), Error> {
    let user = client.account().user.parse().unwrap();
    let message = Message::new(user).to("ann@example.org".parse().unwrap()).text("x");
    client.send(&client.compose(&message)?).map(drop)
}

fn collect(client: &Client<Blocking>) -> Result<(), Error> {
    let mut pop3 = client.connect_pop3()?;
    let mut body = pop3.fetch(1)?;
    while body.next()?.is_some() {}
    drop(body);
    pop3.delete(&[1])?;
    pop3.quit().map(drop)
}

/// Entries that no server can show: what is wrong on this machine, in its settings or on the way.
const LOCAL: &[(&str, fn(&Bench) -> Vec<String>)] = &[
    ("no-imap-server", |bench| told(client(bench.account()).connect_imap())),
    ("no-smtp-server", |bench| told(client(bench.account()).connect_smtp())),
    ("no-pop3-server", |bench| told(client(bench.account()).connect_pop3())),
    ("no-client-id", |bench| {
        told(changed(Bench::oauth(&bench.mock), |oauth| oauth.client_id.clear()).blocking())
    }),
    ("no-login", |bench| {
        let person = |oauth: &mut OAuth| oauth.grant = Grant::Person(Box::default());
        told(client(prepared(changed(Bench::oauth(&bench.mock), person), &bench.mock)).token())
    }),
    ("settings", |bench| told(bench.account().ca_pem("-----BEGIN"))),
    ("invalid-host", |bench| all(bench.account().imap(Server::new("imap://x", 993, Security::Implicit)))),
    ("cloud-mismatch", |bench| {
        let mut account = microsoft(bench, "secret");
        account.imap = Some(Server::new("outlook.office365.us", 993, Security::Implicit));
        all(account)
    }),
    ("secret-is-id", |bench| all(microsoft(bench, "8f1b2c3d-0d4e-4b1a-8a38-7f0a6d1b9c55"))),
    ("token-store", |bench| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let store = FileStore::new(file.path().join("tokens"));
        told(client(Bench::oauth(&bench.mock).store(store)).token())
    }),
    ("keyring-locked", |_| named(&StoreError::new("keyring", Trouble::Locked(None)).into())),
    ("no-keyring", |_| named(&StoreError::new("keyring", Trouble::NoKeyring("no bus".into())).into())),
    ("token-locked", |_| named(&StoreError::new("tokens", Trouble::Busy(Duration::from_secs(30))).into())),
    ("busy", |_| named(&Error::token_response(oauth::Error::Unready { status: 404 }))),
    ("password-refused", |_| {
        let mut options = Options::default();
        options.personality = Personality::Gmail;
        let mock = Mock::start(options).unwrap();
        let mut account = prepared(Account::with_source(mock.user(), |_| Err("none".into())), &mock);
        account.login = Login::Password("wrong".into());
        let server = |port| Server::new("localhost", port, Security::Implicit);
        let account = account
            .imap(server(mock.ports().imaps))
            .pop3(server(mock.ports().pop3s))
            .smtp(server(mock.ports().smtps));
        let robot = client(account.clone());
        let told = [
            told(robot.connect_imap()),
            told(robot.connect_smtp()),
            told(robot.connect_pop3()),
            all(account),
        ]
        .concat();
        assert!(told.len() >= 4 && told.iter().all(|id| *id == told[0]), "{told:?}");
        told
    }),
    ("smtputf8-not-offered", |_| {
        let capability = mailbearer_smtp::Capability::SmtpUtf8;
        named(&Error::message(mailbearer_smtp::Refusal::NotOffered { capability }))
    }),
    ("extension-not-offered", |_| {
        let capability = mailbearer_smtp::Capability::BinaryMime;
        named(&Error::message(mailbearer_smtp::Refusal::NotOffered { capability }))
    }),
    ("token-source", |_| {
        let account = Account::with_source("robot@example.org", |_| Err("the vault is closed".into()));
        told(client(account).token())
    }),
    ("backoff", |bench| {
        bench.mock.set_fault(Fault::find("server-busy"));
        let client = client(prepared(Bench::oauth(&bench.mock), &bench.mock));
        let first = told(client.token());
        assert_eq!(first, ["token-endpoint-busy"]);
        told(client.token())
    }),
    ("no-address", |bench| all(bench.account().imap(Server::new("name.invalid", 993, Security::Implicit)))),
    ("connection-refused", |bench| {
        all(bench.account().imap(Server::new("localhost", closed_port(), Security::Implicit)))
    }),
    ("unreachable", |_| named(&connecting(io::ErrorKind::NetworkUnreachable.into()))),
    ("connect-timeout", |_| named(&connecting(io::ErrorKind::TimedOut.into()))),
    ("timeout", |_| {
        let after = Duration::from_secs(60);
        named(&Error::net(Protocol::IMAP, net::Error::Timeout { stage: net::Stage::Read, after }))
    }),
    ("broken", |_| {
        let source = io::ErrorKind::ConnectionReset.into();
        named(&Error::net(Protocol::IMAP, net::Error::Io { stage: net::Stage::Read, source }))
    }),
    ("proxy", |bench| through(bench, "http", None)),
    ("proxy-credentials", |bench| {
        through(
            bench,
            "http",
            Some("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
        )
    }),
    ("proxy-refused", |bench| {
        through(bench, "http", Some("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
    }),
    ("proxy-protocol", |bench| through(bench, "socks5", Some("220 mail.example.test ESMTP\r\n"))),
];

fn client(account: Account) -> Client<Blocking> {
    account.blocking().unwrap()
}

fn changed(mut account: Account, change: impl FnOnce(&mut OAuth)) -> Account {
    let Login::OAuth(oauth) = &mut account.login else { panic!("no OAuth") };
    change(oauth);
    account
}

fn named(error: &Error) -> Vec<String> {
    advice::of(error).map(|entry| entry.id().to_owned()).into_iter().collect()
}

fn told<T>(result: Result<T, Error>) -> Vec<String> {
    named(&result.err().unwrap())
}

/// Returns all diagnoses.
fn all(account: Account) -> Vec<String> {
    let report = account.blocking().unwrap().examine(|_| ());
    report.diagnoses().iter().map(|one| one.id().to_owned()).collect()
}

/// Returns an account at Microsoft that never gets there: its proxy does not exist.
fn microsoft(bench: &Bench, secret: &str) -> Account {
    let mut account = Account::microsoft365("robot@contoso.com", "contoso.com");
    (account.imap, account.smtp, account.pop3) = (None, None, None);
    account.proxies = Proxies::all(Proxy::parse(&format!("http://127.0.0.1:{}", closed_port())).unwrap());
    prepared(account.client_credentials("8f1b2c3d", secret), &bench.mock)
}

/// Connects through a proxy that says this to each client, or does not exist.
fn through(bench: &Bench, scheme: &str, says: Option<&'static str>) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let speaker = thread::spawn(move || {
        let Some(says) = says else { return };
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(says.as_bytes()).unwrap();
        let _ = client.read_to_end(&mut Vec::new());
    });
    // Loopback addresses are reached without a proxy.
    let mut account = bench.account().imap(Server::new("imap.example.org", 993, Security::Implicit));
    account.proxies = Proxies::all(Proxy::parse(&format!("{scheme}://127.0.0.1:{port}")).unwrap());
    if says.is_none() {
        speaker.join().unwrap();
    }
    all(account)
}

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn connecting(source: io::Error) -> Error {
    Error::net(Protocol::IMAP, net::Error::Connect { host: "imap.example.org".to_owned(), port: 993, source })
}

/// Does `work` on all `rows`, on as many servers as there are processors. Returns what was wrong.
pub(super) fn each<T: Sync>(rows: &[T], work: impl Fn(&Bench, &T) -> Option<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from).min(4) {
            scope.spawn(|| {
                let bench = Bench::new();
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    bench.mock.set_fault(None);
                    let found = work(&bench, row);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}

#[test]
fn each_entry_has_a_fault_or_a_local_cause() {
    let faults = Fault::all().flat_map(|fault| fault.places().map(move |place| (fault, place)));
    let shown: BTreeSet<&str> = faults.map(|(fault, place)| wanted(fault, place)).collect();
    let local: BTreeSet<&str> = LOCAL.iter().map(|(entry, _)| *entry).collect();
    let without: Vec<&str> =
        entries().map(advice::Entry::id).filter(|id| !shown.contains(id) && !local.contains(id)).collect();
    assert!(without.is_empty(), "without a fault: {without:#?}");
    for (fault, place, entry) in NAMES {
        assert!(Fault::find(fault).is_some_and(|fault| fault.places().any(|own| own == *place)), "{fault}");
        assert!(advice::by_id(entry).is_some() && fault != entry, "{fault}: {entry}");
    }
}

#[test]
fn each_fault_of_a_server_is_named() {
    let rows: Vec<_> =
        Fault::all().flat_map(|fault| fault.places().map(move |place| (fault, place))).collect();
    let rows: Vec<_> = rows.into_iter().filter(|(fault, _)| !TOLD.contains(&fault.name())).collect();
    let wrong = each(&rows, |bench, (fault, place)| {
        let (shown, wanted) = (bench.shown(fault, place), wanted(fault, place));
        (shown != wanted).then(|| format!("{} at {place}: {shown}, wanted {wanted}", fault.name()))
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_cause_on_this_machine_is_named() {
    let wrong = each(LOCAL, |bench, (entry, cause)| {
        let shown = cause(bench);
        (!shown.iter().any(|one| one == entry)).then(|| format!("{shown:?}, wanted {entry}"))
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}
