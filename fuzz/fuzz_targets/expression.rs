//! Any text as an expression over a few known, unknown and sensitive values: evaluation ends, and does not panic.

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use stackctl_core::{Ids, Ty};
use stackctl_lang::diag::Problem;
use stackctl_lang::eval::{Scope, World, console};
use stackctl_lang::files::Memory;
use stackctl_lang::refs::{Reference, Subject};
use stackctl_lang::value::Value;

struct Fixed(Memory);

impl Ids for Fixed {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

impl Scope for Fixed {
    fn resolve(&self, r: &Reference<'_>) -> Result<Value, Problem> {
        Ok(match r.subject {
            Subject::Local("us") => Value::unknown(&Ty::String).not_null(),
            Subject::Local("ul") => Value::unknown(&Ty::list(Ty::String)).not_null(),
            Subject::Local("ud") => Value::dynamic(),
            Subject::Local("s") => Value::from("sec").sensitive(),
            Subject::Local("l") => Value::tuple(vec![1.into(), "b".into()]),
            Subject::Local("o") => Value::object([("a", Value::from(1)), ("b", Value::from("x").sensitive())]),
            _ => return Err(Problem::error("Unknown name", "The fuzzer has no such name.")),
        })
    }
    fn world(&self) -> Option<World<'_>> {
        Some(World {
            files: &self.0,
            planning: true,
            plan_time: Some(Timestamp::UNIX_EPOCH),
            now: Timestamp::UNIX_EPOCH,
            ids: self,
        })
    }
}

fuzz_target!(|text: &str| {
    let (expression, errors) = stackctl_hcl::parse_expr(text, Default::default(), 0);
    if errors.is_empty() {
        let _ = console(&expression, &Fixed(Memory::of([("t.tpl", "Hi ${name}!\n")])));
    }
});
