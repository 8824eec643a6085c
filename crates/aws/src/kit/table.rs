//! The static table of a type: what the derive calls, one method per flag.
//!
//! Facts about attributes live here and in the structs that derive them; nothing in this module knows a type. A new flag
//! is a new method of [`Slot`] (on a field) or [`Sheet`] (on the struct).

use std::time::Duration;

use stackctl_core::schema::OnUpdate;
use stackctl_core::{
    Attr, Block, BlockType, Check, Equality, ForceNew, Identity, Known, Nesting, Presence, Rule, Schema, Ty,
};

use super::value::{Shape, Value};

/// A field on its way into a schema.
pub struct Slot {
    name: &'static str,
    kind: Kind,
    /// Attributes that come with it: `name_prefix`, `tags_all`.
    extra: Option<(&'static str, Attr)>,
}

enum Kind {
    Attr(Attr),
    Block(BlockType),
}

/// A field of a type and presence.
pub fn slot<V: Value>(name: &'static str, presence: Presence, doc: &'static str) -> Slot {
    let kind = match V::shape() {
        Shape::Attr(a) => Kind::Attr(Attr { presence, doc, ..a }),
        // Structures that only the provider sets are attributes: nobody writes a block for them.
        Shape::Blocks { block, nesting, .. } if presence == Presence::Computed => {
            Kind::Attr(Attr { doc, ..Attr::computed(collection(nesting, block.ty())) })
        }
        Shape::Blocks { block, nesting, min, max } => {
            let computed = presence == Presence::OptComputed;
            Kind::Block(BlockType { min, max, computed, doc, ..BlockType::new(nesting, block) })
        }
    };
    Slot { name, kind, extra: None }
}

fn collection(nesting: Nesting, of: Ty) -> Ty {
    if nesting == Nesting::Set { Ty::set(of) } else { Ty::list(of) }
}

/// A block of fields.
pub fn block(slots: Vec<Slot>) -> Block {
    let mut out = Block::default();
    for s in slots {
        match s.kind {
            Kind::Attr(a) => {
                out.attrs.insert(s.name, a);
            }
            Kind::Block(b) => {
                out.blocks.insert(s.name, b);
            }
        }
        out.attrs.extend(s.extra);
    }
    out
}

/// The prototype of an attribute that holds an object.
pub fn object_attr(block: &Block) -> Attr {
    Attr::new(block.ty(), Presence::Required)
}

impl Slot {
    fn attr(mut self, f: impl Fn(&mut Attr)) -> Slot {
        if let Kind::Attr(a) = &mut self.kind {
            f(a);
        }
        self
    }
    /// For the attribute and the one that came with it.
    fn attrs(mut self, f: impl Fn(&mut Attr)) -> Slot {
        if let Some((_, a)) = &mut self.extra {
            f(a);
        }
        self.attr(f)
    }
    fn block(mut self, f: impl Fn(&mut BlockType)) -> Slot {
        if let Kind::Block(b) = &mut self.kind {
            f(b);
        }
        self
    }

    /// Changes replace the object.
    #[must_use]
    pub fn force_new(self) -> Slot {
        self.attrs(|a| a.force_new = ForceNew::Yes).block(|b| b.force_new = true)
    }
    /// The type's plan hook decides whether a change replaces the object.
    #[must_use]
    pub fn conditional(self) -> Slot {
        self.attr(|a| a.force_new = ForceNew::Conditional)
    }
    /// Value where configuration sets none.
    #[must_use]
    pub fn default(self, v: impl Into<Known>) -> Slot {
        let v = v.into();
        self.attr(|a| a.default = Some(v.clone()))
    }
    /// Hidden wherever values are shown.
    #[must_use]
    pub fn sensitive(self) -> Slot {
        self.attr(|a| a.sensitive = true)
    }
    /// Sent, never stored.
    #[must_use]
    pub fn write_only(self) -> Slot {
        self.attr(|a| a.write_only = true)
    }
    /// Kept from configuration and state.
    #[must_use]
    pub fn local(self) -> Slot {
        self.attr(|a| a.local = true).block(|b| b.local = true)
    }
    /// Where it is true, `delete` leaves the object where it is.
    #[must_use]
    pub fn stays(self) -> Slot {
        self.attr(|a| a.stays = true)
    }
    /// Read only where wanted.
    #[must_use]
    pub fn lazy(self) -> Slot {
        self.attr(|a| a.lazy = true).block(|b| b.lazy = true)
    }
    /// Managed only where configured.
    #[must_use]
    pub fn if_configured(self) -> Slot {
        self.attr(|a| a.if_configured = true).block(|b| b.if_configured = true)
    }
    /// The provider decides where configuration has no such block.
    #[must_use]
    pub fn computed(self) -> Slot {
        self.block(|b| b.computed = true)
    }
    /// Blocks that are an attribute of objects, which may also be written as blocks.
    #[must_use]
    pub fn as_attr(mut self) -> Slot {
        if let Kind::Block(b) = self.kind {
            let presence = match (b.computed, b.min) {
                (true, _) => Presence::OptComputed,
                (false, 0) => Presence::Optional,
                (false, _) => Presence::Required,
            };
            let ty = collection(b.nesting, b.block.ty());
            let element = Some(Box::new(b.block));
            self.kind = Kind::Attr(Attr { as_block: true, element, doc: b.doc, ..Attr::new(ty, presence) });
        }
        self
    }
    /// Case does not matter.
    #[must_use]
    pub fn ignore_case(self) -> Slot {
        self.equality(Equality::IgnoreCase)
    }
    /// When two values mean the same.
    #[must_use]
    pub fn equality(self, e: Equality) -> Slot {
        self.attr(|a| a.equality = e)
    }
    /// An in-place update changes the computed value: it is not known until then.
    #[must_use]
    pub fn changes_on_update(self) -> Slot {
        self.attr(|a| a.on_update = OnUpdate::Unknown)
    }
    /// A change of one of these changes the computed value.
    #[must_use]
    pub fn changes_with(self, attrs: &'static [&'static str]) -> Slot {
        self.attr(|a| a.on_update = OnUpdate::UnknownWhen(attrs))
    }
    /// A computed value that is never null.
    #[must_use]
    pub fn not_null(self) -> Slot {
        self.attr(|a| a.not_null = true)
    }
    /// Text that every computed value starts with.
    #[must_use]
    pub fn starts_with(self, text: &'static str) -> Slot {
        self.attr(|a| (a.not_null, a.starts_with) = (true, Some(text)))
    }
    /// Deprecated, with the advice.
    #[must_use]
    pub fn deprecated(self, advice: &'static str) -> Slot {
        self.attr(|a| a.deprecated = Some(advice)).block(|b| b.deprecated = Some(advice))
    }
    /// Fewest blocks.
    #[must_use]
    pub fn min(self, n: usize) -> Slot {
        self.block(|b| b.min = n)
    }
    /// Most blocks.
    #[must_use]
    pub fn max(self, n: usize) -> Slot {
        self.block(|b| b.max = n)
    }

    /// Any check. On lists, sets and maps the checks below apply to each element.
    #[must_use]
    pub fn check(self, c: Check) -> Slot {
        self.attr(|a| {
            let whole = matches!(c, Check::Items(..)) || a.ty.is_primitive();
            a.checks.push(if whole { c.clone() } else { Check::Each(Box::new(c.clone())) });
        })
    }
    /// One of these strings.
    #[must_use]
    pub fn one_of(self, v: &'static [&'static str]) -> Slot {
        self.check(Check::OneOf(v))
    }
    /// One of these strings, case aside.
    #[must_use]
    pub fn one_of_any_case(self, v: &'static [&'static str]) -> Slot {
        self.check(Check::OneOfIgnoreCase(v))
    }
    /// A whole number within bounds, both included.
    #[must_use]
    pub fn range(self, b: &'static [i64; 2]) -> Slot {
        self.check(Check::Range(b[0], b[1])).integer()
    }
    /// A whole number.
    #[must_use]
    pub fn integer(self) -> Slot {
        self.check(Check::Integer)
    }
    /// One of these whole numbers.
    #[must_use]
    pub fn one_of_numbers(self, v: &'static [i64]) -> Slot {
        self.check(Check::RangeOr(i64::MAX, i64::MIN, v))
    }
    /// Length in characters, both bounds included.
    #[must_use]
    pub fn length(self, b: &'static [usize; 2]) -> Slot {
        self.check(Check::Length(b[0], b[1]))
    }
    /// Number of elements, both bounds included.
    #[must_use]
    pub fn items(self, b: &'static [usize; 2]) -> Slot {
        self.check(Check::Items(b[0], b[1]))
    }
    /// A regular expression for the whole text, and what it means in words.
    #[must_use]
    pub fn pattern(self, p: &'static [&'static str; 2]) -> Slot {
        self.check(Check::Pattern(p[0], p[1]))
    }
    /// The same for the prefix form of a name.
    #[must_use]
    pub fn prefix_pattern(mut self, p: &'static [&'static str; 2]) -> Slot {
        if let Some((_, a)) = &mut self.extra {
            a.checks.push(Check::Pattern(p[0], p[1]));
        }
        self
    }
    /// What a name begins with that is made up, where that is not `terraform-`.
    #[must_use]
    pub fn generated(self, start: &'static str) -> Slot {
        self.attr(|a| a.generated = Some(start))
    }
    /// Most characters of the prefix form of a name.
    #[must_use]
    pub fn prefix_max(mut self, n: usize) -> Slot {
        if let Some((_, a)) = &mut self.extra {
            a.checks.push(Check::Length(0, n));
        }
        self
    }
    /// An IPv4 network with a prefix length between these.
    #[must_use]
    pub fn cidr4(self, b: &'static [u8; 2]) -> Slot {
        self.check(Check::Cidr4(b[0], b[1]))
    }
    /// An IPv6 network with a prefix length between these.
    #[must_use]
    pub fn cidr6(self, b: &'static [u8; 2]) -> Slot {
        self.check(Check::Cidr6(b[0], b[1]))
    }
    /// A network.
    #[must_use]
    pub fn cidr(self) -> Slot {
        self.check(Check::Cidr)
    }
    /// An IP address.
    #[must_use]
    pub fn ip(self) -> Slot {
        self.check(Check::Ip)
    }
    /// An ARN.
    #[must_use]
    pub fn arn(self) -> Slot {
        self.check(Check::Arn)
    }
    /// A JSON document.
    #[must_use]
    pub fn json(self) -> Slot {
        self.check(Check::Json)
    }

    /// The derive's work for [`super::value::Name`]: adds the prefix form, and marks names to be generated.
    #[must_use]
    pub fn named(mut self, prefix: &'static str) -> Slot {
        let partner = Attr {
            prefix_of: Some(self.name),
            doc: "Start of a generated unique name, in place of a whole name.",
            ..Attr::opt_computed(Ty::String)
        };
        self.extra = Some((prefix, partner));
        self.attr(|a| {
            a.presence = Presence::OptComputed;
            a.not_null = true;
            a.generated = Some("terraform-");
        })
    }
    /// The derive's work for [`super::value::Tags`]: adds `tags_all`.
    #[must_use]
    pub fn tags(mut self) -> Slot {
        let all = Attr {
            doc: "All tags of the object, those of the provider's `default_tags` included.",
            ..Attr::opt_computed(Ty::map(Ty::String))
        };
        self.extra = Some(("tags_all", all));
        self
    }
}

/// A type on its way into a schema.
pub struct Sheet {
    schema: Schema,
    timeouts: Vec<&'static str>,
}

impl Sheet {
    /// A type of that name with these fields.
    pub fn new(name: &'static str, doc: &'static str, slots: Vec<Slot>) -> Sheet {
        let mut schema = Schema { doc, ..Schema::new(name, block(slots)) };
        // A schema is built once and lives as long as the process.
        let prefixes = schema.block.attrs.iter().filter_map(|(n, a)| Some((a.prefix_of?, *n)));
        schema.rules = prefixes.map(|(name, prefix)| Rule::Conflicts(name, Vec::leak(vec![prefix]))).collect();
        schema.block.attrs.entry("id").or_insert_with(Attr::id);
        Sheet { schema, timeouts: Vec::new() }
    }
    /// Version of the schema, stored in state.
    #[must_use]
    pub fn version(mut self, v: u64) -> Sheet {
        self.schema.version = v;
        self
    }
    /// How an object is recognised after a crash.
    #[must_use]
    pub fn identity(mut self, i: impl Into<Identity>) -> Sheet {
        self.schema.identity = i.into();
        self
    }
    /// A setting of another object: deleting resets it.
    #[must_use]
    pub fn setting(mut self) -> Sheet {
        self.schema.setting = true;
        self
    }
    /// The type tells null from `""`, `0`, `false` and empty (types of the plugin framework).
    #[must_use]
    pub fn framework(mut self) -> Sheet {
        self.schema.zero_is_null = false;
        // There, nobody may set all tags.
        if let Some(all) = self.schema.block.attrs.get_mut("tags_all") {
            all.presence = Presence::Computed;
        }
        self
    }
    /// Deprecates the `id` attribute, with the advice.
    #[must_use]
    pub fn id_deprecated(mut self, advice: &'static str) -> Sheet {
        if let Some(id) = self.schema.block.attrs.get_mut("id") {
            id.deprecated = Some(advice);
        }
        self
    }
    /// Seconds for which a new object may be missing from reads.
    #[must_use]
    pub fn visibility(mut self, seconds: u64) -> Sheet {
        self.schema.visibility = Duration::from_secs(seconds);
        self
    }
    /// Timeouts that the `timeouts` block may set, with their defaults in seconds.
    #[must_use]
    pub fn timeouts(mut self, t: &'static [(&'static str, u64)]) -> Sheet {
        for (op, seconds) in t {
            self.set_timeout(op, *seconds);
            self.timeouts.push(op);
        }
        self
    }
    /// Timeouts without a `timeouts` block.
    #[must_use]
    pub fn fixed_timeouts(mut self, t: &'static [(&'static str, u64)]) -> Sheet {
        t.iter().for_each(|(op, seconds)| self.set_timeout(op, *seconds));
        self
    }
    fn set_timeout(&mut self, op: &str, seconds: u64) {
        let t = &mut self.schema.timeouts;
        let slot = match op {
            "create" => &mut t.create,
            "read" => &mut t.read,
            "update" => &mut t.update,
            "delete" => &mut t.delete,
            other => unreachable!("no operation {other}"),
        };
        *slot = Some(Duration::from_secs(seconds));
    }
    /// Arguments that are refused by name, with the reason.
    #[must_use]
    pub fn refused(mut self, r: &'static [(&'static str, &'static str)]) -> Sheet {
        self.schema.refused = r;
        self
    }
    /// Each of these excludes the others.
    #[must_use]
    pub fn exclusive(mut self, v: &'static [&'static str]) -> Sheet {
        for (i, first) in v.iter().enumerate().take(v.len().saturating_sub(1)) {
            self.schema.rules.push(Rule::Conflicts(first, &v[i + 1..]));
        }
        self
    }
    /// The first excludes the others.
    #[must_use]
    pub fn conflicts(mut self, v: &'static [&'static str]) -> Sheet {
        if let Some((first, rest)) = v.split_first() {
            self.schema.rules.push(Rule::Conflicts(first, rest));
        }
        self
    }
    /// Exactly one of these.
    #[must_use]
    pub fn exactly_one_of(mut self, v: &'static [&'static str]) -> Sheet {
        self.schema.rules.push(Rule::ExactlyOneOf(v));
        self
    }
    /// At least one of these.
    #[must_use]
    pub fn at_least_one_of(mut self, v: &'static [&'static str]) -> Sheet {
        self.schema.rules.push(Rule::AtLeastOneOf(v));
        self
    }
    /// The first needs the others.
    #[must_use]
    pub fn required_with(mut self, v: &'static [&'static str]) -> Sheet {
        if let Some((first, rest)) = v.split_first() {
            self.schema.rules.push(Rule::RequiredWith(first, rest));
        }
        self
    }
    /// The schema.
    pub fn build(mut self) -> Schema {
        if !self.timeouts.is_empty() {
            let duration = || Check::Pattern(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+", "a duration such as 30s, 10m or 1h30m");
            let attr = || Attr::optional(Ty::String).check(duration());
            let attrs = self.timeouts.iter().map(|op| (*op, attr())).collect();
            let doc = "How long operations may take, as `30s`, `10m` or `1h30m`.";
            let of = Block { attrs, ..Block::default() };
            let block = BlockType { local: true, doc, ..BlockType::new(Nesting::Single, of) };
            self.schema.block.blocks.insert("timeouts", block);
        }
        self.schema
    }
}

/// What may stand in `identity(…)`.
pub mod identity {
    use stackctl_core::Identity;

    /// The create takes a client token.
    pub fn token() -> Identity {
        Identity::Token
    }
    /// The create attaches the ownership tag.
    pub fn tag() -> Identity {
        Identity::Tag
    }
    /// The relation itself, by its key attributes.
    pub fn key(attrs: &'static [&'static str]) -> Identity {
        Identity::Key(attrs)
    }
    /// A unique name.
    pub fn name(attr: &'static str) -> Named {
        Named { attr, within: &[], silent: false, dated: false, tagged: false }
    }

    /// A unique name, to be qualified.
    pub struct Named {
        attr: &'static str,
        within: &'static [&'static str],
        silent: bool,
        dated: bool,
        tagged: bool,
    }
    impl Named {
        /// It is unique within objects of equal values of these attributes.
        #[must_use]
        pub fn within(self, attrs: &'static [&'static str]) -> Named {
            Named { within: attrs, ..self }
        }
        /// The create does not fail on an existing object.
        #[must_use]
        pub fn silent(self) -> Named {
            Named { silent: true, ..self }
        }
        /// The API calls the creation time immutable.
        #[must_use]
        pub fn dated(self) -> Named {
            Named { dated: true, ..self }
        }
        /// The create attaches the ownership tag, too.
        #[must_use]
        pub fn tagged(self) -> Named {
            Named { tagged: true, ..self }
        }
    }
    impl From<Named> for Identity {
        fn from(n: Named) -> Identity {
            Identity::Name { attr: n.attr, within: n.within, silent: n.silent, dated: n.dated, tagged: n.tagged }
        }
    }
}
