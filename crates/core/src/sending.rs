//! Whether a request that changes something may leave now.
//!
//! Whoever orders a change knows (it holds the lock), and whoever sends it has to ask, right before the bytes leave: in
//! between lie signing, waiting for a turn, and repetitions. The two do not know each other. So the question travels with
//! the future that does the work: [`guarded`] makes it answerable while the future is being polled, [`check`] asks.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Answers with the reason if nothing may leave.
pub type Ask = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

thread_local! {
    static CURRENT: RefCell<Option<Ask>> = const { RefCell::new(None) };
}

/// Runs a future whose requests ask first.
pub fn guarded<F: Future>(ask: Ask, work: F) -> impl Future<Output = F::Output> {
    Guarded { ask, work: Box::pin(work) }
}

/// Asks whether a request may leave. Outside [`guarded`] nothing stands against it.
///
/// # Errors
/// The reason why it may not.
pub fn check() -> Result<(), String> {
    // The question is asked outside the borrow: answering may poll other futures.
    let ask = CURRENT.with(|c| c.borrow().clone());
    ask.map_or(Ok(()), |ask| ask())
}

struct Guarded<F> {
    ask: Ask,
    work: Pin<Box<F>>,
}

/// Puts back what was there, also when the work panics.
struct Before(Option<Ask>);

impl Drop for Before {
    fn drop(&mut self) {
        let before = self.0.take();
        CURRENT.with(|c| *c.borrow_mut() = before);
    }
}

impl<F: Future> Future for Guarded<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let ask = self.ask.clone();
        let _before = Before(CURRENT.with(|c| c.borrow_mut().replace(ask)));
        self.work.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn the_innermost_question_counts_and_only_while_polled() {
        let no = |why: &'static str| -> Ask { Arc::new(move || Err(why.to_owned())) };
        let mut seen = Vec::new();
        let inner = guarded(no("inner"), async { check() });
        let mut outer = Box::pin(guarded(no("outer"), async {
            seen.push(check());
            seen.push(inner.await);
            seen.push(check());
        }));
        assert_eq!(check(), Ok(()));
        assert!(outer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        drop(outer);
        let errors: Vec<String> = seen.into_iter().map(|r| r.unwrap_err()).collect();
        assert_eq!(errors, ["outer", "inner", "outer"]);
        assert_eq!(check(), Ok(()));
    }
}
