//! A page for the administrator of the mailbox: what to do, and why.

use std::fmt::Write;

use super::{Diagnosis, Report};
use crate::advice::{Language, Who};

/// Writes what an administrator needs to know to mend what is wrong, as text with Markdown's headings. Empty if nothing
/// is wrong.
#[must_use]
pub fn page(report: &Report, language: Language) -> String {
    let diagnoses = report.diagnoses();
    let mut text = String::new();
    if diagnoses.is_empty() {
        return text;
    }
    let say = |english: &'static str, chinese: &'static str| match language {
        Language::Chinese => chinese,
        Language::English => english,
    };
    let facts = &report.facts;
    // Writing to a String does not fail.
    let _ = writeln!(text, "# {} {}\n", say("Mail access for", "邮箱访问："), shown(&facts.mailbox));
    let _ = writeln!(
        text,
        "{}\n",
        say(
            "A program of ours can't use this mailbox yet. Below is what it needs of you, what was seen, and how to check \
             that it worked. It needs no password.",
            "我们的程序暂时无法使用此邮箱。以下是需要您完成的操作、观察到的现象，以及如何确认已生效。不需要任何密码。",
        ),
    );
    let unknown = say("not known", "未知").to_owned();
    let mut rows = vec![
        (say("Mailbox", "邮箱"), Some(&facts.mailbox)),
        (say("Directory (tenant)", "目录（租户）"), facts.tenant.as_ref()),
        (say("Application (client) ID", "应用程序（客户端）ID"), facts.client_id.as_ref()),
    ];
    rows.push(if facts.is_person {
        (say("Person who logged in", "登录的用户"), facts.person.as_ref())
    } else {
        (say("Object ID of the enterprise application", "企业应用程序的对象 ID"), facts.object_id.as_ref())
    });
    for (name, value) in rows {
        let _ = writeln!(text, "- {name}: {}", value.map_or_else(|| unknown.clone(), |value| shown(value)));
    }
    for (number, diagnosis) in (1_u32..).zip(&diagnoses) {
        one(&mut text, number, diagnosis, language, &say);
    }
    let _ = writeln!(
        text,
        "\n## {}\n\n{}",
        say("How to check", "如何确认"),
        say(
            "Changes in Exchange and Entra take up to an hour to arrive. `mailbearer doctor --watch` asks again until they \
             have.",
            "Exchange 和 Entra 中的更改最长需要一小时生效。`mailbearer doctor --watch` 会反复检查直到生效。",
        ),
    );
    text
}

fn one(
    text: &mut String,
    number: u32,
    diagnosis: &Diagnosis<'_>,
    language: Language,
    say: &dyn Fn(&'static str, &'static str) -> &'static str,
) {
    let _ = writeln!(text, "\n## {number}. {}\n", diagnosis.cause(language));
    let _ = writeln!(text, "{}", diagnosis.fix(language));
    let who: Vec<_> = diagnosis.who().iter().map(|who: &Who| who.name(language)).collect();
    let _ = writeln!(text, "\n{}: {}", say("Who can do it", "负责人"), who.join(say(", ", "、")));
    let commands = diagnosis.commands();
    if !commands.is_empty() {
        let _ = writeln!(text, "\n```powershell\n{}\n```", commands.join("\n"));
    }
    let step = diagnosis.step();
    // A peer's words must not end the code block that they are in.
    let seen = shown(step.detail()).replace('`', "'");
    let _ = writeln!(
        text,
        "\n{} (`{}`):\n\n```text\n{seen}\n```",
        say("What was seen", "观察到的现象"),
        step.name()
    );
    if let Some(entry) = diagnosis.entry() {
        let _ = writeln!(text, "\n{}: {} ({})", say("Known as", "条目"), entry.id(), entry.source());
    }
}

fn shown(text: &str) -> String {
    mailbearer_wire::printable(text).into_owned()
}
