//! Options about the delivery of a message: DSN (RFC 3461), DELIVERBY (RFC 2852), REQUIRETLS (RFC 8689).

use mailbearer::{
    Envelope,
    proto::smtp::{DeliverBy, Notify, Returned},
};

use super::DeliveryArgs;

impl DeliveryArgs {
    /// Whether the server is asked for anything.
    pub(crate) fn is_any(&self) -> bool {
        self.notify.is_some()
            || self.ret.is_some()
            || self.envid.is_some()
            || !self.orcpt.is_empty()
            || self.require_tls
            || self.deliver_by.is_some()
    }

    /// Asks for it. Fails for an original of somebody whom the message is not for.
    pub(crate) fn ask(&self, envelope: &mut Envelope) -> Result<(), String> {
        let is_recipient = |address: &String| envelope.recipients.contains(address);
        if let Some((stranger, _)) = self.orcpt.iter().find(|(recipient, _)| !is_recipient(recipient)) {
            return Err(format!("--orcpt {stranger:?}: the message is not for this address"));
        }
        envelope.require_tls = self.require_tls;
        envelope.deliver_by = self.deliver_by;
        envelope.dsn.notify = self.notify;
        envelope.dsn.returned = self.ret;
        envelope.dsn.envelope_id.clone_from(&self.envid);
        envelope.dsn.original_recipients.clone_from(&self.orcpt);
        Ok(())
    }
}

pub(super) fn envelope_id(text: &str) -> Result<String, String> {
    if (1..=100).contains(&text.len()) && text.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return Ok(text.to_owned());
    }
    Err("an id of 1 to 100 printable characters of ASCII is wanted".into())
}

pub(super) fn notify(text: &str) -> Result<Notify, String> {
    let mut notify = Notify::default();
    if text.eq_ignore_ascii_case("never") {
        return Ok(notify);
    }
    for word in text.split(',') {
        match word.trim().to_ascii_lowercase().as_str() {
            "success" => notify.success = true,
            "failure" => notify.failure = true,
            "delay" => notify.delay = true,
            _ => return Err("neither never nor of success, failure and delay".into()),
        }
    }
    Ok(notify)
}

pub(super) fn returned(text: &str) -> Result<Returned, String> {
    match text.to_ascii_lowercase().as_str() {
        "full" => Ok(Returned::Full),
        "hdrs" => Ok(Returned::Header),
        _ => Err("neither full nor hdrs".into()),
    }
}

/// The recipient ends at the first equals sign behind its last `@` before one; an equals sign may stand in a local part.
pub(super) fn original(text: &str) -> Result<(String, String), String> {
    let wrong = || "not RECIPIENT=ADDRESS".to_owned();
    let at = text.find('@').ok_or_else(wrong)?;
    let (local, rest) = text.split_at(at);
    let (domain, original) = rest.split_once('=').ok_or_else(wrong)?;
    if original.is_empty() { Err(wrong()) } else { Ok((format!("{local}{domain}"), original.to_owned())) }
}

pub(super) fn deliver_by(text: &str) -> Result<DeliverBy, String> {
    let (seconds, mode) = text.split_once(';').unwrap_or((text, "N"));
    let give_up = match mode.to_ascii_uppercase().as_str() {
        "R" => true,
        "N" => false,
        _ => return Err("neither SECONDS;R nor SECONDS;N".into()),
    };
    seconds.parse().map(|seconds| DeliverBy::new(seconds, give_up)).map_err(|_| "no number of seconds".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        assert_eq!(notify("never"), Ok(Notify::default()));
        assert!(notify("success, DELAY").is_ok_and(|when| when.success && when.delay && !when.failure));
        assert!(notify("never,delay").is_err() && notify("").is_err());
        assert!(matches!((returned("FULL"), returned("hdrs")), (Ok(Returned::Full), Ok(Returned::Header))));
        assert!(returned("half").is_err());
        assert_eq!(deliver_by("120;r"), Ok(DeliverBy::new(120, true)));
        assert_eq!(deliver_by("9"), Ok(DeliverBy::new(9, false)));
        assert!(deliver_by("-1;R").is_err() && deliver_by("1;X").is_err());
        let pair = |one: &str, other: &str| Ok((one.to_owned(), other.to_owned()));
        assert_eq!(original("a=b@x=root@y"), pair("a=b@x", "root@y"));
        assert!(original("a@x").is_err() && original("a=b").is_err() && original("a@x=").is_err());
    }

    #[test]
    fn an_original_is_of_a_recipient() {
        let mut envelope = Envelope::new("s@x", ["a@x"]);
        let arguments = DeliveryArgs { orcpt: vec![("b@x".into(), "c@x".into())], ..DeliveryArgs::default() };
        assert!(arguments.is_any() && !DeliveryArgs::default().is_any());
        assert!(arguments.ask(&mut envelope).is_err_and(|error| error.contains("b@x")));
        envelope.recipients.push("b@x".into());
        arguments.ask(&mut envelope).unwrap();
        assert_eq!(envelope.dsn.original_recipients, arguments.orcpt);
    }
}
