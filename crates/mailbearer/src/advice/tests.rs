use std::{borrow::Cow, collections::BTreeSet, fmt::Write as _};

use super::*;
use crate::error::Evidence;

/// The evidence that a sign describes, as a server would give it.
fn shown_by(entry: &Entry, seen: &str) -> (Evidence<'static>, Kind) {
    let sign = Sign::parse(seen);
    let mut words = sign.words.join(" and so on ");
    if let Some(code) = sign.enhanced {
        words = format!("{} {words}", code.replace("xx", "77").replace('x', "77"));
    }
    if let Some(number) = sign.number {
        words = format!("AADSTS{number}: {words}");
    }
    let of_class = sign.class.map(|class| if class == 4 { 499 } else { 599 });
    let evidence = Evidence {
        stage: entry.stage.unwrap_or_default(),
        code: sign.code.or(of_class).unwrap_or_default(),
        name: Cow::Owned(sign.name.unwrap_or_default().to_owned()),
        text: Cow::Owned(words),
        ..Evidence::default()
    };
    // Of the kinds that a peer's words get, any will do that no other entry asks for.
    (evidence, entry.kind.unwrap_or(Kind::Refused))
}

#[test]
fn each_entry_is_named_by_what_it_says_is_seen() {
    for entry in ENTRIES {
        let nothing = [""];
        let seen = if entry.seen.is_empty() { &nothing[..] } else { entry.seen };
        for seen in seen {
            let (evidence, kind) = shown_by(entry, seen);
            let shown = Shown { evidence: &evidence, place: entry.place, kind, vendor: entry.vendor };
            let found = find(&shown).map(Entry::id);
            assert_eq!(found, Some(entry.id), "{seen:?}");
        }
    }
}

#[test]
fn the_catalogue_is_whole() {
    let ids: BTreeSet<_> = ENTRIES.iter().map(Entry::id).collect();
    assert_eq!(ids.len(), ENTRIES.len(), "an id is there twice");
    assert!(ENTRIES.len() >= 110);
    for entry in ENTRIES {
        for language in [Language::English, Language::Chinese] {
            assert!(!entry.cause(language).is_empty() && !entry.fix(language).is_empty(), "{}", entry.id);
        }
        assert!(!entry.who.is_empty() && !entry.source.is_empty(), "{}", entry.id);
        let fix = entry.fix(Language::English);
        assert!(!fix.ends_with('.') && !entry.cause(Language::English).ends_with('.'), "{}", entry.id);
        // What is to be typed is the same in every language.
        for word in fix.split_whitespace().filter(|word| word.contains("-Client") || word.starts_with("Set-"))
        {
            assert!(entry.fix(Language::Chinese).contains(word), "{}: {word}", entry.id);
        }
    }
    for id in [
        "not-connected",
        "smtp-disabled-for-tenant",
        "smtp-disabled-for-mailbox",
        "authenticate-failed",
        "invalid-secret",
        "throttled",
    ] {
        assert!(ids.contains(id), "{id}");
    }
}

fn named(
    place: Place,
    kind: Kind,
    vendor: Option<Vendor>,
    evidence: Evidence<'static>,
) -> Option<&'static str> {
    find(&Shown { evidence: &evidence, place, kind, vendor }).map(Entry::id)
}

fn smtp(stage: Stage, code: u16, text: &'static str) -> Evidence<'static> {
    Evidence { stage, code, text: Cow::Borrowed(text), ..Evidence::default() }
}

fn imap(stage: Stage, name: &'static str, text: &'static str) -> Evidence<'static> {
    Evidence { stage, name: Cow::Borrowed(name), text: Cow::Borrowed(text), ..Evidence::default() }
}

fn oauth(code: u16, name: &'static str, text: &'static str) -> Evidence<'static> {
    Evidence {
        stage: Stage::Auth,
        code,
        name: Cow::Borrowed(name),
        text: Cow::Borrowed(text),
        ..Evidence::default()
    }
}

/// Failures as servers word them, with hosts and ids in between.
#[test]
fn whole_lines_of_servers_are_told_apart() {
    let auth = Stage::Auth;
    let message = Stage::Message;
    let rows: &[(Evidence<'static>, Place, Option<Vendor>, &str)] = &[
        (
            smtp(
                auth,
                535,
                "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR0.eurprd05.prod.outlook.com 2026-11-24T05:42:00.000Z 08DE]",
            ),
            Place::Smtp,
            Some(Vendor::Exchange),
            "smtp-disabled-for-tenant",
        ),
        (
            smtp(
                auth,
                535,
                "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR0]",
            ),
            Place::Smtp,
            Some(Vendor::Exchange),
            "smtp-disabled-for-tenant",
        ),
        (
            smtp(
                auth,
                535,
                "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit x",
            ),
            Place::Smtp,
            None,
            "smtp-disabled-for-mailbox",
        ),
        (
            smtp(
                auth,
                535,
                "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
            ),
            Place::Smtp,
            None,
            "smtp-security-defaults",
        ),
        (
            smtp(
                auth,
                535,
                "5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator.",
            ),
            Place::Smtp,
            None,
            "smtp-conditional-access",
        ),
        (
            smtp(auth, 535, "5.7.3 Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]"),
            Place::Smtp,
            Some(Vendor::Exchange),
            "smtp-auth-exchange",
        ),
        (
            smtp(
                auth,
                535,
                "5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials - gsmtp",
            ),
            Place::Smtp,
            Some(Vendor::Gmail),
            "gmail-smtp-auth",
        ),
        (
            smtp(auth, 535, "5.7.8 Error: authentication failed:"),
            Place::Smtp,
            Some(Vendor::Postfix),
            "postfix-auth",
        ),
        (
            smtp(auth, 535, "Login fail. Authorization code is expired"),
            Place::Smtp,
            Some(Vendor::Qq),
            "qq-smtp-auth",
        ),
        (smtp(auth, 535, "Authentication Failed"), Place::Smtp, Some(Vendor::Zoho), "zoho-smtp-auth"),
        (
            smtp(
                auth,
                454,
                "4.7.0 Temporary authentication failure: connection lost to authentication server",
            ),
            Place::Smtp,
            None,
            "smtp-auth-busy",
        ),
        (smtp(auth, 435, "Unable to authenticate at present"), Place::Smtp, None, "smtp-auth-busy"),
        (smtp(Stage::Mechanism, 0, ""), Place::Smtp, None, "smtp-no-mechanism"),
        (smtp(Stage::Greeting, 421, "too busy"), Place::Smtp, None, "greeting-busy"),
        (smtp(Stage::Greeting, 554, "no"), Place::Smtp, None, "greeting-refused"),
        (
            smtp(
                message,
                430,
                "4.2.0 STOREDRV; mailbox logon failure; failure reason:.MapiExceptionLogonFailed",
            ),
            Place::Smtp,
            None,
            "mailbox-logon",
        ),
        (
            smtp(
                message,
                554,
                "5.2.252 SendAsDenied; a@x not allowed to send as b@y; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
            ),
            Place::Smtp,
            None,
            "send-as-denied",
        ),
        (
            smtp(message, 550, "5.2.252 Sender throttled due to continuous invalid operations"),
            Place::Smtp,
            None,
            "penalty-send-as",
        ),
        (
            smtp(message, 553, "5.7.1 <b@x>: Sender address rejected: not owned by user a@x"),
            Place::Smtp,
            Some(Vendor::Postfix),
            "from-not-owned",
        ),
        (
            smtp(
                message,
                550,
                "5.1.1 <b@x>: Recipient address rejected: User unknown in virtual mailbox table",
            ),
            Place::Smtp,
            None,
            "recipient-unknown",
        ),
        (
            smtp(message, 552, "5.3.4 Message size exceeds fixed limit"),
            Place::Smtp,
            None,
            "message-too-large",
        ),
        (
            smtp(message, 451, "4.7.500 Server busy. Please try again later from [203.0.113.7]. (S77714)"),
            Place::Smtp,
            None,
            "server-busy",
        ),
        (smtp(message, 451, "4.7.612 Access denied"), Place::Smtp, None, "server-busy"),
        (
            smtp(message, 554, "DT:SPM 163 smtp11,d8CowECp"),
            Place::Smtp,
            Some(Vendor::NetEase),
            "spam-verdict",
        ),
        (
            smtp(
                message,
                450,
                "4.2.0 <b@x>: Recipient address rejected: Greylisted, see http://postgrey.example",
            ),
            Place::Smtp,
            None,
            "greylisted",
        ),
        (smtp(message, 599, "no"), Place::Smtp, None, "refused-for-good"),
        (smtp(message, 499, "no"), Place::Smtp, None, "refused-for-now"),
        (imap(auth, "", "AUTHENTICATE failed."), Place::Imap, Some(Vendor::Exchange), "authenticate-failed"),
        (
            imap(auth, "AUTHENTICATIONFAILED", "Invalid credentials (Failure)"),
            Place::Imap,
            Some(Vendor::Gmail),
            "gmail-auth",
        ),
        (
            imap(auth, "AUTHENTICATIONFAILED", "Authentication failed."),
            Place::Imap,
            Some(Vendor::Dovecot),
            "dovecot-auth",
        ),
        (imap(auth, "AUTHENTICATIONFAILED", "Authentication failed."), Place::Imap, None, "imap-auth"),
        (
            imap(auth, "UNAVAILABLE", "Temporary authentication failure."),
            Place::Imap,
            Some(Vendor::Dovecot),
            "server-unavailable",
        ),
        (imap(auth, "", "Too many login attempts, try again later"), Place::Imap, None, "imap-auth-busy"),
        (imap(Stage::Mechanism, "", ""), Place::Imap, Some(Vendor::Exchange), "imap-no-mechanism"),
        (
            imap(Stage::Command, "", "User is authenticated but not connected."),
            Place::Imap,
            None,
            "not-connected",
        ),
        (
            imap(Stage::Command, "", "Request is throttled. Suggested Backoff Time: 299910 milliseconds"),
            Place::Imap,
            None,
            "throttled",
        ),
        (
            imap(
                Stage::Other,
                "Error=\"Microsoft.Exchange.Data.Storage.WrongServerException:Cross Server access is not allowed\" AuthResultFromPopImapEnd=0",
                "AUTHENTICATE completed.",
            ),
            Place::Imap,
            None,
            "mailbox-moving",
        ),
        (
            imap(Stage::Command, "OVERQUOTA", "Account exceeded command or bandwidth limits. (Failure)"),
            Place::Imap,
            None,
            "throttled",
        ),
        (imap(Stage::Command, "OVERQUOTA", "Quota exceeded"), Place::Imap, None, "over-quota"),
        (imap(Stage::Command, "LIMIT", "whatever it is"), Place::Imap, None, "limit"),
        (
            imap(Stage::Command, "", "SELECT Unsafe Login. Please contact kefu@188.com for help"),
            Place::Imap,
            None,
            "id-wanted",
        ),
        (
            oauth(400, "invalid_grant", "AADSTS50057: The user account is disabled. Trace ID: 1"),
            Place::Token,
            None,
            "account-disabled",
        ),
        (
            oauth(400, "invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity."),
            Place::Token,
            None,
            "refresh-expired",
        ),
        (
            oauth(400, "invalid_grant", "Token has been expired or revoked."),
            Place::Token,
            None,
            "google-refresh-dead",
        ),
        (oauth(400, "INVALID_GRANT", ""), Place::Token, None, "invalid-grant"),
        (
            oauth(401, "invalid_client", "AADSTS7000215: Invalid client secret provided."),
            Place::Token,
            None,
            "invalid-secret",
        ),
        (
            oauth(400, "unauthorized_client", "AADSTS700016: Application with identifier 'x' was not found"),
            Place::Token,
            None,
            "app-not-found",
        ),
        (oauth(400, "admin_policy_enforced", ""), Place::Token, None, "google-policy"),
        (oauth(403, "org_internal", ""), Place::Token, None, "google-internal"),
        (oauth(503, "temporarily_unavailable", ""), Place::Token, None, "token-endpoint-busy"),
        (oauth(400, "something_new", "nobody knows"), Place::Token, None, "token-refused"),
    ];
    for (evidence, place, vendor, want) in rows {
        let text = evidence.text.clone();
        assert_eq!(named(*place, Kind::Refused, *vendor, evidence.clone()), Some(*want), "{text}");
    }
}

#[test]
fn the_language_is_told_by_the_locale() {
    for (locale, want) in [
        ("zh_CN.UTF-8", Language::Chinese),
        ("zh-Hant", Language::Chinese),
        ("zh", Language::Chinese),
        ("de_DE.UTF-8", Language::English),
        ("C", Language::English),
        ("", Language::English),
    ] {
        assert_eq!(Language::of_locale(locale), want, "{locale}");
    }
}

/// `docs/errors.md` is made from the catalogue: with `MAILBEARER_WRITE_DOCS=1` this test writes it.
#[test]
fn the_page_is_up_to_date() {
    let mut page = String::from(
        "# What fails, what it means, and who can mend it\n\n\
         Made from the catalogue (`crates/mailbearer/src/advice/catalogue.rs`); don't edit. The program names the entry as \
         `code` under `--json`. Of the entries for a place the first that fits counts.\n",
    );
    let places = [
        (Place::Net, "Settings, connections, TLS"),
        (Place::Token, "Token endpoint"),
        (Place::Imap, "IMAP"),
        (Place::Smtp, "Submission"),
        (Place::Pop3, "POP3"),
    ];
    for (place, title) in places {
        write!(
            page,
            "\n## {title}\n\n| entry | seen | cause | fix | who | source |\n|---|---|---|---|---|---|\n"
        )
        .unwrap();
        for entry in ENTRIES.iter().filter(|entry| entry.place == place) {
            let mut seen: Vec<String> = entry.seen.iter().map(|seen| format!("`{seen}`")).collect();
            seen.extend(entry.kind.map(|kind| format!("kind {kind:?}")));
            seen.extend(entry.stage.map(|stage| format!("at {stage:?}")));
            seen.extend(entry.vendor.map(|vendor| format!("by {vendor:?}")));
            let who: Vec<_> = entry.who.iter().map(|who| who.name(Language::English)).collect();
            writeln!(
                page,
                "| `{}` | {} | {}<br>{} | {}<br>{} | {} | {} |",
                entry.id,
                seen.join("<br>"),
                entry.cause(Language::English),
                entry.cause(Language::Chinese),
                entry.fix(Language::English).replace('|', "\\|"),
                entry.fix(Language::Chinese).replace('|', "\\|"),
                who.join(", "),
                entry.source
            )
            .unwrap();
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    if std::env::var_os("MAILBEARER_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/errors.md is old: run this test with MAILBEARER_WRITE_DOCS=1");
}

/// Other sentences than the catalogue's own, as servers of the field say them.
#[test]
fn other_words_for_the_same_are_told_apart_too() {
    let auth = Stage::Auth;
    let message = Stage::Message;
    let rows: &[(Evidence<'static>, Place, Option<Vendor>, &str)] = &[
        (
            smtp(auth, 535, "5.7.139 Authentication unsuccessful, the user account is disabled [x]"),
            Place::Smtp,
            Some(Vendor::Exchange),
            "smtp-account-disabled",
        ),
        (
            smtp(auth, 535, "5.7.139 Authentication unsuccessful, STS URL does not support HTTPS. [x]"),
            Place::Smtp,
            Some(Vendor::Exchange),
            "federation-unreachable",
        ),
        (
            smtp(
                auth,
                535,
                "5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. [x]",
            ),
            Place::Smtp,
            None,
            "smtp-conditional-access",
        ),
        (smtp(auth, 535, "5.7.8 Authentication credentials invalid"), Place::Smtp, None, "smtp-auth"),
        (smtp(auth, 535, "5.7.1 Username and Password not accepted"), Place::Smtp, None, "smtp-auth"),
        (
            smtp(auth, 421, "4.7.0 Try again later, closing connection. (EHLO) x - gsmtp"),
            Place::Smtp,
            Some(Vendor::Gmail),
            "smtp-auth-busy",
        ),
        (
            smtp(
                auth,
                454,
                "4.7.0 Cannot authenticate due to a temporary system problem. Try again later. - gsmtp",
            ),
            Place::Smtp,
            Some(Vendor::Gmail),
            "smtp-auth-busy",
        ),
        (
            smtp(
                auth,
                534,
                "5.7.9 Application-specific password required. For more information, go to x - gsmtp",
            ),
            Place::Smtp,
            Some(Vendor::Gmail),
            "smtp-mechanism-weak",
        ),
        (
            smtp(message, 550, "5.7.60 SMTP; Client does not have permissions to send as this sender [AM0]"),
            Place::Smtp,
            Some(Vendor::Exchange),
            "send-as-denied",
        ),
        (
            smtp(
                message,
                554,
                "5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed",
            ),
            Place::Smtp,
            Some(Vendor::Exchange),
            "send-as-denied",
        ),
        (
            smtp(message, 550, "5.2.251 Sender throttled due to continuous mailbox full errors"),
            Place::Smtp,
            Some(Vendor::Exchange),
            "penalty",
        ),
        (
            smtp(
                message,
                550,
                "5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to x - gsmtp",
            ),
            Place::Smtp,
            Some(Vendor::Gmail),
            "daily-recipients",
        ),
        (
            smtp(message, 550, "5.4.6 Unusual sending activity detected. Please try after sometime."),
            Place::Smtp,
            Some(Vendor::Zoho),
            "daily-recipients",
        ),
        (
            smtp(message, 552, "5.2.3 Your message exceeded Google's message size limits."),
            Place::Smtp,
            Some(Vendor::Gmail),
            "message-too-large",
        ),
        (
            smtp(
                message,
                552,
                "5.7.0 This message was blocked because its content presents a potential security issue.",
            ),
            Place::Smtp,
            Some(Vendor::Gmail),
            "content-blocked",
        ),
        (
            smtp(
                message,
                550,
                "5.7.515 Access denied, sending domain example.org does not meet the required authentication level.",
            ),
            Place::Smtp,
            None,
            "spam-verdict",
        ),
        (
            smtp(message, 421, "4.7.28 Gmail has detected an unusual rate of unsolicited mail."),
            Place::Smtp,
            Some(Vendor::Gmail),
            "server-busy",
        ),
        (
            smtp(message, 554, "5.7.1 <a@b>: Relay access denied"),
            Place::Smtp,
            Some(Vendor::Postfix),
            "relay-denied",
        ),
        (
            smtp(message, 550, "5.1.1 <a@b>: Recipient address rejected: User unknown"),
            Place::Smtp,
            Some(Vendor::Postfix),
            "recipient-unknown",
        ),
        (
            smtp(message, 452, "4.2.2 The recipient's inbox is out of storage space."),
            Place::Smtp,
            Some(Vendor::Gmail),
            "recipient-full",
        ),
        (
            smtp(message, 553, "Mail from must equal authorized user"),
            Place::Smtp,
            Some(Vendor::NetEase),
            "from-not-owned",
        ),
        (
            smtp(message, 550, "The \"From\" header is missing or invalid."),
            Place::Smtp,
            Some(Vendor::Qq),
            "message-format",
        ),
        (
            imap(
                auth,
                "",
                "[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
            ),
            Place::Imap,
            Some(Vendor::Gmail),
            "gmail-app-password",
        ),
        (
            imap(
                auth,
                "ALERT",
                "Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
            ),
            Place::Imap,
            Some(Vendor::Gmail),
            "gmail-web-login",
        ),
        (
            imap(auth, "AUTHENTICATIONFAILED", "AUTHENTICATE Invalid credentials"),
            Place::Imap,
            Some(Vendor::Yahoo),
            "yahoo-auth",
        ),
        (
            imap(
                auth,
                "",
                "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.",
            ),
            Place::Imap,
            Some(Vendor::Qq),
            "qq-auth",
        ),
        (
            imap(auth, "", "LOGIN Login error or password error"),
            Place::Imap,
            Some(Vendor::NetEase),
            "netease-auth",
        ),
        (
            imap(auth, "", "You are yet to enable IMAP for your account. Please contact your administrator"),
            Place::Imap,
            Some(Vendor::Zoho),
            "zoho-auth",
        ),
        (imap(auth, "LIMIT", "Rate limit hit."), Place::Imap, None, "limit"),
        (imap(auth, "", "AUTHENTICATE failed: rate limited"), Place::Imap, None, "imap-auth-busy"),
        (
            imap(Stage::Command, "", "User is authenticated but not connected"),
            Place::Imap,
            Some(Vendor::Exchange),
            "not-connected",
        ),
        (
            oauth(400, "invalid_grant", "AADSTS50057: The user account is disabled."),
            Place::Token,
            None,
            "account-disabled",
        ),
        (
            oauth(
                400,
                "interaction_required",
                "AADSTS50076: Due to a configuration change made by your administrator",
            ),
            Place::Token,
            None,
            "second-factor",
        ),
        (
            oauth(400, "invalid_grant", "AADSTS7000112: Application 'x'(robot) is disabled."),
            Place::Token,
            None,
            "app-disabled",
        ),
        (oauth(400, "invalid_grant", "Bad Request"), Place::Token, None, "invalid-grant"),
        (
            oauth(400, "invalid_grant", "Account has been deleted"),
            Place::Token,
            None,
            "google-account-deleted",
        ),
        (oauth(400, "invalid_grant", "Invalid email or User ID"), Place::Token, None, "google-user"),
        (
            oauth(
                400,
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
            ),
            Place::Token,
            None,
            "clock",
        ),
        (
            oauth(
                401,
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
            ),
            Place::Token,
            None,
            "google-delegation",
        ),
        (
            oauth(401, "invalid_client", "The OAuth client was not found."),
            Place::Token,
            None,
            "invalid-client",
        ),
        (oauth(401, "invalid_client", "The OAuth client was deleted."), Place::Token, None, "deleted-client"),
        (oauth(400, "SERVER_ERROR", ""), Place::Token, None, "token-endpoint-busy"),
    ];
    let mut wrong = Vec::new();
    for (evidence, place, vendor, want) in rows {
        let found = named(*place, Kind::Refused, *vendor, evidence.clone());
        if found != Some(*want) {
            wrong.push(format!("{} {}: {found:?}, wanted {want}", evidence.code, evidence.text));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
