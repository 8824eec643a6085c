//! Expressions: operators by precedence, terms, and what follows a term (attributes, indexes, splats).

use super::Parser;
use crate::ast::{
    Binary, BinaryOp, Conditional, Expr, ExprKind, FunctionCall, Ident, IndexKey, Literal, ScopeTraversal, Splat,
    SplatKind, StepKind, TemplatePart, TemplateStyle, TraversalStep, UnaryOp,
};
use crate::span::Span;
use crate::token::{Kind, Token};

/// Binary operators with their precedence; all are left-associative.
fn binary_operator(kind: Kind) -> Option<(BinaryOp, u8)> {
    Some(match kind {
        Kind::OrOr => (BinaryOp::Or, 1),
        Kind::AndAnd => (BinaryOp::And, 2),
        Kind::EqualEqual => (BinaryOp::Equal, 3),
        Kind::NotEqual => (BinaryOp::NotEqual, 3),
        Kind::Less => (BinaryOp::Less, 4),
        Kind::LessEqual => (BinaryOp::LessEqual, 4),
        Kind::Greater => (BinaryOp::Greater, 4),
        Kind::GreaterEqual => (BinaryOp::GreaterEqual, 4),
        Kind::Plus => (BinaryOp::Add, 5),
        Kind::Minus => (BinaryOp::Subtract, 5),
        Kind::Star => (BinaryOp::Multiply, 6),
        Kind::Slash => (BinaryOp::Divide, 6),
        Kind::Percent => (BinaryOp::Modulo, 6),
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Expr {
        let start = self.token().start;
        let expr = if self.enter() { self.conditional(start) } else { self.invalid(start) };
        self.leave();
        expr
    }

    fn conditional(&mut self, start: u32) -> Expr {
        let condition = self.binary(1);
        if self.panicking || self.peek() != Kind::Question {
            return condition;
        }
        let question = self.bump();
        let mut height = self.height;
        let if_true = self.expr();
        height = height.max(self.height);
        if !self.panicking && self.peek() != Kind::Colon {
            let detail =
                format!("A conditional goes on with `:` and the value for false, but {} stands here.", self.found());
            let (token, error) = (self.token(), "Incomplete conditional");
            let error = crate::SyntaxError::new(error, detail, self.place_of(token));
            self.fail_with(token, error.with_context(self.span_of(question), "the conditional"));
        }
        if self.panicking {
            return self.invalid(start);
        }
        self.bump();
        let if_false = self.expr();
        self.grow(height.max(self.height));
        let kind = ExprKind::Conditional(Box::new(Conditional { condition, if_true, if_false }));
        Expr { kind, span: self.span_from(start) }
    }

    fn binary(&mut self, min_precedence: u8) -> Expr {
        let mut lhs = self.postfix();
        while !self.panicking
            && let Some((op, precedence)) = binary_operator(self.peek())
            && precedence >= min_precedence
        {
            let operator = self.bump();
            let height = self.height;
            let rhs = self.binary(precedence + 1);
            self.grow(height.max(self.height));
            let span = lhs.span.to(rhs.span);
            let op_span = self.span_of(operator);
            lhs = Expr { kind: ExprKind::Binary(Box::new(Binary { op, op_span, lhs, rhs })), span };
        }
        lhs
    }

    /// A term with everything that follows it.
    fn postfix(&mut self) -> Expr {
        let term = self.term();
        if self.panicking { term } else { self.suffixes(term) }
    }

    fn term(&mut self) -> Expr {
        let token = self.token();
        self.height = 1;
        match token.kind {
            Kind::Ident => self.name(),
            Kind::Number => {
                self.bump();
                let kind = ExprKind::Literal(Literal::Number(self.text_of(token).into()));
                Expr { kind, span: self.span_of(token) }
            }
            Kind::OQuote => {
                self.bump();
                self.template_until(Kind::CQuote, TemplateStyle::Quoted, token.start)
            }
            Kind::OHeredoc => {
                self.bump();
                self.template_until(Kind::CHeredoc, TemplateStyle::Heredoc, token.start)
            }
            Kind::OFlushHeredoc => {
                self.bump();
                self.template_until(Kind::CHeredoc, TemplateStyle::FlushHeredoc, token.start)
            }
            Kind::Minus => self.unary(UnaryOp::Negate),
            Kind::Bang => self.unary(UnaryOp::Not),
            Kind::OParen => self.with_newlines(false, Self::parens),
            Kind::OBrack => self.with_newlines(false, Self::tuple),
            Kind::OBrace => self.object(),
            _ => self.no_expression(token),
        }
    }

    fn no_expression(&mut self, token: Token) -> Expr {
        let after = match self.last.kind {
            Kind::Ident | Kind::Newline | Kind::Eof => String::new(),
            kind => format!(" after {}", kind.describe()),
        };
        match token.kind {
            Kind::Eof => {
                self.fail("Missing expression", format!("A value is expected{after}, but the text ends here."))
            }
            Kind::Newline => {
                let detail = format!("A value is expected{after}, but the line ends here.");
                self.fail("Missing expression", detail);
            }
            _ => {
                let found = self.found();
                self.fail("Invalid expression", format!("A value is expected{after}, but {found} stands here."));
            }
        }
        self.invalid(token.start)
    }

    fn unary(&mut self, op: UnaryOp) -> Expr {
        let operator = self.bump();
        let operand = if self.enter() { self.postfix() } else { self.invalid(operator.start) };
        self.leave();
        let below = self.height;
        self.grow(below);
        let op_span = self.span_of(operator);
        let span = op_span.to(operand.span);
        Expr { kind: ExprKind::Unary { op, op_span, operand: Box::new(operand) }, span }
    }

    fn parens(&mut self) -> Expr {
        let open = self.bump();
        let inner = self.expr();
        let below = self.height;
        self.grow(below);
        if !self.panicking && !self.eat(Kind::CParen) {
            let detail = format!("The parenthesis must be closed before {}.", self.found());
            self.fail_opened("Missing closing parenthesis", detail, open);
        }
        Expr { kind: ExprKind::Parens(Box::new(inner)), span: self.span_from(open.start) }
    }

    fn ident(&self, token: Token) -> Ident {
        Ident { name: self.text_of(token).into(), span: self.span_of(token) }
    }

    /// The next token as a name, if it is one.
    pub(super) fn eat_ident(&mut self) -> Option<Ident> {
        if self.peek() != Kind::Ident {
            return None;
        }
        let token = self.bump();
        Some(self.ident(token))
    }

    /// What begins with a name: a call, a keyword or a reference.
    fn name(&mut self) -> Expr {
        let token = self.bump();
        let span = self.span_of(token);
        if matches!(self.peek(), Kind::OParen | Kind::DoubleColon) {
            return self.call(token);
        }
        let literal = match self.text_of(token) {
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "null" => Literal::Null,
            _ => {
                let traversal = ScopeTraversal { root: self.ident(token), steps: Vec::new(), span };
                return Expr { kind: ExprKind::ScopeTraversal(Box::new(traversal)), span };
            }
        };
        Expr { kind: ExprKind::Literal(literal), span }
    }

    fn call(&mut self, first: Token) -> Expr {
        let mut name = self.text_of(first).to_owned();
        while self.eat(Kind::DoubleColon) {
            if self.peek() != Kind::Ident {
                let detail = format!("A function name is required after `{name}::`, but {} stands here.", self.found());
                self.fail("Missing function name", detail);
                return self.invalid(first.start);
            }
            let part = self.bump();
            name.push_str("::");
            name.push_str(self.text_of(part));
        }
        let name = Ident { name: name.into(), span: self.span_from(first.start) };
        if self.peek() != Kind::OParen {
            let detail = format!("The arguments of `{}` must follow in parentheses.", name.name);
            self.fail("Missing open parenthesis", detail);
            return self.invalid(first.start);
        }
        let open = self.token();
        let (args, expand_final) = self.with_newlines(false, Self::arguments);
        let call = FunctionCall { name, args, expand_final, parens_span: self.span_from(open.start) };
        Expr { kind: ExprKind::FunctionCall(Box::new(call)), span: self.span_from(first.start) }
    }

    fn arguments(&mut self) -> (Vec<Expr>, bool) {
        let open = self.bump();
        let (mut args, mut expand, mut height) = (Vec::new(), false, 0);
        while !self.eat(Kind::CParen) {
            args.push(self.expr());
            height = height.max(self.height);
            if self.panicking || self.eat(Kind::CParen) {
                break;
            }
            if self.eat(Kind::Ellipsis) {
                expand = true;
                if !self.eat(Kind::CParen) {
                    let detail =
                        "An argument expanded with `...` must be the last one, followed by the closing parenthesis.";
                    self.fail_opened("Missing closing parenthesis", detail, open);
                }
                break;
            }
            if !self.eat(Kind::Comma) {
                self.no_separator("argument", open, "`)`");
                break;
            }
        }
        self.grow(height);
        args.shrink_to_fit();
        (args, expand)
    }

    /// Neither a comma nor the closer `close` follows an element of what `open` began.
    pub(super) fn no_separator(&mut self, element: &str, open: Token, close: &str) {
        let token = self.token();
        let next_line = self.text[self.last.end as usize..token.start as usize].contains('\n');
        let seems_outside = token.kind.is_closer() || token.kind == Kind::Eof || (next_line && self.starts_item());
        if seems_outside {
            let opener = open.kind.describe();
            let detail = format!("There is no closing {close} for this {opener} before {}.", self.found());
            return self.fail_opened("Missing closing bracket", detail, open);
        }
        let found = self.found();
        let detail =
            format!("A comma or the closing {close} is expected after this {element}, but {found} stands here.");
        self.fail_opened("Missing comma", detail, open);
    }

    /// Whether the next tokens look like an argument or a block rather than like an expression.
    pub(super) fn starts_item(&mut self) -> bool {
        self.peek() == Kind::Ident
            && matches!(self.peek_second(), Kind::Equal | Kind::OBrace | Kind::OQuote | Kind::Ident)
    }

    fn suffixes(&mut self, mut expr: Expr) -> Expr {
        while !self.panicking {
            expr = match self.peek() {
                Kind::Dot => self.dot(expr),
                Kind::OBrack => self.bracket(expr),
                _ => break,
            };
        }
        expr
    }

    /// `expr` followed by one more step of a fixed key.
    fn step(&mut self, expr: Expr, kind: StepKind, start: u32) -> Expr {
        let step = TraversalStep { kind, span: self.span_from(start) };
        let span = expr.span.to(step.span);
        let kind = match expr.kind {
            ExprKind::ScopeTraversal(mut traversal) => {
                // Most traversals have one or two steps; four would be the smallest room otherwise.
                traversal.steps.reserve_exact(1);
                traversal.steps.push(step);
                traversal.span = span;
                ExprKind::ScopeTraversal(traversal)
            }
            ExprKind::RelativeTraversal { source, mut steps } => {
                steps.push(step);
                ExprKind::RelativeTraversal { source, steps }
            }
            _ => {
                let below = self.height;
                self.grow(below);
                ExprKind::RelativeTraversal { source: Box::new(expr), steps: vec![step] }
            }
        };
        Expr { kind, span }
    }

    fn dot(&mut self, expr: Expr) -> Expr {
        let dot = self.bump();
        let next = self.token();
        match next.kind {
            Kind::Ident => {
                self.bump();
                self.step(expr, StepKind::Attr(self.text_of(next).into()), dot.start)
            }
            Kind::Number => {
                self.bump();
                let kind = self.legacy_index(next);
                self.step(expr, kind, dot.start)
            }
            Kind::Star => {
                self.bump();
                self.attribute_splat(expr, dot)
            }
            _ => {
                let found = self.found();
                let detail = format!("The name of an attribute is required after the dot, but {found} stands here.");
                self.fail("Missing attribute name", detail);
                expr
            }
        }
    }

    fn legacy_index(&mut self, token: Token) -> StepKind {
        let text = self.text_of(token);
        if let Some((first, second)) = text.split_once('.') {
            let detail = "Two indexes after each other cannot be written with dots.".to_owned();
            let error = crate::SyntaxError::new("Invalid index", detail, self.place_of(token));
            self.fail_with(token, error.with_hint(format!("write [{first}][{second}]")));
        }
        StepKind::LegacyIndex(text.into())
    }

    fn attribute_splat(&mut self, source: Expr, dot: Token) -> Expr {
        let marker_span = self.span_from(dot.start);
        let height = self.height;
        self.height = 1;
        let mut each = Expr { kind: ExprKind::SplatItem, span: marker_span };
        while !self.panicking && self.peek() == Kind::Dot {
            if self.peek_second() == Kind::Star {
                self.bump();
                self.fail("Nested splat", "A splat `.*` cannot be used inside of another one; write `[*]`.");
                break;
            }
            each = self.dot(each);
        }
        self.grow(height.max(self.height));
        splat(source, SplatKind::Attribute, each, marker_span)
    }

    fn bracket(&mut self, expr: Expr) -> Expr {
        if self.peek_second() == Kind::Star {
            return self.full_splat(expr);
        }
        let height = self.height;
        let open = self.token();
        let key = self.with_newlines(false, Self::index_key);
        if self.panicking {
            return expr;
        }
        match literal_key(&key) {
            Some(key) => {
                self.height = height;
                self.step(expr, StepKind::Index(key), open.start)
            }
            None => {
                self.grow(height.max(self.height));
                let span = expr.span.to(self.span_from(open.start));
                Expr { kind: ExprKind::Index { source: Box::new(expr), key: Box::new(key) }, span }
            }
        }
    }

    fn index_key(&mut self) -> Expr {
        let open = self.bump();
        let key = self.expr();
        if !self.panicking && !self.eat(Kind::CBrack) {
            let detail = format!("The index must be closed with `]` before {}.", self.found());
            self.fail_opened("Missing closing bracket", detail, open);
        }
        key
    }

    fn full_splat(&mut self, source: Expr) -> Expr {
        let open = self.bump();
        self.bump();
        if !self.eat(Kind::CBrack) {
            self.fail_opened("Missing closing bracket", "The `*` of a splat must be followed by `]`.", open);
            return source;
        }
        let marker_span = self.span_from(open.start);
        let height = self.height;
        self.height = 1;
        let item = Expr { kind: ExprKind::SplatItem, span: marker_span };
        let each = if self.enter() { self.suffixes(item) } else { item };
        self.leave();
        self.grow(height.max(self.height));
        splat(source, SplatKind::Full, each, marker_span)
    }
}

fn splat(source: Expr, kind: SplatKind, each: Expr, marker_span: Span) -> Expr {
    let span = source.span.to(each.span);
    Expr { kind: ExprKind::Splat(Box::new(Splat { source, kind, each, marker_span })), span }
}

/// The key that an index expression is without being evaluated.
fn literal_key(key: &Expr) -> Option<IndexKey> {
    Some(match &key.kind {
        ExprKind::Literal(Literal::Number(text)) => IndexKey::Number(text.clone()),
        ExprKind::Literal(Literal::Bool(value)) => IndexKey::Bool(*value),
        ExprKind::Literal(Literal::Null) => IndexKey::Null,
        ExprKind::Template(template) => match template.parts.as_slice() {
            [] => IndexKey::String("".into()),
            [TemplatePart::Literal { value, .. }] => IndexKey::String(value.clone()),
            _ => return None,
        },
        _ => return None,
    })
}
