//! Tuples, objects and `for` expressions.

use super::Parser;
use crate::SyntaxError;
use crate::ast::{Expr, ExprKind, ForExpr, ObjectItem, ObjectKey};
use crate::token::{Kind, Token};

impl Parser<'_> {
    /// Called with line breaks as blanks.
    pub(super) fn tuple(&mut self) -> Expr {
        let open = self.bump();
        if self.at_keyword("for") {
            return self.for_expr(open);
        }
        let (mut items, mut height) = (Vec::new(), 0);
        while !self.eat(Kind::CBrack) {
            items.push(self.expr());
            height = height.max(self.height);
            if self.panicking || self.eat(Kind::CBrack) {
                break;
            }
            if !self.eat(Kind::Comma) {
                self.no_separator("element", open, "`]`");
                break;
            }
        }
        self.grow(height);
        items.shrink_to_fit();
        Expr { kind: ExprKind::Tuple(items), span: self.span_from(open.start) }
    }

    pub(super) fn object(&mut self) -> Expr {
        let open = self.bump();
        if self.with_newlines(false, |parser| parser.at_keyword("for")) {
            return self.with_newlines(false, |parser| parser.for_expr(open));
        }
        self.with_newlines(true, |parser| parser.object_items(open))
    }

    fn object_items(&mut self, open: Token) -> Expr {
        let (mut items, mut height) = (Vec::new(), 0);
        loop {
            while self.eat(Kind::Newline) {}
            if self.belongs_outside(open) {
                self.unclosed("Unclosed object", "object", open, open);
                break;
            }
            if self.eat(Kind::CBrace) {
                break;
            }
            if self.peek() == Kind::Eof {
                let detail = "There is no closing `}` for this object before the end of the file.";
                self.fail_opened("Unclosed object", detail, open);
                break;
            }
            let Some(item) = self.object_item(open, &mut height) else { break };
            items.push(item);
            if self.eat(Kind::CBrace) {
                break;
            }
            if !self.eat(Kind::Newline) && !self.eat(Kind::Comma) {
                let detail = format!(
                    "A comma, a line break or `}}` is expected after this entry, but {} stands here.",
                    self.found()
                );
                self.fail_opened("Missing comma", detail, open);
                break;
            }
        }
        self.grow(height);
        items.shrink_to_fit();
        Expr { kind: ExprKind::Object(items), span: self.span_from(open.start) }
    }

    /// `None` after an error.
    fn object_item(&mut self, open: Token, height: &mut u32) -> Option<ObjectItem> {
        let key = self.object_key(height)?;
        if !matches!(self.peek(), Kind::Equal | Kind::Colon) {
            let found = self.found();
            let detail = match self.peek() {
                Kind::Newline | Kind::Comma | Kind::CBrace => {
                    format!("`=` and a value are required after this key, but {found} stands here.")
                }
                _ => format!("`=` is required after a key, but {found} stands here."),
            };
            self.fail_opened("Missing value of object entry", detail, open);
            return None;
        }
        self.bump();
        let value = self.expr();
        *height = (*height).max(self.height);
        (!self.panicking).then_some(ObjectItem { key, value })
    }

    fn object_key(&mut self, height: &mut u32) -> Option<ObjectKey> {
        if self.peek() == Kind::Ident && matches!(self.peek_second(), Kind::Equal | Kind::Colon) {
            return self.eat_ident().map(ObjectKey::Name);
        }
        let expr = self.expr();
        *height = (*height).max(self.height);
        if self.panicking {
            return None;
        }
        match &expr.kind {
            ExprKind::ScopeTraversal(traversal) if traversal.steps.is_empty() => {
                Some(ObjectKey::Name(traversal.root.clone()))
            }
            // With dots it is a reference here: `providers = { aws.west = aws.other }`. Values refuse it when evaluated.
            _ => Some(ObjectKey::Expr(expr)),
        }
    }

    /// Called with line breaks as blanks, before the `for` that follows `open`.
    fn for_expr(&mut self, open: Token) -> Expr {
        self.bump();
        let head = self.for_head(open);
        let Some((key_var, value_var, collection)) = head else { return self.invalid(open.start) };
        let mut height = self.height;
        if !self.eat(Kind::Colon) {
            let detail =
                format!("`:` and the result are required after the collection, but {} stands here.", self.found());
            self.fail_opened("Invalid 'for' expression", detail, open);
            return self.invalid(open.start);
        }
        let mut value = self.expr();
        height = height.max(self.height);
        let mut key = None;
        if !self.panicking && self.peek() == Kind::FatArrow {
            let arrow = self.bump();
            if open.kind == Kind::OBrack {
                let detail = "`=>` gives keys, and a list in brackets has none.";
                let error = SyntaxError::new("Invalid 'for' expression", detail, self.span_of(arrow));
                self.fail_with(arrow, error.with_hint("use braces to build an object: {for … : key => value}"));
            }
            key = Some(std::mem::replace(&mut value, self.expr()));
            height = height.max(self.height);
        }
        let grouping = !self.panicking && self.for_grouping(open);
        let mut condition = None;
        if !self.panicking && self.at_keyword("if") {
            self.bump();
            condition = Some(self.expr());
            height = height.max(self.height);
        }
        if !self.panicking && open.kind == Kind::OBrace && key.is_none() {
            let detail = "In braces, a key is required before the value: `key => value`.";
            self.fail_opened("Invalid 'for' expression", detail, open);
        }
        let closer = open.kind.closer().unwrap_or(Kind::CBrack);
        if !self.panicking && !self.eat(closer) {
            let detail = format!("The expression must end with {} before {}.", closer.describe(), self.found());
            self.fail_opened("Invalid 'for' expression", detail, open);
        }
        self.grow(height);
        let parts = ForExpr { key_var, value_var, collection, key, value, condition, grouping };
        Expr { kind: ExprKind::For(Box::new(parts)), span: self.span_from(open.start) }
    }

    /// `k, v in collection`; `None` after an error.
    pub(super) fn for_head(&mut self, open: Token) -> Option<(Option<crate::Ident>, crate::Ident, Expr)> {
        let mut names = Vec::new();
        loop {
            let Some(name) = self.eat_ident() else {
                let after = if names.is_empty() { "`for`" } else { "the comma" };
                let detail =
                    format!("The name of a variable is required after {after}, but {} stands here.", self.found());
                self.fail_opened("Invalid 'for' expression", detail, open);
                return None;
            };
            names.push(name);
            if names.len() == 2 || !self.eat(Kind::Comma) {
                break;
            }
        }
        if !self.at_keyword("in") {
            let detail =
                format!("`in` and a collection are required after the variables, but {} stands here.", self.found());
            self.fail_opened("Invalid 'for' expression", detail, open);
            return None;
        }
        self.bump();
        let collection = self.expr();
        if self.panicking {
            return None;
        }
        let value = names.pop()?;
        Some((names.pop(), value, collection))
    }

    fn for_grouping(&mut self, open: Token) -> bool {
        if self.peek() != Kind::Ellipsis {
            return false;
        }
        let ellipsis = self.token();
        if open.kind == Kind::OBrack {
            let detail = "`...` groups the values of equal keys, and a list in brackets has no keys.";
            self.fail_opened("Invalid 'for' expression", detail, open);
        }
        self.last = ellipsis;
        self.bump();
        true
    }
}
