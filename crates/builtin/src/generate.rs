//! Random values from the injected source.

use stackctl_core::Host;

/// A UUID of version 4.
pub(crate) fn uuid(host: &Host) -> String {
    host.ids.uuid()
}

/// A random 64-bit number.
pub(crate) fn u64_of(host: &Host) -> u64 {
    let mut b = [0; 8];
    host.ids.fill(&mut b);
    u64::from_le_bytes(b)
}

/// A number below `n`, every one equally likely. `n` must not be 0.
pub(crate) fn below(mut next: impl FnMut() -> u64, n: u64) -> u64 {
    let limit = u64::MAX - u64::MAX % n;
    loop {
        let x = next();
        if x < limit {
            return x % n;
        }
    }
}

/// Puts the elements into random order.
pub(crate) fn shuffle<T>(next: &mut impl FnMut() -> u64, items: &mut [T]) {
    for i in (1..items.len()).rev() {
        let j = below(&mut *next, i as u64 + 1) as usize;
        items.swap(i, j);
    }
}

/// Repeatable numbers from a text (SplitMix64 over its bytes), for the `seed` arguments.
pub(crate) fn seeded(seed: &str) -> impl FnMut() -> u64 + use<> {
    let mut state =
        seed.bytes().fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_numbers_repeat_and_stay_below() {
        let (mut a, mut b) = (seeded("x"), seeded("x"));
        for _ in 0..100 {
            assert_eq!(below(&mut a, 7), below(&mut b, 7));
            assert!(below(&mut a, 7) < 7 && below(&mut b, 7) < 7);
        }
        assert_ne!(seeded("x")(), seeded("y")());
    }
}
