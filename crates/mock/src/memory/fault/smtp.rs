//! SMTP submission servers.

use super::{Fault, SmtpFault as At};

pub(super) const FAULTS: &[Fault] = &[
    Fault::of_smtp(
        "smtp-disabled-for-tenant",
        "Exchange: SMTP AUTH is off for the whole tenant",
        At::Login(
            535,
            "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]",
        ),
    ),
    Fault::of_smtp(
        "smtp-disabled-for-mailbox",
        "Exchange: SMTP AUTH is off for the mailbox",
        At::Login(
            535,
            "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]",
        ),
    ),
    Fault::of_smtp(
        "smtp-basic-disabled",
        "Exchange: passwords are off",
        At::Login(
            535,
            "5.7.139 Authentication unsuccessful, basic authentication is disabled. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]",
        ),
    ),
    Fault::of_smtp(
        "smtp-wrong-credentials",
        "Exchange: a wrong password, or one that a second factor guards",
        At::Login(
            535,
            "5.7.139 Authentication unsuccessful, the user credentials were incorrect. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]",
        ),
    ),
    Fault::of_smtp(
        "smtp-security-defaults",
        "Exchange: security defaults block passwords",
        At::Login(
            535,
            "5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]",
        ),
    ),
    Fault::of_smtp(
        "smtp-conditional-access",
        "Exchange: Conditional Access or a risky sign-in",
        At::Login(
            535,
            "5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. Contact your administrator. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]",
        ),
    ),
    Fault::of_smtp(
        "smtp-federation-down",
        "Exchange: the organisation's own login server can't be reached",
        At::Login(
            535,
            "5.7.139 Authentication unsuccessful, the federated STS service was unreachable. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]",
        ),
    ),
    Fault::of_smtp(
        "smtp-line-too-long",
        "the token does not fit into the line",
        At::Login(500, "5.5.2 Line too long"),
    ),
    Fault::of_smtp(
        "smtp-mechanism",
        "the mechanism is not offered",
        At::Login(
            504,
            "5.7.4 Unrecognized authentication type [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]",
        ),
    ),
    Fault::of_smtp(
        "smtp-high-volume-address",
        "High Volume Email: not an address of it",
        At::Login(501, "5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid"),
    ),
    Fault::of_smtp(
        "smtp-temporary-auth-failure",
        "authentication does not work for now",
        At::Login(454, "4.7.0 Temporary authentication failure"),
    ),
    Fault::of_smtp(
        "smtp-mechanism-too-weak",
        "the mechanism is too weak for this user",
        At::Login(534, "5.7.9 Authentication mechanism is too weak"),
    ),
    Fault::of_smtp(
        "gmail-web-login-smtp",
        "Gmail wants a login in the browser",
        At::Token(
            534,
            "5.7.14 Please log in via your web browser and then try again.\n5.7.14  Learn more at\n5.7.14  https://support.google.com/mail/answer/78754 a640c23a62f3a-aa7 - gsmtp",
        ),
    ),
    Fault::of_smtp(
        "not-authenticated",
        "MAIL before AUTH, or AUTH lost after STARTTLS",
        At::Mail(
            530,
            "5.7.57 Client not authenticated to send mail. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]",
        ),
    ),
    Fault::of_smtp(
        "smtp-basic-retired",
        "Exchange: passwords are retired for submission",
        At::Mail(550, "5.7.30 Basic authentication is not supported for Client Submission."),
    ),
    Fault::of_smtp(
        "send-as-denied",
        "Exchange: no right to send as this sender",
        At::Content(
            554,
            "5.2.252 SendAsDenied; robot@contoso.test not allowed to send as ann@contoso.test; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent exception with message Cannot submit message. [Hostname=AM0PR01MB0001.eurprd01.prod.exchangelabs.com]",
        ),
    ),
    Fault::of_smtp(
        "client-no-permission",
        "Exchange: no permission to send as this sender",
        At::Content(550, "5.7.60 SMTP; Client does not have permissions to send as this sender"),
    ),
    Fault::of_smtp(
        "sender-throttled",
        "Exchange: a penalty after many refusals to send as others",
        At::Content(550, "5.2.252 Sender throttled due to continuous SendAsDenied errors"),
    ),
    Fault::of_smtp(
        "sender-mailbox-full",
        "Exchange: the sender's mailbox is full",
        At::Content(
            554,
            "5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception",
        ),
    ),
    Fault::of_smtp(
        "submission-quota",
        "Exchange: 10,000 recipients in a day",
        At::Content(
            554,
            "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception",
        ),
    ),
    Fault::of_smtp(
        "sender-threads",
        "Exchange: more than 3 messages at once",
        At::Content(432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),
    ),
    Fault::of_smtp(
        "mailbox-logon-failure",
        "Exchange: the application has no right on the mailbox",
        At::Content(
            430,
            "4.2.0 STOREDRV; mailbox logon failure; MapiExceptionLogonFailed: Unable to open message store.",
        ),
    ),
    Fault::of_smtp(
        "proxy-failure",
        "Exchange: the mailbox server can't be reached",
        At::Login(
            451,
            "4.7.0 Temporary server error. Please try again later. PRX4 [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]",
        ),
    ),
    Fault::of_smtp(
        "access-denied-busy",
        "Exchange: this address sends too much",
        At::Mail(451, "4.7.500 Server busy. Please try again later from [192.0.2.1]."),
    ),
    Fault::of_smtp(
        "ip-reputation",
        "Exchange: this address is of ill repute",
        At::Mail(
            451,
            "4.7.651 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
        ),
    ),
    Fault::of_smtp(
        "bad-outbound-sender",
        "Exchange: the account was blocked for spam",
        At::Content(
            550,
            "5.1.8 Access denied, bad outbound sender. For more information please go to https://go.microsoft.com/fwlink/?LinkId=875724.",
        ),
    ),
    Fault::of_smtp(
        "spam-abuse",
        "Exchange: the tenant sent spam",
        At::Content(550, "5.7.501 Access denied, spam abuse detected"),
    ),
    Fault::of_smtp(
        "tenant-threshold",
        "Exchange: the tenant has sent too much",
        At::Content(550, "5.7.705 Access denied, tenant has exceeded threshold"),
    ),
    Fault::of_smtp(
        "unregistered-domain",
        "Exchange: mail of a domain that is not the tenant's",
        At::Content(
            550,
            "5.7.750 Service unavailable. Client blocked from sending from unregistered domains",
        ),
    ),
    Fault::of_smtp(
        "external-recipient-limit",
        "Exchange: the tenant's limit of recipients outside",
        At::Recipient(
            550,
            "5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
        ),
    ),
    Fault::of_smtp(
        "bare-line-feed",
        "a line end of one octet",
        At::Content(
            550,
            "5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA",
        ),
    ),
    Fault::of_smtp(
        "several-from",
        "more than one sender and no Sender",
        At::Content(550, "5.1.20 Multiple From addresses are not allowed without Sender address"),
    ),
    Fault::of_smtp(
        "no-from",
        "no sender in the header",
        At::Content(
            550,
            "5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant and include a valid From address",
        ),
    ),
    Fault::of_smtp(
        "external-sending",
        "High Volume Email: inside of the organisation alone",
        At::Recipient(550, "5.5.105 External sending is not supported"),
    ),
    Fault::of_smtp(
        "message-too-large",
        "the message is too large",
        At::Content(552, "5.3.4 Message size exceeds fixed maximum message size"),
    ),
    Fault::of_smtp(
        "recipient-unknown",
        "no such recipient",
        At::Recipient(550, "5.1.1 The email account that you tried to reach does not exist."),
    ),
    Fault::of_smtp(
        "greylisted",
        "try again in some minutes",
        At::Recipient(451, "4.7.1 Greylisting in action, please come back later"),
    ),
    Fault::of_smtp(
        "not-a-submission-server",
        "a server that takes mail of nobody here",
        At::Greeting(554, "5.7.1 No SMTP service here"),
    ),
    Fault::of_smtp("smtp-account-disabled", "Exchange: the user's account is disabled", At::Login(535, "5.7.139 Authentication unsuccessful, the user account is disabled. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]")),
    Fault::of_smtp("smtp-auth-exchange", "Exchange refuses the token without a reason", At::Login(535, "5.7.3 Authentication unsuccessful [AM0PR01CA0001.eurprd01.prod.exchangelabs.com 2026-11-24T05:42:00.000Z 08DE0000000000AA]")),
    Fault::of_smtp("smtp-no-mechanism", "passwords alone are offered", At::Passwords),
    Fault::of_smtp("smtp-mechanism-weak", "Gmail wants OAuth or a password of its own for each program", At::Login(534, "5.7.9 Application-specific password required. For more information, go to\n5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor a640c23a62f3a-aa7 - gsmtp")).by("smtp.gmail.com ESMTP a640c23a62f3a-aa7 - gsmtp"),
    Fault::of_smtp("gmail-smtp-auth-other", "Gmail refuses the token in other words", At::Login(535, "5.7.1 Credentials are not good enough - gsmtp")).by("smtp.gmail.com ESMTP a640c23a62f3a-aa7 - gsmtp"),
    Fault::of_smtp("yahoo-smtp-auth", "Yahoo refuses the token", At::Login(535, "5.7.0 (#AUTH005) Authentication failed.")).by("smtp.mail.yahoo.com ESMTP ready"),
    Fault::of_smtp("zoho-smtp-auth", "Zoho refuses the token", At::Login(535, "Authentication Failed")).by("mx.zohomail.com SMTP Server ready November 24, 2026 5:42:00 AM PST"),
    Fault::of_smtp("qq-smtp-auth", "QQ refuses the login", At::Login(535, "Login Fail. Please enter your authorization code to login. More information in https://service.mail.qq.com/detail/0/53")).by("newxmesmtplogicsvrszc5-0.qq.com XMail Esmtp QQ Mail Server."),
    Fault::of_smtp("netease-smtp-auth", "NetEase refuses the login", At::Login(535, "Error: authentication failed")).by("163.com Anti-spam GT for Coremail System (163com[20141201])"),
    Fault::of_smtp("postfix-auth", "Postfix refuses the token", At::Login(535, "5.7.8 Error: authentication failed: ")).by("mail.example.test ESMTP Postfix (Debian/GNU)"),
    Fault::of_smtp("smtp-auth", "the token is refused by a server that does not say whose it is", At::Login(535, "5.7.8 Authentication credentials invalid")).by("mail.example.test ESMTP"),
    Fault::of_smtp("greeting-busy", "no connections are taken now", At::Greeting(421, "too busy, come back")),
    Fault::of_smtp("penalty", "Exchange: a penalty after many errors", At::Mail(550, "5.2.251 Sender throttled due to continuous mailbox full errors")),
    Fault::of_smtp("from-not-owned", "Postfix: the sender's address is somebody else's", At::Mail(553, "5.7.1 <ann@contoso.test>: Sender address rejected: not owned by user robot@contoso.test")),
    Fault::of_smtp("account-blocked", "the account is suspended", At::Mail(550, "5.7.1 Your account has been locked, verify your account")),
    Fault::of_smtp("smtp-closing", "the server goes away within a session", At::Mail(421, "4.4.2 mail.example.test Error: timeout exceeded")),
    Fault::of_smtp("refused-for-now", "refused for now, for a reason that nobody knows", At::Mail(450, "4.0.0 Not today")),
    Fault::of_smtp("refused-for-good", "refused for good, for a reason that nobody knows", At::Mail(550, "5.0.0 Never")),
    Fault::of_smtp("server-storage", "the server has no room", At::Mail(452, "4.3.1 Insufficient system storage")),
    Fault::of_smtp("policy", "a policy refuses", At::Mail(550, "5.7.1 Command rejected by local policy")),
    Fault::of_smtp("relay-denied", "mail for others is not passed on", At::Recipient(554, "5.7.1 <robot@contoso.test>: Relay access denied")),
    Fault::of_smtp("recipient-full", "the recipient's mailbox is full", At::Recipient(452, "4.2.2 The recipient's inbox is out of storage space. - gsmtp")),
    Fault::of_smtp("too-many-recipients", "too many recipients for one message", At::Recipient(452, "4.5.3 Too many recipients")),
    Fault::of_smtp("content-blocked", "Gmail: an attachment that it takes for nobody", At::Content(552, "5.7.0 This message was blocked because its content presents a potential security issue. - gsmtp")),
    Fault::of_smtp("spam-verdict", "NetEase takes the message for spam", At::Content(554, "DT:SPM 163 smtp11,D8CowEA5mZ3kqAlTPvYWAA--.220S2 1397335269,please see http://mail.163.com/help/help_spam_16.htm")),
    Fault::of_smtp("daily-recipients", "Gmail: the day's messages are used up", At::Content(550, "5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to https://support.google.com/a/answer/166852 - gsmtp")),
    Fault::of_smtp("outcome-unknown", "the connection is closed in place of the reply to the message", At::NoReply),
    Fault::of_smtp("reply-lost", "the message is taken, and the connection is closed in place of the reply", At::LostReply),
    Fault::of_smtp("smtp-exchange-refused", "Exchange refuses by a rule that nobody knows", At::Login(535, "5.7.139 Authentication unsuccessful, something new. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]")),
    Fault::of_smtp("smtp-app-password", "mail.ru wants a password made for the program", At::Login(535, "5.7.0 NEOBHODIM parol prilozheniya https://help.mail.ru/mail/security/protection/external / Application password is REQUIRED")),
    Fault::of_smtp("smtp-auth-malformed", "Gmail can't read the credentials", At::Login(501, "5.5.2 Cannot Decode response 5b1f17b1804b1 - gsmtp")),
    Fault::of_smtp("smtp-tls-required", "TLS is wanted first", At::Login(538, "5.7.11 Encryption required for requested authentication mechanism")),
    Fault::of_smtp("too-many-bad-logins", "Yahoo: too many logins failed", At::Login(535, "5.7.0 (#AUTH005) Too many bad auth attempts.")),
    Fault::of_smtp("too-many-errors", "Postfix hangs up at a recipient after too many errors", At::Recipient(421, "4.7.0 mock.mailbearer.test Error: too many errors")).by("mail.example.test ESMTP Postfix"),
    Fault::of_smtp("yandex-smtp-auth", "Yandex refuses the token", At::Login(535, "5.7.8 Error: authentication failed: This user does not have access rights to this service")).by("mail-nwsmtp-smtp-production-main-57.sas.yp-c.yandex.net Ok"),
    Fault::of_smtp("icloud-smtp-auth", "iCloud refuses the login", At::Login(535, "5.7.8 Error: authentication failed: authentication failure")).by("iCloud SMTP - st11p00mm-asmtp001.icloud.com"),
    Fault::of_smtp("fastmail-smtp-auth", "Fastmail refuses the login", At::Login(535, "5.7.0 Incorrect username or password.")).by("smtp.fastmail.com ESMTP ready"),
    Fault::of_smtp("mailru-smtp-auth", "mail.ru refuses the token", At::Login(535, "5.7.8 Authentication failed")).by("smtp33.i.mail.ru ESMTP ready"),
    Fault::of_smtp("dovecot-smtp-auth", "Dovecot refuses the token", At::Login(535, "5.7.8 Authentication failed: invalid_token")).by("mail.example.test Dovecot ready."),
    Fault::of_smtp("qq-smtp-no-mechanism", "QQ offers passwords alone", At::Passwords).by("newxmesmtplogicsvrszc5-0.qq.com XMail Esmtp QQ Mail Server."),
    Fault::of_smtp("netease-smtp-no-mechanism", "NetEase offers passwords alone", At::Passwords).by("163.com Anti-spam GT for Coremail System (163com[20141201])"),
    Fault::of_smtp("icloud-smtp-no-mechanism", "iCloud offers passwords alone", At::Passwords).by("iCloud SMTP - st11p00mm-asmtp001.icloud.com"),
    Fault::of_smtp("netease-smtp-off", "NetEase: SMTP is off for the mailbox", At::Login(550, "User has no permission")).by("163.com Anti-spam GT for Coremail System (163com[20141201])"),
    Fault::of_smtp("smtp-connections", "Postfix: too many connections of an address", At::Greeting(421, "4.7.0 mail.example.test Error: too many connections from 192.0.2.1")),
    Fault::of_smtp("sender-domain", "Postfix: the sender's domain does not exist", At::Mail(450, "4.1.8 <robot@contoso.invalid>: Sender address rejected: Domain not found")),
    Fault::of_smtp("sender-refused", "Postfix: mail of this sender is not taken", At::Mail(554, "5.7.1 <robot@contoso.test>: Sender address rejected: Access denied")),
    Fault::of_smtp("recipient-restricted", "Exchange: the recipient takes mail of some senders", At::Recipient(550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required")),
    Fault::of_smtp("recipient-busy", "Gmail: the recipient gets too much mail", At::Recipient(450, "4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered. - gsmtp")),
    Fault::of_smtp("recipient-disabled", "Gmail: the recipient's account is disabled", At::Recipient(550, "5.2.1 The email account that you tried to reach is disabled. - gsmtp")),
    Fault::of_smtp("recipient-domain", "Gmail: the recipient's domain does not exist", At::Recipient(553, "5.1.2 We weren't able to find the recipient domain. - gsmtp")),
    Fault::of_smtp("no-reverse-name", "Postfix: the client's address has no name", At::Recipient(450, "4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]")),
    Fault::of_smtp("mail-loop", "Postfix: the message goes round", At::Content(554, "5.4.6 Error: too many hops")),
    Fault::of_smtp("address-refused", "an enhanced code of addresses, without known words", At::Mail(550, "5.1.0 No")),
    Fault::of_smtp("mailbox-refused", "an enhanced code of mailboxes, without known words", At::Mail(550, "5.2.4 No")),
    Fault::of_smtp("mail-system", "an enhanced code of the system, without known words", At::Mail(554, "5.3.0 No")),
    Fault::of_smtp("delivery-route", "an enhanced code of routes, without known words", At::Recipient(550, "5.4.4 No")),
    Fault::of_smtp("protocol-refused", "an enhanced code of the protocol, without known words", At::Mail(554, "5.5.0 No")),
    Fault::of_smtp("content-refused", "an enhanced code of contents, without known words", At::Content(554, "5.6.3 No")),
];
