//! What is inside of a message: HTML, flowed text, invitations, reports, `winmail.dat`, and the answer to it.

use mailbearer_mime::{
    Address, DateTime, Message, calendar, html_to_text, parse,
    report::{DeliveryReport, DispositionReport, DmarcLimits, DmarcReport},
    tnef::{Tnef, TnefLimits, decompress_rtf},
    unflow,
};

/// `data` is the content.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    html(&text);
    tnef(data);
    for del_sp in [false, true] {
        let joined = unflow(&text, del_sp);
        assert!(joined.lines().count() <= text.lines().count().max(1), "{joined:?}");
    }
    if let Some(invitation) = calendar::invitation(&text) {
        assert!(invitation.attendees.len() <= 1_000);
    }
    let _ = (DeliveryReport::parse(data), DispositionReport::parse(data));
    let mut limits = DmarcLimits::default();
    (limits.octets, limits.records) = (1 << 16, 10);
    if let Ok(report) = DmarcReport::parse_with(data, &limits) {
        assert!(report.records.len() <= 10);
    }
    if let Some(rtf) = decompress_rtf(data, 1 << 16) {
        assert!(rtf.len() <= 1 << 16);
    }
    let mut limits = TnefLimits::default();
    limits.text = 1 << 16;
    if let Ok(tnef) = Tnef::parse_with(data, &limits) {
        assert!(tnef.attachments.iter().all(|file| file.octets.len() <= data.len()));
        assert!(tnef.rtf.is_none_or(|rtf| rtf.len() <= 1 << 16));
    }
    answer(data);
}

/// Every word of HTML is shown that is text, and none that is a program or a style.
fn html(text: &str) {
    let shown = html_to_text(text);
    assert!(shown.is_empty() || shown.ends_with('\n'), "{shown:?}");
    let plain: String = text.chars().filter(|c| !c.is_control() || c.is_ascii_whitespace()).collect();
    let escaped = plain.replace('&', "&amp;").replace('<', "&lt;");
    let shown = html_to_text(&escaped);
    assert!(shown.split_whitespace().eq(plain.split_whitespace()), "{shown:?} of {escaped:?}");
    let inside = plain.replace('<', "");
    for tag in ["script", "style"] {
        let shown = html_to_text(&format!("one <{tag}>{inside}</{tag}> two"));
        assert!(shown.split_whitespace().eq(["one", "two"]), "{shown:?} of {inside:?} in {tag}");
    }
}

/// Files that are written into a TNEF stream (MS-OXTNEF section 2.1.3) come out as they were.
fn tnef(data: &[u8]) {
    let files = data.chunks(100).take(5);
    let mut stream = b"\x78\x9F\x3E\x22\x01\x00".to_vec();
    let mut attribute = |id: u32, value: &[u8]| {
        let sum = value.iter().fold(0_u16, |sum, octet| sum.wrapping_add(u16::from(*octet)));
        stream.push(2);
        stream.extend(id.to_le_bytes());
        stream.extend(u32::try_from(value.len()).expect("few octets").to_le_bytes());
        stream.extend_from_slice(value);
        stream.extend(sum.to_le_bytes());
    };
    for file in files.clone() {
        // A file begins with how it is shown, its name, and its octets.
        attribute(0x0006_9002, &[0; 14]);
        attribute(0x0001_8010, format!("{}.bin\0", file.len()).as_bytes());
        attribute(0x0006_800F, file);
    }
    let tnef = Tnef::parse(&stream).expect("a stream");
    assert!(!tnef.is_broken, "{}", stream.escape_ascii());
    let read = tnef.attachments.iter().map(|file| (file.name.clone(), &*file.octets));
    assert!(read.eq(files.map(|file| (format!("{}.bin", file.len()), file))), "{:?}", tnef.attachments);
}

/// The answer to a message goes to whom it names, and to nobody else, and parses without a defect.
fn answer(data: &[u8]) {
    let original = parse::Message::parse(data);
    let from = Address::parse("me@example.org").expect("an address");
    let Ok(reply) = Message::reply(&original, from, true) else { return };
    let reply = reply.text("x").attachments_of(&original);
    let Ok(composed) = reply.build(DateTime::new(0, 0).expect("a date"), [7; 16]) else { return };
    let named: String = ["from", "reply-to", "to", "cc"]
        .iter()
        .map(|field| format!("{:?}", original.addresses(field)).to_ascii_lowercase())
        .collect();
    for recipient in &composed.recipients {
        // A domain outside ASCII goes out in another form.
        let shown = format!("{:?}", recipient.to_ascii_lowercase());
        let is_named = named.contains(shown.trim_start_matches('"').trim_end_matches('"'));
        assert!(is_named || recipient.contains("xn--"), "{recipient} in {named}");
    }
    let parsed = parse::Message::parse(&composed.octets);
    assert!(!parsed.parts().is_empty());
    for name in ["from", "to", "cc", "subject", "in-reply-to", "references", "date", "message-id"] {
        let count = parsed.headers().iter().filter(|field| field.name().eq_ignore_ascii_case(name)).count();
        assert!(count <= 1, "{count} of {name}");
    }
    assert_eq!(parsed.headers().iter().filter(|field| field.name().eq_ignore_ascii_case("bcc")).count(), 0);
}
