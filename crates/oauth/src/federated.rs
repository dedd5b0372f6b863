use alloc::string::String;

use mailbearer_wire::{Json, Secret};

use crate::{
    Endpoint, Error, Limits, Token,
    http::{InvalidField, Request, Response},
};

/// Asks GitHub Actions for the token that stands for the job, with what the environment says:
/// `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
///
/// The job has `permissions: id-token: write`, else the environment says neither.
///
/// # Errors
///
/// Returns [`InvalidField`] if the environment's token can't stand in a header field.
pub fn github_request(url: &Endpoint, token: &Secret, audience: &str) -> Result<Request, InvalidField> {
    let value: Secret = Secret::new(["bearer ", token.expose()].concat());
    Request::get(url.with_query(&[("audience", audience)])).secret_field("Authorization", value)
}

/// Reads what GitHub Actions answers: JSON with the token as `value`.
///
/// # Errors
///
/// As [`Token::from_response`] for anything else.
pub fn github_token(response: &Response) -> Result<Secret, Error> {
    let value = Json::parse(response.body.expose()).and_then(|body| body.get("value")).and_then(Json::text);
    match (response.status, value.map(Secret::new)) {
        (200..=299, Some(value)) if is_assertion(value.expose()) => Ok(value),
        (200..=299, _) => Err(Error::NotAToken {
            status: response.status,
            reason: "no value that is a token",
            excerpt: String::new(),
        }),
        // It says what every token endpoint says.
        _ => Err(match Token::from_response(response, &Limits::DEFAULT) {
            Err(error) => error,
            Ok(_) => Error::Status {
                status: response.status,
                retry_after: response.retry_after,
                excerpt: String::new(),
            },
        }),
    }
}

/// Whether a text can be a token that stands for a secret: visible ASCII, not empty and within [`Limits::token`].
#[must_use]
pub fn is_assertion(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= Limits::DEFAULT.token
        && text.bytes().all(|octet| octet.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use mailbearer_wire::{Machine, RecvBuf, SendBuf, Step};

    use super::*;
    use crate::http::Exchange;

    #[test]
    fn asks_github() {
        let url = Endpoint::parse("https://pipelines.example/x?api-version=2.0").unwrap();
        let request = github_request(&url, &"r3quest".into(), "api://AzureADTokenExchange").unwrap();
        let (mut rx, mut tx) = (RecvBuf::with_limit(100), SendBuf::new());
        assert!(matches!(Exchange::new(request, Limits::DEFAULT).step(&mut rx, &mut tx), Ok(Step::Read)));
        let sent = String::from_utf8(tx.unsent().to_vec()).unwrap();
        assert!(
            sent.starts_with("GET /x?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange HTTP/1.1\r\n"),
            "{sent}"
        );
        assert!(sent.contains("\r\nAuthorization: bearer r3quest\r\n"), "{sent}");
        assert!(github_request(&url, &"a\nb".into(), "x").is_err());
    }

    #[test]
    fn reads_its_answer() {
        let rows = [
            (200, r#"{"value":"a.b.c","count":3}"#, Ok("a.b.c")),
            (200, r#"{"value":"a b"}"#, Err("no value that is a token")),
            (200, r#"{"value":""}"#, Err("no value that is a token")),
            (200, r#"{"count":3}"#, Err("no value that is a token")),
            (200, "<html>", Err("no value that is a token")),
            (403, r#"{"message":"no permission"}"#, Err("no permission")),
            (503, "", Err("HTTP 503")),
        ];
        for (status, body, want) in rows {
            let found = github_token(&Response::new(status, body.as_bytes().to_vec().into()));
            match (found, want) {
                (Ok(token), Ok(want)) => assert_eq!(token.expose(), want),
                (Err(error), Err(want)) => assert!(error.to_string().contains(want), "{error}"),
                (found, want) => panic!("{body}: {found:?}, {want:?}"),
            }
        }
    }
}
