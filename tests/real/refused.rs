//! What a token that is no good looks like.

use mailbearer::{Error, Security};

use crate::servers::{self, setting, tokio};

#[test]
fn a_wrong_token_is_refused_with_the_reason() {
    for key in ["TOKEN_WRONG_KEY", "TOKEN_EXPIRED", "TOKEN_WRONG_SCOPE"] {
        let endpoint = servers::endpoint(&setting(key));
        for (imap, smtp) in [("IMAPS_PORT", "SUBMISSIONS_PORT"), ("IMAP_PORT", "SUBMISSION_PORT")] {
            let security = |key: &str| {
                if key.contains("S_PORT") { Security::Implicit } else { Security::StartTls }
            };
            let mut account = servers::account(&setting("USER"), &endpoint);
            account.imap = Some(servers::server(imap, security(imap)));
            account.smtp = Some(servers::server(smtp, security(smtp)));
            let robot = account.clone().blocking().unwrap();
            check(&robot.connect_imap().err().unwrap(), &format!("{key}, {imap}"), &setting(key));
            check(&robot.connect_smtp().err().unwrap(), &format!("{key}, {smtp}"), &setting(key));
            tokio(async {
                let robot = account.tokio().unwrap();
                check(
                    &robot.connect_imap().await.err().unwrap(),
                    &format!("{key}, {imap}, tokio"),
                    &setting(key),
                );
                check(
                    &robot.connect_smtp().await.err().unwrap(),
                    &format!("{key}, {smtp}, tokio"),
                    &setting(key),
                );
            });
        }
    }
}

fn check(error: &Error, name: &str, token: &str) {
    let text = format!("{error} {error:?}");
    assert!(error.is_auth() && !error.is_transient(), "{name}: {text}");
    assert!(
        text.contains("401") || text.contains("invalid_token"),
        "{name}: the decoded reason is missing: {text}"
    );
    assert!(!text.contains(&token[..12]), "{name}: the token stands in {text}");
}

#[test]
fn a_token_that_was_in_use_is_replaced_once() {
    let endpoint = servers::endpoint(&setting("TOKEN"));
    let robot = servers::account(&setting("USER"), &endpoint).blocking().unwrap();
    let mut stale = robot.token().unwrap();
    stale.access_token = setting("TOKEN_EXPIRED").into();
    robot.keep_token(stale);
    robot.connect_imap().unwrap().logout().unwrap();
    assert_eq!(endpoint.tokens().issued(), 2, "the expired token was tried, then a fresh one");
}
