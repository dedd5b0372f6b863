//! The doctor: which fault of a server gets which diagnosis, and what is said besides.

use std::{thread, time::Duration};

use mailbearer_mock::memory::{Fault, Options, Personality};
use serde_json::Value;

use crate::harness::{Outcome, Running, World, bare, finish};

/// The objects that were printed, the diagnosis last.
fn objects(outcome: &Outcome) -> Vec<Value> {
    assert_eq!(outcome.stderr, "");
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn examined(world: &World) -> (Option<i32>, Value, Vec<Value>) {
    let outcome = world.run(&["doctor", "--json"]);
    let mut objects = objects(&outcome);
    let last = objects.pop().unwrap();
    (outcome.code, last, objects)
}

/// A fault of the mock, the diagnosis, the step that shows it, and the exit code: one for each step and code. All other
/// faults are tried in the library, in `doctor/tests/faults.rs`.
const FAULTS: &[(&str, &str, &str, i32)] = &[
    ("authenticate-failed", "authenticate-failed", "imap.login", 77),
    ("throttled", "tenant-throttled", "token.request", 75),
    ("app-not-found", "app-not-found", "token.request", 77),
    ("invalid-secret", "invalid-secret", "token.request", 77),
    ("tenant-not-found", "tenant-not-found", "token.request", 78),
    ("not-json", "not-oauth", "token.request", 76),
    ("token-for-graph", "token-for-graph", "imap.claims", 77),
    ("not-connected", "not-connected", "imap.inbox", 77),
    ("wrong-server", "mailbox-moving", "imap.login", 75),
    ("session-token-expired", "token-expired", "imap.inbox", 75),
    ("netease-unsafe-login", "id-wanted", "imap.inbox", 69),
    ("no-such-mailbox", "no-folder", "imap.inbox", 66),
    ("smtp-disabled-for-tenant", "smtp-disabled-for-tenant", "smtp.login", 77),
    ("smtp-disabled-for-mailbox", "smtp-disabled-for-mailbox", "smtp.login", 77),
    ("smtp-security-defaults", "smtp-security-defaults", "smtp.login", 77),
    ("smtp-conditional-access", "smtp-conditional-access", "smtp.login", 77),
    ("smtp-temporary-auth-failure", "smtp-auth-busy", "smtp.login", 75),
    ("not-authenticated", "smtp-not-authenticated", "smtp.sender", 69),
    ("access-denied-busy", "server-busy", "smtp.sender", 75),
    ("external-recipient-limit", "tenant-threshold", "smtp.recipient", 69),
    ("greylisted", "greylisted", "smtp.recipient", 75),
    ("not-a-submission-server", "greeting-refused", "smtp.greeting", 69),
];

#[test]
fn each_fault_has_its_diagnosis() {
    let world = World::new();
    for (fault, id, step, exit) in FAULTS {
        world.server.set_fault(Fault::find(fault));
        assert!(Fault::find(fault).is_some(), "{fault}");
        let (code, last, steps) = examined(&world);
        assert_eq!(
            (last["diagnosis"].as_str(), last["step"].as_str(), code),
            (Some(*id), Some(*step), Some(*exit)),
            "{fault}: {last}"
        );
        let failed = steps.iter().find(|own| own["step"] == *step).unwrap();
        assert_eq!(failed["ok"], false, "{fault}");
        assert!(!last["cause"].as_str().unwrap().is_empty() && last["who"].is_array(), "{fault}: {last}");
        // What does not depend on it was tried nevertheless.
        let tried = steps.iter().any(|own| own["step"] == "smtp.greeting" && !own["ok"].is_null());
        assert!(tried, "{fault}: {steps:#?}");
        assert!(world.server.mailbox().messages("INBOX").is_empty(), "{fault}: something was sent");
    }
}

/// A server that opens the inbox and gives out nothing: the doctor says what `list` says.
#[test]
fn what_list_fails_with_is_found() {
    let world = World::new();
    world.deliver("Subject: x\r\n\r\nx");
    assert_eq!(examined(&world).0, Some(0));
    for (fault, exit) in
        [("command-error", 69), ("argument-error", 69), ("gmail-bandwidth", 75), ("yahoo-unavailable", 75)]
    {
        world.server.set_fault(Fault::find(fault));
        let listed = world.run(&["list", "--json"]);
        let told: Value = serde_json::from_str(listed.stderr.trim_end()).unwrap();
        let (code, last, _) = examined(&world);
        assert_eq!((listed.code, code), (Some(exit), Some(exit)), "{fault}: {told} {last}");
        assert_eq!(
            (&last["diagnosis"], &last["step"]),
            (&told["code"], &"imap.inbox".into()),
            "{fault}: {last}"
        );
        assert_eq!((&last["cause"], &last["fix"]), (&told["cause"], &told["hint"]), "{fault}");
    }
}

#[test]
fn words_from_the_field_are_played() {
    let folder = tempfile::tempdir().unwrap();
    let fault = "smtp.login=535 5.7.139 Authentication unsuccessful, 'something' new. [X]";
    let mut mock = Running::start(bare(folder.path(), &["mock", "--format", "json", "--fault", fault]));
    let variables: std::collections::BTreeMap<String, String> = serde_json::from_str(&mock.line()).unwrap();
    let mut doctor = bare(folder.path(), &["doctor", "--json"]);
    doctor.envs(&variables);
    let found = objects(&finish(doctor, b""));
    assert_eq!(found.last().unwrap()["diagnosis"], "smtp-exchange-refused", "{found:#?}");
    let refused = finish(bare(folder.path(), &["mock", "--fault", "smtp.nowhere=535 x"]), b"");
    assert_eq!(refused.code, Some(64), "{refused:?}");
    assert!(refused.stderr.contains("the place is token, imap.login"), "{refused:?}");
}

#[test]
fn a_good_account_of_any_provider_is_well() {
    for personality in Personality::ALL {
        let mut options = Options::default();
        options.personality = personality;
        let (code, last, steps) = examined(&World::with(options));
        assert_eq!((code, &last["diagnosis"]), (Some(0), &Value::Null), "{personality:?} {last} {steps:#?}");
        let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
        for name in
            ["configuration", "clock", "token.request", "imap.tls", "imap.inbox", "smtp.tls", "smtp.reset"]
        {
            assert!(names.contains(&name), "{personality:?}: {names:?}");
        }
        let tls = steps.iter().find(|step| step["step"] == "smtp.tls").unwrap();
        let detail = tls["detail"].as_str().unwrap();
        assert!(detail.starts_with("TLS 1.3, for localhost ") && detail.contains("issued by "), "{detail}");
    }
}

#[test]
fn commands_are_filled_in_and_the_mailbox_comes_first() {
    let world = World::new();
    world.server.set_fault(Fault::find("not-connected"));
    let (_, last, steps) = examined(&world);
    let claims =
        steps.iter().find(|step| step["step"] == "token.claims").unwrap()["detail"].as_str().unwrap();
    let object = claims.split("object ").nth(1).unwrap();
    let commands: Vec<_> =
        last["commands"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let principal = format!("New-ServicePrincipal -AppId {} -ObjectId {object}", world.server.client_id());
    let access = format!(
        "Add-MailboxPermission -Identity {} -User {object} -AccessRights FullAccess",
        world.server.user()
    );
    let at = |command: &str| {
        commands.iter().position(|own| *own == command).unwrap_or_else(|| panic!("{commands:?}"))
    };
    assert!(at(&principal) < at(&access));
    world.server.set_fault(Fault::find("smtp-disabled-for-tenant"));
    let (_, last, _) = examined(&world);
    let commands = last["commands"].to_string();
    let mailbox = commands.find("Set-CASMailbox -Identity robot@mailbearer.test -SmtpClient").unwrap();
    assert!(mailbox < commands.find("Set-TransportConfig").unwrap(), "{commands}");
}

#[test]
fn a_page_for_the_administrator_in_either_language() {
    let world = World::new();
    world.server.set_fault(Fault::find("not-connected"));
    for (lang, words) in [
        ("en", ["# Mail access for robot@mailbearer.test", "Who can do it: an Exchange administrator"]),
        ("zh", ["# 邮箱访问： robot@mailbearer.test", "负责人: Exchange 管理员"]),
    ] {
        let outcome = world.run(&["doctor", "--for-admin", "--lang", lang]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(77), ""));
        for word in words.iter().chain(&["```powershell\nConnect-ExchangeOnline", "(`imap.inbox`)"]) {
            assert!(outcome.stdout.contains(word), "{word}: {}", outcome.stdout);
        }
        assert!(outcome.stdout.contains(world.server.client_id()));
    }
}

#[test]
fn no_mailbox_is_named_where_that_is_asked_for() {
    let world = World::new();
    world.server.set_fault(Fault::find("token-of-another-person"));
    for (arguments, shown) in [
        (&["--report"][..], "FAIL  imap.login"),
        (&["--json"], "\"step\":\"imap.login\""),
        (&["--report", "--json"], "\"step\":\"imap.login\""),
        (&["--for-admin"], "- Mailbox: mailbox-1@example.invalid"),
        (&["--for-admin", "--lang", "zh"], "- 邮箱: mailbox-1@example.invalid"),
        (&["--lang", "zh"], "FAIL  imap.login"),
        (&[], "FAIL  imap.login"),
    ] {
        let outcome = world.run(&[&["doctor", "--hide-mailboxes"], arguments].concat());
        assert!(outcome.stdout.contains(shown), "{arguments:?} {outcome:?}");
        for name in ["robot@", "ann@"] {
            assert!(!outcome.stdout.contains(name), "{arguments:?} {name}: {}", outcome.stdout);
        }
        for name in ["mailbox-1@example.invalid", "person-1@example.invalid"] {
            assert!(outcome.stdout.contains(name), "{arguments:?} {name}: {}", outcome.stdout);
        }
    }
    let outcome = world.run(&["doctor", "--report"]);
    assert!(outcome.stdout.starts_with("mailbearer ") && outcome.stdout.contains("robot@"), "{outcome:?}");
}

/// The keys of each object and the kinds of their values: programs read them.
#[test]
fn objects_have_their_shapes() {
    let world = World::new();
    let kinds = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let shape = |value: &Value| {
        let fields = value.as_object().unwrap().iter();
        fields.map(|(key, value)| format!("{key}:{}", kinds(value))).collect::<Vec<_>>().join(" ")
    };
    const WELL: &str = "cause:null commands:array diagnosis:null fix:null others:array step:null who:array";
    const ILL: &str =
        "cause:string commands:array diagnosis:string fix:string others:array step:string who:array";
    for (fault, wanted) in [(None, WELL), (Some("not-connected"), ILL), (Some("invalid-secret"), ILL)] {
        world.server.set_fault(fault.and_then(Fault::find));
        let (_, last, steps) = examined(&world);
        assert_eq!(shape(&last), wanted, "{last}");
        for step in &steps {
            let own = shape(step);
            let ok = kinds(&step["ok"]);
            assert_eq!(own, format!("detail:string ms:number ok:{ok} step:string"), "{step}");
            assert!(["bool", "null"].contains(&ok), "{step}");
        }
        for other in last["others"].as_array().unwrap() {
            assert_eq!(shape(other), ILL.replace("others:array ", ""), "{other}");
        }
    }
    let nothing = finish(bare(&world.path("."), &["doctor", "--json"]), b"");
    assert_eq!(shape(objects(&nothing).last().unwrap()), ILL);
}

#[test]
fn settings_and_networks_that_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = finish(bare(folder.path(), &["doctor", "--json"]), b"");
    let objects = objects(&outcome);
    assert_eq!((outcome.code, objects.len()), (Some(78), 2), "{objects:?}");
    assert_eq!((&objects[0]["ok"], &objects[1]["diagnosis"]), (&Value::Bool(false), &Value::from("config")));
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let world = World::new();
    let smtp = world.server.ports().smtp;
    let rows: &[(&str, String, &str, &str, i32)] = &[
        ("MAILBEARER_IMAP_PORT", closed.to_string(), "connection-refused", "imap.tcp", 69),
        ("MAILBEARER_IMAP_PORT", smtp.to_string(), "not-tls", "imap.tls", 76),
        ("MAILBEARER_IMAP_HOST", "127.0.0.2".into(), "connection-refused", "imap.tcp", 69),
        ("MAILBEARER_SMTP_HOST", "name.invalid".into(), "no-address", "smtp.lookup", 68),
        ("MAILBEARER_SMTP_HOST", "https://localhost".into(), "invalid-host", "smtp.lookup", 78),
        ("MAILBEARER_IMAP_HOST", "outlook.office365.us".into(), "cloud-mismatch", "token.cloud", 78),
    ];
    for (name, value, id, step, exit) in rows {
        let world = World::new().set(name, value).set("MAILBEARER_TIMEOUTS_CONNECT", "5");
        let (code, last, _) = examined(&world);
        assert_eq!(
            (last["diagnosis"].as_str(), last["step"].as_str(), code),
            (Some(*id), Some(*step), Some(*exit)),
            "{name} {value}: {last}"
        );
    }
}

#[test]
fn a_certificate_says_who_made_it() {
    for (certificate, id) in [
        (mailbearer_mock::Certificate::Expired, "certificate-expired"),
        (mailbearer_mock::Certificate::OtherName, "certificate-name"),
        (mailbearer_mock::Certificate::SelfSigned, "certificate-unknown"),
    ] {
        let mut options = Options::default();
        options.certificate = certificate;
        let (code, last, steps) = examined(&World::with(options));
        assert_eq!((code, last["diagnosis"].as_str()), (Some(76), Some(id)), "{last}");
        let tls = steps.iter().find(|step| step["step"] == "token.tls").unwrap();
        assert!(tls["detail"].as_str().unwrap().contains("issued by "), "{tls}");
    }
}

#[test]
fn watch_tells_programs_how_long_the_fix_took() {
    let world = World::new();
    world.server.set_fault(Fault::find("not-connected"));
    let mut running = Running::start(world.command(&["doctor", "--watch", "--every", "1", "--json"]));
    let mut diagnoses = 0;
    let last = loop {
        let line: Value = serde_json::from_str(&running.line()).unwrap();
        if line.get("fixed_after").is_some() {
            break line;
        }
        // Two rounds at least; steps are told in the first alone.
        assert!(line.get("step").is_some() && (diagnoses == 0 || line.get("ms").is_none()), "{line}");
        diagnoses += usize::from(line.get("diagnosis").is_some());
        if diagnoses == 2 {
            world.server.set_fault(None);
        }
    };
    assert!(last["rounds"].as_u64().unwrap() >= 3 && last["fixed_after"].as_u64().unwrap() >= 1, "{last}");
    assert_eq!(running.child.0.wait().unwrap().code(), Some(0));
}

#[test]
fn watch_waits_for_the_fix() {
    let world = World::new();
    world.server.set_fault(Fault::find("token-without-roles"));
    let mut running = Running::start(world.command(&["doctor", "--watch", "--every", "1"]));
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.contains("token-role-missing")) {
        lines.push(running.line());
    }
    world.server.set_fault(None);
    let last = loop {
        let line = running.line();
        if line.starts_with("well after ") {
            break line;
        }
    };
    assert!(last.contains(" in round "), "{last}");
    let mut code = None;
    for _ in 0..100 {
        code = running.child.0.try_wait().unwrap();
        if code.is_some() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(code.and_then(|code| code.code()), Some(0));
}

#[test]
fn pop3_is_looked_at_where_that_is_asked_for() {
    let world = World::new();
    for (fault, id, step) in [
        (None, None, None),
        (Some("pop-basic-off"), Some("pop-basic-off"), Some("pop3.login")),
        (Some("pop-in-use"), Some("pop-in-use"), Some("pop3.login")),
    ] {
        world.server.set_fault(fault.and_then(Fault::find));
        let found = objects(&world.run(&["doctor", "--pop3", "--json"]));
        let last = found.last().unwrap();
        assert_eq!((last["diagnosis"].as_str(), last["step"].as_str()), (id, step), "{last}");
        assert!(found.iter().any(|one| one["step"] == "pop3.capabilities"), "{found:#?}");
    }
    world.server.set_fault(None);
    let (_, _, steps) = examined(&world);
    assert!(!steps.iter().any(|one| one["step"].as_str().unwrap().starts_with("pop3")), "{steps:#?}");
}

/// README's front page shows what the program prints, but for times and the object that each server makes up.
#[test]
fn the_front_page_is_what_is_printed() {
    let readme = include_str!("../../../../README.md");
    let shown =
        readme.split("$ mailbearer doctor | grep -v ^ok\n").nth(1).unwrap().split("```").next().unwrap();
    let object = shown.split("-ObjectId ").nth(1).unwrap().lines().next().unwrap();
    let application = shown.split("-AppId ").nth(1).unwrap().split(' ').next().unwrap();
    let mut options = Options::default();
    (options.user, options.client_id) = ("robot@contoso.com".into(), Some(application.into()));
    options.fault = Fault::find("not-connected");
    let world = World::with(options);
    let printed = world.run(&["doctor"]).stdout;
    let (well, rest): (Vec<&str>, Vec<&str>) = printed.lines().partition(|line| line.starts_with("ok"));
    let own = printed.split("-ObjectId ").nth(1).unwrap().lines().next().unwrap();
    let plain = |text: &str| {
        let words = text.split_whitespace().collect::<Vec<_>>();
        // The time of a step.
        let at = words.iter().position(|word| *word == "ms").map(|at| at - 1);
        let kept = words.iter().enumerate().filter(|(number, _)| Some(*number) != at);
        kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ").replace(own, object)
    };
    let rest: Vec<String> = rest.into_iter().map(plain).collect();
    assert_eq!(rest, shown.lines().map(plain).collect::<Vec<_>>());
    assert!(readme.contains(&format!("without the {} steps that went well", well.len())), "{}", well.len());
}
