//! The grants of robots against the memory server, which verifies what they sign.

use std::{
    env, fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use mailbearer::{
    Account, ClientProof, Error, Grant, Kind, Provider, Retry, Secret,
    error::Protocol,
    grant::{
        Algorithm, Asking, AssertionSource, ClientCertificate, FileAssertion, GitHubActions, Identity,
        ManagedIdentity, ServiceAccountKey, VariableAssertion,
    },
};
use mailbearer_mock::{Server as Mock, memory::Options};

use crate::{
    facade::{account, mock, tokio},
    foreign::{Bench, run},
};

const CERTIFICATE: &str = include_str!("../fixtures/keys/rsa.crt");
const OTHER: &str = include_str!("../fixtures/keys/other.crt");
const PKCS8: &str = include_str!("../fixtures/keys/rsa-pkcs8.pem");
const PKCS1: &str = include_str!("../fixtures/keys/rsa-pkcs1.pem");
const PKCS12: &[u8] = include_bytes!("../fixtures/keys/rsa.p12");
const OLD_PKCS12: &[u8] = include_bytes!("../fixtures/keys/rsa-old.p12");

fn servers() -> Mock {
    let mut options = Options::default();
    options.client_certificate = Some(CERTIFICATE.into());
    mock(options)
}

fn certificate(key: &str, algorithm: Algorithm) -> ClientCertificate {
    ClientCertificate::from_pem(CERTIFICATE.as_bytes(), &key.into(), algorithm).unwrap()
}

/// A token on both runtimes, each good for a login and asked for anew.
fn works(server: &Mock, account: impl Fn() -> Account) {
    let before = server.tokens().issued();
    let robot = account().blocking().unwrap();
    robot.connect_imap().unwrap().logout().unwrap();
    assert_eq!(robot.token().unwrap().access_token.expose(), &server.tokens().latest().unwrap());
    tokio(async { account().tokio().unwrap().connect_imap().await.unwrap().logout().await.unwrap() });
    assert_eq!(server.tokens().issued(), before + 2);
}

fn fails(account: Account) -> Error {
    let error = account.blocking().unwrap().token().unwrap_err();
    assert_eq!(error.protocol(), Some(Protocol::TOKEN), "{error}");
    error
}

#[test]
fn a_certificate_takes_the_place_of_a_secret() {
    let server = servers();
    let with = |certificate| account(&server).client_assertion(server.client_id(), certificate);
    for key in [PKCS8, PKCS1] {
        for algorithm in [Algorithm::Ps256, Algorithm::Rs256] {
            works(&server, || with(certificate(key, algorithm)));
            works(&server, || with(certificate(key, algorithm).with_chain()));
        }
    }
    for file in [PKCS12, OLD_PKCS12] {
        let opened = || ClientCertificate::from_pkcs12(file, &"hunter2".into(), Algorithm::Ps256);
        works(&server, || with(opened().unwrap()));
        let error = ClientCertificate::from_pkcs12(file, &"wrong".into(), Algorithm::Ps256).unwrap_err();
        assert!(error.is_configuration() && error.to_string().contains("PKCS#12"), "{error}");
    }
    // One that the application does not know.
    let stranger = mock(Options::default());
    let error = fails(
        account(&stranger).client_assertion(stranger.client_id(), certificate(PKCS8, Algorithm::Ps256)),
    );
    assert!(error.is_configuration() && error.to_string().contains("AADSTS700027"), "{error}");
    // And one of another key is known before anything is sent.
    let error = ClientCertificate::from_pem(OTHER.as_bytes(), &PKCS8.into(), Algorithm::Ps256).unwrap_err();
    assert!(error.to_string().contains("not that of the first certificate"), "{error}");
    let ends_at = certificate(PKCS8, Algorithm::Ps256).ends_at().unwrap();
    assert!(ends_at > std::time::SystemTime::now() + Duration::from_secs(50 * 365 * 86_400));
}

/// A refresh token goes with the same proof.
#[test]
fn a_certificate_also_proves_who_refreshes() {
    let server = servers();
    let refresh = || {
        let mut account =
            account(&server).client_assertion(server.client_id(), certificate(PKCS8, Algorithm::Ps256));
        let oauth = account.oauth_mut().unwrap();
        oauth.grant = Grant::RefreshToken(server.tokens().new_refresh_token().unwrap().into());
        account
    };
    works(&server, refresh);
}

#[test]
fn a_federated_token_is_read_again_for_each_request() {
    let server = servers();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let with = || account(&server).client_assertion(server.client_id(), FileAssertion::new(&path));
    let error = fails(with());
    assert_eq!(error.kind(), Kind::Source, "{error}");
    fs::write(&path, server.federated_token(GitHubActions::AZURE).unwrap() + "\n").unwrap();
    works(&server, with);
    let robot = with().blocking().unwrap();
    robot.token().unwrap();
    server.tokens().expire_all();
    // Another issuer's, which only shows if it is looked at.
    fs::write(&path, server.federated_token("api://other").unwrap()).unwrap();
    let error = robot.connect_imap().map(drop).unwrap_err();
    assert!(error.to_string().contains("AADSTS700213"), "{error}");

    let token = server.federated_token(GitHubActions::AZURE).unwrap();
    works(&server, || {
        let token = Secret::from(token.as_str());
        account(&server).client_assertion(server.client_id(), move || Ok(token.clone()))
    });
    let variable = VariableAssertion::new("MAILBEARER_TEST_NO_SUCH_VARIABLE");
    let error = fails(account(&server).client_assertion(server.client_id(), variable));
    assert!(error.to_string().contains("holds no assertion"), "{error}");
}

#[test]
fn github_actions_gives_a_job_its_token() {
    let server = servers();
    let (url, token) = server.actions();
    let audience = Provider::Microsoft365.assertion_audience().unwrap();
    let with = |token: &str, audience: &str| {
        let job = GitHubActions::new(&url, token, audience).unwrap();
        account(&server).client_assertion(server.client_id(), job)
    };
    works(&server, || with(token, audience));
    let error = fails(with("wrong", audience));
    assert!(error.to_string().contains("HTTP 401") && !error.to_string().contains("wrong"), "{error}");
    let error = fails(with(token, "api://AzureADTokenExchangeChina"));
    assert!(error.to_string().contains("AzureADTokenExchangeChina"), "{error}");
    assert!(GitHubActions::new("http://localhost/", "x", audience).is_err());
}

#[test]
fn a_service_account_acts_for_a_person() {
    let server = servers();
    let json = server.service_account_key(PKCS8);
    let scope = |account: Account, scope: &str| {
        let mut account = account;
        account.oauth_mut().unwrap().scope = scope.into();
        account
    };
    let with = |subject: &str| {
        let key = ServiceAccountKey::from_json(json.as_bytes(), subject).unwrap();
        scope(account(&server), "").service_account(key)
    };
    works(&server, || with(server.user()));
    let error = fails(with("nobody@mailbearer.test"));
    assert!(error.to_string().contains("invalid_grant") && error.is_auth(), "{error}");
    let error = fails(scope(with(server.user()), "https://www.googleapis.com/auth/drive"));
    assert!(error.to_string().contains("unauthorized_client"), "{error}");
    let other = json.replace("0123456789abcdef", "another");
    let key = ServiceAccountKey::from_json(other.as_bytes(), server.user()).unwrap();
    assert!(
        fails(scope(account(&server), "").service_account(key)).to_string().contains("no key with this id")
    );
    for (from, to) in [("service_account\"", "authorized_user\""), ("BEGIN PRIVATE", "BEGIN PUBLIC")] {
        let error = ServiceAccountKey::from_json(json.replacen(from, to, 1).as_bytes(), "x").unwrap_err();
        assert!(error.is_configuration(), "{error}");
    }
}

#[test]
fn a_machine_has_an_identity() {
    let server = servers();
    let scope = "https://outlook.office365.com/.default";
    let at = |identity: ManagedIdentity| {
        let mut account = account(&server).managed_identity(identity);
        account.oauth_mut().unwrap().scope = scope.into();
        account
    };
    let machine = || ManagedIdentity::at(&server.virtual_machine_url()).unwrap();
    works(&server, || at(machine()));
    works(&server, || at(machine().with_identity(Identity::ClientId, "8f1b2c3d")));
    // While it is updated it says 410, and has to be asked again.
    server.tokens().fail_requests(1);
    works(&server, || at(machine()));

    let (url, header) = server.app_service();
    works(&server, || at(ManagedIdentity::app_service(&url, header).unwrap()));
    let error = fails(at(ManagedIdentity::app_service(&url, "wrong").unwrap()));
    assert!(error.to_string().contains("wrong X-IDENTITY-HEADER"), "{error}");
}

/// What the first answer names is read and shown, if it is in the agent's folder.
#[test]
fn azure_arc_wants_to_be_shown_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.arc_folder = Some(folder.path().into());
    let server = mock(options);
    let at = |folder: &std::path::Path| {
        let identity = ManagedIdentity::arc(&server.arc_url()).unwrap().with_arc_folder(folder);
        let mut account = account(&server).managed_identity(identity);
        account.oauth_mut().unwrap().scope = "https://outlook.office365.com/.default".into();
        account
    };
    works(&server, || at(folder.path()));
    let elsewhere = tempfile::tempdir().unwrap();
    let error = fails(at(elsewhere.path()));
    assert!(error.to_string().contains("the key of Azure Arc in "), "{error}");
}

#[test]
fn a_persons_password_is_a_grant_too() {
    let server = servers();
    let with = |password: &str| {
        let mut account = account(&server);
        let oauth = account.oauth_mut().unwrap();
        oauth.client = ClientProof::None;
        oauth.grant = Grant::Password { username: server.user().into(), password: password.into() };
        oauth.scope = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access".into();
        account
    };
    works(&server, || with(server.person_password()));
    let error = fails(with("wrong password"));
    assert!(error.is_auth() && !error.to_string().contains("wrong password"), "{error}");
}

/// A failure that passes is tried again; one that does not, never.
#[test]
fn requests_are_repeated_where_that_helps() {
    let server = servers();
    server.tokens().fail_requests(2);
    account(&server).blocking().unwrap().token().unwrap();
    server.tokens().fail_requests(1);
    let mut never = account(&server);
    never.retry = Retry::NEVER;
    let error = fails(never);
    assert!(error.is_transient() && error.retry_after() == Some(Duration::from_secs(1)), "{error}");
    // The next one succeeds, so that the first was all there was.
    let mut refresh = account(&server);
    refresh.oauth_mut().unwrap().grant = Grant::RefreshToken("unknown".into());
    server.tokens().fail_requests(0);
    let error = fails(refresh);
    assert!(error.to_string().contains("invalid_grant"), "{error}");
    let mut hasty = account(&server);
    hasty.retry.budget = Duration::from_millis(900);
    server.tokens().fail_requests(1);
    assert!(fails(hasty).is_transient(), "the server asks for a second");
}

/// A source of one's own can ask other servers, by the account's own ways.
#[test]
fn an_assertion_can_come_from_anywhere() {
    struct Counting(std::sync::Mutex<Vec<u8>>);
    impl AssertionSource for Counting {
        fn assertion<'a>(
            &'a self,
            asking: &'a Asking<'a>,
        ) -> mailbearer::Pending<'a, Result<Secret, mailbearer::SourceError>> {
            Box::pin(async {
                assert!(asking.token_url().ends_with("/token") && asking.scope().ends_with("/.default"));
                assert!(!asking.client_id().is_empty() && asking.random()? != asking.random()?);
                self.0.lock().unwrap().write_all(b"x")?;
                Err("none today".into())
            })
        }
    }
    let server = servers();
    let source = Arc::new(Counting(std::sync::Mutex::default()));
    let mut account = account(&server);
    account.oauth_mut().unwrap().client = ClientProof::Assertion(source.clone());
    let error = fails(account);
    assert_eq!(error.to_string(), "token: none today");
    assert_eq!(source.0.lock().unwrap().len(), 1);
}

/// Microsoft's library for Python gets a robot's tokens from the same servers.
#[test]
fn microsofts_library_is_a_robot_too() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let mut options = Options::default();
    options.client_certificate = Some(CERTIFICATE.into());
    let bench = Bench::start(options);
    let server = &bench.server;
    let (app_url, app_header) = server.app_service();
    // Debian's packages are its own interpreter's. Another one may have another version of the library.
    let python = env::var_os("MAILBEARER_TEST_PYTHON").unwrap_or_else(|| "/usr/bin/python3".into());
    let mut command = Command::new(python);
    command
        .arg(format!("{folder}/conformance/microsoft/robots.py"))
        .env("AUTHORITY", server.token_url().replace("/oauth2/v2.0/token", ""))
        .env("CONTROL_URL", server.control_url())
        .env("CA_FILE", bench.ca_file())
        .env("CLIENT_ID", server.client_id())
        .env("CLIENT_SECRET", server.client_secret())
        .env("SCOPE", server.scope())
        .env("USER_NAME", server.user())
        .env("PASSWORD", server.person_password())
        .env("KEY_FILE", format!("{folder}/fixtures/keys/rsa-pkcs8.pem"))
        .env("CERTIFICATE_FILE", format!("{folder}/fixtures/keys/rsa.crt"))
        .env("ASSERTION", server.federated_token(GitHubActions::AZURE).unwrap())
        .env("REFRESH_TOKEN", server.tokens().new_refresh_token().unwrap())
        .env("APP_IDENTITY_ENDPOINT", app_url)
        .env("APP_IDENTITY_HEADER", app_header)
        // It counts for more than what the script says.
        .env("REQUESTS_CA_BUNDLE", bench.ca_file())
        .env("NO_PROXY", "*");
    assert_eq!(
        run(&mut command, "").out(),
        "secret\ncertificate\ncertificate and chain\ncertificate by SHA-256\nassertion\nrefused\npassword\nrefresh\n\
         refresh token\napp\nmachine\n"
    );
}

/// The second request of a flow goes over the connection of the first, unless the server closed it or said too much.
#[test]
fn a_flow_uses_its_connection_again_where_it_can() {
    const CHALLENGE: &str =
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=/x/a.key\r\nContent-Length: 0\r\n";
    let token = r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":"3600"}"#;
    let token = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{token}", token.len());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.key"), "k3y").unwrap();
    for (name, challenge, keeps, connections) in [
        ("kept", format!("{CHALLENGE}\r\n"), true, 1),
        ("says that it closes", format!("{CHALLENGE}Connection: close\r\n\r\n"), true, 2),
        ("closes without a word", format!("{CHALLENGE}\r\n"), false, 2),
        ("splits", format!("{CHALLENGE}\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}"), true, 2),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://127.0.0.1:{}/x", listener.local_addr().unwrap().port());
        let answer = token.clone();
        let server = thread::spawn(move || {
            let mut heard = Vec::new();
            for client in listener.incoming() {
                let mut client = client.unwrap();
                heard.push(0);
                while let Some(request) = request(&mut client) {
                    *heard.last_mut().unwrap() += 1;
                    if request.contains("\r\nAuthorization: Basic k3y\r\n") {
                        client.write_all(answer.as_bytes()).unwrap();
                        return heard;
                    }
                    client.write_all(challenge.as_bytes()).unwrap();
                    if !keeps {
                        break;
                    }
                }
            }
            heard
        });
        let identity = ManagedIdentity::arc(&url).unwrap().with_arc_folder(folder.path());
        let account = Account::custom("robot@x", "", "https://x/.default").managed_identity(identity);
        let found = account.blocking().unwrap().token();
        assert_eq!(found.unwrap().access_token.expose(), "t0ken", "{name}");
        assert_eq!(server.join().unwrap().len(), connections, "{name}");
    }
}

/// One request without a body; `None` where the client has gone.
fn request(client: &mut TcpStream) -> Option<String> {
    let mut heard = Vec::new();
    let mut octet = [0];
    while !heard.ends_with(b"\r\n\r\n") {
        match client.read(&mut octet) {
            Ok(1..) => heard.extend(octet),
            _ => return None,
        }
    }
    String::from_utf8(heard).ok()
}
