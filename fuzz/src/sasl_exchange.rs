//! A server reads the credentials that the client was given, and gets a secret at most once, whatever it asks.

use arbitrary::{Arbitrary, Unstructured};
use mailbearer_sasl::{
    Credentials, Exchange, Mechanism,
    server::{Acceptor, Received},
};

#[derive(Arbitrary, Debug)]
struct Input {
    mechanism: u8,
    user: String,
    secret: String,
    host: String,
    port: u16,
    inline: bool,
    challenges: Vec<Vec<u8>>,
}

/// `data` is an [`Input`].
pub fn run(data: &[u8]) {
    let Ok(input) = Input::arbitrary(&mut Unstructured::new(data)) else { return };
    let mechanism = Mechanism::ALL[usize::from(input.mechanism) % Mechanism::ALL.len()];
    let (user, secret) = (input.user.as_str(), input.secret.as_str());
    let with = |secret: &str| {
        if mechanism.is_bearer() {
            Credentials::bearer(user, secret)
        } else {
            Credentials::password(user, secret)
        }
    };
    let Ok(credentials) = with(secret) else { return };
    // What is shown does not depend on the secret.
    assert_eq!(format!("{credentials:?}"), format!("{:?}", with("another").unwrap()));
    let Ok(mut exchange) = Exchange::new(mechanism, &credentials, &input.host, input.port) else {
        assert!(input.host.chars().any(char::is_control));
        return;
    };
    let mut acceptor = Acceptor::new(mechanism);
    let mut said = Vec::new();
    if input.inline {
        said.extend(exchange.initial_response());
    }
    for challenge in &input.challenges {
        match exchange.respond(challenge) {
            Ok(answer) => said.push(answer),
            Err(_) => break,
        }
    }
    assert!(said.len() <= usize::from(Exchange::CHALLENGES) + 1);
    if let Some(reason) = exchange.reason() {
        assert!(
            !reason.raw.chars().any(char::is_control)
                && reason.raw.len() <= 4 * mailbearer_sasl::Reason::LIMIT
        );
    }
    let mut said = said.into_iter();
    for answer in said.by_ref() {
        match acceptor.receive(answer.expose()).unwrap() {
            Received::Prompt(_) => {}
            Received::Login(login) => {
                assert_eq!((login.user.as_str(), login.secret.expose().as_str()), (user, secret));
                break;
            }
        }
    }
    // All that follows is the answer to a refusal.
    for answer in said {
        assert!(acceptor.is_acknowledgement(answer.expose()));
    }
}
