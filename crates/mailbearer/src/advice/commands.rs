//! Commands for those entries of the catalogue that a command can mend.
//!
//! `MAILBOX`, `TENANT`, `CLIENT-ID`, `OBJECT-ID`, `PERSON`, `LOGIN-HOST` and `HOST` stand for the account's values.
//! Commands about one mailbox come before those about the whole organisation.

/// Whose token a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// Anyone's.
    Any,
    /// An application's.
    Application,
    /// A person's.
    Person,
}

use For::{Any, Application, Person};

/// Returns the commands for the entry of this name, in their order. Empty if there are none.
pub(crate) fn of(id: &str) -> &'static [(For, &'static str)] {
    COMMANDS.iter().find(|(ids, _)| ids.contains(&id)).map_or(&[], |(_, commands)| commands)
}

const CONNECT: &str = "Connect-ExchangeOnline -Organization TENANT";
const PRINCIPAL: &str = "New-ServicePrincipal -AppId CLIENT-ID -ObjectId OBJECT-ID";
const FULL_ACCESS: &str = "Add-MailboxPermission -Identity MAILBOX -User OBJECT-ID -AccessRights FullAccess";
const PERSON_ACCESS: &str = "Add-MailboxPermission -Identity MAILBOX -User PERSON -AccessRights FullAccess";
const SMTP_ON: &str = "Set-CASMailbox -Identity MAILBOX -SmtpClientAuthenticationDisabled $false";
const IMAP_ON: &str = "Set-CASMailbox -Identity MAILBOX -ImapEnabled $true";
const POP_ON: &str = "Set-CASMailbox -Identity MAILBOX -PopEnabled $true";
const CONSENT: &str = "https://LOGIN-HOST/TENANT/adminconsent?client_id=CLIENT-ID";

type Row = (&'static [&'static str], &'static [(For, &'static str)]);

const COMMANDS: &[Row] = &[
    (
        &["not-connected", "authenticate-failed"],
        &[
            (Any, CONNECT),
            (Application, PRINCIPAL),
            (Application, FULL_ACCESS),
            (Person, PERSON_ACCESS),
            (Any, IMAP_ON),
        ],
    ),
    (&["imap-disabled"], &[(Any, CONNECT), (Any, IMAP_ON)]),
    (&["pop-auth"], &[(Any, CONNECT), (Application, PRINCIPAL), (Application, FULL_ACCESS), (Any, POP_ON)]),
    (
        &["smtp-auth-exchange"],
        &[(Any, CONNECT), (Application, PRINCIPAL), (Application, FULL_ACCESS), (Any, SMTP_ON)],
    ),
    (
        &["mailbox-logon"],
        &[(Any, CONNECT), (Application, PRINCIPAL), (Application, FULL_ACCESS), (Person, PERSON_ACCESS)],
    ),
    (
        &["smtp-disabled-for-tenant"],
        &[
            (Any, CONNECT),
            (Any, SMTP_ON),
            (Any, "Set-TransportConfig -SmtpClientAuthenticationDisabled $false"),
        ],
    ),
    (&["smtp-disabled-for-mailbox"], &[(Any, CONNECT), (Any, SMTP_ON)]),
    (
        &["send-as-denied", "penalty-send-as"],
        &[
            (Any, CONNECT),
            (
                Application,
                "Add-RecipientPermission -Identity MAILBOX -Trustee OBJECT-ID -AccessRights SendAs -Confirm:$false",
            ),
            (
                Person,
                "Add-RecipientPermission -Identity MAILBOX -Trustee PERSON -AccessRights SendAs -Confirm:$false",
            ),
        ],
    ),
    (&["token-other-account"], &[(Any, CONNECT), (Any, PERSON_ACCESS)]),
    (&["token-role-missing", "consent-missing", "no-exchange", "no-subscription"], &[(Any, CONSENT)]),
    (&["clock-wrong", "clock", "assertion-time"], &[(Any, "timedatectl set-ntp true")]),
    (
        &["certificate-unknown", "certificate-name", "certificate-expired", "certificate-ca-as-server"],
        &[(Any, "openssl s_client -connect HOST -showcerts </dev/null")],
    ),
    (
        &[
            "refresh-expired",
            "refresh-revoked",
            "google-refresh-dead",
            "invalid-grant",
            "login-needed",
            "spa-refresh",
            "sign-in-frequency",
            "code-redeemed",
            "token-scope-missing",
        ],
        &[(Any, "mailbearer login")],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::by_id;

    #[test]
    fn each_is_for_an_entry_and_the_mailbox_comes_before_the_organisation() {
        for (ids, commands) in COMMANDS {
            for id in *ids {
                assert!(by_id(id).is_some(), "{id}");
            }
            let at = |part: &str| commands.iter().position(|(_, command)| command.contains(part));
            if let Some(tenant) = at("Set-TransportConfig") {
                assert!(at("Set-CASMailbox").is_some_and(|mailbox| mailbox < tenant), "{ids:?}");
            }
            if let Some(access) = at("Add-MailboxPermission").filter(|_| at("New-ServicePrincipal").is_some())
            {
                assert!(at("New-ServicePrincipal").is_some_and(|principal| principal < access), "{ids:?}");
            }
        }
    }
}
