use super::{Fault, Pop3Fault as At};

pub(super) const FAULTS: &[Fault] = &[
    Fault::of_pop3(
        "pop-protocol-error",
        "Exchange: a token in the line of AUTH, or one over 4,096 octets",
        At::Login("Protocol error. Connection is closed. 10"),
    ),
    Fault::of_pop3(
        "pop-basic-off",
        "Exchange: passwords are off",
        At::Login("Logon failure: unknown user name or bad password."),
    ),
    Fault::of_pop3(
        "pop-credentials",
        "the token is refused with a reason and a code",
        At::Token("[AUTH] Username and password not accepted."),
    ),
    Fault::of_pop3(
        "pop-in-use",
        "another session holds the mailbox",
        At::Login("[IN-USE] Do you have another POP session running?"),
    ),
    Fault::of_pop3(
        "pop-login-delay",
        "the user logged in a moment ago",
        At::Login("[LOGIN-DELAY] Login too often, try again in 60 seconds"),
    ),
    Fault::of_pop3(
        "pop-system-temporary",
        "the server has a trouble that passes",
        At::Login("[SYS/TEMP] Temporary system problem. Please try again later"),
    ),
    Fault::of_pop3(
        "pop-disabled",
        "Gmail: POP is off",
        At::Login(
            "[SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings page and enable your account for POP access.",
        ),
    ),
    Fault::of_pop3(
        "pop-message-unavailable",
        "a message can't be read now",
        At::Retrieve("[SYS/TEMP] Message is not available now"),
    ),
    Fault::of_pop3(
        "pop-not-removed",
        "QUIT could not remove all messages",
        At::Quit("some deleted messages not removed"),
    ),
    Fault::of_pop3(
        "pop-auth",
        "Exchange refuses the token, or POP is off",
        At::Login("Authentication failure: unknown user name or bad password."),
    ),
    Fault::of_pop3("pop-no-mechanism", "passwords alone are offered", At::Passwords),
    Fault::of_pop3(
        "pop-system-permanent",
        "a trouble that does not pass by itself",
        At::Login("[SYS/PERM] Unable to open the mailbox"),
    ),
    Fault::of_pop3("pop-login-refused", "the login is refused without a reason", At::Login("Go away")),
    Fault::of_pop3(
        "pop-connections",
        "too many connections of a user",
        At::Login("Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"),
    ),
    Fault::of_pop3("pop-busy", "too many logins in a short time", At::Login("Too many logins, wait")),
    Fault::of_pop3(
        "pop-message-refused",
        "a message is refused for a reason that nobody knows",
        At::Retrieve("I would rather not"),
    ),
];
