use mailbearer_imap::session::Completion;
use mailbearer_imap::{
    Atom, Capability, Code, Command, Data, Esearch, SearchKey, SearchReturn, SortCriterion, Status,
    ThreadMember, UidSet,
};
use mailbearer_net::Runtime;

use super::{Authenticated, Examined};
use crate::Error;

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The UIDs.
    pub uids: UidSet,
    /// The highest MODSEQ among them (RFC 7162), if `key` looks for MODSEQs.
    pub mod_seq: Option<u64>,
}

/// What a search returns of what it found: only what was asked for (RFC 9051 section 6.4.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Matches {
    /// The lowest UID.
    pub min: Option<u32>,
    /// The highest UID.
    pub max: Option<u32>,
    /// How many messages were found.
    pub count: Option<u32>,
    /// All UIDs.
    pub all: UidSet,
    /// The UIDs of a [part](SearchReturn::Partial) of the result.
    pub partial: UidSet,
    /// The highest MODSEQ among them (RFC 7162), if the search looks for MODSEQs.
    pub mod_seq: Option<u64>,
}

/// How a server groups messages into threads (RFC 5256).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThreadAlgorithm {
    /// By `References:` and `In-Reply-To:`.
    References,
    /// By subject.
    OrderedSubject,
}

/// Searches. Texts that are not ASCII are sent in UTF-8.
impl<R: Runtime> Examined<'_, R> {
    /// Returns the UIDs of the messages that match `key`.
    ///
    /// # Errors
    ///
    /// Fails if a text is not ASCII and the server [does not accept UTF-8](crate::Kind::Charset), and for an answer
    /// that is [too large](Authenticated::limit_answers).
    pub fn search<'a>(&'a mut self, key: &'a SearchKey<'a>) -> R::Task<'a, Result<Found, Error>> {
        R::task(self.find(key))
    }

    /// Does the same as [`search`](Self::search), but the server returns only what `returns` asks for.
    ///
    /// # Errors
    ///
    /// Fails as [`search`](Self::search) does, and as [unsupported](Error::is_unsupported) without ESEARCH (RFC 4731).
    pub fn search_for<'a>(
        &'a mut self,
        key: &'a SearchKey<'a>,
        returns: &'a [SearchReturn],
    ) -> R::Task<'a, Result<Matches, Error>> {
        R::task(async move {
            self.needs(&Capability::ESearch, "ESEARCH").await?;
            let (matches, _) = self.search_by(key, Some(returns.to_vec())).await?;
            Ok(matches)
        })
    }

    /// Returns the UIDs of the messages that match `key`, in this order.
    ///
    /// # Errors
    ///
    /// Fails as [`search`](Self::search) does, and as [unsupported](Error::is_unsupported) without SORT (RFC 5256).
    pub fn sort<'a>(
        &'a mut self,
        criteria: &'a [SortCriterion],
        key: &'a SearchKey<'a>,
    ) -> R::Task<'a, Result<Vec<u32>, Error>> {
        R::task(async move {
            self.needs(&Capability::Sort, "SORT").await?;
            let sort = Command::Sort {
                uid: true,
                returns: None,
                criteria: criteria.to_vec(),
                charset: charset(key)?,
                key: key.clone(),
            };
            let mut sorted = Vec::new();
            self.run(&sort, &mut |data| {
                let Data::Sort(found) = data else { return Ok(false) };
                sorted.extend(found.numbers.iter());
                Ok(true)
            })
            .await
            .map_err(explain)?;
            Ok(sorted)
        })
    }

    /// Returns the threads of the messages that match `key`, by UID.
    ///
    /// # Errors
    ///
    /// Fails as [`search`](Self::search) does, and as [unsupported](Error::is_unsupported) if the server does not know
    /// the algorithm (RFC 5256).
    pub fn thread<'a>(
        &'a mut self,
        algorithm: ThreadAlgorithm,
        key: &'a SearchKey<'a>,
    ) -> R::Task<'a, Result<Vec<ThreadMember>, Error>> {
        R::task(async move {
            let (capability, what, name) = match algorithm {
                ThreadAlgorithm::References => {
                    (Capability::ThreadReferences, "THREAD=REFERENCES", "REFERENCES")
                }
                ThreadAlgorithm::OrderedSubject => {
                    (Capability::ThreadOrderedSubject, "THREAD=ORDEREDSUBJECT", "ORDEREDSUBJECT")
                }
            };
            self.needs(&capability, what).await?;
            let thread = Command::Thread {
                uid: true,
                algorithm: Atom::new(name)?,
                charset: charset(key)?,
                key: key.clone(),
            };
            let mut members = Vec::new();
            self.run(&thread, &mut |data| {
                let Data::Thread(found) = data else { return Ok(false) };
                members.extend(found);
                Ok(true)
            })
            .await
            .map_err(explain)?;
            Ok(members)
        })
    }
}

impl<R: Runtime> Authenticated<R> {
    pub(super) async fn find(&mut self, key: &SearchKey<'_>) -> Result<Found, Error> {
        // Asks for ranges rather than single numbers, if the server can return them.
        let extended = self.offers(&Capability::ESearch).await?;
        let returns = extended.then(|| vec![SearchReturn::All]);
        let (matches, numbers) = self.search_by(key, returns).await?;
        let uids = if matches.all.is_empty() { numbers.into_iter().collect() } else { matches.all };
        Ok(Found { uids, mod_seq: matches.mod_seq })
    }

    /// Returns the contents of an ESEARCH response, and the numbers of SEARCH responses.
    async fn search_by(
        &mut self,
        key: &SearchKey<'_>,
        returns: Option<Vec<SearchReturn>>,
    ) -> Result<(Matches, Vec<u32>), Error> {
        let charset = if is_ascii(key) { None } else { Some(Atom::new("UTF-8")?) };
        let search = Command::Search { uid: true, returns, charset, key: key.clone() };
        self.begin().await?;
        let tag = self.session.command(&search)?;
        let name = tag.to_string();
        let (mut matches, mut numbers) = (Matches::default(), Vec::new());
        self.answer(tag, &["SEARCH", "ESEARCH"], &mut |data| {
            match data {
                Data::Search(found) => {
                    numbers.extend(found.numbers.iter());
                    matches.mod_seq = found.mod_seq.or(matches.mod_seq);
                }
                Data::Esearch(found) if found.tag.as_ref().is_none_or(|tag| **tag == *name.as_bytes()) => {
                    matches = Matches::of(*found);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })
        .await
        .map_err(explain)?;
        Ok((matches, numbers))
    }
}

impl Matches {
    fn of(found: Esearch<'_>) -> Self {
        Self {
            min: found.min,
            max: found.max,
            count: found.count,
            all: found.all.as_ref().map(UidSet::of).unwrap_or_default(),
            partial: found.partial.and_then(|(_, uids)| uids).as_ref().map(UidSet::of).unwrap_or_default(),
            mod_seq: found.mod_seq,
        }
    }
}

fn charset(key: &SearchKey<'_>) -> Result<Atom<'static>, Error> {
    Ok(Atom::new(if is_ascii(key) { "US-ASCII" } else { "UTF-8" })?)
}

fn is_ascii(key: &SearchKey<'_>) -> bool {
    match key {
        SearchKey::Bcc(text)
        | SearchKey::Cc(text)
        | SearchKey::From(text)
        | SearchKey::To(text)
        | SearchKey::Subject(text)
        | SearchKey::Body(text)
        | SearchKey::Text(text)
        | SearchKey::GmailRaw(text)
        | SearchKey::GmailLabel(text) => text.is_ascii(),
        SearchKey::Header { name, value } => name.is_ascii() && value.is_ascii(),
        SearchKey::And(keys) => keys.iter().all(is_ascii),
        SearchKey::Or(one, other) => is_ascii(one) && is_ascii(other),
        SearchKey::Not(key) => is_ascii(key),
        _ => true,
    }
}

/// Recognizes a refusal of the charset (RFC 9051 section 6.4.4).
fn explain(error: Error) -> Error {
    let offered = error.completion().filter(|completion| completion.status == Status::No).and_then(offered);
    offered.map_or(error, Error::charset)
}

fn offered(completion: &Completion) -> Option<Vec<String>> {
    match completion.line()?.code? {
        Code::BadCharset(offered) => {
            Some(offered.iter().map(|charset| charset.to_text().into_owned()).collect())
        }
        _ => None,
    }
}
