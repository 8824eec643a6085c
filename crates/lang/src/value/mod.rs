//! Values of the language: typed, each node known, null or unknown, with marks on any node.
//!
//! Only the evaluator and the planner see a [`Value`]; what leaves for a provider or the state is [`stackctl_core::Partial`]
//! or [`stackctl_core::Known`] (see [`border`]). Invariants:
//! - Cloning is cheap (one or two reference counts).
//! - Strings are NFC. Sets are sorted, without duplicates, and never hold marked elements: the mark moves to the set.
//! - Accessors that borrow (`attr`, `elements`, `entries`) do not add the marks of the container to what they return;
//!   the operations in [`crate::ops`] do.
//! - `Debug` shows no text: secrets are strings too.
//!
//! Start at [`Value`], then [`refine`] for what is known of unknown values, then [`marks`].

pub mod border;
pub mod marks;
pub mod order;
pub mod refine;
pub mod show;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};

use stackctl_core::{Number, Ty};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

pub use border::Mismatch;
pub use marks::Marks;
pub use refine::Refine;
pub use show::{show, type_text};

/// Most bytes of a text that grows from others: against expressions that double theirs until the memory is full.
pub(crate) const LONGEST_TEXT: usize = 128 << 20;

/// Most nodes of a value: against expressions that put two of theirs into the next one. Parts are shared, but whatever
/// walks through such a value would never end.
pub(crate) const MOST_NODES: u32 = 4_000_000;

/// What is said about a text over [`LONGEST_TEXT`].
pub(crate) fn too_long() -> String {
    format!("the text would be longer than {} MiB", LONGEST_TEXT >> 20)
}

/// A value of the language.
#[derive(Clone, PartialEq)]
pub struct Value {
    /// Marks of this node alone.
    marks: Marks,
    /// Union of the marks of all descendants.
    below: Marks,
    /// True if neither this node nor any descendant is unknown.
    whole: bool,
    /// Number of nodes of the tree that this is, shared ones counted as often as they are reached, or the largest number.
    nodes: u32,
    data: Data,
}

#[derive(Clone, PartialEq)]
enum Data {
    Null(Arc<Ty>),
    Unknown(Arc<Ty>, Option<Arc<Refine>>),
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    List(Arc<Ty>, Arc<[Value]>),
    Set(Arc<Ty>, Arc<[Value]>),
    Map(Arc<Ty>, Arc<BTreeMap<String, Value>>),
    Tuple(Arc<[Value]>),
    Object(Arc<BTreeMap<String, Value>>),
}

/// What a value is, borrowed, for `match`.
#[derive(Clone, Copy)]
pub enum Kind<'a> {
    /// Null of some type.
    Null,
    /// Not known yet; what is known of it nevertheless.
    Unknown(&'a Refine),
    /// Truth value.
    Bool(bool),
    /// Number.
    Number(&'a Number),
    /// Text.
    String(&'a str),
    /// List.
    List(&'a [Value]),
    /// Set, in canonical order.
    Set(&'a [Value]),
    /// Map.
    Map(&'a BTreeMap<String, Value>),
    /// Tuple.
    Tuple(&'a [Value]),
    /// Object.
    Object(&'a BTreeMap<String, Value>),
}

/// A shared copy of a type, for typed nulls and unknowns and for elements. Primitives and collections of them are shared
/// by all; the types of schemas come again and again from the same place in memory, which is remembered.
pub(crate) fn share(ty: &Ty) -> Arc<Ty> {
    const PRIMITIVES: [Ty; 4] = [Ty::Dynamic, Ty::String, Ty::Number, Ty::Bool];
    type Four = [Arc<Ty>; 4];
    static COMMON: LazyLock<[Four; 4]> = LazyLock::new(|| {
        let of = |f: fn(Ty) -> Ty| PRIMITIVES.map(|t| Arc::new(f(t)));
        [of(|t| t), of(Ty::list), of(Ty::set), of(Ty::map)]
    });
    thread_local! {
        /// By address; only a guess, since another type may stand there by now.
        static SEEN: RefCell<HashMap<usize, Arc<Ty>>> = RefCell::default();
    }
    const MOST_SEEN: usize = 4096;
    let position = |t: &Ty| PRIMITIVES.iter().position(|p| p == t);
    let common = match ty {
        Ty::List(t) => position(t).map(|i| &COMMON[1][i]),
        Ty::Set(t) => position(t).map(|i| &COMMON[2][i]),
        Ty::Map(t) => position(t).map(|i| &COMMON[3][i]),
        t => position(t).map(|i| &COMMON[0][i]),
    };
    if let Some(t) = common {
        return t.clone();
    }
    SEEN.with_borrow_mut(|seen| {
        let at = std::ptr::from_ref(ty).addr();
        if let Some(t) = seen.get(&at)
            && same_ty(t, ty)
        {
            return t.clone();
        }
        if seen.len() >= MOST_SEEN {
            seen.clear();
        }
        let shared = Arc::new(without_optional(ty));
        seen.insert(at, shared.clone());
        shared
    })
}

/// The type with every attribute required: values never have optional attributes, only constraints do.
pub fn without_optional(ty: &Ty) -> Ty {
    match ty {
        Ty::List(t) => Ty::list(without_optional(t)),
        Ty::Set(t) => Ty::set(without_optional(t)),
        Ty::Map(t) => Ty::map(without_optional(t)),
        Ty::Tuple(ts) => Ty::Tuple(ts.iter().map(without_optional).collect()),
        Ty::Object(o) => Ty::object(o.attrs.iter().map(|(n, t)| (n.as_str(), without_optional(t)))),
        leaf => leaf.clone(),
    }
}

/// NFC of a text.
pub(crate) fn nfc(text: &str) -> Option<String> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes { None } else { Some(text.nfc().collect()) }
}

/// # Constructors
impl Value {
    fn leaf(data: Data) -> Value {
        let whole = !matches!(data, Data::Unknown(..));
        Value { marks: Marks::NONE, below: Marks::NONE, whole, nodes: 1, data }
    }
    fn above<'a>(children: impl Iterator<Item = &'a Value>, data: Data) -> Value {
        let (mut below, mut whole, mut nodes) = (Marks::NONE, true, 1u32);
        for c in children {
            below |= c.marks | c.below;
            whole &= c.whole;
            nodes = nodes.saturating_add(c.nodes);
        }
        Value { marks: Marks::NONE, below, whole, nodes, data }
    }
    /// Null of a type.
    pub fn null(ty: &Ty) -> Value {
        Value::leaf(Data::Null(share(ty)))
    }
    /// An unknown value of a type, about which nothing else is known.
    pub fn unknown(ty: &Ty) -> Value {
        Value::leaf(Data::Unknown(share(ty), None))
    }
    /// An unknown value of unknown type. Also what an expression with errors evaluates to.
    pub fn dynamic() -> Value {
        Value::unknown(&Ty::Dynamic)
    }
    /// A truth value.
    pub fn bool(b: bool) -> Value {
        Value::leaf(Data::Bool(b))
    }
    /// A number.
    pub fn number(n: impl Into<Number>) -> Value {
        Value::leaf(Data::Number(n.into()))
    }
    /// A count of things.
    pub fn length(n: usize) -> Value {
        Value::number(i64::try_from(n).unwrap_or(i64::MAX))
    }
    /// A string; normalised to NFC.
    pub fn string(s: impl AsRef<str>) -> Value {
        let s = s.as_ref();
        Value::leaf(Data::String(nfc(s).map_or_else(|| Arc::from(s), Arc::from)))
    }
    /// A list. Every element must have type `of` (unless `of` is dynamic and the list is empty).
    pub fn list(of: &Ty, elements: Vec<Value>) -> Value {
        let elements: Arc<[Value]> = elements.into();
        Value::above(elements.iter(), Data::List(share(of), elements.clone()))
    }
    /// A set: sorts, removes duplicates, and moves the marks of elements to the set.
    pub fn set(of: &Ty, elements: Vec<Value>) -> Value {
        let mut marks = Marks::NONE;
        let mut plain: Vec<Value> = elements
            .into_iter()
            .map(|e| {
                let (v, m) = e.unmark_deep();
                marks |= m;
                v
            })
            .collect();
        order::sort(&mut plain);
        plain.dedup_by(|a, b| a.whole && b.whole && order::compare(a, b).is_eq());
        let plain: Arc<[Value]> = plain.into();
        Value::above(plain.iter(), Data::Set(share(of), plain.clone())).with_marks(marks)
    }
    /// A map. Every value must have type `of`. Keys are normalised to NFC.
    pub fn map<K: AsRef<str>>(of: &Ty, entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        let entries: Arc<BTreeMap<String, Value>> = Arc::new(keyed(entries));
        Value::above(entries.values(), Data::Map(share(of), entries.clone()))
    }
    /// A tuple.
    pub fn tuple(elements: Vec<Value>) -> Value {
        let elements: Arc<[Value]> = elements.into();
        Value::above(elements.iter(), Data::Tuple(elements.clone()))
    }
    /// An object; the last of two attributes of one name wins. Names are normalised to NFC.
    pub fn object<K: AsRef<str>>(attrs: impl IntoIterator<Item = (K, Value)>) -> Value {
        let attrs: Arc<BTreeMap<String, Value>> = Arc::new(keyed(attrs));
        Value::above(attrs.values(), Data::Object(attrs.clone()))
    }
    /// A list of strings.
    pub fn strings<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Value {
        Value::list(&Ty::String, items.into_iter().map(Value::string).collect())
    }
}

fn keyed<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, Value)>) -> BTreeMap<String, Value> {
    entries.into_iter().map(|(k, v)| (nfc(k.as_ref()).unwrap_or_else(|| k.as_ref().to_owned()), v)).collect()
}

/// # Questions
impl Value {
    /// What the value is.
    pub fn kind(&self) -> Kind<'_> {
        static NOTHING: Refine = Refine::NOTHING;
        match &self.data {
            Data::Null(_) => Kind::Null,
            Data::Unknown(_, r) => Kind::Unknown(r.as_deref().unwrap_or(&NOTHING)),
            Data::Bool(b) => Kind::Bool(*b),
            Data::Number(n) => Kind::Number(n),
            Data::String(s) => Kind::String(s),
            Data::List(_, l) => Kind::List(l),
            Data::Set(_, l) => Kind::Set(l),
            Data::Map(_, m) => Kind::Map(m),
            Data::Tuple(l) => Kind::Tuple(l),
            Data::Object(m) => Kind::Object(m),
        }
    }
    /// Number of nodes, shared parts counted again, up to the largest number.
    pub(crate) fn nodes(&self) -> u32 {
        self.nodes
    }
    /// The type. Costs time in proportion to the number of attributes of objects and tuples.
    pub fn ty(&self) -> Ty {
        match &self.data {
            Data::Null(t) | Data::Unknown(t, _) => (**t).clone(),
            Data::Bool(_) => Ty::Bool,
            Data::Number(_) => Ty::Number,
            Data::String(_) => Ty::String,
            Data::List(t, _) => Ty::list((**t).clone()),
            Data::Set(t, _) => Ty::set((**t).clone()),
            Data::Map(t, _) => Ty::map((**t).clone()),
            Data::Tuple(l) => Ty::Tuple(l.iter().map(Value::ty).collect()),
            Data::Object(m) => Ty::object(m.iter().map(|(k, v)| (k.as_str(), v.ty()))),
        }
    }
    /// True if the type is exactly `ty` (optional attributes of `ty` count as required ones). Cheaper than [`Value::ty`].
    pub fn has_ty(&self, ty: &Ty) -> bool {
        match (&self.data, ty) {
            (Data::Null(t) | Data::Unknown(t, _), _) => same_ty(t, ty),
            (Data::Bool(_), Ty::Bool) | (Data::Number(_), Ty::Number) | (Data::String(_), Ty::String) => true,
            (Data::List(t, _), Ty::List(of)) | (Data::Set(t, _), Ty::Set(of)) | (Data::Map(t, _), Ty::Map(of)) => {
                same_ty(t, of)
            }
            (Data::Tuple(l), Ty::Tuple(ts)) => l.len() == ts.len() && l.iter().zip(ts).all(|(v, t)| v.has_ty(t)),
            (Data::Object(m), Ty::Object(o)) => {
                m.len() == o.attrs.len() && m.iter().zip(&o.attrs).all(|((k, v), (name, t))| k == name && v.has_ty(t))
            }
            _ => false,
        }
    }
    /// True if both values have exactly one type. Cheaper than comparing what [`Value::ty`] returns.
    pub fn shares_ty(&self, other: &Value) -> bool {
        let all = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.shares_ty(b));
        match (&self.data, &other.data) {
            (Data::Null(t) | Data::Unknown(t, _), _) => other.has_ty(t),
            (_, Data::Null(t) | Data::Unknown(t, _)) => self.has_ty(t),
            (Data::Bool(_), Data::Bool(_))
            | (Data::Number(_), Data::Number(_))
            | (Data::String(_), Data::String(_)) => true,
            (Data::List(a, _), Data::List(b, _))
            | (Data::Set(a, _), Data::Set(b, _))
            | (Data::Map(a, _), Data::Map(b, _)) => Arc::ptr_eq(a, b) || same_ty(a, b),
            (Data::Tuple(a), Data::Tuple(b)) => all(a, b),
            (Data::Object(a), Data::Object(b)) => {
                a.len() == b.len() && a.iter().zip(&**b).all(|((k, a), (l, b))| k == l && a.shares_ty(b))
            }
            _ => false,
        }
    }
    /// The type of the elements of a list, set or map, also of a null or unknown one.
    pub fn element_ty(&self) -> Option<&Ty> {
        match &self.data {
            Data::List(t, _) | Data::Set(t, _) | Data::Map(t, _) => Some(t),
            Data::Null(t) | Data::Unknown(t, _) => match &**t {
                Ty::List(t) | Ty::Set(t) | Ty::Map(t) => Some(t),
                _ => None,
            },
            _ => None,
        }
    }
    /// The type of a null or unknown value, without computing anything.
    pub(crate) fn bare_ty(&self) -> Option<&Ty> {
        match &self.data {
            Data::Null(t) | Data::Unknown(t, _) => Some(t),
            _ => None,
        }
    }
    /// True if the type itself is not known: null or unknown without a type.
    pub fn is_dynamic(&self) -> bool {
        self.bare_ty() == Some(&Ty::Dynamic)
    }
    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null(_))
    }
    /// True unless this node is unknown; null is known.
    pub fn is_known(&self) -> bool {
        !matches!(self.data, Data::Unknown(..))
    }
    /// True if neither this node nor anything in it is unknown. Constant time.
    pub fn is_wholly_known(&self) -> bool {
        self.whole
    }
    /// The text of a known string.
    pub fn as_str(&self) -> Option<&str> {
        if let Data::String(s) = &self.data { Some(s) } else { None }
    }
    /// A known truth value.
    pub fn as_bool(&self) -> Option<bool> {
        if let Data::Bool(b) = self.data { Some(b) } else { None }
    }
    /// A known number.
    pub fn as_number(&self) -> Option<&Number> {
        if let Data::Number(n) = &self.data { Some(n) } else { None }
    }
    /// The elements of a known list, set or tuple.
    pub fn elements(&self) -> Option<&[Value]> {
        match &self.data {
            Data::List(_, l) | Data::Set(_, l) | Data::Tuple(l) => Some(l),
            _ => None,
        }
    }
    /// The entries of a known map or object.
    pub fn entries(&self) -> Option<&BTreeMap<String, Value>> {
        match &self.data {
            Data::Map(_, m) | Data::Object(m) => Some(m),
            _ => None,
        }
    }
    /// An attribute of a known object, or an element of a known map.
    pub fn attr(&self, name: &str) -> Option<&Value> {
        self.entries()?.get(name)
    }
    /// Number of elements of a known list, set (unknown elements included), map, tuple or object.
    pub fn len(&self) -> Option<usize> {
        self.elements().map(<[Value]>::len).or_else(|| self.entries().map(BTreeMap::len))
    }
    /// True if [`Value::len`] is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
    /// The value with every element or attribute replaced by what `f` makes of it, which must keep its type (lists,
    /// sets, maps) or may change it (tuples, objects). Leaves are returned as they are.
    ///
    /// # Errors
    /// The first error of `f`.
    pub fn try_map_children<E>(&self, mut f: impl FnMut(&Value) -> Result<Value, E>) -> Result<Value, E> {
        let v = match &self.data {
            Data::List(t, l) => Value::list(t, l.iter().map(&mut f).collect::<Result<_, E>>()?),
            Data::Set(t, l) => Value::set(t, l.iter().map(&mut f).collect::<Result<_, E>>()?),
            Data::Tuple(l) => Value::tuple(l.iter().map(&mut f).collect::<Result<_, E>>()?),
            Data::Map(t, m) => Value::map(t, m.iter().map(|(k, v)| Ok((k, f(v)?))).collect::<Result<Vec<_>, E>>()?),
            Data::Object(m) => Value::object(m.iter().map(|(k, v)| Ok((k, f(v)?))).collect::<Result<Vec<_>, E>>()?),
            _ => return Ok(self.clone()),
        };
        Ok(v.with_marks(self.marks))
    }
}

/// Equality of types that ignores which attributes are optional.
pub fn same_ty(a: &Ty, b: &Ty) -> bool {
    match (a, b) {
        (Ty::List(a), Ty::List(b)) | (Ty::Set(a), Ty::Set(b)) | (Ty::Map(a), Ty::Map(b)) => same_ty(a, b),
        (Ty::Tuple(a), Ty::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_ty(a, b)),
        (Ty::Object(a), Ty::Object(b)) => {
            a.attrs.len() == b.attrs.len()
                && a.attrs.iter().zip(&b.attrs).all(|((n, a), (m, b))| n == m && same_ty(a, b))
        }
        _ => a == b,
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::bool(b)
    }
}
impl From<i64> for Value {
    fn from(n: i64) -> Value {
        Value::number(n)
    }
}
impl From<i32> for Value {
    fn from(n: i32) -> Value {
        Value::number(i64::from(n))
    }
}
impl From<Number> for Value {
    fn from(n: Number) -> Value {
        Value::number(n)
    }
}
impl From<&str> for Value {
    fn from(s: &str) -> Value {
        Value::string(s)
    }
}
impl From<String> for Value {
    fn from(s: String) -> Value {
        Value::string(s)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.marks.is_empty() {
            return write!(f, "({:?} {})", self.marks, self.ty());
        }
        match self.kind() {
            Kind::Null => write!(f, "null({})", self.ty()),
            Kind::Unknown(r) => write!(f, "unknown({}{r:?})", self.ty()),
            Kind::Bool(b) => write!(f, "{b}"),
            Kind::Number(n) => write!(f, "{n}"),
            Kind::String(s) => write!(f, "<{} bytes>", s.len()),
            Kind::List(l) | Kind::Tuple(l) => f.debug_list().entries(l).finish(),
            Kind::Set(l) => f.debug_set().entries(l).finish(),
            Kind::Map(m) | Kind::Object(m) => f.debug_map().entries(m).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_normalised() {
        assert_eq!(Value::string("e\u{301}"), Value::string("\u{e9}"));
    }

    #[test]
    fn sets_sort_dedup_and_lift_marks() {
        let s = Value::set(&Ty::Number, [10, 2, 3, 2].map(Value::from).to_vec());
        assert_eq!(
            s.elements().unwrap().iter().map(|n| n.as_number().unwrap().to_i64().unwrap()).collect::<Vec<_>>(),
            [2, 3, 10]
        );
        let s =
            Value::set(&Ty::String, vec![Value::from("a").with_marks(Marks::SENSITIVE), Value::unknown(&Ty::String)]);
        assert_eq!(s.marks(), Marks::SENSITIVE);
        assert!(!s.is_wholly_known() && s.is_known());
    }

    #[test]
    fn a_type_at_the_place_of_another_is_told_apart() {
        let mut ty = Ty::object([("a", Ty::String)]);
        let first = Value::null(&ty);
        assert!(Arc::ptr_eq(&share(&ty), &share(&ty)));
        ty = Ty::object([("b", Ty::String)]);
        assert_eq!(Value::null(&ty).ty(), ty);
        assert_eq!(first.ty(), Ty::object([("a", Ty::String)]));
    }

    #[test]
    fn debug_hides_text() {
        let v = Value::object([("password", Value::from("hunter2"))]);
        assert!(!format!("{v:?}").contains("hunter2"));
        let u = Value::unknown(&Ty::String).with_prefix("hunter2");
        assert!(!format!("{u:?}").contains("hunter2"));
    }

    #[test]
    fn type_test_agrees_with_type() {
        let v = Value::object([("a", Value::tuple(vec![Value::from(1), Value::null(&Ty::String)]))]);
        assert!(v.has_ty(&v.ty()));
        assert!(!v.has_ty(&Ty::object([("a", Ty::Tuple(vec![Ty::Number]))])));
    }
}
