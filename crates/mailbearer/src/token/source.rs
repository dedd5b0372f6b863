use std::{error, future::ready};

use super::{Pending, Token};

/// Returns access tokens that Mailbearer does not request itself: another program's, a broker's, a test's.
///
/// The client calls it before each login, so it should keep what it wants to use again. A closure is a source too:
///
/// ```
/// use mailbearer::{Account, Token};
///
/// let account = Account::with_source("robot@contoso.com", |_: Option<&Token>| {
///     Ok(Token::new(std::fs::read_to_string("/run/broker/token")?.trim_end(), None))
/// });
/// ```
pub trait TokenSource: Send + Sync {
    /// Returns a token to log in with. `refused` is the last one that a server refused, so that the source does not
    /// return it again.
    ///
    /// # Errors
    ///
    /// Fails with any error if there is no token. The error's text must hold no secret. After a refusal, the caller of
    /// Mailbearer gets the mail server's error rather than this one.
    fn token<'a>(&'a self, refused: Option<&'a Token>) -> Pending<'a, Result<Token, SourceError>>;
}

/// Why a [`TokenSource`] has no token.
pub type SourceError = Box<dyn error::Error + Send + Sync>;

impl<F> TokenSource for F
where
    F: Fn(Option<&Token>) -> Result<Token, SourceError> + Send + Sync,
{
    fn token<'a>(&'a self, refused: Option<&'a Token>) -> Pending<'a, Result<Token, SourceError>> {
        Box::pin(ready(self(refused)))
    }
}
