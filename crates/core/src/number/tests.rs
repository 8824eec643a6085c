//! Numbers as data.

use super::*;

fn n(text: &str) -> Number {
    Number::parse(text).unwrap_or_else(|| panic!("{text} is a number"))
}

#[test]
fn reads_and_prints() {
    for (text, shown) in [
        ("10.0", "10"),
        ("1.10", "1.1"),
        ("-0", "0"),
        ("0.000001", "0.000001"),
        ("1.0e-30", "0.000000000000000000000000000001"),
        ("1e21", "1000000000000000000000"),
        ("1E+2", "100"),
        (".5", "0.5"),
        ("1.", "1"),
        ("+7", "7"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "9223372036854775808"),
        ("12345678901234567890123", "12345678901234567890123"),
        (
            "3.14159265358979323846264338327950288419716939937510582",
            "3.14159265358979323846264338327950288419716939937510582",
        ),
        ("-2.50", "-2.5"),
    ] {
        assert_eq!(n(text).to_string(), shown);
        assert_eq!(n(shown), n(text));
    }
    for bad in
        ["", " 1", "1 ", "0x10", "1_000", "e5", ".", "-", "1e", "1e+", "--1", "1.2.3", "1e99999999", "Inf", "NaN", "١"]
    {
        assert_eq!(Number::parse(bad), None, "{bad:?}");
    }
}

#[test]
fn numbers_with_very_many_digits() {
    for digits in ["1", "7", "123456789", "99999999999999999999"] {
        assert_eq!(n(&format!("{digits}e120000")).to_string(), format!("{digits}{}", "0".repeat(120_000)));
        let small = n(&format!("-{digits}e-60000")).to_string();
        assert_eq!(small, format!("-0.{}{digits}", "0".repeat(60_000 - digits.len())));
    }
}

#[test]
fn arithmetic_as_512_bit_binary_floats() {
    let div = |a: &str, b: &str| n(a).checked_div(&n(b)).unwrap();
    let third = div("1", "3");
    assert_eq!(third.to_string(), format!("0.{}5", "3".repeat(153) + "3"));
    assert_eq!(div("2", "3").to_string(), format!("0.{}7", "6".repeat(153)));
    assert_eq!(third.checked_mul(&n("3")).unwrap(), n("1"));
    assert_eq!(div("1", "49").checked_mul(&n("49")).unwrap(), n("1"));
    assert_eq!(n("0.1").checked_add(&n("0.2")).unwrap(), n("0.3"));
    assert_eq!(n("18446744073709551616").checked_mul(&n("2")).unwrap().to_string(), "36893488147419103232");
    assert_eq!(div("1e400", "3").to_string(), format!("{}4{}", "3".repeat(154), "0".repeat(245)));
    assert_eq!(n("9223372036854775807").checked_add(&n("1")).unwrap().to_string(), "9223372036854775808");
    assert_eq!(n("1e-200000").checked_add(&n("1")).unwrap(), n("1"));
}

#[test]
fn remainders_have_the_sign_of_the_dividend() {
    for (a, b, r) in
        [("-5", "3", "-2"), ("5", "-3", "2"), ("5.5", "2", "1.5"), ("-5.5", "2", "-1.5"), ("10", "0", "10")]
    {
        assert_eq!(n(a).checked_rem(&n(b)).unwrap(), n(r), "{a} % {b}");
    }
    assert_eq!(n("100000000000000000000000000000000000000000000000001").checked_rem(&n("2")).unwrap(), n("1"));
    let r = n("6607598916585574894203795").checked_rem(&n("93.543814845")).unwrap().to_string();
    assert!(r.starts_with("18.339929355000000000") && r.ends_with("439820322841117752505076"), "{r}");
    assert_eq!(n("-9223372036854775808").checked_rem(&n("-1")).unwrap(), n("0"));
}

#[test]
fn infinities() {
    let (inf, minus) = (Number::INFINITY, Number::NEG_INFINITY);
    assert_eq!(n("1").checked_div(&n("0")).unwrap(), inf);
    assert_eq!(n("0").checked_div(&n("0")), None);
    assert_eq!(n("0").checked_mul(&inf), None);
    assert_eq!(inf.checked_sub(&inf), None);
    assert_eq!((inf.to_string(), minus.to_string()), ("+Inf".into(), "-Inf".into()));
    assert!(minus < n("-1e30") && n("1e30") < inf);
    assert_eq!(inf.floor(), inf);
}

#[test]
fn whole_parts() {
    for (x, floor, ceil, trunc) in
        [("-1.5", "-2", "-1", "-1"), ("1.2", "1", "2", "1"), ("3", "3", "3", "3"), ("1e300", "1e300", "1e300", "1e300")]
    {
        assert_eq!((n(x).floor(), n(x).ceil(), n(x).trunc()), (n(floor), n(ceil), n(trunc)), "{x}");
    }
}

#[test]
fn order_is_numeric() {
    let mut l = ["1e30", "0.5", "-3", "10", "-1e30", "9", "0", "0.25"].map(n);
    l.sort();
    assert_eq!(
        l.map(|n| n.to_string()),
        ["-1000000000000000000000000000000", "-3", "0", "0.25", "0.5", "9", "10", "1000000000000000000000000000000"]
    );
}

#[test]
fn other_forms() {
    assert_eq!(n("255").to_radix(16).unwrap(), "ff");
    assert_eq!(n("-255").to_radix(2).unwrap(), "-11111111");
    assert_eq!(Number::parse_radix("ff", 16).unwrap(), n("255"));
    assert_eq!(Number::parse_radix("Zz", 62).unwrap(), n("3817"));
    assert_eq!(Number::parse_radix("12", 2), None);
    assert_eq!(n("0.1").to_json().to_string(), "0.1");
    assert_eq!(n("12345678901234567890").to_json().to_string(), "12345678901234567890");
    assert_eq!(n("2").pow(&n("0.5")).unwrap().to_string(), "1.4142135623730951");
    assert_eq!(n("8").log(&n("2")).unwrap(), n("3"));
    assert_eq!(n("18446744073709551615").to_u64(), Some(u64::MAX));
    assert_eq!(n("0.5").to_i64(), None);
    assert_eq!(n("0.75").exact().unwrap(), Decimal { negative: false, digits: b"75".to_vec(), point: 0 });
}
