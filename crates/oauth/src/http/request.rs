use alloc::{format, vec::Vec};
use core::fmt;

use mailbearer_sasl::Redactor;
use mailbearer_wire::{Secret, SendBuf};

use crate::{Endpoint, Hides, request::PLAIN, server::decode_form};

/// One request: `GET`, or `POST` of a form or of JSON.
#[derive(Clone, Debug)]
pub struct Request {
    endpoint: Endpoint,
    body: Option<(&'static str, Secret)>,
    basic: Option<Secret>,
    fields: Vec<Field>,
    keeps: bool,
}

#[derive(Clone, Debug)]
struct Field {
    name: &'static str,
    value: Secret,
    is_secret: bool,
}

impl Hides for Request {
    fn redactor(&self) -> Redactor {
        Redactor::new(&self.secrets())
    }
}

impl Request {
    /// A `GET`.
    #[must_use]
    pub const fn get(endpoint: Endpoint) -> Self {
        Self { endpoint, body: None, basic: None, fields: Vec::new(), keeps: false }
    }

    /// A `POST` of a form, which is `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn form(endpoint: Endpoint, form: Secret) -> Self {
        Self { body: Some((FORM, form)), ..Self::get(endpoint) }
    }

    /// A `POST` of JSON.
    #[must_use]
    pub fn json(endpoint: Endpoint, json: Secret) -> Self {
        Self { body: Some(("application/json", json)), ..Self::get(endpoint) }
    }

    /// The same with a header field more, which a trace shows.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] for a value with anything but visible ASCII, spaces inside included.
    pub fn field(self, name: &'static str, value: impl Into<Secret>) -> Result<Self, InvalidField> {
        self.add(Field { name, value: value.into(), is_secret: false })
    }

    /// The same with a header field more, whose value no trace shows.
    ///
    /// # Errors
    ///
    /// As [`field`](Self::field).
    pub fn secret_field(self, name: &'static str, value: impl Into<Secret>) -> Result<Self, InvalidField> {
        self.add(Field { name, value: value.into(), is_secret: true })
    }

    /// The same, asking the server to keep the connection for the next request.
    #[must_use]
    pub const fn keep_connection(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// Where to connect to.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) const fn keeps_connection(&self) -> bool {
        self.keeps
    }

    pub(crate) fn with_basic(self, basic: Option<Secret>) -> Self {
        Self { basic, ..self }
    }

    fn add(mut self, field: Field) -> Result<Self, InvalidField> {
        let value = field.value.expose().as_bytes();
        let is_value = value.iter().all(|octet| matches!(octet, b' '..=b'~'));
        if !is_value || value.trim_ascii().len() != value.len() {
            return Err(InvalidField(field.name));
        }
        self.fields.push(field);
        Ok(self)
    }

    /// What a server may repeat and nobody may see.
    fn secrets(&self) -> Vec<Secret> {
        let mut secrets = Vec::new();
        for field in &self.fields {
            if field.is_secret {
                secrets.push(field.value.clone());
            }
        }
        if let Some(basic) = &self.basic {
            secrets.push(basic.clone());
        }
        if let Some((kind, body)) = &self.body {
            match decode_form(body.expose().as_bytes()) {
                // Not the form itself: a part of it, such as the scope, is looked for like a part of a secret.
                Ok(fields) if *kind == FORM => {
                    for (name, value) in fields {
                        let value = Secret::new(value);
                        if !PLAIN.contains(&name.as_str()) {
                            secrets.push(value);
                        }
                    }
                }
                _ => secrets.push(body.clone()),
            }
        }
        secrets
    }

    pub(super) fn write(self, tx: &mut SendBuf) {
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: mailbearer/{}\r\nAccept: application/json\r\n\
             Accept-Encoding: identity\r\nConnection: {}\r\n",
            if self.body.is_some() { "POST" } else { "GET" },
            self.endpoint.target(),
            self.endpoint.authority(),
            env!("CARGO_PKG_VERSION"),
            if self.keeps { "keep-alive" } else { "close" },
        );
        tx.push(head.as_bytes());
        if let Some((kind, body)) = &self.body {
            let length = body.expose().len();
            tx.push(format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n").as_bytes());
        }
        if let Some(credentials) = self.basic {
            tx.push(b"Authorization: Basic ");
            tx.push_secret(credentials.expose().as_bytes());
            tx.push(b"\r\n");
        }
        for Field { name, value, is_secret } in &self.fields {
            tx.push(name.as_bytes());
            tx.push(b": ");
            let value = value.expose().as_bytes();
            if *is_secret {
                tx.push_secret(value)
            } else {
                tx.push(value)
            }
            tx.push(b"\r\n");
        }
        tx.push(b"\r\n");
        if let Some((_, body)) = &self.body {
            tx.push_secret(body.expose().as_bytes());
        }
    }
}

/// A value that can't stand in the header field of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidField(pub &'static str);

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the value for the header field {} holds what can't stand in one", self.0)
    }
}

impl core::error::Error for InvalidField {}

const FORM: &str = "application/x-www-form-urlencoded";

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString},
    };

    use super::*;

    fn written(request: Request) -> String {
        let mut tx = SendBuf::new();
        request.write(&mut tx);
        String::from_utf8(tx.unsent().to_vec()).unwrap()
    }

    fn endpoint() -> Endpoint {
        Endpoint::parse("https://a.example/t?x=1").unwrap()
    }

    #[test]
    fn writes_every_kind() {
        let agent = format!(
            "User-Agent: mailbearer/{}\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n",
            env!("CARGO_PKG_VERSION")
        );
        let get = Request::get(endpoint()).field("Metadata", "true").unwrap();
        assert_eq!(
            written(get.keep_connection()),
            format!(
                "GET /t?x=1 HTTP/1.1\r\nHost: a.example\r\n{agent}Connection: keep-alive\r\nMetadata: true\r\n\r\n"
            )
        );
        let json = Request::json(endpoint(), "{}".into()).secret_field("X-Key", "k").unwrap();
        assert_eq!(
            written(json),
            format!(
                "POST /t?x=1 HTTP/1.1\r\nHost: a.example\r\n{agent}Connection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: 2\r\nX-Key: k\r\n\r\n{{}}"
            )
        );
        let form = Request::form(endpoint(), "a=b".into()).with_basic(Some("cred".into()));
        assert!(written(form).ends_with("Content-Length: 3\r\nAuthorization: Basic cred\r\n\r\na=b"));
    }

    #[test]
    fn no_value_can_begin_another_field() {
        for value in ["a\r\nB: c", "a\nb", "a\rb", "a\0b", "\u{7f}", "ü", " a", "a ", "\t"] {
            let error = Request::get(endpoint()).field("X", value).unwrap_err();
            assert_eq!(error, InvalidField("X"));
            assert!(!error.to_string().contains(value));
        }
        for value in ["", "a b", "~"] {
            assert!(Request::get(endpoint()).secret_field("X", value).is_ok(), "{value}");
        }
    }
}
