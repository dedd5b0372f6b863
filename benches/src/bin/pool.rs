//! Sends messages over a few connections, by our pool or by lettre's: arguments `ours|lettre MESSAGES CONNECTIONS`. The server
//! and the token are in the variables that `pool.py` sets, which measures it.

use std::{env, fs, thread};

use lettre::{
    SmtpTransport, Transport,
    transport::smtp::{
        PoolConfig,
        authentication::{Credentials, Mechanism},
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use mailbearer::{Account, Address, Client, Composed, Message, Outcome, Security, Server, Token};

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, who, messages, connections] = &*arguments else { panic!("ours|lettre MESSAGES CONNECTIONS") };
    let (count, connections) = (messages.parse().unwrap(), connections.parse().unwrap());
    let place = Place {
        user: env::var("MAILBEARER_USER").unwrap(),
        token: env::var("TOKEN").unwrap(),
        port: env::var("MOCK_SMTP_TLS_PORT").unwrap().parse().unwrap(),
        ca: fs::read(env::var("MAILBEARER_TLS_CA_FILE").unwrap()).unwrap(),
    };
    match who.as_str() {
        "ours" => place.ours(count, connections),
        _ => place.lettre(count, connections),
    }
}

struct Place {
    user: String,
    token: String,
    port: u16,
    ca: Vec<u8>,
}

impl Place {
    fn client(&self) -> Client {
        let token = self.token.clone();
        let mut account = Account::with_source(&self.user, move |_| Ok(Token::new(token.clone(), None)));
        account.smtp = Some(Server::new("localhost", self.port, Security::Implicit));
        account.ca_pem(&self.ca).unwrap().blocking().unwrap()
    }

    fn ours(&self, count: usize, connections: u32) {
        let client = self.client();
        let mut options = client.pool_options();
        options.connections = connections;
        let pool = client.pool_with(options);
        let message = composed(&client);
        let messages: Vec<&Composed> = (0..count).map(|_| &message).collect();
        let taken =
            pool.send_all(messages).filter(|sent| matches!(sent.outcome, Outcome::Accepted(_))).count();
        pool.close();
        assert_eq!(taken, count);
    }

    /// A thread for each connection: a transport sends one message at a time in each.
    fn lettre(&self, count: usize, connections: u32) {
        let tls = TlsParameters::builder("localhost".into())
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(&self.ca).unwrap())
            .build_rustls()
            .unwrap();
        let transport = SmtpTransport::builder_dangerous("localhost")
            .port(self.port)
            .tls(Tls::Wrapper(tls))
            .credentials(Credentials::new(self.user.clone(), self.token.clone()))
            .authentication(vec![Mechanism::Xoauth2])
            .pool_config(PoolConfig::new().max_size(connections))
            .build();
        let message = composed(&self.client());
        let [from, to] = [FROM, TO].map(|address| address.parse().unwrap());
        let envelope = lettre::address::Envelope::new(Some(from), vec![to]).unwrap();
        let each = count / usize::try_from(connections).unwrap();
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    for _ in 0..each {
                        transport.send_raw(&envelope, &message.octets).unwrap();
                    }
                });
            }
        });
    }
}

/// 4 kB that all of them send.
fn composed(client: &Client) -> Composed {
    let [from, to] = [FROM, TO].map(|address| Address::parse(address).unwrap());
    let text = "The quick brown fox jumps over the lazy dog.\n".repeat(90);
    client.compose(&Message::new(from).to(to).subject("side by side").text(text)).unwrap()
}

const FROM: &str = "a@x.test";
const TO: &str = "b@x.test";
