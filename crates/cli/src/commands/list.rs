use std::io::Write;

use mailbearer::{
    Blocking, Imap, Range, Summary,
    imap_protocol::{SearchKey, SequenceSet},
};

use crate::{
    cli::{GlobalArgs, ListArgs},
    error::Error,
    output::Output,
    row,
    search::Query,
    uids, value,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &ListArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let query = arguments.search.as_deref().map(Query::new);
    let key = wanted(query.as_ref(), arguments)?;
    let zone = value::zone();
    let mut show = |message: &Summary| {
        if out.is_json() {
            out.json(&row::object(message))
        } else {
            out.line(&row::line(message, &zone, out.width()))
        }
    };
    super::with_imap(global, &[&arguments.folder], |imap| match key {
        Some(key) => found(imap, arguments, &key, show),
        None => {
            let range = arguments.limit.map_or(Range::All, |count| Range::Last(count.get()));
            let mut listing = imap.list(&arguments.folder, range)?;
            while let Some(summary) = listing.next()? {
                show(&summary)?;
            }
            Ok(())
        }
    })
}

/// What to search for, if anything.
fn wanted<'q>(query: Option<&'q Query>, arguments: &ListArgs) -> Result<Option<SearchKey<'q>>, Error> {
    let key = query.map(Query::key).transpose();
    let key = key.map_err(|problem| {
        Error::usage(format!("--search: {problem}")).hint("`mailbearer list --help` lists the keys")
    })?;
    let since = arguments.since.map(SearchKey::Since);
    Ok(match (since, key) {
        (Some(since), Some(key)) => Some(SearchKey::And(vec![since, key])),
        (since, key) => since.or(key),
    })
}

fn found(
    imap: &mut Imap<Blocking>,
    arguments: &ListArgs,
    key: &SearchKey<'_>,
    mut show: impl FnMut(&Summary) -> Result<(), Error>,
) -> Result<(), Error> {
    imap.examine(&arguments.folder)?;
    let Some(mut uids) = imap.search(key)?.uids else { return Ok(()) };
    if let Some(limit) = arguments.limit {
        uids = uids::newest(&uids, limit.get());
    }
    for set in uids::in_pieces(&uids) {
        each(imap, set, &mut show)?;
    }
    Ok(())
}

fn each(
    imap: &mut Imap<Blocking>,
    set: SequenceSet,
    show: &mut impl FnMut(&Summary) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut messages = imap.messages(set, Summary::ITEMS.into())?;
    while let Some(fetched) = messages.next()? {
        if let Some(summary) = fetched.summary() {
            show(&summary)?;
        }
    }
    Ok(())
}
