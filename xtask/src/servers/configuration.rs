//! The servers' configuration files, from templates with `@KEY@` where a setting belongs.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Settings;
use crate::{Result, process};

/// Dovecot can't have a certificate for each port, so the certificate for another name takes a second Dovecot.
///
/// Name, certificate, and what the names of its ports begin with.
pub(crate) const DOVECOTS: [(&str, &str, &str); 2] =
    [("dovecot", "localhost", ""), ("dovecot-other", "other.test", "OTHER_NAME_")];

/// Writes all files that the servers read, and makes the folders that they write to.
pub(crate) fn write(dir: &Path, settings: &Settings) -> Result<()> {
    for folder in ["log", "mail", "postfix/etc", "postfix/data", "postfix/queue"] {
        fs::create_dir_all(dir.join(folder))?;
    }
    for (name, certificate, prefix) in DOVECOTS {
        let own = dovecot_settings(name, certificate, prefix, settings)?;
        let folder = dir.join(name);
        for part in ["run", "state"] {
            fs::create_dir_all(folder.join(part))?;
        }
        fs::write(folder.join("dovecot.conf"), fill(include_str!("dovecot.conf"), &own)?)?;
        fs::write(folder.join("oauth2.conf"), fill(include_str!("oauth2.conf"), &own)?)?;
    }
    let postfix = dir.join("postfix");
    fs::write(postfix.join("etc/main.cf"), fill(include_str!("main.cf"), settings)?)?;
    fs::write(postfix.join("etc/master.cf"), fill(include_str!("master.cf"), settings)?)?;
    fs::write(postfix.join("mailboxes"), mailboxes(dir)?)?;
    fs::write(postfix.join("aliases"), fill("@ALIAS_UTF8@ @USER@\n", settings)?)?;
    // Tests without root read certificates, tokens and logs here.
    process::output(Command::new("chmod").args(["-R", "u=rwX,go=rX"]).arg(dir))?;
    let delivery_log = dir.join("log/delivery.log");
    fs::write(&delivery_log, "")?;
    process::output(Command::new("chown").arg("nobody:nogroup").arg(dir.join("mail")).arg(delivery_log))?;
    process::output(Command::new("chown").arg("postfix").arg(postfix.join("data")))?;
    Ok(())
}

fn dovecot_settings(name: &str, certificate: &str, prefix: &str, settings: &Settings) -> Result<Settings> {
    let mut own =
        vec![("NAME".to_owned(), name.to_owned()), ("CERTIFICATE".to_owned(), certificate.to_owned())];
    for key in ["IMAP_PORT", "IMAPS_PORT", "POP3S_PORT"] {
        own.push((key.to_owned(), value(settings, &format!("{prefix}{key}"))?.to_owned()));
    }
    if !prefix.is_empty() {
        // One is enough that takes mail.
        own.push(("LMTPS_PORT".to_owned(), "0".to_owned()));
    }
    // Of two entries with the same key the first counts.
    own.extend_from_slice(settings);
    Ok(own)
}

/// Postfix's table of mailboxes.
fn mailboxes(dir: &Path) -> Result<String> {
    let mut table = String::new();
    for token in fs::read_dir(dir.join("tokens"))? {
        let user = token?.file_name();
        let user = user.display();
        table.push_str(&format!("{user} {user}\n"));
    }
    Ok(table)
}

fn fill(template: &str, settings: &Settings) -> Result<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, from_key)) = rest.split_once('@') {
        let (key, after) = from_key.split_once('@').ok_or("template with a lone @")?;
        text.push_str(before);
        text.push_str(value(settings, key)?);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// The value of a setting.
///
/// # Errors
///
/// Fails if there is no setting `key`, which is a mistake in a template.
pub(crate) fn value<'a>(settings: &'a Settings, key: &str) -> Result<&'a str> {
    let found = settings.iter().find(|(known, _)| known == key);
    found.map(|(_, value)| value.as_str()).ok_or_else(|| format!("no setting {key}").into())
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn templates() {
        let settings = vec![
            ("DIR".to_owned(), "/tmp/a@b".to_owned()),
            ("PORT".to_owned(), "25".to_owned()),
            ("PORT".to_owned(), "26".to_owned()),
        ];
        let rows: &[(&str, &str, Option<&str>)] = &[
            ("none", "plain\n", Some("plain\n")),
            ("value is not a template", "dir = @DIR@/x\n", Some("dir = /tmp/a@b/x\n")),
            ("first counts", "@PORT@@PORT@", Some("2525")),
            ("unknown", "a @NOBODY@ b", None),
            ("lone", "@DIR@ and a@b", None),
        ];
        for (name, template, want) in rows {
            assert_eq!(fill(template, &settings).ok().as_deref(), *want, "{name}");
        }
    }
}
