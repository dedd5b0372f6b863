use mailbearer_sasl::{
    Mechanism,
    server::{Acceptor, Login},
};
use mailbearer_wire::Secret;

use super::World;

/// Who is in: by a token, whose end is the session's, or by the password.
#[derive(Debug)]
pub(crate) enum Entry {
    Token(Secret),
    Password,
}

/// Whether `login` is let in.
pub(crate) fn check(world: &World, mechanism: Option<Mechanism>, login: Login) -> Option<Entry> {
    // RFC 7628 section 3.1: without a name it is the token's own user.
    let own = login.user.is_empty() || login.user.eq_ignore_ascii_case(&world.user);
    if mechanism.is_some_and(Mechanism::is_bearer) {
        return (own && world.tokens.login(login.secret.expose())).then_some(Entry::Token(login.secret));
    }
    let right = world.password.as_ref().is_some_and(|password| password.expose() == login.secret.expose());
    (own && right).then_some(Entry::Password)
}

/// The mechanisms that are offered: for passwords alone, or what the personality has.
pub(crate) fn mechanisms(world: &World, only_passwords: bool) -> Vec<Mechanism> {
    if only_passwords {
        return vec![Mechanism::Plain, Mechanism::Login];
    }
    let mut mechanisms = vec![Mechanism::XOAuth2];
    mechanisms.extend(world.voice.oauthbearer.then_some(Mechanism::OAuthBearer));
    mechanisms.extend_from_slice(world.voice.imap.passwords);
    mechanisms
}

/// The challenge with which a token is refused.
pub(crate) fn refusal(world: &World) -> String {
    Acceptor::refusal("400", "Bearer", world.voice.scope)
}
