//! `random_pet`: a name that people can say.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Check, Schema, Ty};

use crate::generate::{below, u64_of};
use crate::table::Type;

const ADVERBS: &[&str] = &[
    "boldly", "briefly", "calmly", "clearly", "closely", "deeply", "duly", "early", "easily", "evenly", "fairly",
    "firmly", "freely", "fully", "gently", "gladly", "highly", "justly", "kindly", "largely", "lightly", "mildly",
    "nearly", "neatly", "nobly", "openly", "partly", "plainly", "quickly", "quietly", "rarely", "readily", "richly",
    "safely", "sharply", "simply", "slowly", "softly", "solidly", "surely", "swiftly", "truly", "vastly", "warmly",
    "widely", "wisely",
];
const ADJECTIVES: &[&str] = &[
    "able", "agile", "amber", "apt", "bold", "brave", "brief", "bright", "brisk", "calm", "civil", "clean", "clever",
    "cosmic", "crisp", "daring", "deft", "eager", "early", "fair", "fancy", "fine", "firm", "fond", "fresh", "gentle",
    "glad", "golden", "good", "grand", "handy", "happy", "hardy", "jolly", "keen", "kind", "large", "light", "lively",
    "loyal", "lucid", "lucky", "merry", "mild", "modest", "neat", "noble", "patient", "polite", "prime", "proud",
    "quick", "quiet", "rapid", "rare", "ready", "robust", "royal", "rugged", "sharp", "shy", "smart", "smooth",
    "solid", "sound", "steady", "still", "strong", "sunny", "swift", "tidy", "tough", "valid", "vivid", "warm", "wild",
    "wise", "witty", "young", "zesty",
];
const ANIMALS: &[&str] = &[
    "ant", "badger", "bat", "bear", "beaver", "bee", "bison", "boar", "camel", "cat", "cheetah", "cobra", "condor",
    "cougar", "coyote", "crab", "crane", "crow", "deer", "dingo", "dolphin", "dove", "duck", "eagle", "egret", "elk",
    "emu", "falcon", "ferret", "finch", "fox", "frog", "gecko", "goat", "goose", "hare", "hawk", "hen", "heron",
    "horse", "ibex", "ibis", "jackal", "jay", "koala", "lark", "lemur", "lion", "llama", "lynx", "magpie", "marten",
    "mink", "mole", "moose", "moth", "mouse", "newt", "ocelot", "orca", "otter", "owl", "ox", "panda", "parrot",
    "pika", "puma", "quail", "rabbit", "ram", "raven", "robin", "seal", "shark", "sheep", "skunk", "sloth", "snail",
    "snake", "sparrow", "squid", "stork", "swan", "tapir", "tiger", "toad", "trout", "turtle", "viper", "walrus",
    "wasp", "weasel", "whale", "wolf", "wombat", "yak", "zebra",
];

/// The type.
pub(crate) fn resource() -> Type {
    let attrs = BTreeMap::from([
        ("id", Attr::id()),
        ("keepers", super::keepers()),
        (
            "length",
            Attr::opt_computed(Ty::Number)
                .default(2i64)
                .force_new()
                .check(Check::Range(1, 1000))
                .doc("Number of words."),
        ),
        ("prefix", Attr::optional(Ty::String).force_new().doc("Word before the others.")),
        ("separator", Attr::opt_computed(Ty::String).default("-").force_new().doc("Text between the words.")),
    ]);
    let schema = Schema {
        doc: "A random name of a few words, made once and kept in state.",
        ..Schema::new("random_pet", Block { attrs, blocks: BTreeMap::new() })
    };
    Type::new(schema, |new, host| {
        Box::pin(async move {
            let mut v = new.clone();
            let length = usize::try_from(new.get("length").as_i64().unwrap_or(2)).unwrap_or(2);
            let pick = |list: &[&'static str]| list[below(|| u64_of(host), list.len() as u64) as usize];
            // The last word is an animal, the one before an adjective, all others adverbs.
            let mut words: Vec<&str> = (0..length)
                .map(|i| match length - i {
                    1 => pick(ANIMALS),
                    2 => pick(ADJECTIVES),
                    _ => pick(ADVERBS),
                })
                .collect();
            if let Some(p) = new.get("prefix").as_str().filter(|p| !p.is_empty()) {
                words.insert(0, p);
            }
            v.set("id", words.join(new.get("separator").as_str().unwrap_or("-")).into());
            Ok(v)
        })
    })
}
