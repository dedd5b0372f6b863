//! The file inside of a gzip stream (RFC 1952) or of a zip archive.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use miniz_oxide::inflate::decompress_to_vec_with_limit;

use super::DmarcError;

/// The text of a report: the first file of an archive, or the octets themselves where they are none.
pub(super) fn unpack(octets: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, DmarcError> {
    let (deflated, stored) = match octets {
        [0x1F, 0x8B, 8, flags, rest @ ..] => (gzip_body(*flags, rest), None),
        [b'P', b'K', 3, 4, rest @ ..] => {
            let (method, body) = zip_body(rest, octets).ok_or(DmarcError::Archive)?;
            match method {
                0 => (None, Some(body)),
                8 => (Some(body), None),
                _ => return Err(DmarcError::Archive),
            }
        }
        _ => (None, Some(octets)),
    };
    if let Some(stored) = stored {
        return if stored.len() > limit {
            Err(DmarcError::TooLarge(limit))
        } else {
            Ok(Cow::Borrowed(stored))
        };
    }
    inflate(deflated.ok_or(DmarcError::Archive)?, limit).map(Cow::Owned)
}

fn inflate(deflated: &[u8], limit: usize) -> Result<Vec<u8>, DmarcError> {
    use miniz_oxide::inflate::TINFLStatus;
    decompress_to_vec_with_limit(deflated, limit).map_err(|error| match error.status {
        TINFLStatus::HasMoreOutput => DmarcError::TooLarge(limit),
        _ => DmarcError::Archive,
    })
}

/// What follows the header of a gzip member.
fn gzip_body(flags: u8, rest: &[u8]) -> Option<&[u8]> {
    // Time, effort and system.
    let mut rest = rest.get(6..)?;
    if flags & 4 != 0 {
        let (len, after) = rest.split_first_chunk()?;
        rest = after.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    // Name and comment.
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = memchr::memchr(0, rest)?;
            rest = rest.get(end.checked_add(1)?..)?;
        }
    }
    if flags & 2 != 0 { rest.get(2..) } else { Some(rest) }
}

/// Method and octets of the first file. Where its header does not tell how long it is, the directory at the end does.
fn zip_body<'a>(header: &'a [u8], octets: &'a [u8]) -> Option<(u16, &'a [u8])> {
    let u16_at = |octets: &[u8], at: usize| Some(u16::from_le_bytes(*octets.get(at..)?.first_chunk()?));
    let u32_at = |octets: &[u8], at: usize| Some(u32::from_le_bytes(*octets.get(at..)?.first_chunk()?));
    let (flags, method) = (u16_at(header, 2)?, u16_at(header, 4)?);
    // Encrypted.
    if flags & 1 != 0 {
        return None;
    }
    let name = usize::from(u16_at(header, 22)?);
    let extra = usize::from(u16_at(header, 24)?);
    let body = header.get(26_usize.checked_add(name)?.checked_add(extra)?..)?;
    let mut len = usize::try_from(u32_at(header, 14)?).ok()?;
    if flags & 8 != 0 && len == 0 {
        let directory = memchr::memmem::rfind(octets, b"PK\x01\x02")?;
        // Of several files the first one is the report; the last entry of the directory is then another's.
        let first = memchr::memmem::find(octets.get(..directory)?, b"PK\x01\x02").unwrap_or(directory);
        len = usize::try_from(u32_at(octets, first.checked_add(20)?)?).ok()?;
    }
    Some((method, body.get(..len).unwrap_or(body)))
}
