use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::*;

fn read(status: u16, body: &[u8]) -> Result<Token, Error> {
    let response = Response {
        retry_after: Some(Duration::from_secs(7)),
        ..Response::new(status, Secret::new(body.to_vec()))
    };
    Token::from_response(&response, &Limits::DEFAULT)
}

/// The parts of a token, or the reason why it is none.
fn parts(body: &[u8]) -> Result<(String, Option<u64>, Option<String>, Option<String>), &'static str> {
    match read(200, body) {
        Ok(token) => Ok((
            token.access_token.expose().clone(),
            token.expires_in.map(|life| life.as_secs()),
            token.refresh_token.map(|token| token.expose().clone()),
            token.scope,
        )),
        Err(Error::NotAToken { status: 200, reason, excerpt }) => {
            assert_eq!(excerpt, "", "a success is not shown");
            Err(reason)
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn reads_tokens() {
    let rows = [
        (
            "Microsoft",
            r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"eyJ0.eXAi-_"}"#,
            ("eyJ0.eXAi-_", Some(3599), None, None),
        ),
        (
            "RFC 6749 section 5.1, as bearer",
            r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"bearer","expires_in":3600,
                "refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA","example_parameter":"example_value"}"#,
            ("2YotnFZFEjr1zCsicMWpAA", Some(3600), Some("tGzv3JOkF0XG5Qx2TlKWIA"), None),
        ),
        (
            "scope and id token",
            r#"{"access_token":"t","token_type":"BEARER","scope":"a b","id_token":"i"}"#,
            ("t", None, None, Some("a b")),
        ),
        (
            "scope that steers a terminal",
            r#"{"access_token":"t","token_type":"Bearer","scope":"\u001b[2J"}"#,
            ("t", None, None, Some("\\x1b[2J")),
        ),
        (
            "other types",
            r#"{"access_token":"t","token_type":"Bearer","scope":["a"],"refresh_token":5}"#,
            ("t", None, None, None),
        ),
        (
            "empty refresh token",
            r#"{"access_token":"t","token_type":"Bearer","refresh_token":""}"#,
            ("t", None, None, None),
        ),
        (
            "twice: the last counts",
            r#"{"access_token":"t","token_type":"Bearer","access_token":"u"}"#,
            ("u", None, None, None),
        ),
        (
            "space around",
            " \r\n{\"access_token\":\"t\",\"token_type\":\"Bearer\"}\n",
            ("t", None, None, None),
        ),
        (
            "error without a word",
            r#"{"access_token":"t","token_type":"Bearer","error":""}"#,
            ("t", None, None, None),
        ),
        ("error null", r#"{"access_token":"t","token_type":"Bearer","error":null}"#, ("t", None, None, None)),
    ];
    for (name, body, (token, life, refresh, scope)) in rows {
        let want = (token.to_string(), life, refresh.map(String::from), scope.map(String::from));
        assert_eq!(parts(body.as_bytes()), Ok(want), "{name}");
    }
}

/// `expires_in: 3599.0` is kept.
#[test]
fn a_life_that_makes_no_sense_is_not_known() {
    let rows = [
        ("3600", Some(3600)),
        ("\"3600\"", Some(3600)),
        ("0", Some(0)),
        ("31536000", Some(31_536_000)),
        ("31536001", Some(31_536_000)),
        ("18446744073709551615", Some(31_536_000)),
        ("18446744073709551616", None),
        ("\"18446744073709551616\"", None),
        ("1e99", None),
        ("-1", None),
        ("-0.5", None),
        ("3599.0", Some(3599)),
        ("3599.5", Some(3599)),
        ("3.6e3", Some(3600)),
        ("\"3599.0\"", Some(3599)),
        ("\"inf\"", None),
        ("\"1.2.3\"", None),
        ("\"-1\"", None),
        ("\"+1\"", None),
        ("\"\"", None),
        ("\" 1\"", None),
        ("null", None),
        ("true", None),
        ("[1]", None),
    ];
    for (life, want) in rows {
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer","expires_in":{life}}}"#);
        assert_eq!(parts(body.as_bytes()).map(|parts| parts.1), Ok(want), "{life}");
    }
}

#[test]
fn refuses_what_is_no_token() {
    let with_token =
        |token: &str| format!(r#"{{"access_token":"{token}","token_type":"Bearer"}}"#).into_bytes();
    let utf16 =
        r#"{"access_token":"t","token_type":"Bearer"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bad = "access token with a space, a control character or non-ASCII";
    let rows = [
        ("empty", b"".to_vec(), "empty body"),
        ("blank", b" \r\n".to_vec(), "empty body"),
        ("text", b"access_token=t&token_type=Bearer".to_vec(), "no JSON"),
        ("array", b"[]".to_vec(), "no JSON object"),
        ("string", b"\"s3cret\"".to_vec(), "no JSON object"),
        ("cut", br#"{"access_token":"t","token_type":"Bearer""#.to_vec(), "no JSON"),
        ("byte order mark", [b"\xef\xbb\xbf".as_slice(), &with_token("t")].concat(), "no JSON"),
        ("something behind", [&with_token("t"), b"{}".as_slice()].concat(), "no JSON"),
        ("UTF-16", utf16, "no JSON"),
        (
            "not UTF-8",
            with_token("t").iter().map(|&octet| if octet == b't' { 0xff } else { octet }).collect(),
            "no JSON",
        ),
        ("no type", br#"{"access_token":"t"}"#.to_vec(), "no token type"),
        ("type of another type", br#"{"access_token":"t","token_type":1}"#.to_vec(), "no token type"),
        ("mac", br#"{"access_token":"t","token_type":"mac"}"#.to_vec(), "token type is not bearer"),
        (
            "bearer and more",
            br#"{"access_token":"t","token_type":"Bearer "}"#.to_vec(),
            "token type is not bearer",
        ),
        ("no token", br#"{"token_type":"Bearer"}"#.to_vec(), "no access token"),
        ("token of another type", br#"{"access_token":1,"token_type":"Bearer"}"#.to_vec(), "no access token"),
        ("empty token", with_token(""), "empty access token"),
        ("space", with_token("s3 cret"), bad),
        ("CRLF", with_token("s3cret\\r\\nX: y"), bad),
        ("NUL", with_token("s3cret\\u0000"), bad),
        ("0x01", with_token("s3cret\\u0001auth=Bearer x"), bad),
        ("DEL", with_token("s3cret\\u007f"), bad),
        ("not ASCII", with_token("s3crét"), bad),
    ];
    for (name, body, want) in rows {
        assert_eq!(parts(&body).err(), Some(want), "{name}");
    }
}

#[test]
fn keeps_every_limit() {
    let with = |field: &str, size: usize| {
        let other = if field == "access_token" { "x" } else { "access_token" };
        format!(r#"{{"{other}":"t","{field}":"{}","token_type":"Bearer"}}"#, "a".repeat(size))
    };
    let most = Limits::DEFAULT.token;
    for (field, reason) in
        [("access_token", "access token over the limit"), ("refresh_token", "refresh token over the limit")]
    {
        assert!(parts(with(field, most).as_bytes()).is_ok(), "{field}");
        assert_eq!(parts(with(field, most + 1).as_bytes()).err(), Some(reason));
    }
    let nested = |levels: usize| {
        let inner = levels - 1;
        let (open, close) = ("[".repeat(inner), "]".repeat(inner));
        format!(r#"{{"access_token":"t","token_type":"Bearer","x":{open}{close}}}"#)
    };
    assert!(parts(nested(127).as_bytes()).is_ok());
    assert_eq!(parts(nested(128).as_bytes()).err(), Some("no JSON"));
    let deep = "[".repeat(100_000);
    assert_eq!(parts(deep.as_bytes()).err(), Some("no JSON"));
    let deep = format!(r#"{{"x":{deep}"#);
    assert_eq!(parts(deep.as_bytes()).err(), Some("no JSON"));
}

#[test]
fn keeps_what_a_refusal_says() {
    let microsoft = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 0000aaaa\r\nCorrelation ID: aaaa0000\r\nTimestamp: 2026-11-24 09:10:11Z",
        "error_codes":[7000215,"x",-1,99999999999],"timestamp":"2026-11-24 09:10:11Z","trace_id":"0000aaaa","correlation_id":"aaaa0000",
        "error_uri":"https://login.microsoftonline.com/error?code=7000215"}"#;
    let want = ErrorResponse {
        error: "invalid_client".into(),
        error_description: Some(
            "AADSTS7000215: Invalid client secret provided. Trace ID: 0000aaaa Correlation ID: aaaa0000 \
             Timestamp: 2026-11-24 09:10:11Z"
                .into(),
        ),
        error_codes: vec![7_000_215],
        trace_id: Some("0000aaaa".into()),
        correlation_id: Some("aaaa0000".into()),
        error_uri: Some("https://login.microsoftonline.com/error?code=7000215".into()),
        http_status: 401,
        retry_after: Some(Duration::from_secs(7)),
    };
    let error = read(401, microsoft.as_bytes()).unwrap_err();
    assert_eq!(error, Error::Refused(Box::new(want.clone())));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert!(error.is_configuration());
    assert!(!error.to_string().contains(['\r', '\n']));

    // Also where the status says success, and with a token beside it.
    let body = br#"{"error":"invalid_client","access_token":"t","token_type":"Bearer"}"#;
    let plain = ErrorResponse {
        error: "invalid_client".into(),
        http_status: 200,
        retry_after: want.retry_after,
        ..ErrorResponse::default()
    };
    assert_eq!(read(200, body).unwrap_err(), Error::Refused(Box::new(plain)));
}

#[test]
fn texts_of_a_refusal_are_bounded_and_escaped() {
    let refusal = |json: String| match read(400, json.as_bytes()).unwrap_err() {
        Error::Refused(refusal) => *refusal,
        other => panic!("{other}"),
    };
    let long = |size: usize| {
        let text = "x".repeat(size);
        refusal(format!(r#"{{"error":"{text}","error_description":"{text}","trace_id":"{text}"}}"#))
    };
    let most = ErrorResponse::DESCRIPTION;
    let (at, over) = (long(most), long(most + 1));
    assert_eq!(at.error_description.map(|text| text.len()), Some(most));
    assert_eq!(over.error_description, Some("x".repeat(most) + "…"));
    assert_eq!(long(ErrorResponse::TEXT).trace_id.map(|text| text.len()), Some(ErrorResponse::TEXT));
    assert_eq!(at.trace_id, Some("x".repeat(ErrorResponse::TEXT) + "…"));
    assert_eq!(at.error, "x".repeat(ErrorResponse::TEXT) + "…");

    let found = refusal(r#"{"error":"\u001b[2J","error_description":"a\u202eb\u0000"}"#.into());
    assert_eq!(found.error, "\\x1b[2J");
    assert_eq!(found.error_description.as_deref(), Some("a\\u{202e}b\\x00"));

    let codes = (0..17).map(|code| code.to_string()).collect::<Vec<_>>().join(",");
    let found = refusal(format!(r#"{{"error":"x","error_codes":[{codes}]}}"#));
    assert_eq!(found.error_codes, (0..16).collect::<Vec<_>>());
}

#[test]
fn shows_how_a_page_begins_and_no_token() {
    let rows = [
        ("page", 500, "<html>\r\n  <h1>Oops\u{1b}[2J</h1>", "<html> <h1>Oops\\x1b[2J</h1>"),
        ("text", 503, "try later", "try later"),
        ("empty", 400, "", ""),
        ("other JSON", 403, r#"{"message":"no"}"#, r#"{"message":"no"}"#),
        ("error of another type", 400, r#"{"error":{"code":400}}"#, r#"{"error":{"code":400}}"#),
        ("token in it", 400, r#"{"access_token":"s3cret"}"#, ""),
        ("token in capitals", 400, "ACCESS_TOKEN=s3cret", ""),
        ("page for 200", 200, "<!DOCTYPE html><p>log in", "<!DOCTYPE html><p>log in"),
        ("text for 200", 200, "s3cret", ""),
    ];
    for (name, status, body, want) in rows {
        let excerpt = match read(status, body.as_bytes()).unwrap_err() {
            Error::Status { excerpt, retry_after, .. } if status != 200 => {
                assert_eq!(retry_after, Some(Duration::from_secs(7)));
                excerpt
            }
            Error::NotAToken { excerpt, .. } if status == 200 => excerpt,
            other => panic!("{name}: {other}"),
        };
        assert_eq!(excerpt, want, "{name}");
    }
    let long = |size: usize| match read(500, "x".repeat(size).as_bytes()).unwrap_err() {
        Error::Status { excerpt, .. } => excerpt,
        other => panic!("{other}"),
    };
    assert_eq!(long(EXCERPT), "x".repeat(EXCERPT));
    assert_eq!(long(EXCERPT + 1), "x".repeat(EXCERPT) + "…");
}

#[test]
fn shows_no_secret() {
    let body =
        br#"{"access_token":"s3cret","token_type":"Bearer","refresh_token":"s3cret2","id_token":"s3cret3"}"#;
    let shown = format!("{:?}", read(200, body).unwrap());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn reads_how_long_the_refresh_token_lives() {
    for (fields, want) in [
        ("", None),
        (r#","refresh_token_expires_in":604799"#, Some(604_799)),
        (r#","refresh_expires_in":"1800""#, Some(1800)),
        (r#","refresh_expires_in":0"#, None),
        (r#","refresh_token_expires_in":-1"#, None),
        (r#","refresh_token_expires_in":"soon""#, None),
    ] {
        let body = format!(r#"{{"access_token":"t","token_type":"Bearer","refresh_token":"r"{fields}}}"#);
        let token = read(200, body.as_bytes()).unwrap();
        assert_eq!(token.refresh_token_expires_in.map(|life| life.as_secs()), want, "{fields}");
    }
}

/// Nobody reads who logged in from more than a token may have.
#[test]
fn an_id_token_is_kept_up_to_the_limit() {
    for (octets, is_kept) in [(Limits::DEFAULT.token, true), (Limits::DEFAULT.token + 1, false)] {
        let id_token = "i".repeat(octets);
        let body = format!(r#"{{"access_token":"t","token_type":"bearer","id_token":"{id_token}"}}"#);
        let found = read(200, body.as_bytes()).unwrap();
        assert_eq!(found.id_token.is_some_and(|found| *found.expose() == id_token), is_kept, "{octets}");
    }
}
