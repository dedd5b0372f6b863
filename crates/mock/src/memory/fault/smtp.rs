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
];
