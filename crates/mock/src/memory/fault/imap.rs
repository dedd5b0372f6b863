//! IMAP servers.

use super::{Fault, ImapFault as At};

pub(super) const OPEN: &[&str] = &["SELECT", "EXAMINE"];
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
    Fault::of_imap("gmail-app-password", "Gmail wants OAuth or a password of its own for each program", At::Login("NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)")).by("Gimap ready for requests from 192.0.2.1 a640c23a62f3a"),
    Fault::of_imap("qq-imap-off", "QQ: IMAP is off, or a password is shown in place of the code", At::Login("NO Login fail. Please using authorized code to login. More information at https://help.mail.qq.com/detail/108/1023")).by("QQMail XMIMAP4Server ready"),
    Fault::of_imap("privacy-required", "TLS is wanted before the login", At::Login("NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.")),
    Fault::of_imap("contact-admin", "only the administrator can mend it", At::Login("NO [CONTACTADMIN] Account locked by the administrator")),
    Fault::of_imap("imap-auth-busy", "logins can't be checked now", At::Login("NO Too many failed logins, please try again later")),
    Fault::of_imap("imap-no-mechanism", "passwords alone are offered", At::Passwords),
    Fault::of_imap("yahoo-auth", "Yahoo refuses the token", At::Login("NO [AUTHENTICATIONFAILED] AUTHENTICATE Invalid credentials")).by("[CAPABILITY IMAP4rev1 ID NAMESPACE UIDPLUS LITERAL+ CHILDREN XYMHIGHESTMODSEQ AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER] IMAP4rev1 Hello"),
    Fault::of_imap("zoho-auth", "Zoho refuses the token", At::Login("NO Invalid credentials(Failure)")).by("imap.zoho.com IMAP4 Server (Zoho Mail IMAP4rev1 Server version 1.0)"),
    Fault::of_imap("qq-auth", "QQ refuses the login", At::Login("NO Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.")).by("QQMail XMIMAP4Server ready"),
    Fault::of_imap("netease-auth", "NetEase refuses the login", At::Login("NO LOGIN Login error or password error")).by("Coremail System IMap Server Ready(163com[10774b260cc7a37d26d71b52404dcf5c])"),
    Fault::of_imap("yandex-auth", "Yandex refuses the token", At::Login("NO [AUTHENTICATIONFAILED] AUTHENTICATE invalid credentials or IMAP is disabled")).by("Yandex IMAP4rev1 at sas8-1 ready to talk with 192.0.2.1"),
    Fault::of_imap("dovecot-auth", "Dovecot refuses the token", At::Token("NO [AUTHENTICATIONFAILED] Authentication failed.")).by("[CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=XOAUTH2 AUTH=OAUTHBEARER] Dovecot (Debian) ready."),
    Fault::of_imap("imap-auth", "the token is refused by a server that does not say whose it is", At::Login("NO [AUTHENTICATIONFAILED] Authentication failed.")).by("IMAP4rev1 server ready"),
    Fault::of_imap("imap-bye", "the session is ended with words that nobody knows", At::Command(&[], "* BYE See you another day")),
    Fault::of_imap("imap-closed", "the connection is closed without a word", At::Command(&[], "")),
    Fault::of_imap("idle-closed", "Yandex: nothing happened for too long", At::Command(&[], "* BYE Autologout; idle for too long")),
    Fault::of_imap("already-exists", "there is a folder of that name", At::Command(&["CREATE"], "NO [ALREADYEXISTS] Mailbox already exists")),
    Fault::of_imap("cannot", "it can't be done at all", At::Command(&["CREATE"], "NO [CANNOT] Mailbox name is not allowed")),
    Fault::of_imap("change-unknown", "the connection is closed in place of the answer to COPY",
        At::Command(&["UID COPY"], "")),
    Fault::of_imap("imap-command-refused", "a command is refused for a reason that nobody knows", At::Command(&["SELECT","EXAMINE"], "NO I would rather not")),
    Fault::of_imap("gmail-imap-off-for-domain", "Gmail: the administrator switched IMAP off", At::Login("NO [ALERT] IMAP access is disabled for your domain. Please contact your domain administrator for questions about this feature. (Failure)")).by("Gimap ready for requests from 192.0.2.1 a640c23a62f3a"),
    Fault::of_imap("app-password", "mail.ru wants a password made for the program", At::Login("NO [AUTHENTICATIONFAILED] Application password is REQUIRED")),
    Fault::of_imap("imap-account-blocked", "Yahoo wants the account to be verified", At::Login("NO [ALERT] Please verify your account by going to https://login.yahoo.com")),
    Fault::of_imap("auth-malformed", "Gmail can't read the credentials", At::Login("BAD Invalid SASL argument. 5b1f17b1804b1")),
    Fault::of_imap("imap-authorization", "the mailbox is not that of whoever logged in", At::Login("NO [AUTHORIZATIONFAILED] Authorization failed")),
    Fault::of_imap("icloud-auth", "iCloud refuses the login", At::Login("NO [AUTHENTICATIONFAILED] Authentication Failed")).by("iSCREAM ready to rumble (2420B20-d0ab1e)"),
    Fault::of_imap("mailru-auth", "mail.ru refuses the token", At::Login("NO [AUTHENTICATIONFAILED] Authentication failed")).by("Welcome to imap.i.mail.ru"),
    Fault::of_imap("fastmail-auth", "Fastmail refuses the login", At::Login("NO [AUTHENTICATIONFAILED] Incorrect username or password")).by("IMAP4 ready at imap.fastmail.com"),
    Fault::of_imap("qq-no-mechanism", "QQ offers passwords alone", At::Passwords).by("QQMail XMIMAP4Server ready"),
    Fault::of_imap("netease-no-mechanism", "NetEase offers passwords alone", At::Passwords).by("Coremail System IMap Server Ready(163com[10774b260cc7a37d26d71b52404dcf5c])"),
    Fault::of_imap("icloud-no-mechanism", "iCloud offers passwords alone", At::Passwords).by("iSCREAM ready to rumble (2420B20-d0ab1e)"),
    Fault::of_imap("imap-turned-away", "the greeting is a refusal", At::Greeting("* NO This address is not welcome here")),
    Fault::of_imap("protocol", "the answer is none", At::Command(OPEN, "zzzz OK done")),
];
