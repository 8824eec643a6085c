//! The syntax tree: bodies of attributes and blocks, and expressions. Every node knows its span.
//!
//! The tree is what the text says and nothing more: it evaluates nothing, and it resolves only what belongs to the
//! syntax (escapes, strip markers, heredoc indents, Unicode normalisation of string literals). Its height is at most
//! [`MAX_DEPTH`], so walking, cloning and dropping it by recursion is safe.
//!
//! Start at [`Body`] and [`ExprKind`].

use crate::span::Span;

/// The greatest height of a syntax tree, counted in expressions, template directives and block bodies inside each other
/// (in JSON, the values around a string come on top of that: [`crate::json::MAX_JSON_DEPTH`]).
/// Deeper texts are reported as errors and their deepest parts become [`ExprKind::Invalid`].
pub const MAX_DEPTH: u32 = 200;

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    pub name: Box<str>,
    pub span: Span,
}

impl Ident {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// The content of a file or of a block: attributes and blocks in source order.
///
/// An attribute that is set twice stays here twice; the parser has reported it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    pub items: Vec<Item>,
    /// For a file all of its text; for a block from `{` to `}` inclusive; for JSON the object.
    pub span: Span,
    /// The closing brace, or the empty span at the end of the file: where "something is missing" points to.
    pub end_span: Span,
}

impl Body {
    /// The attributes in source order.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.items.iter().filter_map(|item| match item {
            Item::Attribute(attribute) => Some(attribute),
            Item::Block(_) => None,
        })
    }

    /// The blocks in source order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.items.iter().filter_map(|item| match item {
            Item::Block(block) => Some(block),
            Item::Attribute(_) => None,
        })
    }

    /// The first attribute with this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes().find(|attribute| &*attribute.name.name == name)
    }

    /// The blocks of this kind, in source order.
    pub fn blocks_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks().filter(move |block| &*block.kind.name == kind)
    }
}

/// One entry of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Attribute(Attribute),
    Block(Block),
}

/// `name = expr`.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    pub name: Ident,
    pub expr: Expr,
    /// From the name to the end of the expression.
    pub span: Span,
    /// The `=` (in JSON the colon).
    pub equals_span: Span,
}

/// `kind label "label" { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub kind: Ident,
    pub labels: Vec<Label>,
    pub body: Body,
    /// From the kind to the closing brace.
    pub span: Span,
    /// From the kind to the last label: the place to point at when the block as a whole is meant.
    pub header_span: Span,
}

impl Block {
    /// The value of the label with this index, from 0.
    pub fn label(&self, index: usize) -> Option<&str> {
        self.labels.get(index).map(|label| &*label.value)
    }
}

/// A block label with its escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub value: Box<str>,
    /// Includes the quotes.
    pub span: Span,
    /// `"x"` rather than `x`.
    pub quoted: bool,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

/// What an expression is. Large variants are boxed; walk it by `match`.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `null`, `true`, `12.5e3`.
    Literal(Literal),
    /// A quoted string, a heredoc or a template file. Its value is a string (unless an interpolation is unknown).
    Template(Template),
    /// A quoted string that is exactly one interpolation, `"${x}"`: the value of `x` passes through as it is.
    TemplateWrap(Box<Expr>),
    /// `root.a[0].b`: a reference into the scope.
    ScopeTraversal(Box<ScopeTraversal>),
    /// Steps of fixed keys from the value of any other expression: `f(x).a[0]`, `(x)["k"]`.
    RelativeTraversal { source: Box<Expr>, steps: Vec<TraversalStep> },
    /// `source[key]` with a key that has to be evaluated.
    Index { source: Box<Expr>, key: Box<Expr> },
    /// `source.*…` and `source[*]…`.
    Splat(Box<Splat>),
    /// Inside [`Splat::each`]: the current element of the innermost splat whose `each` contains this node.
    SplatItem,
    /// `name(args…)`.
    FunctionCall(Box<FunctionCall>),
    /// `condition ? if_true : if_false`.
    Conditional(Box<Conditional>),
    /// `-x`, `!x`.
    Unary { op: UnaryOp, op_span: Span, operand: Box<Expr> },
    /// `a + b` and the like.
    Binary(Box<Binary>),
    /// `(x)`.
    Parens(Box<Expr>),
    /// `[a, b]`.
    Tuple(Vec<Expr>),
    /// `{ k = v }`. Duplicate keys are allowed; the last one wins.
    Object(Vec<ObjectItem>),
    /// `[for … ]` and `{for … }`.
    For(Box<ForExpr>),
    /// Stands for an expression that could not be parsed and has been reported. Evaluate it as a value of unknown
    /// type, silently.
    Invalid,
}

/// A literal other than a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    Null,
    Bool(bool),
    /// The digits as written: decimal, no sign in native syntax (JSON numbers may have one), perhaps fraction and
    /// exponent, of any size.
    Number(Box<str>),
}

/// A sequence of literal texts, interpolations and directives.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Strip markers, escapes and heredoc indents are already applied; no two literals follow each other and none is
    /// empty. No parts at all is the empty string.
    pub parts: Vec<TemplatePart>,
    pub style: TemplateStyle,
}

/// How a template was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateStyle {
    /// `"…"`.
    Quoted,
    /// `<<EOT`.
    Heredoc,
    /// `<<-EOT`.
    FlushHeredoc,
    /// A text that is a template as a whole: a template file, or a JSON string.
    Bare,
}

/// One part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplatePart {
    /// Text to copy. The span is where it stands in the source, escapes and stripped blanks included.
    Literal { value: Box<str>, span: Span },
    /// `${expr}`: the value has to convert to a string. The span includes the markers.
    Interpolation { expr: Expr, span: Span },
    /// `%{ if c }…%{ else }…%{ endif }`.
    If(Box<TemplateIf>),
    /// `%{ for x in c }…%{ endfor }`.
    For(Box<TemplateFor>),
}

/// The conditional directive of templates.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateIf {
    pub condition: Expr,
    pub then: Vec<TemplatePart>,
    /// `None` without `%{ else }`; then the directive yields the empty string.
    pub otherwise: Option<Vec<TemplatePart>>,
    /// From `%{ if` to the end of `%{ endif }`.
    pub span: Span,
}

/// The loop directive of templates.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateFor {
    pub key: Option<Ident>,
    pub value: Ident,
    pub collection: Expr,
    pub body: Vec<TemplatePart>,
    /// From `%{ for` to the end of `%{ endfor }`.
    pub span: Span,
}

/// A reference into the scope: a root name and steps of fixed keys. Splats and computed indexes end a traversal and
/// become [`ExprKind::Splat`] and [`ExprKind::Index`] around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeTraversal {
    pub root: Ident,
    pub steps: Vec<TraversalStep>,
    pub span: Span,
}

/// One step of a traversal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraversalStep {
    pub kind: StepKind,
    /// Includes the dot or the brackets.
    pub span: Span,
}

/// How a step selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// `.name`.
    Attr(Box<str>),
    /// `["key"]`, `[0]`: the key is a literal.
    Index(IndexKey),
    /// `.0`: an old way to write `[0]`. The text is decimal digits, of any number.
    LegacyIndex(Box<str>),
}

/// A literal index key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexKey {
    /// The number as written.
    Number(Box<str>),
    String(Box<str>),
    /// Never valid for any collection, but known only at evaluation.
    Bool(bool),
    /// As for `Bool`.
    Null,
}

/// `source.*` or `source[*]` with what is taken from each element.
#[derive(Clone, Debug, PartialEq)]
pub struct Splat {
    pub source: Expr,
    /// `[*]` takes every following step for each element; `.*` only the attribute (and legacy index) steps that follow,
    /// and brackets after those apply to the list that results (they are outside of this node then).
    pub kind: SplatKind,
    /// An expression over [`ExprKind::SplatItem`]; just that when no steps follow.
    pub each: Expr,
    /// The `.*` or `[*]`.
    pub marker_span: Span,
}

/// The two kinds of splat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplatKind {
    /// `.*`.
    Attribute,
    /// `[*]`.
    Full,
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCall {
    /// The whole name, namespaces included: `provider::aws::arn_parse`.
    pub name: Ident,
    pub args: Vec<Expr>,
    /// The last argument is followed by `...` and has to be expanded.
    pub expand_final: bool,
    /// From `(` to `)`.
    pub parens_span: Span,
}

/// `condition ? if_true : if_false`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditional {
    pub condition: Expr,
    pub if_true: Expr,
    pub if_false: Expr,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Negate,
    Not,
}

/// An operation on two operands.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    pub op: BinaryOp,
    pub op_span: Span,
    pub lhs: Expr,
    pub rhs: Expr,
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl BinaryOp {
    /// The operator as written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Or => "||",
            BinaryOp::And => "&&",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Modulo => "%",
        }
    }
}

impl UnaryOp {
    /// The operator as written.
    pub fn symbol(self) -> &'static str {
        match self {
            UnaryOp::Negate => "-",
            UnaryOp::Not => "!",
        }
    }
}

/// One entry of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectItem {
    pub key: ObjectKey,
    pub value: Expr,
}

/// The key of an object's entry.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectKey {
    /// A bare word (`true`, `null` and `for` included): the key is the word itself.
    Name(Ident),
    /// Anything else, parentheses included: evaluate it and convert to a string.
    Expr(Expr),
}

impl ObjectKey {
    /// Where the key stands.
    pub fn span(&self) -> Span {
        match self {
            ObjectKey::Name(name) => name.span,
            ObjectKey::Expr(expr) => expr.span,
        }
    }
}

/// `[for k, v in c : value if cond]` or `{for k, v in c : key => value... if cond}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ForExpr {
    pub key_var: Option<Ident>,
    pub value_var: Ident,
    pub collection: Expr,
    /// `Some` exactly when an object is built.
    pub key: Option<Expr>,
    pub value: Expr,
    pub condition: Option<Expr>,
    /// `...`: values of equal keys are gathered into tuples.
    pub grouping: bool,
}
