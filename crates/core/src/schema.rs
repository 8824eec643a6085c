//! Schemas: what the planner, the decoder, the documentation and the state file know about a type.
//!
//! A schema is built once, by the derive of `crates/derive` or by hand for built-in types, and never changes. Facts about
//! a type stand here and nowhere else; behaviour stands in the type's own functions.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Known, Ty};

/// Everything the engine knows about a resource type, data source or provider configuration.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Type name, `aws_subnet`.
    pub name: &'static str,
    /// Stored with each instance in state.
    pub version: u64,
    /// Attributes and nested blocks, `id`, `tags_all` and `timeouts` included.
    pub block: Block,
    /// How an object of this type is recognised after a crash.
    pub identity: Identity,
    /// Defaults of the operations' timeouts, and which of them the `timeouts` block may set.
    pub timeouts: Timeouts,
    /// A setting of another object: deleting resets it, and it is never "gone" while its object exists.
    pub setting: bool,
    /// The object lives in state alone (`terraform_data`, `random_id`): a refresh reads nothing.
    pub local_only: bool,
    /// A `local_only` type that a refresh asks all the same, because time or the disk may have changed what is true of the
    /// object (`local_file`, `time_rotating`). What is missing from the answer is gone.
    pub refreshed: bool,
    /// The type plans as the older plugin SDK does: null and zero values of optional attributes are the same.
    pub zero_is_null: bool,
    /// How long after its creation an object may still be missing from reads.
    pub visibility: Duration,
    /// First paragraph of the documentation page.
    pub doc: &'static str,
    /// Arguments that exist in the provider's schema and are refused by name, with the reason.
    pub refused: &'static [(&'static str, &'static str)],
    /// Groups of arguments of which exactly one, at most one, or at least one may be set, in this order of meaning.
    pub rules: Vec<Rule>,
}

/// A rule over several arguments of one type. Paths are dotted, without indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Exactly one of them must be set.
    ExactlyOneOf(&'static [&'static str]),
    /// At least one of them must be set.
    AtLeastOneOf(&'static [&'static str]),
    /// The first excludes each of the others.
    Conflicts(&'static str, &'static [&'static str]),
    /// The first needs all of the others.
    RequiredWith(&'static str, &'static [&'static str]),
}

/// Attributes and nested blocks of one level.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// By name.
    pub attrs: BTreeMap<&'static str, Attr>,
    /// By name.
    pub blocks: BTreeMap<&'static str, BlockType>,
}

/// Whether configuration and provider set an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Configuration must set it.
    Required,
    /// Configuration may set it; absent means null (or the default).
    Optional,
    /// Configuration may set it, else the provider does.
    OptComputed,
    /// Only the provider sets it.
    Computed,
}

/// Whether a change of an attribute replaces the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForceNew {
    /// Updated in place.
    No,
    /// Replaces.
    Yes,
    /// The type's plan hook decides.
    Conditional,
}

/// What becomes of a computed value while the object is updated in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUpdate {
    /// It keeps its value.
    Keeps,
    /// It is not known until the update is done.
    Unknown,
    /// It is not known if one of these attributes changes.
    UnknownWhen(&'static [&'static str]),
}

/// When two values of an attribute mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equality {
    /// The same value.
    Exact,
    /// The same JSON document.
    Json,
    /// The same IAM policy: JSON in which a string equals a list of that string, order of lists aside.
    Policy,
    /// The same text, case aside.
    IgnoreCase,
    /// The same text but for a dot at the end.
    TrailingDot,
    /// The same text but for line breaks at the end.
    TrailingNewline,
    /// The same list, order aside.
    Unordered,
    /// A version that the live one refines: "16" and "16.3".
    VersionPrefix,
}

/// An attribute.
#[derive(Clone, Debug)]
pub struct Attr {
    /// Its type. An object type for attributes with nested structure.
    pub ty: Ty,
    /// Who sets it.
    pub presence: Presence,
    /// Whether a change replaces the object.
    pub force_new: ForceNew,
    /// Value where configuration sets none.
    pub default: Option<Known>,
    /// Hidden wherever values are shown.
    pub sensitive: bool,
    /// Sent but never stored or compared.
    pub write_only: bool,
    /// Kept from configuration and state; no API returns it.
    pub local: bool,
    /// Read only where configured, in state or referred to.
    pub lazy: bool,
    /// Managed only where configured; null and empty differ.
    pub if_configured: bool,
    /// A list or set of objects that may also be written as nested blocks.
    pub as_block: bool,
    /// Members of each object of an `as_block` attribute: what block syntax requires and checks. In attribute syntax every
    /// member of the type must be written.
    pub element: Option<Box<Block>>,
    /// The attribute of which this one is the prefix form (`name_prefix` has `name`).
    pub prefix_of: Option<&'static str>,
    /// A name that the engine makes up where configuration sets neither it nor its prefix form: this text and a unique
    /// suffix (`yyyymmddHHMMSSffff` in UTC and a counter of 8 hexadecimal digits, 26 characters). Behind a configured
    /// prefix stands the same suffix. Providers see final names only.
    pub generated: Option<&'static str>,
    /// When two values mean the same.
    pub equality: Equality,
    /// What an in-place update does to a computed value.
    pub on_update: OnUpdate,
    /// A computed value that is never null.
    pub not_null: bool,
    /// Text that every computed value starts with (`arn:`).
    pub starts_with: Option<&'static str>,
    /// The attribute whose content a computed one repeats, secrets included.
    pub mirrors: Option<&'static str>,
    /// What a configured value must satisfy.
    pub checks: Vec<Check>,
    /// Where it is true in state, a delete leaves the object where it is (`skip_destroy`): nobody waits until it is gone.
    pub stays: bool,
    /// Deprecation message.
    pub deprecated: Option<&'static str>,
    /// Documentation.
    pub doc: &'static str,
}

/// What a configured value must satisfy. Checked by `validate` as far as values are known.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// One of these strings, case aside.
    OneOfIgnoreCase(&'static [&'static str]),
    /// A number within these bounds, both included.
    Range(i64, i64),
    /// A number within the bounds, or one of the others.
    RangeOr(i64, i64, &'static [i64]),
    /// A whole number.
    Integer,
    /// A multiple of this number.
    MultipleOf(i64),
    /// Length in characters, both bounds included.
    Length(usize, usize),
    /// A regular expression that the whole text matches, and what it means in words.
    Pattern(&'static str, &'static str),
    /// An IPv4 network whose prefix length lies between these.
    Cidr4(u8, u8),
    /// An IPv6 network whose prefix length lies between these.
    Cidr6(u8, u8),
    /// An IPv4 or IPv6 network.
    Cidr,
    /// An IP address.
    Ip,
    /// An ARN.
    Arn,
    /// A JSON document.
    Json,
    /// Number of elements of a list, set or map, both bounds included.
    Items(usize, usize),
    /// Each element satisfies the check.
    Each(Box<Check>),
}

/// How often a nested block occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most once, as an object or null (`timeouts`).
    Single,
    /// A list.
    List,
    /// A set.
    Set,
}

/// A nested block type.
#[derive(Clone, Debug)]
pub struct BlockType {
    /// How often it occurs.
    pub nesting: Nesting,
    /// Fewest.
    pub min: usize,
    /// Most; 0 for no limit.
    pub max: usize,
    /// Its content.
    pub block: Block,
    /// Adding or removing one replaces the object.
    pub force_new: bool,
    /// Managed only where configured: absent in configuration keeps what is there.
    pub if_configured: bool,
    /// Read only where configured, in state or referred to.
    pub lazy: bool,
    /// Without it in configuration, the provider decides what it holds.
    pub computed: bool,
    /// Kept from configuration and state; no API returns it.
    pub local: bool,
    /// Deprecation message.
    pub deprecated: Option<&'static str>,
    /// Documentation.
    pub doc: &'static str,
}

/// How the object that an intent made is recognised (`docs/design/journal.md`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The create takes a client token, and the object can be found by it or by its ownership tag.
    Token,
    /// Neither token nor unique name: the create attaches `stackctl:id`.
    Tag,
    /// A unique name.
    Name {
        /// The attribute that holds it.
        attr: &'static str,
        /// Attributes within which it is unique (`vpc_id`), empty for account and region.
        within: &'static [&'static str],
        /// The create does not fail on an existing object: the name is read before the intent is written.
        silent: bool,
        /// The API calls the creation time immutable, so that it proves who made the object.
        dated: bool,
        /// The create also attaches `stackctl:id`.
        tagged: bool,
    },
    /// The relation itself (route, association, attachment): its existence is the answer.
    Key(&'static [&'static str]),
    /// Nothing outside state (`local_only` types).
    None,
}

/// Timeouts of the operations; `None` where the `timeouts` block does not offer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a new object is ready.
    pub create: Option<Duration>,
    /// Until a read succeeds.
    pub read: Option<Duration>,
    /// Until an updated object is ready.
    pub update: Option<Duration>,
    /// Until a deleted object is gone.
    pub delete: Option<Duration>,
}

impl Timeouts {
    /// The timeout of an operation whose type sets none.
    pub const DEFAULT: Duration = Duration::from_secs(20 * 60);
}

impl Attr {
    /// An attribute of a type and presence, everything else at its plainest.
    pub fn new(ty: Ty, presence: Presence) -> Attr {
        Attr {
            ty,
            presence,
            force_new: ForceNew::No,
            default: None,
            sensitive: false,
            write_only: false,
            local: false,
            lazy: false,
            if_configured: false,
            as_block: false,
            element: None,
            prefix_of: None,
            generated: None,
            equality: Equality::Exact,
            on_update: OnUpdate::Keeps,
            not_null: false,
            starts_with: None,
            mirrors: None,
            checks: Vec::new(),
            stays: false,
            deprecated: None,
            doc: "",
        }
    }
    /// A required attribute.
    pub fn required(ty: Ty) -> Attr {
        Attr::new(ty, Presence::Required)
    }
    /// An optional attribute.
    pub fn optional(ty: Ty) -> Attr {
        Attr::new(ty, Presence::Optional)
    }
    /// An optional attribute that the provider fills.
    pub fn opt_computed(ty: Ty) -> Attr {
        Attr::new(ty, Presence::OptComputed)
    }
    /// A computed attribute.
    pub fn computed(ty: Ty) -> Attr {
        Attr::new(ty, Presence::Computed)
    }
    /// The `id` attribute: computed, never null, kept by updates.
    pub fn id() -> Attr {
        Attr { not_null: true, ..Attr::computed(Ty::String) }
    }
    /// Makes changes replace the object.
    #[must_use]
    pub fn force_new(mut self) -> Attr {
        self.force_new = ForceNew::Yes;
        self
    }
    /// Sets the default.
    #[must_use]
    pub fn default(mut self, v: impl Into<Known>) -> Attr {
        self.default = Some(v.into());
        self
    }
    /// Hides the value.
    #[must_use]
    pub fn sensitive(mut self) -> Attr {
        self.sensitive = true;
        self
    }
    /// Adds a check.
    #[must_use]
    pub fn check(mut self, c: Check) -> Attr {
        self.checks.push(c);
        self
    }
    /// Sets the documentation.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Attr {
        self.doc = doc;
        self
    }
    /// True if configuration may set it.
    pub fn configurable(&self) -> bool {
        self.presence != Presence::Computed
    }
    /// True if the provider may set it.
    pub fn is_computed(&self) -> bool {
        matches!(self.presence, Presence::Computed | Presence::OptComputed)
    }
}

impl Block {
    /// The object type that values of this block have, nested blocks included, as state and expressions see it.
    pub fn ty(&self) -> Ty {
        let attrs = self.attrs.iter().map(|(n, a)| (*n, a.ty.clone()));
        let blocks = self.blocks.iter().map(|(n, b)| (*n, b.ty()));
        Ty::object(attrs.chain(blocks))
    }
}

impl BlockType {
    /// A nested block type without limits.
    pub fn new(nesting: Nesting, block: Block) -> BlockType {
        BlockType {
            nesting,
            min: 0,
            max: 0,
            block,
            force_new: false,
            if_configured: false,
            lazy: false,
            computed: false,
            local: false,
            deprecated: None,
            doc: "",
        }
    }
    /// The type of the values of all its occurrences.
    pub fn ty(&self) -> Ty {
        match self.nesting {
            Nesting::Single => self.block.ty(),
            Nesting::List => Ty::list(self.block.ty()),
            Nesting::Set => Ty::set(self.block.ty()),
        }
    }
}

impl Schema {
    /// A schema of a name and content, everything else at its plainest.
    pub fn new(name: &'static str, block: Block) -> Schema {
        Schema {
            name,
            version: 0,
            block,
            identity: Identity::None,
            timeouts: Timeouts::default(),
            setting: false,
            local_only: false,
            refreshed: false,
            zero_is_null: true,
            visibility: Duration::from_secs(60),
            doc: "",
            refused: &[],
            rules: Vec::new(),
        }
    }
    /// The object type that values of this schema have.
    pub fn ty(&self) -> Ty {
        self.block.ty()
    }
    /// True if objects carry the ownership tag `stackctl:id` while their intent is open.
    pub fn tagged(&self) -> bool {
        let wanted = match self.identity {
            Identity::Tag | Identity::Token => true,
            Identity::Name { tagged, .. } => tagged,
            Identity::Key(_) | Identity::None => false,
        };
        wanted && self.block.attrs.contains_key("tags_all")
    }
    /// True if a delete leaves an object with these attributes where it is: see [`Attr::stays`].
    pub fn stays(&self, attributes: &Known) -> bool {
        self.block.attrs.iter().any(|(name, a)| a.stays && attributes.get(name).as_bool() == Some(true))
    }
}
