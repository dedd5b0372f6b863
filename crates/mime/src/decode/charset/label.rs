//! Labels of charsets: those of the WHATWG Encoding Standard, and those that only mail has.

use alloc::borrow::Cow;
use alloc::string::String;

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, IBM866, ISO_2022_JP, ISO_8859_13, ISO_8859_14, ISO_8859_15,
    ISO_8859_16, KOI8_R, KOI8_U, MACINTOSH, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_874, WINDOWS_1252,
};
use yore::code_pages as page;

use super::{Charset, shifted::Shifted};

/// The charset of a label.
pub(super) fn find(label: &str) -> Option<Charset> {
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        // Names of ASCII are windows-1252 to the web. Mailers put them on anything.
        Some(encoding) if encoding == WINDOWS_1252 => by_name(label).or(Some(Charset::Windows1252)),
        Some(encoding) => Some(of(encoding)),
        None => by_name(label),
    }
}

fn of(encoding: &'static Encoding) -> Charset {
    if encoding == WINDOWS_1252 {
        Charset::Windows1252
    } else if encoding == ISO_2022_JP {
        Charset::Shifted(Shifted::Iso2022Jp)
    } else if encoding == UTF_16LE {
        // `utf-16` is this one to the web. Mail that says so is of either order.
        Charset::Utf16
    } else if encoding == UTF_8 {
        Charset::Utf8
    } else {
        Charset::Table(encoding)
    }
}

/// What mailers write besides: the names of Java, Python, iconv and Windows, with whatever stands between their
/// letters and digits.
fn by_name(label: &str) -> Option<Charset> {
    let name: String =
        label.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(32).collect();
    let name = ["xmac", "x", "cs"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(&name);
    let begins = |start| name.starts_with(start);
    Some(match name {
        // Whatever edition or vendor follows.
        _ if begins("iso2022jp") => Charset::Shifted(Shifted::Iso2022Jp),
        _ if begins("gb2312") || begins("gb18030") => Charset::Table(GB18030),
        _ if begins("ksc5601") => Charset::Table(EUC_KR),
        _ if begins("big5") => Charset::Table(BIG5),
        "utf8" | "utf8n" | "utf8mb4" | "cp65001" | "unicode11utf8" | "unicode20utf8" => Charset::Utf8,
        "ansi" | "ansix341968" | "ansix341986" | "iso646us" | "iso646" | "us" | "usascii" | "cp367"
        | "646" | "7bit" | "8bit" | "binary" | "default" | "defaultcharset" | "unknown" | "unknown8bit"
        | "userdefined" | "isoir6" => Charset::Guess,
        "cp819" | "ibm819" | "iso8859" | "isolatin1" | "latin" | "88591" => Charset::Windows1252,
        "eucjp" | "ujis" | "eucjpms" | "eucjpwin" | "cp51932" | "eucpkdfmtjapanese" | "cp33722" => {
            Charset::Table(EUC_JP)
        }
        "sjis" | "shiftjis" | "cp932" | "ms932" | "mskanji" | "windows932" | "windows31j" | "cp943"
        | "cp943c" | "ibm943" | "ibm943c" | "pck" | "sjiswin" | "shiftjiscp932" => Charset::Table(SHIFT_JIS),
        "jis" | "jis7" | "jis8" | "cp50220" | "cp50221" | "cp50222" | "windows50220" | "windows50221"
        | "50220" | "50221" => Charset::Shifted(Shifted::Iso2022Jp),
        "iso2022kr" => Charset::Shifted(Shifted::Iso2022Kr),
        "hz" | "hzgb" | "hzgb2312" => Charset::Shifted(Shifted::Hz),
        "utf7" | "unicode11utf7" | "unicode20utf7" | "cp65000" => Charset::Shifted(Shifted::Utf7),
        "euckr" | "cp949" | "ms949" | "windows949" | "ibm949" | "ibm949c" | "uhc" | "cp1363" | "ksx1001"
        | "ksx10011992" | "5601" | "korean" | "cp51949" => Charset::Table(EUC_KR),
        "gbk" | "cp936" | "ms936" | "windows936" | "euccn" | "eucgb2312cn" | "cp54936" | "cngb" | "gb"
        | "chinese" => Charset::Table(GB18030),
        "cp950" | "ms950" | "windows950" | "ms950hkscs" | "bigfive" | "cnbig5" => Charset::Table(BIG5),
        "koi8" | "koi8r" | "koi" => Charset::Table(KOI8_R),
        "koi8u" | "koi8ru" => Charset::Table(KOI8_U),
        "tis620" | "tis6202533" | "cp874" | "ms874" | "windows874" | "iso885911" => {
            Charset::Table(WINDOWS_874)
        }
        "macroman" | "roman" | "macintosh" | "mac" => Charset::Table(MACINTOSH),
        "cp866" | "ibm866" | "866" => Charset::Table(IBM866),
        "utf16" | "ucs2" | "iso10646ucs2" | "iso10646" | "unicode" => Charset::Utf16,
        "utf16le" | "unicodefeff" | "unicodelittle" => Charset::Utf16,
        "latin7" => Charset::Table(ISO_8859_13),
        "latin8" => Charset::Table(ISO_8859_14),
        "latin9" | "latin0" => Charset::Table(ISO_8859_15),
        "latin10" => Charset::Table(ISO_8859_16),
        "utf16be" | "unicodefffe" | "unicodebig" => Charset::Table(UTF_16BE),
        _ => return by_number(name),
    })
}

/// `win-1251`, `8859_5`, `IBM850` and their like.
fn by_number(name: &str) -> Option<Charset> {
    let strip = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    if let Some(part) = strip(&["iso8859", "8859"]) {
        return web("iso-8859-", part);
    }
    let number = strip(&["windows", "win", "cp", "ibm", "ms", "dos", "oem", "pc"]).unwrap_or(name);
    match CodePage::of(number) {
        Some(page) => Some(Charset::CodePage(page)),
        None => web("windows-", number).or_else(|| web("", name)),
    }
}

fn web(prefix: &str, number: &str) -> Option<Charset> {
    let label = [prefix, number].concat();
    Encoding::for_label_no_replacement(label.as_bytes()).map(of)
}

/// A code page of DOS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodePage {
    number: u16,
    decode: for<'a> fn(&'a [u8]) -> Cow<'a, str>,
}

impl PartialEq for CodePage {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for CodePage {}

impl CodePage {
    fn of(number: &str) -> Option<Self> {
        let number: u16 = number.trim_start_matches('0').parse().ok()?;
        let decode: for<'a> fn(&'a [u8]) -> Cow<'a, str> = match number {
            437 => |bytes| page::CP437.decode(bytes),
            737 => |bytes| page::CP737.decode(bytes),
            850 | 858 => |bytes| page::CP850.decode(bytes),
            852 => |bytes| page::CP852.decode(bytes),
            855 => |bytes| page::CP855.decode(bytes),
            857 => |bytes| page::CP857.decode_lossy(bytes),
            860 => |bytes| page::CP860.decode(bytes),
            861 => |bytes| page::CP861.decode(bytes),
            862 => |bytes| page::CP862.decode(bytes),
            863 => |bytes| page::CP863.decode(bytes),
            865 => |bytes| page::CP865.decode(bytes),
            869 => |bytes| page::CP869.decode_lossy(bytes),
            _ => return None,
        };
        Some(Self { number, decode })
    }

    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        let text = (self.decode)(bytes);
        // Page 858 is page 850 with the euro sign in place of the dotless i.
        if self.number == 858 && text.contains('ı') { Cow::Owned(text.replace('ı', "€")) } else { text }
    }
}
