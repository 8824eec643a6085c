//! Any bytes as a state, a segment of a journal, a journal of a local state and a lock: nothing panics, and what is accepted
//! as a state is kept when it is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stackctl_state::segment::Segment;
use stackctl_state::{LockInfo, State};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(state) = State::parse(bytes, "x") {
        let written = state.to_bytes();
        let Ok(again) = State::parse(&written, "x") else { panic!("what was written cannot be read") };
        assert!(again.same_content(&state));
        assert_eq!(again.to_bytes(), written);
    }
    if let Ok(segment) = Segment::decode(bytes, "x") {
        let written = Segment::encode(&segment.header, &segment.records, true);
        assert!(Segment::decode(&written, "x").is_ok_and(|again| again == segment));
    }
    let _ = Segment::decode_all(bytes, "x");
    let _ = LockInfo::parse(&String::from_utf8_lossy(bytes));
});
