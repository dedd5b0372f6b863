//! How many times the client speaks for one message, TLS included.

use mailbearer::{Account, Address, Message, Security, Server};
use mailbearer_mock::{Server as Mock, memory::Options};

use crate::pop3::proxy::Proxy;

/// EHLO, STARTTLS, the two of TLS with EHLO again behind them, AUTH, the message with QUIT; DATA waits once more, and so does a
/// token that does not fit into the line of AUTH.
#[test]
fn one_message_takes_six_by_bdat_and_eight_at_most() {
    for (security, extensions, token_octets, want) in [
        (Security::StartTls, Some("CHUNKING"), 200, 6),
        (Security::StartTls, Some("CHUNKING"), 1500, 7),
        (Security::StartTls, None, 200, 7),
        (Security::StartTls, None, 1500, 8),
        (Security::Implicit, Some("CHUNKING"), 200, 5),
        (Security::Implicit, None, 1500, 7),
    ] {
        let mut options = Options::default();
        options.token_octets = token_octets;
        options.smtp_extensions = extensions.unwrap_or("LIMITS MAILMAX=9").parse().unwrap();
        let mock = Mock::start(options).unwrap();
        let ports = mock.ports();
        let proxy = Proxy::new(if security == Security::Implicit { ports.smtps } else { ports.smtp });
        let mut account = Account::custom(mock.user(), mock.token_url(), mock.scope())
            .client_credentials(mock.client_id(), mock.client_secret())
            .ca_pem(mock.ca_pem())
            .unwrap();
        account.smtp = Some(Server::new("localhost", proxy.port, security));
        let client = account.blocking().unwrap();
        let user = Address::parse(mock.user()).unwrap();
        let message = client.compose(&Message::new(user.clone()).to(user).text("x")).unwrap();
        client.send(&message).unwrap();
        assert_eq!(mock.mailbox().messages("INBOX").len(), 1);
        assert_eq!(proxy.flights(), want, "{security:?} {extensions:?} {token_octets}");
    }
}
