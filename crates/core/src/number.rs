//! Numbers as Terraform has them: binary floats with a 512-bit mantissa, read from and printed as the shortest decimal.
//!
//! Never f64 on the way: `1/3*3 == 1` and `0.1+0.2 == 0.3` hold, and 2^70 prints all its digits. Small integers take a
//! fast path that no caller can see. Every operation rounds once, to nearest, ties to even.
//!
//! Invariant: a value has exactly one representation (integers that fit are `Int`, mantissas are odd), so that equality
//! and hash are those of the representation. There is no NaN and no negative zero.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use dashu_base::{BitTest, DivRem, Sign, Signed, UnsignedAbs};
use dashu_int::{IBig, UBig};
use serde_json::Value as Json;

/// Precision of a number's mantissa in bits.
pub const PRECISION: usize = 512;

/// Largest binary exponent: beyond it numbers are infinite, and below its negative zero. A power of ten that a
/// configuration could sensibly hold is far inside.
const MAX_EXPONENT: i64 = 1 << 22;

/// Largest decimal exponent that [`Number::parse`] accepts.
const MAX_DECIMAL: i64 = 1_000_000;

/// A number. Equality, order and hash are numeric: `1` equals `1.0`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    NegInf,
    Int(i64),
    /// `sig * 2^exp`, `sig` odd, at most [`PRECISION`] bits.
    Big(Arc<(IBig, i64)>),
    Inf,
}

/// The decimal digits of a number: `0.DIGITS × 10^point`, without trailing zeros; no digits for zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// True for numbers below zero.
    pub negative: bool,
    /// ASCII digits, the first one not zero.
    pub digits: Vec<u8>,
    /// Position of the decimal point relative to the first digit.
    pub point: i64,
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number(Repr::Int(0));
    /// `1/0`
    pub const INFINITY: Number = Number(Repr::Inf);
    /// `-1/0`
    pub const NEG_INFINITY: Number = Number(Repr::NegInf);

    /// Reads a decimal such as `-12`, `1.50`, `1.`, `.5`, `1e21`. `None` for anything else, surrounding spaces included,
    /// and for exponents beyond a million.
    pub fn parse(text: &str) -> Option<Number> {
        if let Ok(i) = text.parse::<i64>() {
            return Some(Number(Repr::Int(i)));
        }
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(i) => (&rest[..i], exponent(&rest[i + 1..])?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let sig = UBig::from_str_radix(digits.trim_start_matches('0'), 10).unwrap_or(UBig::ZERO);
        if sig == UBig::ZERO {
            return Some(Number::ZERO);
        }
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        if exponent.abs() > MAX_DECIMAL + i64::try_from(digits.len()).ok()? {
            return None;
        }
        let power = UBig::from(10u8).pow(usize::try_from(exponent.unsigned_abs()).ok()?);
        let sig = IBig::from_parts(if negative { Sign::Negative } else { Sign::Positive }, sig);
        Some(if exponent >= 0 { rounded(sig * power, 0, false) } else { divided(&sig, 0, &power.into(), 0) })
    }
    /// Reads an integer in a base from 2 to 62 (letters count from ten on, upper case ones continue above base 36), with
    /// an optional sign. `None` for anything else. Integers of any size; those beyond 512 bits are rounded.
    pub fn parse_radix(text: &str, base: u32) -> Option<Number> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if digits.is_empty() || !(2..=62).contains(&base) {
            return None;
        }
        let mut sig = IBig::ZERO;
        for c in digits.bytes() {
            let d = match c {
                b'0'..=b'9' => u32::from(c - b'0'),
                b'a'..=b'z' => u32::from(c - b'a') + 10,
                b'A'..=b'Z' => u32::from(c - b'A') + if base <= 36 { 10 } else { 36 },
                _ => return None,
            };
            if d >= base {
                return None;
            }
            sig = sig * IBig::from(base) + IBig::from(d);
        }
        Some(rounded(if negative { -sig } else { sig }, 0, false))
    }
    /// The number that a double prints as: `0.1` becomes one tenth, not the double next to it. `None` for NaN.
    pub fn from_f64(f: f64) -> Option<Number> {
        if f.is_nan() {
            None
        } else if f.is_infinite() {
            Some(if f > 0.0 { Number::INFINITY } else { Number::NEG_INFINITY })
        } else {
            Number::parse(&format!("{f}"))
        }
    }
    /// A wide integer.
    pub fn from_i128(i: i128) -> Number {
        rounded(IBig::from(i), 0, false)
    }
    /// The value as an integer, if it is one and fits.
    pub fn to_i64(&self) -> Option<i64> {
        if let Repr::Int(i) = self.0 { Some(i) } else { None }
    }
    /// The value as an unsigned integer, if it is one and fits.
    pub fn to_u64(&self) -> Option<u64> {
        self.to_i128().and_then(|i| u64::try_from(i).ok())
    }
    /// The value as a wide integer, if it is one and fits.
    pub fn to_i128(&self) -> Option<i128> {
        match &self.0 {
            Repr::Int(i) => Some(i128::from(*i)),
            Repr::Big(_) => self.to_integer().and_then(|i| i128::try_from(i).ok()),
            _ => None,
        }
    }
    /// The nearest double, for APIs that take one.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            Repr::Inf => f64::INFINITY,
            Repr::NegInf => f64::NEG_INFINITY,
            _ => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }
    /// True for integers of any size.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Big(b) => b.1 >= 0,
            _ => false,
        }
    }
    /// True except for the infinities.
    pub fn is_finite(&self) -> bool {
        !matches!(self.0, Repr::Inf | Repr::NegInf)
    }
    /// -1, 0 or 1.
    pub fn signum(&self) -> i64 {
        match &self.0 {
            Repr::NegInf => -1,
            Repr::Inf => 1,
            Repr::Int(i) => i.signum(),
            Repr::Big(b) => {
                if b.0.is_negative() {
                    -1
                } else {
                    1
                }
            }
        }
    }
    /// The number with the other sign.
    #[must_use]
    pub fn neg(&self) -> Number {
        match &self.0 {
            Repr::NegInf => Number::INFINITY,
            Repr::Inf => Number::NEG_INFINITY,
            Repr::Int(i) if *i != i64::MIN => Number(Repr::Int(-i)),
            _ => self.finite().map_or(Number::ZERO, |(s, e)| rounded(-s, e, false)),
        }
    }
    /// The number without its sign.
    #[must_use]
    pub fn abs(&self) -> Number {
        if self.signum() < 0 { self.neg() } else { self.clone() }
    }
    /// The sum; `None` for infinity and its opposite.
    pub fn checked_add(&self, other: &Number) -> Option<Number> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && let Some(c) = a.checked_add(*b)
        {
            return Some(Number(Repr::Int(c)));
        }
        match (self.finite(), other.finite()) {
            (Some((a, ea)), Some((b, eb))) => Some(sum(a, ea, b, eb)),
            (None, Some(_)) => Some(self.clone()),
            (Some(_), None) => Some(other.clone()),
            (None, None) => (self == other).then(|| self.clone()),
        }
    }
    /// The difference; `None` for infinity minus itself.
    pub fn checked_sub(&self, other: &Number) -> Option<Number> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && let Some(c) = a.checked_sub(*b)
        {
            return Some(Number(Repr::Int(c)));
        }
        self.checked_add(&other.neg())
    }
    /// The product; `None` for zero times infinity.
    pub fn checked_mul(&self, other: &Number) -> Option<Number> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && let Some(c) = a.checked_mul(*b)
        {
            return Some(Number(Repr::Int(c)));
        }
        match (self.finite(), other.finite()) {
            (Some((a, ea)), Some((b, eb))) => Some(rounded(a * b, ea + eb, false)),
            _ => infinity(self.signum() * other.signum()),
        }
    }
    /// The quotient; infinite for a division by zero, `None` for zero by zero and infinity by infinity.
    pub fn checked_div(&self, other: &Number) -> Option<Number> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && *b != 0
            && a.checked_rem(*b) == Some(0)
        {
            return a.checked_div(*b).map(|c| Number(Repr::Int(c)));
        }
        match (self.finite(), other.finite()) {
            (Some(_), Some((b, _))) if b == IBig::ZERO => infinity(self.signum()),
            (Some((a, ea)), Some((b, eb))) => Some(divided(&a, ea, &b, eb)),
            (Some(_), None) => Some(Number::ZERO),
            (None, Some(_)) => infinity(self.signum() * if other.signum() < 0 { -1 } else { 1 }),
            (None, None) => None,
        }
    }
    /// What the truncated quotient leaves of the dividend. The remainder of a division by zero is the
    /// dividend; `None` for zero by zero and where an infinity takes part.
    pub fn checked_rem(&self, other: &Number) -> Option<Number> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && *b != 0
        {
            return Some(Number(Repr::Int(a.wrapping_rem(*b))));
        }
        let _ = (self.finite()?, other.finite()?);
        if other.signum() == 0 {
            return (self.signum() != 0).then(|| self.clone());
        }
        // The language defines it by the rounded quotient, which shows in the last digits for fractions.
        let whole = self.checked_div(other)?.trunc();
        self.checked_sub(&other.checked_mul(&whole)?)
    }
    /// The largest integer that is not above. Infinities stay.
    #[must_use]
    pub fn floor(&self) -> Number {
        let t = self.trunc();
        if t > *self { t.checked_sub(&Number::from(1)).unwrap_or(t) } else { t }
    }
    /// The smallest integer that is not below. Infinities stay.
    #[must_use]
    pub fn ceil(&self) -> Number {
        self.neg().floor().neg()
    }
    /// The integer next to it towards zero. Infinities stay.
    #[must_use]
    pub fn trunc(&self) -> Number {
        match &self.0 {
            Repr::Big(b) if b.1 < 0 => {
                let shift = usize::try_from(-b.1).unwrap_or(usize::MAX);
                let magnitude = b.0.clone().unsigned_abs() >> shift;
                rounded(IBig::from_parts(b.0.sign(), magnitude), 0, false)
            }
            _ => self.clone(),
        }
    }
    /// The logarithm to a base, in double precision; `None` where there is none.
    pub fn log(&self, base: &Number) -> Option<Number> {
        Number::from_f64(self.to_f64().ln() / base.to_f64().ln())
    }
    /// The power, in double precision; `None` where there is none.
    pub fn pow(&self, power: &Number) -> Option<Number> {
        Number::from_f64(self.to_f64().powf(power.to_f64()))
    }
    /// The digits of an integer in a base from 2 to 36, lower case, with a minus sign for negative ones; `None` for
    /// others.
    pub fn to_radix(&self, base: u8) -> Option<String> {
        let i = self.to_integer()?;
        Some(match (base, self.signum()) {
            (10, _) => i.to_string(),
            (_, -1) => format!("-{}", i.unsigned_abs().in_radix(base)),
            _ => i.unsigned_abs().in_radix(base).to_string(),
        })
    }
    /// The shortest decimal from which the number can be read again; `None` for infinities.
    pub fn shortest(&self) -> Option<Decimal> {
        let (sig, exp) = self.finite()?;
        let bits = sig.bit_len();
        if exp >= 0 && bits + usize::try_from(exp).ok()? <= PRECISION {
            return Some(decimal(sig.is_negative(), (sig.unsigned_abs() << usize::try_from(exp).ok()?).to_string(), 0));
        }
        Some(shortest(&sig, exp))
    }
    /// All decimal digits; `None` for infinities.
    pub fn exact(&self) -> Option<Decimal> {
        let (sig, exp) = self.finite()?;
        let (digits, scale) = scaled(&sig.clone().unsigned_abs(), exp);
        Some(decimal(sig.is_negative(), digits.to_string(), scale))
    }
    /// A JSON number with all digits; null for infinities, which JSON does not have.
    pub fn to_json(&self) -> Json {
        match self.0 {
            Repr::Int(i) => Json::from(i),
            _ => serde_json::from_str(&self.to_string()).unwrap_or(Json::Null),
        }
    }
    /// Reads a JSON number.
    pub fn from_json(n: &serde_json::Number) -> Option<Number> {
        n.as_i64().map(Number::from).or_else(|| Number::parse(n.as_str()))
    }

    fn finite(&self) -> Option<(IBig, i64)> {
        match &self.0 {
            Repr::Int(i) => Some((IBig::from(*i), 0)),
            Repr::Big(b) => Some((**b).clone()),
            _ => None,
        }
    }
    fn to_integer(&self) -> Option<IBig> {
        let (sig, exp) = self.finite()?;
        Some(sig << usize::try_from(exp).ok()?)
    }
}

fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn infinity(sign: i64) -> Option<Number> {
    match sign {
        1 => Some(Number::INFINITY),
        -1 => Some(Number::NEG_INFINITY),
        _ => None,
    }
}

/// `sig * 2^exp` as a number; `inexact` says that the true value is a little further from zero.
fn rounded(sig: IBig, exp: i64, inexact: bool) -> Number {
    let (sign, mut mag) = sig.into_parts();
    let mut exp = exp;
    let bits = mag.bit_len();
    if bits > PRECISION {
        let drop = bits - PRECISION;
        let half = mag.bit(drop - 1);
        let (low, high) = mag.split_bits(drop);
        let beyond = inexact || low.trailing_zeros().is_some_and(|z| z < drop - 1);
        let up = half && (beyond || high.bit(0));
        mag = if up { high + UBig::ONE } else { high };
        exp += i64::try_from(drop).unwrap_or(i64::MAX);
    }
    let Some(zeros) = mag.trailing_zeros() else { return Number::ZERO };
    mag >>= zeros;
    exp = exp.saturating_add(i64::try_from(zeros).unwrap_or(0));
    let top = exp.saturating_add(i64::try_from(mag.bit_len()).unwrap_or(i64::MAX));
    if top > MAX_EXPONENT {
        return if sign == Sign::Negative { Number::NEG_INFINITY } else { Number::INFINITY };
    }
    if top < -MAX_EXPONENT {
        return Number::ZERO;
    }
    let sig = IBig::from_parts(sign, mag);
    if (0..64).contains(&exp)
        && top <= 64
        && let Ok(i) = i64::try_from(sig.clone() << usize::try_from(exp).unwrap_or(0))
    {
        return Number(Repr::Int(i));
    }
    Number(Repr::Big(Arc::new((sig, exp))))
}

fn sum(a: IBig, ea: i64, b: IBig, eb: i64) -> Number {
    if a == IBig::ZERO {
        return rounded(b, eb, false);
    }
    if b == IBig::ZERO {
        return rounded(a, ea, false);
    }
    let len = |s: &IBig| i64::try_from(s.bit_len()).unwrap_or(i64::MAX);
    let (top_a, top_b) = (len(&a) + ea, len(&b) + eb);
    let far = 2 * i64::try_from(PRECISION).unwrap_or(0) + 64;
    if (top_a - top_b).abs() > far {
        // The smaller one is below everything that rounding looks at; its sign is all that matters.
        let ((big, e), small) = if top_a > top_b { ((a, ea), b) } else { ((b, eb), a) };
        let nudge = if small.is_negative() { -IBig::ONE } else { IBig::ONE };
        return rounded((big << (PRECISION + 32)) + nudge, e - i64::try_from(PRECISION + 32).unwrap_or(0), false);
    }
    let e = ea.min(eb);
    let shift = |s: IBig, from: i64| s << usize::try_from(from - e).unwrap_or(0);
    rounded(shift(a, ea) + shift(b, eb), e, false)
}

fn divided(a: &IBig, ea: i64, b: &IBig, eb: i64) -> Number {
    let shift = (PRECISION + 2 + b.bit_len()).saturating_sub(a.bit_len());
    let sign = a.sign() * b.sign();
    let (q, r) = (a.clone().unsigned_abs() << shift).div_rem(b.clone().unsigned_abs());
    let inexact = r != UBig::ZERO;
    rounded(IBig::from_parts(sign, q), ea - eb - i64::try_from(shift).unwrap_or(0), inexact)
}

/// `mag * 2^exp` as an integer times `10^scale`.
fn scaled(mag: &UBig, exp: i64) -> (UBig, i64) {
    match usize::try_from(exp) {
        Ok(e) => (mag.clone() << e, 0),
        Err(_) => {
            let k = usize::try_from(exp.unsigned_abs()).unwrap_or(0);
            (mag * UBig::from(5u8).pow(k), exp)
        }
    }
}

/// Digits of an integer times `10^scale`, in the normal form.
fn decimal(negative: bool, digits: String, scale: i64) -> Decimal {
    let trimmed = digits.trim_end_matches('0');
    if trimmed.is_empty() {
        return Decimal { negative: false, digits: Vec::new(), point: 0 };
    }
    let point = i64::try_from(digits.len()).unwrap_or(i64::MAX) + scale;
    Decimal { negative, digits: trimmed.as_bytes().to_vec(), point }
}

/// The fewest digits that lie between the neighbours' midpoints.
fn shortest(sig: &IBig, exp: i64) -> Decimal {
    let mag = sig.clone().unsigned_abs();
    let widen = PRECISION + 1 - mag.bit_len();
    let exp = exp - i64::try_from(widen).unwrap_or(0);
    let mid = mag << widen; // in half units of the last place
    let inclusive = !mid.bit(1);
    let (mut value, mut scale) = scaled(&mid, exp);
    let (mut low, _) = scaled(&(mid.clone() - UBig::ONE), exp);
    let (mut high, _) = scaled(&(mid + UBig::ONE), exp);
    // Of a number with very many digits the first ones decide: the others are cut off, and whether there was any.
    let (mut more, mut more_low, mut more_high) = (false, false, false);
    let about = value.bit_len() / 100_000 * 30_103;
    if about > 2 * PRECISION {
        let dropped = about - PRECISION;
        let unit = UBig::from(10u8).pow(dropped);
        let cut = |n: &mut UBig, more: &mut bool| {
            let (q, rest) = std::mem::take(n).div_rem(&unit);
            *more = rest != UBig::ZERO;
            *n = q;
        };
        cut(&mut value, &mut more);
        cut(&mut low, &mut more_low);
        cut(&mut high, &mut more_high);
        scale += i64::try_from(dropped).unwrap_or(i64::MAX);
    }
    let least = if !inclusive || more_low { low + UBig::ONE } else { low };
    let most = if inclusive || more_high { high } else { high - UBig::ONE };
    let total = value.to_string().len();
    // Down and up to `kept` digits, and which of the two is near enough.
    let cut = |kept: usize| {
        let unit = UBig::from(10u8).pow(total - kept);
        let (q, rest) = value.clone().div_rem(&unit);
        let down = q * &unit;
        let up = &down + &unit;
        let (down_ok, up_ok) = (down >= least, up <= most);
        let nearer_up = match (rest << 1).cmp(&unit) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => more || (&down / &unit).bit(0),
        };
        match (down_ok, up_ok) {
            (false, false) => None,
            (true, true) => Some(if nearer_up { up } else { down }),
            (true, false) => Some(down),
            (false, true) => Some(up),
        }
    };
    // Whatever `n` digits can do, `n + 1` can.
    let (mut short, mut enough) = (0, total);
    while enough - short > 1 {
        let kept = usize::midpoint(short, enough);
        if cut(kept).is_some() {
            enough = kept;
        } else {
            short = kept;
        }
    }
    let digits = cut(enough).unwrap_or_else(|| value.clone());
    decimal(sig.is_negative(), digits.to_string(), scale)
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Int(a), Repr::Int(b)) => a.cmp(b),
            _ if self == other => Ordering::Equal,
            (Repr::NegInf, _) | (_, Repr::Inf) => Ordering::Less,
            (Repr::Inf, _) | (_, Repr::NegInf) => Ordering::Greater,
            _ if self.signum() != other.signum() => self.signum().cmp(&other.signum()),
            _ => {
                let (Some((a, ea)), Some((b, eb))) = (self.finite(), other.finite()) else { return Ordering::Equal };
                let top = |s: &IBig, e: i64| i64::try_from(s.bit_len()).unwrap_or(i64::MAX) + e;
                let by_size = top(&a, ea).cmp(&top(&b, eb)).then_with(|| {
                    let e = ea.min(eb);
                    let shift = |s: IBig, from: i64| s.unsigned_abs() << usize::try_from(from - e).unwrap_or(0);
                    shift(a, ea).cmp(&shift(b, eb))
                });
                if self.signum() < 0 { by_size.reverse() } else { by_size }
            }
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Number {
    fn from(i: i64) -> Number {
        Number(Repr::Int(i))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.digits.is_empty() {
            return f.write_str("0");
        }
        let digits = String::from_utf8_lossy(&self.digits);
        let sign = if self.negative { "-" } else { "" };
        let zeros = |n: u64| "0".repeat(usize::try_from(n).unwrap_or(0));
        match usize::try_from(self.point) {
            Ok(p) if p >= digits.len() => write!(f, "{sign}{digits}{}", zeros((p - digits.len()) as u64)),
            Ok(p) if p > 0 => write!(f, "{sign}{}.{}", &digits[..p], &digits[p..]),
            _ => write!(f, "{sign}0.{}{digits}", zeros(self.point.unsigned_abs())),
        }
    }
}

/// The shortest decimal from which the number can be read again, never with an exponent; `+Inf`, `-Inf`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(i) => write!(f, "{i}"),
            Repr::Inf => f.write_str("+Inf"),
            Repr::NegInf => f.write_str("-Inf"),
            Repr::Big(_) => self.shortest().map_or(Ok(()), |d| fmt::Display::fmt(&d, f)),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
