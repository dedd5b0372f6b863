//! IMAP without I/O: cuts what a server sends into responses, parses them, encodes commands, and runs the session.
//!
//! [`Framer`] finds where a response ends, and [`Frame::response`] parses it. Both follow RFC 9051 and RFC 3501, and
//! tolerate what servers in the field make of them. [`Limits`] and [`Quirks`] say how much is accepted of either.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod atom;
mod capability;
mod classify;
mod code;
mod command;
mod datetime;
mod error;
mod event;
mod fetch;
mod frame;
mod invalid;
mod limits;
mod list;
mod literal;
mod mailbox;
mod options;
mod parse;
mod problem;
mod quirks;
mod response;
mod rule;
mod section;
mod sequence;
#[cfg(feature = "server")]
pub mod server;
pub mod session;
mod text;
mod uids;
pub mod view;

pub use atom::{Atom, Flag};
pub use capability::{Capabilities, Capability};
pub use classify::{Kind, classify};
pub use code::Code;
pub use command::{
    AppendData, AppendMessage, CatenatePart, Command, Dialect, Encoded, EntryScope, FetchItem, ListReturn,
    ListSelection, Literals, MetadataDepth, Next, NotifyEvent, NotifyMailboxes, Partial, QResync, SearchKey,
    SearchReturn, Select, SortCriterion, SortKey, StatusAttribute, StoreAction,
};
pub use datetime::{parse_date, parse_date_time};
pub use fetch::{
    Address, BodyStructure, Disposition, Envelope, Extension, Item, Message, MultiPart, SinglePart,
};
pub use frame::{Frame, FrameError, Framer, Piece, Streamed};
pub use invalid::Invalid;
pub use limits::Limits;
pub use list::{Element, IntoIter, Iter, List};
pub use literal::{LiteralItem, LiteralOf};
pub use mailbearer_wire::{Date, DateTime};
pub use mailbox::Mailbox;
pub use parse::{ParseError, parse_response, parse_summary_data};
pub use quirks::Quirks;
pub use response::{
    Data, Esearch, Fetch, Found, Listed, Namespace, Param, QuotaResource, Response, Status, StatusItem,
    StatusLine, ThreadMember,
};
pub use section::{Part, Section, SectionOf};
pub use sequence::{Number, SequenceSet};
pub use text::Text;
pub use uids::UidSet;
