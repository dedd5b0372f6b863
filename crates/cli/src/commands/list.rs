use std::io::Write;

use mailbearer::{Blocking, Imap, Listing, Range, Summary, proto::imap::SearchKey};

use crate::{
    cli::{GlobalArgs, ListArgs},
    error::Error,
    output::{self, Output},
    row,
    search::Query,
    value,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &ListArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let query = arguments.search.as_deref().map(Query::new);
    let key = wanted(query.as_ref(), arguments)?;
    let zone = value::zone();
    // The structure says whether files are attached, and is half of the answer, so it is asked for a person only.
    let for_person = out.width().is_some() && !out.is_json();
    out.gather();
    let show = |message: &Summary| {
        if out.is_json() {
            out.json(&row::object(message))
        } else {
            out.line(&row::line(message, &zone, out.width()))
        }
    };
    super::with_imap(global, &[&arguments.folder], |imap| match key {
        Some(key) => found(imap, arguments, &key, for_person, show),
        None => {
            let range = arguments.limit.map_or(Range::All, |count| Range::Last(count.get()));
            if for_person {
                return show_all(imap.examine(&arguments.folder)?.list_with_attachments(range)?, show);
            }
            show_all(imap.list(&arguments.folder, range)?, show)
        }
    })
}

/// The search keys, if any.
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
    for_person: bool,
    show: impl FnMut(&Summary) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut folder = imap.examine(&arguments.folder)?;
    let mut uids = folder.search(key)?.uids;
    if let Some(limit) = arguments.limit {
        uids = uids.highest(limit.get());
    }
    let range = Range::Uids(uids);
    show_all(if for_person { folder.list_with_attachments(range)? } else { folder.list(range)? }, show)
}

fn show_all(
    mut listing: Listing<'_, Blocking>,
    mut show: impl FnMut(&Summary) -> Result<(), Error>,
) -> Result<(), Error> {
    while let Some(summary) = listing.next()? {
        show(&summary)?;
        if summary.incomplete {
            output::warning(&row::incomplete(&summary));
        }
    }
    Ok(())
}
