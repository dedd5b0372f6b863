use std::{fmt, str::FromStr};

use mailbearer_smtp::{ServerLimits, server::Options};

/// Extensions of SMTP that the submission server offers beside those of its personality.
///
/// Parsed from lines of a reply to EHLO, separated by commas: `CHUNKING, BINARYMIME`, `REQUIRETLS`,
/// `DELIVERBY 240`, `LIMITS MAILMAX=5 RCPTMAX=20 RCPTDOMAINMAX=3`. `LMTP` makes it speak LMTP (RFC 2033) in place of SMTP.
/// There, recipients at `full.test` are accepted, and are over quota when the message has arrived. `AUTH` offers the login
/// before TLS, too, as servers did that are not well set up; no personality does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SmtpExtensions {
    chunking: bool,
    binarymime: bool,
    requiretls: bool,
    deliver_by: Option<u64>,
    limits: ServerLimits,
    pub(crate) lmtp: bool,
    clear_auth: bool,
}

impl SmtpExtensions {
    pub(crate) const fn offer(self, options: &mut Options) {
        options.chunking |= self.chunking;
        options.binarymime |= self.binarymime;
        options.requiretls |= self.requiretls;
        options.deliver_by = self.deliver_by;
        options.told_limits = self.limits;
        options.lmtp = self.lmtp;
        options.clear_credentials = self.clear_auth;
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_ascii_whitespace();
        match words.next()?.to_ascii_uppercase().as_str() {
            "CHUNKING" => self.chunking = true,
            "BINARYMIME" => (self.chunking, self.binarymime) = (true, true),
            "REQUIRETLS" => self.requiretls = true,
            "LMTP" => self.lmtp = true,
            "AUTH" => self.clear_auth = true,
            "DELIVERBY" => {
                let least = words.next().map_or(Some(0), |least| least.parse().ok())?;
                self.deliver_by = Some(least);
            }
            "LIMITS" => {
                for word in words.by_ref() {
                    let (name, most) = word.split_once('=')?;
                    let most = most.parse().ok().filter(|most| *most > 0)?;
                    let limit = match name.to_ascii_uppercase().as_str() {
                        "MAILMAX" => &mut self.limits.messages,
                        "RCPTMAX" => &mut self.limits.recipients,
                        "RCPTDOMAINMAX" => &mut self.limits.recipient_domains,
                        _ => return None,
                    };
                    *limit = Some(most);
                }
            }
            _ => return None,
        }
        words.next().is_none().then_some(())
    }
}

/// A line that is none of the extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is the line")]
pub struct UnknownExtension(pub String);

impl fmt::Display for UnknownExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = "CHUNKING, BINARYMIME, REQUIRETLS, DELIVERBY [SECONDS], LIMITS [MAILMAX=N] [RCPTMAX=N] [RCPTDOMAINMAX=N], LMTP, AUTH";
        write!(f, "{:?} is none of {words}", self.0)
    }
}

impl std::error::Error for UnknownExtension {}

impl FromStr for SmtpExtensions {
    type Err = UnknownExtension;

    fn from_str(lines: &str) -> Result<Self, UnknownExtension> {
        let mut all = Self::default();
        for line in lines.split(',').map(str::trim) {
            all.add(line).ok_or_else(|| UnknownExtension(line.to_owned()))?;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let parse = |lines: &str| lines.parse::<SmtpExtensions>();
        assert_eq!(parse("binarymime"), parse("CHUNKING,BINARYMIME"));
        let limits = parse("DELIVERBY 240, LIMITS RCPTMAX=2 MAILMAX=1").unwrap();
        assert_eq!(
            (limits.deliver_by, limits.limits.recipients, limits.limits.messages),
            (Some(240), Some(2), Some(1))
        );
        for line in
            ["", "XYZZY", "CHUNKING 5", "DELIVERBY x", "LIMITS RCPTMAX=0", "LIMITS X=1", "LIMITS RCPTMAX"]
        {
            assert_eq!(parse(line), Err(UnknownExtension(line.to_owned())));
        }
    }
}
