//! Mail by Dovecot's LMTP, which answers for each recipient.

use std::{fs, process::Command};

use mailbearer::{Account, Address, Login, Message, Outcome, Security, proto::smtp};
use mailbearer_tests::program;

use crate::{
    job,
    servers::{self, Box, port, setting},
};

fn account() -> Account {
    let mut account = Account::new("relay@mail.test", Login::Nothing);
    account.smtp = Some(servers::server("LMTPS_PORT", Security::Implicit));
    let mut options = smtp::Options::new("", 0);
    options.lmtp = true;
    account.smtp_options = Some(std::boxed::Box::new(options));
    account.ca_pem(fs::read(setting("CA_FILE")).unwrap()).unwrap()
}

#[test]
fn each_recipient_has_it_and_says_so() {
    let boxes = [Box::new(), Box::new()];
    let client = account().blocking().unwrap();
    let from = Address::parse("relay@mail.test").unwrap();
    let to = |message: Message, user: &str| message.to(Address::parse(user).unwrap());
    let message = boxes.iter().fold(Message::new(from), |message, own| to(message, &own.user));
    let composed = client.compose(&message.subject("one").text(".\n..\nx")).unwrap();
    // Alone, and several of a pool.
    let receipt = client.send(&composed).unwrap();
    let users: Vec<&str> = boxes.iter().map(|own| own.user.as_str()).collect();
    assert_eq!(receipt.accepted, users);
    for user in users {
        let reply = receipt.reply_to(user).unwrap();
        assert!(reply.text().contains(user), "{user}: {reply}");
    }
    let pool = client.pool();
    let all = vec![composed; 3];
    assert!(pool.send_all(&all).all(|sent| matches!(sent.outcome, Outcome::Accepted(_))));
    pool.close();

    // And by the program, which needs no login for it.
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    command.args(["send", "--json", "--subject", "two", "--text", "x"]).env_clear();
    command.args(["--to", &boxes[0].user, "--cc", &boxes[1].user]);
    let settings = [
        ("USER", "relay@mail.test".to_owned()),
        ("SMTP_HOST", setting("HOST")),
        ("SMTP_PORT", port("LMTPS_PORT").to_string()),
        ("SMTP_TLS", "implicit".to_owned()),
        ("SMTP_PROTOCOL", "lmtp".to_owned()),
        ("TLS_CA_FILE", setting("CA_FILE")),
    ];
    command.envs(settings.map(|(key, value)| (format!("MAILBEARER_{key}"), value)));
    command.env("XDG_CACHE_HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["accepted"].as_array().unwrap().len(), 2, "{said}");

    for own in &boxes {
        let endpoint = servers::endpoint(&own.token);
        let robot = servers::account(&own.user, &endpoint).blocking().unwrap();
        assert_eq!(job::wait_for(&robot, 5).len(), 5, "{}", own.user);
    }
}
