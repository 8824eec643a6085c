//! Character encodings by the names that IANA registered, for `textencodebase64` and `textdecodebase64`.
//!
//! `encoding_rs` follows the web, where names and some tables mean something else: the list of names, ASCII, Latin-1,
//! Latin-5, and the code pages that the web does not know are here. Start at [`find`].

use encoding_rs::{CoderResult, Encoding};

/// A way to write text as bytes.
#[derive(Clone, Copy)]
pub(super) enum Charset {
    /// Two bytes a unit; with `mark`, a byte order mark comes first.
    Utf16 { big: bool, mark: bool },
    /// Bytes up to this one are the characters of the same number.
    Narrow(u32),
    /// Turkish: Latin-1 but for six letters.
    Latin5,
    /// ASCII below 128, this table above; with a changed character.
    Page(&'static str, Option<(u8, char)>),
    /// One table for all bytes; with changed characters.
    Ebcdic(&'static [(u8, char)]),
    /// Two-byte Chinese between `~{` and `~}`.
    Hz,
    /// As the web has it; `strict` where the web fills holes of the table with control characters.
    Web { encoding: &'static Encoding, strict: bool },
}

/// Finds an encoding by name, in any case. `None` for names that IANA does not have, and for the few encodings that the
/// language does not support.
pub(super) fn find(name: &str) -> Option<Charset> {
    let lower = name.to_ascii_lowercase();
    let row = NAMES.iter().find(|(names, _)| names.split(' ').any(|n| n == lower));
    let canonical = match row {
        Some((_, canonical)) => *canonical,
        None => WEB.split(' ').find(|n| *n == lower)?,
    };
    Some(match canonical {
        "utf-16le" => Charset::Utf16 { big: false, mark: false },
        "utf-16be" => Charset::Utf16 { big: true, mark: false },
        "utf-16" => Charset::Utf16 { big: true, mark: true },
        "us-ascii" => Charset::Narrow(0x7f),
        "iso-8859-1" => Charset::Narrow(0xff),
        "iso-8859-9" => Charset::Latin5,
        "hz-gb-2312" => Charset::Hz,
        "ibm037" => Charset::Ebcdic(&[]),
        "ibm01140" => Charset::Ebcdic(&[(0x9f, '€')]),
        "ibm1047" => Charset::Ebcdic(&[(0x5f, '^'), (0xad, '['), (0xb0, '¬'), (0xba, 'Ý'), (0xbb, '¨'), (0xbd, ']')]),
        "ibm437" => Charset::Page(CP437, None),
        "ibm850" => Charset::Page(CP850, None),
        "ibm00858" => Charset::Page(CP850, Some((0xd5, '€'))),
        "ibm852" => Charset::Page(CP852, None),
        "ibm855" => Charset::Page(CP855, None),
        "ibm860" => Charset::Page(CP860, None),
        "ibm862" => Charset::Page(CP862, None),
        "ibm863" => Charset::Page(CP863, None),
        "ibm865" => Charset::Page(CP865, None),
        web => Charset::Web {
            encoding: Encoding::for_label_no_replacement(web.as_bytes())?,
            strict: web.starts_with("windows-"),
        },
    })
}

impl Charset {
    /// The bytes of a text; `None` if it has characters that the encoding lacks.
    pub(super) fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Charset::Utf16 { big, mark } => {
                let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
                Some(units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect())
            }
            Charset::Hz => hz(text),
            Charset::Web { encoding, strict } => {
                if (strict && text.chars().any(is_hole)) || (encoding == encoding_rs::SHIFT_JIS && has_yen(text)) {
                    return None;
                }
                let (bytes, _, unmappable) = encoding.encode(text);
                (!unmappable).then(|| bytes.into_owned())
            }
            single => text.chars().map(|c| (0..=255).find(|b| single.character(*b) == Some(c))).collect(),
        }
    }

    /// The text of bytes; `None` if the encoding does not define them.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Charset::Utf16 { big, mark } => utf16(bytes, big, mark),
            Charset::Hz => from_hz(bytes),
            Charset::Web { encoding, strict } => web(encoding, bytes).filter(|t| !(strict && t.chars().any(is_hole))),
            single => bytes.iter().map(|b| single.character(*b)).collect(),
        }
    }

    /// What a byte means in an encoding of one byte a character.
    fn character(self, b: u8) -> Option<char> {
        match self {
            Charset::Narrow(most) => (u32::from(b) <= most).then_some(char::from(b)),
            Charset::Latin5 => Some(match b {
                0xd0 => 'Ğ',
                0xdd => 'İ',
                0xde => 'Ş',
                0xf0 => 'ğ',
                0xfd => 'ı',
                0xfe => 'ş',
                _ => char::from(b),
            }),
            Charset::Page(_, Some((at, c))) if at == b => Some(c),
            Charset::Page(..) if b < 0x80 => Some(char::from(b)),
            Charset::Page(table, _) => table.chars().nth(usize::from(b) - 0x80),
            Charset::Ebcdic(changes) => match changes.iter().find(|(at, _)| *at == b) {
                Some((_, c)) => Some(*c),
                None => CP37.chars().nth(usize::from(b)),
            },
            _ => None,
        }
    }
}

/// Control characters that the web puts where a code page has nothing.
fn is_hole(c: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&c)
}

/// The web writes these two as backslash and tilde.
fn has_yen(text: &str) -> bool {
    text.contains(['¥', '‾'])
}

fn web(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let mut out = String::new();
    let mut decoder = encoding.new_decoder_without_bom_handling();
    out.reserve(decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len() * 4));
    let (result, _, malformed) = decoder.decode_to_string(bytes, &mut out, true);
    (!malformed && result != CoderResult::OutputFull).then_some(out)
}

fn utf16(bytes: &[u8], mut big: bool, mark: bool) -> Option<String> {
    let mut bytes = bytes;
    if mark && let Some((m, rest)) = bytes.split_first_chunk::<2>() {
        if *m == [0xff, 0xfe] {
            big = false;
        }
        if *m == [0xff, 0xfe] || *m == [0xfe, 0xff] {
            bytes = rest;
        }
    }
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let unit = |u: &[u8; 2]| if big { u16::from_be_bytes(*u) } else { u16::from_le_bytes(*u) };
    let units: Vec<u16> = units.iter().map(unit).collect();
    String::from_utf16(&units).ok()
}

/// The two bytes of a character of GB 2312, both without their high bits.
fn gb2312(c: char) -> Option<[u8; 2]> {
    let mut buffer = [0; 4];
    let (bytes, _, unmappable) = encoding_rs::GBK.encode(c.encode_utf8(&mut buffer));
    match *bytes {
        [a, b] if !unmappable && a > 0xa0 && b > 0xa0 => Some([a & 0x7f, b & 0x7f]),
        _ => None,
    }
}

fn hz(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut chinese) = (Vec::new(), false);
    for c in text.chars() {
        if c == '~' {
            out.extend(b"~~");
            continue;
        }
        if c.is_ascii() == chinese {
            out.extend(if chinese { b"~}" } else { b"~{" });
            chinese = !chinese;
        }
        match c {
            c if c.is_ascii() => out.push(c as u8),
            c => out.extend(gb2312(c)?),
        }
    }
    Some(out)
}

fn from_hz(bytes: &[u8]) -> Option<String> {
    let (mut out, mut chinese) = (String::new(), false);
    let mut rest = bytes;
    loop {
        rest = match (rest, chinese) {
            ([], _) => return Some(out),
            ([b'~', b'{', rest @ ..], _) => {
                chinese = true;
                rest
            }
            ([b'~', b'}', rest @ ..], _) => {
                chinese = false;
                rest
            }
            ([b'~', b'~', rest @ ..], _) => {
                out.push('~');
                rest
            }
            ([b'~', b'\n', rest @ ..], _) => rest,
            ([b'~', ..], _) => return None,
            ([a @ 0x21..=0x7d, b @ 0x21..=0x7e, rest @ ..], true) => {
                out.push_str(&web(encoding_rs::GBK, &[a | 0x80, b | 0x80])?);
                rest
            }
            ([b'\n', rest @ ..], true) => {
                out.push('\n');
                chinese = false;
                rest
            }
            ([a, rest @ ..], false) if a.is_ascii() => {
                out.push(char::from(*a));
                rest
            }
            _ => return None,
        };
    }
}

/// Names that are the web's labels as well.
const WEB: &str = "\
    866 arabic asmo-708 big5 cp866 csbig5 cseuckr csibm866 csiso2022jp csiso88596e csiso88596i csiso88598e \
    csiso88598i csisolatin2 csisolatin3 csisolatin4 csisolatinarabic csisolatincyrillic csisolatingreek \
    csisolatinhebrew cskoi8r csmacintosh csshiftjis cyrillic ecma-114 ecma-118 elot_928 euc-kr greek greek8 hebrew \
    ibm866 iso-2022-jp iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-6-e iso-8859-6-i iso-8859-7 \
    iso-8859-8 iso-8859-8-e iso-8859-8-i iso-ir-101 iso-ir-109 iso-ir-110 iso-ir-126 iso-ir-127 iso-ir-138 \
    iso-ir-144 iso_8859-2 iso_8859-2:1987 iso_8859-3 iso_8859-3:1988 iso_8859-4 iso_8859-4:1988 iso_8859-5 \
    iso_8859-5:1988 iso_8859-6 iso_8859-6:1987 iso_8859-7 iso_8859-7:1987 iso_8859-8 iso_8859-8:1988 koi8-r l2 l3 \
    l4 latin2 latin3 latin4 mac macintosh ms_kanji shift_jis";

/// Names in groups, and the one that [`find`] or the web knows.
const NAMES: &[(&str, &str)] = &[
    ("utf-8 csutf8", "utf-8"),
    ("utf-16 csutf16", "utf-16"),
    ("utf-16be csutf16be", "utf-16be"),
    ("utf-16le csutf16le", "utf-16le"),
    ("us-ascii iso646-us us ibm367 cp367 csascii ansi_x3.4-1968 ansi_x3.4-1986 iso-ir-6 iso_646.irv:1991", "us-ascii"),
    ("iso-8859-1 iso_8859-1 latin1 l1 ibm819 cp819 iso-ir-100 csisolatin1 iso_8859-1:1987", "iso-8859-1"),
    ("iso-8859-9 iso_8859-9 iso_8859-9:1989 latin5 l5 iso-ir-148 csisolatin5", "iso-8859-9"),
    ("iso-8859-10 iso_8859-10:1992 csisolatin6 iso-ir-157 l6 latin6", "iso-8859-10"),
    ("iso-8859-13 csiso885913", "iso-8859-13"),
    ("iso-8859-14 csiso885914 iso-celtic iso-ir-199 iso_8859-14 iso_8859-14:1998 l8 latin8", "iso-8859-14"),
    ("iso-8859-15 csiso885915 iso_8859-15 latin-9", "iso-8859-15"),
    ("iso-8859-16 csiso885916 iso-ir-226 iso_8859-16 iso_8859-16:2001 l10 latin10", "iso-8859-16"),
    ("gbk cp936 ms936 windows-936 csgbk", "gbk"),
    ("gb18030 csgb18030", "gb18030"),
    ("koi8-u cskoi8u", "koi8-u"),
    ("windows-874 cswindows874", "windows-874"),
    ("euc-jp extended_unix_code_packed_format_for_japanese cseucpkdfmtjapanese", "euc-jp"),
    ("ibm437 cp437 437 cspc8codepage437", "ibm437"),
    ("ibm850 cp850 850 cspc850multilingual", "ibm850"),
    ("ibm852 cp852 852 cspcp852", "ibm852"),
    ("ibm855 cp855 855 csibm855", "ibm855"),
    ("ibm00858 ccsid00858 cp00858 pc-multilingual-850+euro", "ibm00858"),
    ("ibm860 cp860 860 csibm860", "ibm860"),
    ("ibm862 cp862 862 cspc862latinhebrew", "ibm862"),
    ("ibm863 cp863 863 csibm863", "ibm863"),
    ("ibm865 cp865 865 csibm865", "ibm865"),
    ("ibm037 cp037 ebcdic-cp-us ebcdic-cp-ca ebcdic-cp-wt ebcdic-cp-nl csibm037", "ibm037"),
    ("ibm1047 ibm-1047 csibm1047", "ibm1047"),
    ("ibm01140 ccsid01140 cp01140", "ibm01140"),
    ("hz-gb-2312", "hz-gb-2312"),
    ("windows-1250 cswindows1250", "windows-1250"),
    ("windows-1251 cswindows1251", "windows-1251"),
    ("windows-1252 cswindows1252", "windows-1252"),
    ("windows-1253 cswindows1253", "windows-1253"),
    ("windows-1254 cswindows1254", "windows-1254"),
    ("windows-1255 cswindows1255", "windows-1255"),
    ("windows-1256 cswindows1256", "windows-1256"),
    ("windows-1257 cswindows1257", "windows-1257"),
    ("windows-1258 cswindows1258", "windows-1258"),
];

// The code pages are facts of their vendors; the tables are the characters of the bytes 128 to 255.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const CP850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";
const CP852: &str = "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}";
const CP855: &str = "ђЂѓЃёЁєЄѕЅіІїЇјЈљЉњЊћЋќЌўЎџЏюЮъЪаАбБцЦдДеЕфФгГ«»░▒▓│┤хХиИ╣║╗╝йЙ┐└┴┬├─┼кК╚╔╩╦╠═╬¤лЛмМнНоОп┘┌█▄Пя▀ЯрРсСтТуУжЖвВьЬ№\u{ad}ыЫзЗшШэЭщЩчЧ§■\u{a0}";
const CP860: &str = "ÇüéâãàÁçêÊèÍÔìÃÂÉÀÈôõòÚùÌÕÜ¢£Ù₧ÓáíóúñÑªº¿Ò¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const CP862: &str = "אבגדהוזחטיךכלםמןנסעףפץצקרשת¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const CP863: &str = "ÇüéâÂà¶çêëèïî‗À§ÉÈÊôËÏûù¤ÔÜ¢£ÙÛƒ¦´óú¨¸³¯Î⌐¬½¼¾«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const CP865: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø₧ƒáíóúñÑªº¿⌐¬½¼¡«¤░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const CP37: &str = "\
    \u{0}\u{1}\u{2}\u{3}\u{9c}\u{9}\u{86}\u{7f}\u{97}\u{8d}\u{8e}\u{b}\u{c}\u{d}\u{e}\u{f}\u{10}\u{11}\u{12}\
    \u{13}\u{9d}\u{85}\u{8}\u{87}\u{18}\u{19}\u{92}\u{8f}\u{1c}\u{1d}\u{1e}\u{1f}\u{80}\u{81}\u{82}\u{83}\
    \u{84}\u{a}\u{17}\u{1b}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{5}\u{6}\u{7}\u{90}\u{91}\u{16}\u{93}\u{94}\u{95}\
    \u{96}\u{4}\u{98}\u{99}\u{9a}\u{9b}\u{14}\u{15}\u{9e}\u{1a} \u{a0}âäàáãåçñ¢.<(+|&éêëèíîïìß!$*);¬-/ÂÄÀÁÃÅ\
    ÇÑ¦,%_>?øÉÊËÈÍÎÏÌ`:#@'=\u{22}Øabcdefghi«»ðýþ±°jklmnopqrªºæ¸Æ¤µ~stuvwxyz¡¿ÐÝÞ®^£¥·©§¶¼½¾[]¯¨´×{ABCDEFGHI\
    \u{ad}ôöòóõ}JKLMNOPQR¹ûüùúÿ\u{5c}÷STUVWXYZ²ÔÖÒÓÕ0123456789³ÛÜÙÚ\u{9f}";
