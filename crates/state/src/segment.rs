//! Segments: what one write to a journal looks like, and how a sequence of them is read again.
//!
//! A segment is lines of JSON, each with the CRC-32C of its record; the first is the header. In an object store each
//! segment is an object and its last line a trailer; it is whole or absent, so any damage is an error. A local journal
//! is one file of segments without trailers, whose last write may be torn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::fold::{Ledger, Reading};
use crate::format::{hex, write::Out};
use crate::model::State;
use crate::record::{Doubt, Intent, Record};
use crate::seal::key_in;

/// Which content of a state object is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// SHA-256 of its bytes; empty if there was none.
    pub sha256: String,
    /// Its serial.
    pub serial: u64,
}

impl Base {
    /// Of the bytes of a state object.
    pub fn of(bytes: Option<&[u8]>, serial: u64) -> Base {
        Base { sha256: bytes.map_or_else(String::new, |b| hex(&Sha256::digest(b))), serial }
    }
}

/// First line of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of the segment; grows by one and is never used again.
    pub n: u64,
    /// Number of the segment that opened the writer's run.
    pub epoch: u64,
    /// The writer's random id.
    pub writer: String,
    /// Lineage of the state.
    pub lineage: String,
    /// When it was written, by the writer's clock.
    pub at: String,
    /// What it is for.
    pub kind: Kind,
}

/// What a segment is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// First of a run.
    Open {
        /// The state object as it was before.
        base: Base,
        /// The run before did not end properly.
        takeover: bool,
    },
    /// A group commit.
    Data,
    /// Everything before is in the state object.
    Checkpoint {
        /// The state object that was written.
        state: Base,
        /// Records up to this number are in it.
        through: u64,
        /// Intents in flight.
        open: Vec<Arc<Intent>>,
        /// Creates in doubt.
        doubts: Vec<Doubt>,
        /// Objects in the state.
        objects: usize,
        /// The run ended here.
        close: bool,
    },
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its header.
    pub header: Header,
    /// Its records, in order.
    pub records: Vec<Record>,
}

impl Segment {
    /// Bytes of the segment; with a trailer for object stores.
    pub fn encode(header: &Header, records: &[Record], trailer: bool) -> Vec<u8> {
        let (mut out, mut body) = (Vec::new(), Vec::new());
        for r in records {
            line(&mut body, |o| r.write(o));
        }
        let mut alone = Out::compact();
        header.write(&mut alone, None);
        line(&mut out, |o| header.write(o, key_in(&body).or_else(|| key_in(&alone.buf))));
        out.extend_from_slice(&body);
        if trailer {
            let sha = hex(&Sha256::digest(&out));
            line(&mut out, |o| {
                o.open('{');
                o.key("end");
                o.raw(&records.len().to_string());
                o.field("sha256", &sha);
                o.close('}');
            });
        }
        out
    }
    /// Reads a segment with trailer.
    ///
    /// # Errors
    /// [`Error::Damaged`] if anything is not as it was written.
    pub fn decode(bytes: &[u8], place: &str) -> Result<Segment> {
        let damaged = |problem: String| Error::Damaged { place: place.to_owned(), problem };
        let mut segment: Option<Segment> = None;
        let mut at = 0;
        while at < bytes.len() {
            let end = bytes[at..].iter().position(|b| *b == b'\n').map(|i| at + i);
            let Some(end) = end else { return Err(damaged("its last line is incomplete".to_owned())) };
            let v = check(&bytes[at..end]).map_err(|e| damaged(format!("byte {at}: {e}")))?;
            if v.get("end").is_some() {
                let sha = v.get("sha256").and_then(Json::as_str).unwrap_or_default();
                return match segment {
                    Some(s) if end + 1 == bytes.len() && sha == hex(&Sha256::digest(&bytes[..at])) => Ok(s),
                    _ => Err(damaged("its trailer does not match".to_owned())),
                };
            }
            match &mut segment {
                None => {
                    let header = Header::parse(&v).map_err(|e| damaged(format!("header: {e}")))?;
                    segment = Some(Segment { header, records: Vec::new() });
                }
                Some(s) => s.records.push(Record::parse(&v).map_err(|e| damaged(format!("byte {at}: {e}")))?),
            }
            at = end + 1;
        }
        Err(damaged("it has no trailer".to_owned()))
    }
    /// Reads a local journal: its segments, and how many bytes of the file they are. What follows is a torn write.
    ///
    /// # Errors
    /// [`Error::Damaged`] if something in the middle is not as it was written.
    pub fn decode_all(bytes: &[u8], place: &str) -> Result<(Vec<Segment>, usize)> {
        let mut segments: Vec<Segment> = Vec::new();
        let mut at = 0;
        let mut good = 0;
        let mut bad: Option<(usize, String)> = None;
        while at < bytes.len() {
            let end = bytes[at..].iter().position(|b| *b == b'\n').map(|i| at + i);
            let read = match end {
                None => Err("the line is incomplete".to_owned()),
                Some(end) => check(&bytes[at..end]),
            };
            match (read, &bad) {
                (Ok(v), None) if v.get("v").is_some() => {
                    let header = Header::parse(&v)
                        .map_err(|e| Error::Damaged { place: place.to_owned(), problem: format!("byte {at}: {e}") })?;
                    segments.push(Segment { header, records: Vec::new() });
                    good = end.map_or(bytes.len(), |e| e + 1);
                }
                (Ok(v), None) => match (segments.last_mut(), Record::parse(&v)) {
                    (Some(s), Ok(r)) => {
                        s.records.push(r);
                        good = end.map_or(bytes.len(), |e| e + 1);
                    }
                    (_, Err(e)) => {
                        return Err(Error::Damaged { place: place.to_owned(), problem: format!("byte {at}: {e}") });
                    }
                    (None, Ok(_)) => {
                        let problem = "it does not begin with a header".to_owned();
                        return Err(Error::Damaged { place: place.to_owned(), problem });
                    }
                },
                (Err(e), None) => bad = Some((at, e)),
                // Only the last write can be torn, and each write begins with a header: a whole header behind a
                // damaged line proves that the damage is older than the last write.
                (Ok(v), Some((pos, e))) if v.get("v").is_some() => {
                    return Err(Error::Damaged { place: place.to_owned(), problem: format!("byte {pos}: {e}") });
                }
                (_, Some(_)) => {}
            }
            at = end.map_or(bytes.len(), |e| e + 1);
        }
        Ok((segments, good))
    }
}

impl Header {
    /// `key` is the id of the key that sealed values of the segment, if any is sealed.
    fn write(&self, o: &mut Out, key: Option<&str>) {
        o.open('{');
        o.key("v");
        o.raw("1");
        o.field(
            "kind",
            match self.kind {
                Kind::Open { .. } => "open",
                Kind::Data => "data",
                Kind::Checkpoint { .. } => "checkpoint",
            },
        );
        o.key("n");
        o.raw(&self.n.to_string());
        o.key("epoch");
        o.raw(&self.epoch.to_string());
        o.field("writer", &self.writer);
        o.field("lineage", &self.lineage);
        o.field("at", &self.at);
        if let Some(key) = key {
            o.field("key", key);
        }
        match &self.kind {
            Kind::Data => {}
            Kind::Open { base: b, takeover } => {
                base(o, "base", b);
                o.key("takeover");
                o.raw(if *takeover { "true" } else { "false" });
            }
            Kind::Checkpoint { state, through, open, doubts, objects, close } => {
                base(o, "state", state);
                o.key("through");
                o.raw(&through.to_string());
                o.key("objects");
                o.raw(&objects.to_string());
                o.key("open");
                o.open('[');
                for i in open {
                    o.item();
                    i.write(o);
                }
                o.close(']');
                o.key("doubts");
                o.open('[');
                for d in doubts {
                    o.item();
                    d.write(o);
                }
                o.close(']');
                if *close {
                    o.key("close");
                    o.raw("true");
                }
            }
        }
        o.close('}');
    }
    fn parse(v: &Json) -> Result<Header, String> {
        let m = v.as_object().ok_or("not an object")?;
        let number = |name: &str| m.get(name).and_then(Json::as_u64).ok_or_else(|| format!("no number {name:?}"));
        let text = |name: &str| {
            m.get(name).and_then(Json::as_str).map(str::to_owned).ok_or_else(|| format!("no text {name:?}"))
        };
        let flag = |name: &str| m.get(name).and_then(Json::as_bool) == Some(true);
        match number("v")? {
            1 => {}
            v => return Err(format!("version {v}: it was written by a newer stackctl")),
        }
        let kind = match text("kind")?.as_str() {
            "open" => Kind::Open { base: parse_base(m, "base")?, takeover: flag("takeover") },
            "data" => Kind::Data,
            "checkpoint" => Kind::Checkpoint {
                state: parse_base(m, "state")?,
                through: number("through")?,
                open: list(m, "open", |v| Intent::parse(v).map(Arc::new))?,
                doubts: list(m, "doubts", Doubt::parse)?,
                objects: usize::try_from(number("objects")?).unwrap_or(usize::MAX),
                close: flag("close"),
            },
            k => return Err(format!("unknown kind {k:?}")),
        };
        Ok(Header {
            n: number("n")?,
            epoch: number("epoch")?,
            writer: text("writer")?,
            lineage: text("lineage")?,
            at: text("at")?,
            kind,
        })
    }
}

/// What a journal and a state object say together.
pub struct Replayed {
    /// State, open intents, doubts, claims.
    pub ledger: Ledger,
    /// Highest number in the journal or the state's mark.
    pub top: u64,
    /// Records that the state object does not contain, or that are not below a checkpoint.
    pub records: usize,
    /// Segments lie above the low-water mark, or intents are open.
    pub unclean: bool,
    /// The last run did not end in a closing checkpoint.
    pub unclosed: bool,
    /// Objects in the state at the last checkpoint.
    pub objects: usize,
    /// The newest checkpoint is younger than the state's mark. Otherwise a fold was interrupted, or the journal was read
    /// before the state was written.
    pub covered: bool,
    /// Tokens of open intents that were announced before another tool wrote the state.
    pub foreign: BTreeSet<String>,
}

/// Folds segments, sorted by number, into a state object of the content `base`. Numbers above the low-water mark must
/// be without gap.
///
/// # Errors
/// [`Error::Damaged`] for a gap.
pub fn replay(state: State, base: &Base, segments: &[Segment], place: &str) -> Result<Replayed> {
    let checkpoint = segments.iter().rev().find(|s| matches!(s.header.kind, Kind::Checkpoint { .. }));
    let (mut low, mut continues, mut objects, mut closed) = (0, None, 0, true);
    let mark = state.mark.as_ref().map_or(0, |m| m.through);
    let mut ours = state.mark.is_some();
    let mut ledger = Ledger::new(state);
    if let Some(Segment { header: Header { kind, .. }, .. }) = checkpoint
        && let Kind::Checkpoint { state, through, open, doubts, objects: n, close } = kind
    {
        low = *through;
        continues = Some(state);
        objects = *n;
        closed = *close;
        ledger.open = open.iter().map(|i| (i.token.clone(), i.clone())).collect();
        ledger.doubts = doubts.iter().map(|d| (d.intent.token.clone(), d.clone())).collect::<BTreeMap<_, _>>();
    }
    let skip = checkpoint.map(|c| c.header.n);
    let above: Vec<&Segment> = segments.iter().filter(|s| s.header.n > low && Some(s.header.n) != skip).collect();
    if let Some(first) = above.first() {
        let continued = match &first.header.kind {
            Kind::Open { base, .. } => Some(base),
            _ => continues,
        };
        ours = ours || continued.is_none_or(|b| b.sha256 == base.sha256);
    } else {
        ours = true;
    }
    let mut expected = skip.map_or(0, |n| n + 1);
    let mut records = 0;
    for s in &above {
        let n = s.header.n;
        if expected != 0 && n != expected && !matches!(s.header.kind, Kind::Open { .. }) {
            let problem = format!("segment {expected} is missing");
            return Err(Error::Damaged { place: place.to_owned(), problem });
        }
        expected = n + 1;
        let reading = match (ours, n > mark) {
            (false, _) => Reading::Foreign,
            (true, true) => Reading::New,
            (true, false) => Reading::Contained,
        };
        records += s.records.len();
        for r in &s.records {
            ledger.apply(r, reading);
        }
    }
    // The last fold takes outcomes along that no segment has.
    ledger.unsee_deleted();
    let top = segments.last().map_or(0, |s| s.header.n).max(mark);
    // What a checkpoint carries on is older than it.
    let carried = |token: &String| match checkpoint.map(|c| &c.header.kind) {
        Some(Kind::Checkpoint { state, open, .. }) => {
            ledger.state.mark.is_none() && state.sha256 != base.sha256 && open.iter().any(|i| i.token == *token)
        }
        _ => false,
    };
    let foreign = ledger.open.keys().filter(|t| !ours || carried(t)).cloned().collect();
    let unclean = !above.is_empty() || !ledger.open.is_empty();
    let unclosed = !above.is_empty() || !closed;
    Ok(Replayed { ledger, top, records, unclean, unclosed, objects, covered: mark <= low, foreign })
}

fn line(out: &mut Vec<u8>, write: impl FnOnce(&mut Out)) {
    let mut o = Out::compact();
    write(&mut o);
    out.extend_from_slice(format!("{{\"c\":\"{:08x}\",\"r\":", crc32c::crc32c(&o.buf)).as_bytes());
    out.extend_from_slice(&o.buf);
    out.extend_from_slice(b"}\n");
}

/// The record of a line whose checksum is right.
fn check(line: &[u8]) -> Result<Json, String> {
    let inner = line.strip_prefix(b"{\"c\":\"").and_then(|l| l.strip_suffix(b"}"));
    let (sum, record) = inner
        .and_then(|l| l.split_at_checked(8))
        .and_then(|(sum, rest)| Some((sum, rest.strip_prefix(b"\",\"r\":")?)))
        .ok_or("the line has not the form of a record")?;
    if sum != format!("{:08x}", crc32c::crc32c(record)).as_bytes() {
        return Err("the checksum is wrong".to_owned());
    }
    serde_json::from_slice(record).map_err(|e| e.to_string())
}

fn base(o: &mut Out, name: &str, b: &Base) {
    o.key(name);
    o.open('{');
    o.field("sha256", &b.sha256);
    o.key("serial");
    o.raw(&b.serial.to_string());
    o.close('}');
}

fn parse_base(m: &Map<String, Json>, name: &str) -> Result<Base, String> {
    let b = m.get(name).ok_or_else(|| format!("no {name:?}"))?;
    let sha256 = b.get("sha256").and_then(Json::as_str).ok_or("no sha256")?.to_owned();
    Ok(Base { sha256, serial: b.get("serial").and_then(Json::as_u64).unwrap_or(0) })
}

fn list<T>(m: &Map<String, Json>, name: &str, read: impl Fn(&Json) -> Result<T, String>) -> Result<Vec<T>, String> {
    m.get(name).and_then(Json::as_array).into_iter().flatten().map(read).collect()
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
