use mailbearer_sasl::server::{Acceptor, Login};
use mailbearer_wire::Secret;

use super::World;

/// The token that lets `login` in, or `None`.
pub(crate) fn check(world: &World, login: Login) -> Option<Secret> {
    // RFC 7628 section 3.1: without a name it is the token's own user.
    let own = login.user.is_empty() || login.user.eq_ignore_ascii_case(&world.user);
    (own && world.tokens.login(login.secret.expose())).then_some(login.secret)
}

/// The challenge with which a token is refused.
pub(crate) fn refusal() -> String {
    Acceptor::refusal("400", "Bearer", "https://outlook.office365.com/.default")
}
