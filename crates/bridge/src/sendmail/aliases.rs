use std::{collections::BTreeMap, fmt};

use super::Unique;

/// A file of aliases: lines `name: address, …`, where a name may also stand for other names.
///
/// The name `default` stands for every name without a line. Comments begin with `#`. A line that begins with white space
/// continues the line before. Upper and lower case of names do not differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases {
    names: BTreeMap<String, Vec<String>>,
}

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AliasError {
    /// A line is not `name: address, …`.
    Line {
        /// Its number, from 1.
        number: usize,
    },
    /// A name stands for itself, directly or through others.
    Circle {
        /// The name.
        name: String,
    },
    /// A name stands for a program, a file or a list in another file, which this program does not support.
    NoAddress {
        /// The name.
        name: String,
        /// What it stands for.
        target: String,
    },
}

impl fmt::Display for AliasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { number } => write!(f, "line {number} is not `name: address, ...`"),
            Self::Circle { name } => write!(f, "the name {name} stands for itself"),
            Self::NoAddress { name, target } => {
                write!(f, "{name} stands for {target:?}, and nothing is delivered to that")
            }
        }
    }
}

impl std::error::Error for AliasError {}

impl Aliases {
    /// Reads a file of aliases.
    ///
    /// # Errors
    ///
    /// Returns [`AliasError::Line`] for the first line that is not `name: address, …`.
    pub fn parse(text: &str) -> Result<Self, AliasError> {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut last: Option<String> = None;
        for (index, line) in text.lines().enumerate() {
            let error = AliasError::Line { number: index.saturating_add(1) };
            let line = line.trim_end();
            if line.trim_start().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let (name, targets) = if line.starts_with([' ', '\t']) {
                (last.clone().ok_or(error)?, line)
            } else {
                let (name, targets) = line.split_once(':').ok_or_else(|| error.clone())?;
                let name = name.trim().trim_matches('"').to_ascii_lowercase();
                if name.is_empty() || name.contains(char::is_whitespace) {
                    return Err(error);
                }
                (name, targets)
            };
            let targets = targets.split(',').map(str::trim).filter(|target| !target.is_empty());
            names.entry(name.clone()).or_default().extend(targets.map(str::to_owned));
            last = Some(name);
        }
        Ok(Self { names })
    }

    /// Returns the addresses that `name` stands for, or `own` if neither `name` nor `default` has a line. An address with a domain
    /// stands for itself.
    ///
    /// # Errors
    ///
    /// Returns [`AliasError::Circle`] and [`AliasError::NoAddress`].
    pub fn resolve(&self, name: &str, own: &str) -> Result<Vec<String>, AliasError> {
        let mut found = Unique::default();
        self.collect(name, own, &mut Vec::new(), &mut found)?;
        Ok(found.into_addresses())
    }

    fn collect(
        &self,
        name: &str,
        own: &str,
        on_the_way: &mut Vec<String>,
        found: &mut Unique,
    ) -> Result<(), AliasError> {
        if name.contains('@') {
            found.add(name);
            return Ok(());
        }
        let key = name.to_ascii_lowercase();
        if on_the_way.contains(&key) || on_the_way.len() > DEPTH {
            return Err(AliasError::Circle { name: name.to_owned() });
        }
        let Some(targets) = self.names.get(&key).or_else(|| self.names.get("default")) else {
            found.add(own);
            return Ok(());
        };
        on_the_way.push(key);
        for target in targets {
            if target.starts_with(['|', '/', ':', '"']) && !target.contains('@')
                || target.starts_with(['|', ':'])
            {
                return Err(AliasError::NoAddress { name: name.to_owned(), target: target.clone() });
            }
            self.collect(target, own, on_the_way, found)?;
        }
        on_the_way.pop();
        Ok(())
    }
}

/// How many names may stand for one another.
const DEPTH: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_addresses() {
        let text = "# who\nroot: admin, ops@x.test\nAdmin:ann@x.test,\n  bob@x.test\n\nlist: root, ann@x.test\n\
                    loop: pool\npool: loop\nfile: /var/mail/x\npipe: \"|prog\"\nvacation: |prog\nempty:\n";
        let aliases = Aliases::parse(text).unwrap();
        let rows: &[(&str, Result<&[&str], &str>)] = &[
            ("root", Ok(&["ann@x.test", "bob@x.test", "ops@x.test"])),
            ("ROOT", Ok(&["ann@x.test", "bob@x.test", "ops@x.test"])),
            ("list", Ok(&["ann@x.test", "bob@x.test", "ops@x.test"])),
            ("a@b", Ok(&["a@b"])),
            ("nobody", Ok(&["own@x.test"])),
            ("empty", Ok(&[])),
            ("loop", Err("the name loop stands for itself")),
            ("file", Err("file stands for \"/var/mail/x\", and nothing is delivered to that")),
            ("pipe", Err("pipe stands for \"\\\"|prog\\\"\", and nothing is delivered to that")),
            ("vacation", Err("vacation stands for \"|prog\", and nothing is delivered to that")),
        ];
        for (name, want) in rows {
            let got = aliases.resolve(name, "own@x.test").map_err(|error| error.to_string());
            let want = want.map(|want| want.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
            assert_eq!(got, want.map_err(str::to_owned), "{name}");
        }
        let aliases = Aliases::parse("default: ann@x.test\n").unwrap();
        assert_eq!(aliases.resolve("anyone", "own@x.test").unwrap(), ["ann@x.test"]);
        let itself = Aliases::parse("default: nobody\n").unwrap();
        assert!(itself.resolve("anyone", "own@x.test").is_err());
    }

    #[test]
    fn says_which_line_is_none() {
        for (text, number) in [("root ann@x", 1), ("a: b\n: c", 2), (" a: b", 1), ("a b: c", 1)] {
            assert_eq!(Aliases::parse(text), Err(AliasError::Line { number }), "{text:?}");
        }
    }
}
