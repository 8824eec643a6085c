//! Logarithms and powers in double precision, with the last digits that the language's own functions give.
//!
//! The platform's library rounds some of them differently, and the result would show it: `pow(1.1, 17)`. These are the
//! textbook reductions: a logarithm by a polynomial in `f / (2 + f)`, a power by repeated squaring of the mantissa.

use std::f64::consts::SQRT_2;

/// Mantissa in [0.5, 1) and exponent of a finite number above zero.
fn split(x: f64) -> (f64, i32) {
    const TWO_52: f64 = 4_503_599_627_370_496.0;
    let (x, offset) = if x < f64::MIN_POSITIVE { (x * TWO_52, -52) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0) - 1022;
    (f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52)), exponent + offset)
}

/// `x * 2^exp`, in steps that neither overflow nor lose digits early.
fn scale(x: f64, exp: i64) -> f64 {
    let (mut x, mut exp) = (x, exp.clamp(-4200, 4200));
    while exp != 0 {
        let step = exp.clamp(-1000, 1000);
        x *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        exp -= step;
    }
    x
}

/// The natural logarithm.
#[expect(
    clippy::excessive_precision,
    reason = "the coefficients as they are published; they round to the same doubles"
)]
pub(super) fn ln(x: f64) -> f64 {
    if !x.is_finite() || x <= 0.0 {
        return x.ln();
    }
    const EVEN: [f64; 3] = [3.999_999_999_940_941_908e-1, 2.222_219_843_214_978_396e-1, 1.531_383_769_920_937_332e-1];
    const ODD: [f64; 4] = [
        6.666_666_666_666_735_13e-1,
        2.857_142_874_366_239_149e-1,
        1.818_357_216_161_805_012e-1,
        1.479_819_860_511_658_591e-1,
    ];
    const LN2_HIGH: f64 = 6.931_471_803_691_238_164_9e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;
    let (mut mantissa, mut exponent) = split(x);
    if mantissa < SQRT_2 / 2.0 {
        mantissa *= 2.0;
        exponent -= 1;
    }
    let (f, k) = (mantissa - 1.0, f64::from(exponent));
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2 * (ODD[0] + s4 * (ODD[1] + s4 * (ODD[2] + s4 * ODD[3])));
    let even = s4 * (EVEN[0] + s4 * (EVEN[1] + s4 * EVEN[2]));
    let half = 0.5 * f * f;
    k * LN2_HIGH - ((half - (s * (half + (odd + even)) + k * LN2_LOW)) - f)
}

/// `x` to the power of `y`.
pub(super) fn pow(x: f64, y: f64) -> f64 {
    let ordinary = x.is_finite() && y.is_finite() && x != 0.0 && x != 1.0 && y != 0.0 && y != 0.5;
    if !ordinary || y.abs() >= 9e18 || (x < 0.0 && y.fract() != 0.0) {
        return x.powf(y);
    }
    if y == 1.0 {
        return x;
    }
    if y == -0.5 {
        return 1.0 / x.sqrt();
    }
    let (mut whole, mut part) = (y.abs().trunc(), y.abs().fract());
    if part > 0.5 {
        part -= 1.0;
        whole += 1.0;
    }
    let mut mantissa = if part == 0.0 { 1.0 } else { (part * ln(x)).exp() };
    let mut exponent: i64 = 0;
    let (mut square, square_exponent) = split(x.abs());
    let mut square_exponent = i64::from(square_exponent);
    #[expect(clippy::cast_possible_truncation, reason = "below 9e18, and without a fraction")]
    let mut left = whole as i64;
    let negative = x < 0.0 && left % 2 == 1;
    while left != 0 {
        if square_exponent.abs() > 1 << 12 {
            exponent += square_exponent;
            break;
        }
        if left % 2 == 1 {
            mantissa *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square += square;
            square_exponent -= 1;
        }
        left /= 2;
    }
    if y < 0.0 {
        mantissa = 1.0 / mantissa;
        exponent = -exponent;
    }
    let out = scale(mantissa, exponent);
    if negative { -out } else { out }
}
