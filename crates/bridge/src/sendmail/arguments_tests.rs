use super::*;

fn parse(words: &[&str]) -> Result<Arguments, String> {
    Arguments::parse(words.iter().map(OsString::from)).map_err(|error| error.0)
}

fn shown(words: &[&str]) -> String {
    match parse(words) {
        Ok(own) => {
            let sender = own.sender.map(|sender| format!(" f={sender}")).unwrap_or_default();
            let name = own.name.map(|name| format!(" F={name}")).unwrap_or_default();
            let t = if own.from_header { " t" } else { "" };
            format!("{:?}{sender}{name}{t} {}", own.mode, own.recipients.join(" "))
        }
        Err(error) => format!("64 {error}"),
    }
}

/// The command lines of `sending.md`: who calls sendmail, and how.
#[test]
fn reads_what_programs_say() {
    let rows: &[(&str, &[&str], &str)] = &[
        ("git", &["-f", "a@b", "-i", "c@d", "e@f"], "Deliver f=a@b c@d e@f"),
        (
            "cronie",
            &["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"],
            "Deliver f=root F=CronDaemon t ",
        ),
        ("Debian cron", &["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"], "Deliver F=CronDaemon root"),
        ("Vixie cron", &["-FCronDaemon", "-odi", "-oem", "-oi", "-or0s", "-t"], "Deliver F=CronDaemon t "),
        ("PHP", &["-t", "-i", "-fa@b"], "Deliver f=a@b t "),
        ("Ruby", &["-i", "-f", "a@b", "--", "c@d"], "Deliver f=a@b c@d"),
        ("mutt", &["-oem", "-oi", "-N", "success,failure", "-R", "hdrs", "--", "c@d"], "Deliver c@d"),
        ("s-nail", &["-i", "-m", "-v", "-r", "a@b", "--", "c@d"], "Deliver f=a@b c@d"),
        ("netdata", &["-F", "a name", "-f", "a@b", "-t"], "Deliver f=a@b F=a name t "),
        ("-o with a word of its own", &["-o", "i", "-o", "em", "c@d"], "Deliver c@d"),
        ("Exim's words", &["-oMr", "local", "-oMs", "host", "-oX", "587", "-odi", "c@d"], "Deliver c@d"),
        ("Exim's without a word", &["-oMr"], "64 -oMr wants a value"),
        ("sendmail's -oM", &["-oMrlocal", "c@d"], "Deliver c@d"),
        ("cluster", &["-it", "-tfa@b"], "Deliver f=a@b t "),
        ("brackets", &["-f", "<a@b>", "<c@d>", "Ann <e@f>"], "Deliver f=a@b c@d e@f"),
        ("null sender", &["-f", "<>", "c@d"], "Deliver f= c@d"),
        ("empty sender", &["-f", "", "c@d"], "Deliver f= c@d"),
        ("list", &["c@d, \"e,\\\",f\"@g"], "Deliver c@d \"e,\\\",f\"@g"),
        (
            "msmtp",
            &["-A", "x", "-bm", "-G", "-h", "5", "-L", "tag", "-n", "-O", "x=y", "-U", "-X", "log", "c@d"],
            "Deliver c@d",
        ),
        ("-bs", &["-bs"], "Smtp "),
        ("-bp", &["-bp"], "List "),
        ("-q", &["-q30m"], "Run "),
        ("-bv", &["-bv", "c@d"], "Verify c@d"),
        ("-bi", &["-bi"], "Nothing "),
        ("-b apart", &["-b", "p"], "List "),
        ("a hyphen that is meant", &["--", "-c@d"], "Deliver -c@d"),
        ("a hyphen behind a recipient", &["c@d", "--", "-e@f"], "Deliver c@d -e@f"),
        (
            "slipped in",
            &["c@d", "-Xlog"],
            "64 \"-Xlog\" stands behind a recipient; options stand before them",
        ),
        (
            "control in -F",
            &["-F", "a\nBcc: x@y"],
            "64 the name of -F holds a control character: \"a\\nBcc: x@y\"",
        ),
        ("control in -f", &["-f", "a@b\r"], "64 the address of -f holds a control character: \"a@b\\r\""),
        ("control in a recipient", &["c@d\n"], "64 the recipient holds a control character: \"c@d\\n\""),
        ("unknown", &["-z"], "64 there is no option -z"),
        ("unknown long", &["--quue"], "64 there is no option --quue"),
        ("no value", &["-f"], "64 -f wants a value"),
        ("no value of -o", &["-o"], "64 -o wants a value"),
        ("daemon", &["-bd"], "64 -bd is not done here"),
        (
            "-N",
            &["-N", "never,delay"],
            "64 -N \"never,delay\" is neither never nor of success, failure and delay",
        ),
        ("-R", &["-R", "some"], "64 -R \"some\" is neither full nor hdrs"),
        ("-V", &["-V", "ü"], "64 -V \"ü\" is not 1 to 100 characters of ASCII"),
        ("-B", &["-B", "9BIT"], "64 -B \"9BIT\" is neither 7BIT nor 8BITMIME"),
    ];
    for (name, words, want) in rows {
        assert_eq!(shown(words), *want, "{name}");
    }
}

#[test]
fn reads_its_own_options_and_those_of_reports() {
    let own =
        parse(&["--queue", "--spool=s", "--account", "a", "--config=c", "--aliases", "l", "--json"]).unwrap();
    assert!(own.queue && own.json && !own.trace);
    assert_eq!((own.spool, own.account, own.config), (Some("s".into()), Some("a".into()), Some("c".into())));
    assert_eq!(own.aliases, Some("l".into()));
    let own = parse(&["-N", "never", "-R", "FULL", "-V", "id 1", "-O", "DeliverBy=120;R"]).unwrap();
    assert_eq!((own.notify, own.returned), (Some(Notify::default()), Some(Returned::Full)));
    assert_eq!((own.envelope_id, own.deliver_by), (Some("id 1".into()), Some(DeliverBy::new(120, true))));
    assert_eq!(parse(&["--queue=yes"]).unwrap_err(), "--queue takes no value");
    assert_eq!(
        parse(&["-O", "DeliverBy=soon"]).unwrap_err(),
        "DeliverBy=\"soon\" is not SECONDS;R or SECONDS;N"
    );
}

/// Each option of `sending.md` 1 and 2 and of the issue: it acts, is accepted and changes nothing, or is refused with 64.
#[test]
fn every_option_acts_is_ignored_or_is_refused() {
    enum Does {
        /// What it sets.
        Acts(fn(&Arguments) -> bool),
        Ignored,
        Refused,
    }
    use Does::{Acts, Ignored, Refused};

    // What callers say (section 1), in each spelling, then the letters of msmtp's getopt string (section 2), then the rest.
    let rows: &[(&[&str], Does)] = &[
        (&["-f", "a@b"], Acts(|own| own.sender.as_deref() == Some("a@b"))),
        (&["-fa@b"], Acts(|own| own.sender.as_deref() == Some("a@b"))),
        (&["-f", "<>"], Acts(|own| own.sender.as_deref() == Some(""))),
        (&["-r", "a@b"], Acts(|own| own.sender.as_deref() == Some("a@b"))),
        (&["-ra@b"], Acts(|own| own.sender.as_deref() == Some("a@b"))),
        (&["-F", "A Name"], Acts(|own| own.name.as_deref() == Some("A Name"))),
        (&["-FCronDaemon"], Acts(|own| own.name.as_deref() == Some("CronDaemon"))),
        (&["-t"], Acts(|own| own.from_header)),
        (&["-it"], Acts(|own| own.from_header)),
        (&["--read-recipients"], Acts(|own| own.from_header)),
        (&["-i"], Ignored),
        (&["-oi"], Ignored),
        (&["-odi"], Ignored),
        (&["-odb"], Ignored),
        (&["-oem"], Ignored),
        (&["-oee"], Ignored),
        (&["-or0s"], Ignored),
        (&["-o", "em"], Ignored),
        (&["-o", "x=y"], Ignored),
        (&["-B8BITMIME"], Ignored),
        (&["-B", "7BIT"], Ignored),
        (&["-B", "9BIT"], Refused),
        (&["-N", "success,failure"], Acts(|own| own.notify.is_some_and(|when| when.success && when.failure))),
        (&["-N", "never"], Acts(|own| own.notify == Some(Notify::default()))),
        (&["-N", "sometimes"], Refused),
        (&["-R", "hdrs"], Acts(|own| own.returned == Some(Returned::Header))),
        (&["-Rfull"], Acts(|own| own.returned == Some(Returned::Full))),
        (&["-R", "half"], Refused),
        (&["-V", "id"], Acts(|own| own.envelope_id.as_deref() == Some("id"))),
        (&["-m"], Ignored),
        (&["-v"], Acts(|own| own.trace)),
        (&["-n"], Ignored),
        (&["-U"], Ignored),
        (&["-G"], Ignored),
        (&["-h", "5"], Ignored),
        (&["-L", "tag"], Ignored),
        (&["-A", "c"], Ignored),
        (&["-Ac"], Ignored),
        (&["-Am"], Ignored),
        (&["-X", "log"], Ignored),
        (&["-x"], Ignored),
        (&["-d"], Ignored),
        (&["-d0.1"], Ignored),
        (&["-O", "Timeout=1"], Ignored),
        (&["-O", "DeliverBy=9;N"], Acts(|own| own.deliver_by == Some(DeliverBy::new(9, false)))),
        (&["-O", "DeliverBy=soon"], Refused),
        (&["-C", "file"], Acts(|own| own.config == Some("file".into()))),
        (&["-a", "work"], Acts(|own| own.account.as_deref() == Some("work"))),
        (&["-bm"], Acts(|own| own.mode == Mode::Deliver)),
        (&["-bs"], Acts(|own| own.mode == Mode::Smtp)),
        (&["-bp"], Acts(|own| own.mode == Mode::List)),
        (&["-bv"], Acts(|own| own.mode == Mode::Verify)),
        (&["-bi"], Acts(|own| own.mode == Mode::Nothing)),
        (&["-I"], Acts(|own| own.mode == Mode::Nothing)),
        (&["-q"], Acts(|own| own.mode == Mode::Run)),
        (&["-q30m"], Acts(|own| own.mode == Mode::Run)),
        (&["-Q"], Ignored),
        (&["-D", "log"], Ignored),
        (&["-e", "m"], Ignored),
        (&["-M", "id"], Ignored),
        (&["-p", "ESMTP:x"], Ignored),
        (&["-T", "1h"], Ignored),
        (&["-bd"], Refused),
        (&["-bD"], Refused),
        (&["-ba"], Refused),
        // They send nothing in msmtp, so they must not send here.
        (&["-P"], Refused),
        (&["-S"], Refused),
        (&["-it", "-P"], Refused),
        (&["-z"], Refused),
        (&["--serverinfo"], Refused),
        (&["--queue"], Acts(|own| own.queue)),
        (&["--spool", "dir"], Acts(|own| own.spool == Some("dir".into()))),
        (&["--help"], Acts(|own| own.mode == Mode::Help)),
    ];
    for (words, does) in rows {
        let with_address = [words, &["--", "-c@d"][..]].concat();
        let parsed = parse(&with_address);
        let plain = Arguments { recipients: vec!["-c@d".into()], ..Arguments::default() };
        match (does, parsed) {
            (Refused, Err(_)) => {}
            (Ignored, Ok(own)) => assert_eq!(own, plain, "{words:?}"),
            (Acts(is_set), Ok(own)) => {
                assert!(is_set(&own) && own.recipients == plain.recipients, "{words:?}: {own:?}");
            }
            (_, parsed) => panic!("{words:?}: {parsed:?}"),
        }
    }
    // No letter of the page is without a row.
    let covered = |letter: char| {
        rows.iter().any(|(words, _)| words[0].strip_prefix('-').is_some_and(|word| word.contains(letter)))
    };
    for letter in "Pd::SC:a:f:N:R:X:tA:B:b:F:Gh:iL:mnO:o:v".chars().filter(|letter| *letter != ':') {
        assert!(covered(letter), "-{letter}");
    }
    for letter in [VALUES, FLAGS, ATTACHED].concat().chars() {
        assert!(covered(letter), "-{letter}");
    }
}
