use std::{
    env::consts,
    io::Write,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use mailbearer::{
    advice::Language,
    doctor::{Diagnosis, Outcome, Report, Step, page},
};
use serde_json::{Value, json};

use crate::{
    cli::{DoctorArgs, GlobalArgs},
    error::Error,
    exit::Exit,
    output::Output,
    session::Session,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &DoctorArgs,
    language: Language,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let began = Instant::now();
    let mut doctor = Doctor { global, arguments, language, out, names: Vec::new() };
    let mut exit = doctor.round(true)?;
    if !arguments.watch {
        return exit.map_or(Ok(()), |exit| Err(Error::told(exit)));
    }
    let mut rounds = 1_u64;
    while exit.is_some() {
        thread::sleep(Duration::from_secs(arguments.every));
        exit = doctor.round(false)?;
        rounds = rounds.saturating_add(1);
    }
    doctor.well(began.elapsed(), rounds)
}

struct Doctor<'a, W> {
    global: &'a GlobalArgs,
    arguments: &'a DoctorArgs,
    language: Language,
    out: &'a mut Output<W>,
    /// Names of mailboxes, and what is shown in their place.
    names: Vec<(String, String)>,
}

impl<W: Write> Doctor<'_, W> {
    /// Walks once. Returns the exit code for the cause of a failure. Without `aloud` it prints only the diagnosis.
    fn round(&mut self, aloud: bool) -> Result<Option<Exit>, Error> {
        let steps = aloud && !self.arguments.for_admin && !self.arguments.report;
        let session = match Session::open(self.global, false) {
            Ok(session) => session,
            Err(error) => return self.misconfigured(&error, steps),
        };
        if self.arguments.hide_mailboxes {
            let user = &session.client.account().user;
            self.names = vec![(user.clone(), "mailbox-1@example.invalid".to_owned())];
        }
        // The lock on standard output belongs to this thread.
        let (tell, told) = mpsc::channel();
        let report = thread::scope(|scope| {
            let with_pop3 = self.arguments.pop3;
            let walk = scope.spawn({
                let client = &session.client;
                move || {
                    // It fails only where standard output was closed, and nobody reads the steps.
                    let tell = move |step: &Step| drop(tell.send(Line::of(step)));
                    if with_pop3 { client.examine_all(tell) } else { client.examine(tell) }
                }
            });
            // Whose mailbox the token opens is known when the walk is over: names to be hidden wait for it.
            for line in told.iter().filter(|_| steps && !self.arguments.hide_mailboxes) {
                self.line(&line)?;
            }
            walk.join().map_err(|_| Error::new(Exit::Internal, "the examination broke off"))
        })?;
        if self.arguments.hide_mailboxes
            && let Some(person) = &report.facts.person
            && !self.names.iter().any(|(name, _)| name.eq_ignore_ascii_case(person))
        {
            self.names.push((person.clone(), "person-1@example.invalid".to_owned()));
        }
        if steps && self.arguments.hide_mailboxes {
            report.steps.iter().try_for_each(|step| self.line(&Line::of(step)))?;
        }
        let diagnoses = report.diagnoses();
        if self.arguments.for_admin {
            let page = self.hidden(&page(&report, self.language));
            page.lines().try_for_each(|line| self.out.line(line))?;
            if page.is_empty() {
                crate::output::notice(self.say("nothing is wrong", "一切正常"));
            }
        } else if self.arguments.report {
            self.report(&report, &diagnoses)?;
        } else {
            self.diagnosis(&diagnoses)?;
        }
        self.out.flush()?;
        let cause = diagnoses.first().map(|first| first.error().map_or(Exit::Unavailable, Exit::from));
        Ok(cause)
    }

    fn line(&mut self, line: &Line) -> Result<(), Error> {
        let Line { name, outcome, ms, .. } = line;
        let detail = self.hidden(&line.detail);
        if self.out.is_json() {
            let ok = match outcome {
                Outcome::Ok => Value::Bool(true),
                Outcome::Failed => Value::Bool(false),
                Outcome::Skipped => Value::Null,
            };
            return self.out.json(&json!({ "step": name, "ok": ok, "ms": ms, "detail": detail }));
        }
        let mark = match outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAIL",
            Outcome::Skipped => "-",
        };
        self.out.line(&format!("{mark:<4}  {name:<18} {ms:>6} ms  {detail}"))
    }

    /// Prints the end of the output: what is wrong, who can mend it, and how.
    fn diagnosis(&mut self, diagnoses: &[Diagnosis<'_>]) -> Result<(), Error> {
        if self.out.is_json() {
            let mut objects = diagnoses.iter().map(|diagnosis| self.object(diagnosis));
            let first = objects.next().unwrap_or_else(|| {
                json!({ "diagnosis": null, "cause": null, "fix": null, "who": [], "commands": [], "step": null })
            });
            let others: Vec<Value> = objects.collect();
            let mut last = first;
            if let Some(last) = last.as_object_mut() {
                last.insert("others".to_owned(), Value::from(others));
            }
            return self.out.json(&last);
        }
        if diagnoses.is_empty() {
            let well = self.say("nothing is wrong", "一切正常");
            return self.out.line(well);
        }
        for diagnosis in diagnoses {
            self.told(diagnosis)?.iter().try_for_each(|line| self.out.line(line))?;
        }
        Ok(())
    }

    /// Prints a diagnosis for people.
    fn told(&self, diagnosis: &Diagnosis<'_>) -> Result<Vec<String>, Error> {
        let who: Vec<_> = diagnosis.who().iter().map(|who| who.name(self.language)).collect();
        let separator = self.say(", ", "、");
        let mut lines = vec![
            String::new(),
            format!(
                "{} {} ({})",
                self.say("what is wrong:  ", "问题："),
                diagnosis.cause(self.language),
                diagnosis.id()
            ),
            format!("{} {}", self.say("who can mend it:", "负责人："), who.join(separator)),
            format!(
                "{} {}",
                self.say("what to do:     ", "处理："),
                self.hidden(&diagnosis.fix(self.language))
            ),
        ];
        lines.extend(self.commands(diagnosis).iter().map(|command| format!("  {command}")));
        Ok(lines)
    }

    fn object(&self, diagnosis: &Diagnosis<'_>) -> Value {
        let who: Vec<_> = diagnosis.who().iter().map(|who| who.name(self.language)).collect();
        json!({
            "diagnosis": diagnosis.id(),
            "cause": diagnosis.cause(self.language),
            "fix": self.hidden(&diagnosis.fix(self.language)),
            "who": who,
            "commands": self.commands(diagnosis),
            "step": diagnosis.step().name(),
        })
    }

    fn commands(&self, diagnosis: &Diagnosis<'_>) -> Vec<String> {
        let own = |command: String| match &self.global.account {
            Some(account) if command.starts_with("mailbearer ") => format!("{command} --account {account}"),
            _ => command,
        };
        diagnosis.commands().into_iter().map(own).map(|command| self.hidden(&command)).collect()
    }

    fn report(&mut self, report: &Report, diagnoses: &[Diagnosis<'_>]) -> Result<(), Error> {
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        if self.out.is_json() {
            report.steps.iter().try_for_each(|step| self.line(&Line::of(step)))?;
            return self.diagnosis(diagnoses);
        }
        self.out.line(&format!(
            "mailbearer {} on {} {}, {now}",
            env!("CARGO_PKG_VERSION"),
            consts::OS,
            consts::ARCH
        ))?;
        report.steps.iter().try_for_each(|step| self.line(&Line::of(step)))?;
        self.diagnosis(diagnoses)
    }

    /// If the settings can't be used, they are the only step.
    fn misconfigured(&mut self, error: &Error, aloud: bool) -> Result<Option<Exit>, Error> {
        if aloud || self.arguments.report {
            let name = "configuration".to_owned();
            self.line(&Line { name, outcome: Outcome::Failed, ms: 0, detail: error.text.clone() })?;
        }
        let language = self.language;
        let cause = error.entry.map_or(error.text.as_str(), |entry| entry.cause(language)).to_owned();
        let fix =
            error.hint.clone().or_else(|| Some(error.entry?.fix(language).to_owned())).unwrap_or_default();
        let id = error.entry.map_or_else(|| error.exit.name(), mailbearer::advice::Entry::id);
        let who = mailbearer::advice::Who::Operator.name(language);
        if self.out.is_json() {
            self.out.json(&json!({
                "diagnosis": id, "cause": cause, "fix": fix, "who": [who], "commands": [],
                "step": "configuration", "others": [],
            }))?;
        } else {
            for line in [
                String::new(),
                format!("{} {cause} ({id})", self.say("what is wrong:  ", "问题：")),
                format!("{} {who}", self.say("who can mend it:", "负责人：")),
                format!("{} {fix}", self.say("what to do:     ", "处理：")),
            ] {
                self.out.line(&line)?;
            }
        }
        self.out.flush()?;
        Ok(Some(error.exit))
    }

    fn well(&mut self, took: Duration, rounds: u64) -> Result<(), Error> {
        let seconds = took.as_secs();
        if self.out.is_json() {
            return self.out.json(&json!({ "fixed_after": seconds, "rounds": rounds }));
        }
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        self.out.line(&match self.language {
            Language::Chinese => format!("{minutes} 分 {seconds} 秒后恢复正常（检查 {rounds} 次）"),
            _ => format!("well after {minutes} min {seconds} s, in round {rounds}"),
        })
    }

    /// The text, with the names of mailboxes replaced if that was asked for.
    fn hidden(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, other) in self.names.iter().filter(|(name, _)| !name.is_empty()) {
            let lower = text.to_ascii_lowercase();
            let mut shown = String::with_capacity(text.len());
            let mut end = 0_usize;
            for (at, _) in lower.match_indices(&name.to_ascii_lowercase()) {
                shown.push_str(text.get(end..at).unwrap_or_default());
                shown.push_str(other);
                end = at.saturating_add(name.len());
            }
            shown.push_str(text.get(end..).unwrap_or_default());
            text = shown;
        }
        text
    }

    const fn say(&self, english: &'static str, chinese: &'static str) -> &'static str {
        match self.language {
            Language::Chinese => chinese,
            _ => english,
        }
    }
}

/// A step in the form in which it is printed.
struct Line {
    name: String,
    outcome: Outcome,
    ms: u64,
    detail: String,
}

impl Line {
    fn of(step: &Step) -> Self {
        Self {
            name: step.name(),
            outcome: step.outcome,
            ms: u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX),
            detail: step.detail().to_owned(),
        }
    }
}
