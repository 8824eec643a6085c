//! Time and randomness as injected services, so that tests and the sandbox decide both.

use std::time::Duration;

use jiff::Timestamp;

use crate::BoxFuture;

/// Time. The sandbox's clock jumps instead of waiting; tests advance theirs by hand.
pub trait Clock: Send + Sync {
    /// Wall clock.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start that goes on while the machine sleeps.
    fn boot(&self) -> Duration;
    /// Ends after `d` of this clock.
    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()>;
    /// Ends after `d` of this clock without making a clock that can jump do so: for what goes on beside the real work,
    /// such as a lease that is renewed.
    fn sleep_passively(&self, d: Duration) -> BoxFuture<'static, ()> {
        self.sleep(d)
    }
}

/// Source of random bytes: ids, tokens, suffixes, jitter.
pub trait Ids: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, out: &mut [u8]);

    /// A random UUID of version 4, lower case with hyphens.
    fn uuid(&self) -> String {
        let mut b = [0u8; 16];
        self.fill(&mut b);
        b[6] = (b[6] & 0x0f) | 0x40;
        b[8] = (b[8] & 0x3f) | 0x80;
        let h: String = b.iter().map(|x| format!("{x:02x}")).collect();
        format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
    }
}
