//! IMAP servers.

use super::{Fault, ImapFault as At};

const OPEN: &[&str] = &["SELECT", "EXAMINE"];
const FETCH: &[&str] = &["FETCH", "UID FETCH"];
const SEARCH: &[&str] = &["SEARCH", "UID SEARCH"];

pub(super) const FAULTS: &[Fault] = &[
    Fault::of_imap(
        "not-connected",
        "Exchange: the token is good, and the application has no right on the mailbox",
        At::Command(&[], "BAD User is authenticated but not connected."),
    ),
    Fault::of_imap(
        "logon-denied",
        "Exchange: the application is not registered or has no permission",
        At::Login(
            "NO AUTHENTICATE failed. Error=\"AuthFailed:LogonDenied-None-OAuthLog:AuthExc_Auth Failed\"",
        ),
    ),
    Fault::of_imap(
        "wrong-server",
        "Exchange: an OK that is none, while the mailbox is moved",
        At::Login(
            "OK [Error=\"Microsoft.Exchange.Data.Storage.WrongServerException:Cross Server access is not allowed for mailbox\" AuthResultFromPopImapEnd=0 Proxy=AM0PR01MB0001.EURPRD01.PROD.EXCHANGELABS.COM:1993:SSL MailboxBE=AM0PR01MB0002.EURPRD01.PROD.EXCHANGELABS.COM Service=Imap4] AUTHENTICATE completed.",
        ),
    ),
    Fault::of_imap(
        "imap-disabled",
        "Exchange: IMAP is off for the mailbox",
        At::Login(
            "NO [Error=\"AuthFailed:NoADRecipient\" AuthResultFromPopImapEnd=8 Service=Imap4] AUTHENTICATE failed.",
        ),
    ),
    Fault::of_imap(
        "basic-login-off",
        "Exchange: passwords are not taken any more",
        At::Login("NO LOGIN failed."),
    ),
    Fault::of_imap(
        "session-token-expired",
        "Exchange: the token ran out within the session",
        At::Command(&[], "* BYE Session invalidated - AccessTokenExpired"),
    ),
    Fault::of_imap(
        "connection-closed",
        "Exchange: closed after throttling or idling",
        At::Command(&[], "* BYE Connection closed. 14"),
    ),
    Fault::of_imap(
        "command-error",
        "Exchange: a command that it does not understand or allow",
        At::Command(FETCH, "BAD Command Error. 12"),
    ),
    Fault::of_imap(
        "argument-error",
        "Exchange: an argument that it refuses",
        At::Command(FETCH, "BAD Command Argument Error. 11"),
    ),
    Fault::of_imap(
        "server-unavailable",
        "Exchange: the mailbox server can't be reached",
        At::Command(OPEN, "NO Server Unavailable. 15"),
    ),
    Fault::of_imap(
        "bare-server-unavailable",
        "Exchange: the same without tag or star",
        At::Command(OPEN, "Server Unavailable. 15"),
    ),
    Fault::of_imap(
        "invalid-state",
        "Exchange: not logged in or nothing selected, though it was",
        At::Command(OPEN, "BAD Command received in Invalid state."),
    ),
    Fault::of_imap(
        "bad-charset",
        "Exchange searches in US-ASCII alone",
        At::Command(SEARCH, "NO [BADCHARSET (US-ASCII)] The specified charset is not supported."),
    ),
    Fault::of_imap(
        "application-blocked",
        "nothing sure is known of it",
        At::Login("NO Application is blocked"),
    ),
    Fault::of_imap(
        "gmail-connections",
        "Gmail: more than 15 connections",
        At::Login("NO [ALERT] Too many simultaneous connections. (Failure)"),
    ),
    Fault::of_imap(
        "gmail-web-login",
        "Gmail wants a login in the browser",
        At::Token("NO [WEBALERT https://accounts.google.com/signin/continue?sarp=1] Web login required."),
    ),
    Fault::of_imap(
        "gmail-imap-off",
        "Gmail: IMAP is off",
        At::Token(
            "NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)",
        ),
    ),
    Fault::of_imap(
        "gmail-bandwidth",
        "Gmail: too much was transferred",
        At::Command(FETCH, "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)"),
    ),
    Fault::of_imap(
        "gmail-session-expired",
        "Gmail: the session is over",
        At::Command(&[], "* BYE Session expired, please login again."),
    ),
    Fault::of_imap(
        "yahoo-unavailable",
        "Yahoo: not available for now",
        At::Command(FETCH, "NO [UNAVAILABLE] UID FETCH Service is temporarily not available"),
    ),
    Fault::of_imap(
        "dovecot-connections",
        "Dovecot: too many connections of a user",
        At::Login(
            "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
        ),
    ),
    Fault::of_imap(
        "netease-unsafe-login",
        "NetEase wants to know the client first: ID",
        At::Command(OPEN, "NO SELECT Unsafe Login. Please contact kefu@188.com for help"),
    ),
    Fault::of_imap(
        "login-limit",
        "too many logins",
        At::Login("NO [LIMIT] Too many login attempts, try again later"),
    ),
    Fault::of_imap(
        "no-such-mailbox",
        "the folder is not there",
        At::Command(OPEN, "NO [NONEXISTENT] No such mailbox"),
    ),
    Fault::of_imap(
        "no-permission",
        "the folder is not this user's to open",
        At::Command(OPEN, "NO [NOPERM] Permission denied"),
    ),
    Fault::of_imap(
        "mailbox-in-use",
        "somebody else holds the folder",
        At::Command(OPEN, "NO [INUSE] Mailbox is locked by another session"),
    ),
    Fault::of_imap(
        "append-over-quota",
        "the mailbox is full",
        At::Command(&["APPEND"], "NO [OVERQUOTA] Quota exceeded (mailbox for user is full)"),
    ),
];
