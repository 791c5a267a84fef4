//! Finds for each change the piece of code that can be written twice, changed and as it is.
//!
//! A change is a replaced piece of text, and what the changed text means is up to the parser:
//! `a + b * c` becomes `a - b * c`, and `a && b || c` becomes `a || b || c`. So it is the whole
//! chain of operators that is written twice, and not one operator with its two sides.

use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, BinOp, Expr, ExprBinary, ExprMatch, ExprStruct, ExprUnary};

use crate::list::{Genre, Mutant, Text};

/// How a change can be made to depend on a choice at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Here, where the body of a function begins, it may return early.
    Return(usize),
    /// Here, after a pattern, a guard may turn a match away from its arm.
    Guard(usize),
    /// This expression may be replaced by a changed one.
    Choice(Range<usize>),
}

/// The places of the changes of one file. A change without one has to be built alone.
///
/// # Errors
/// If the file is no Rust.
pub fn places(text: &Text, mutants: &[(usize, &Mutant)]) -> syn::Result<BTreeMap<usize, Place>> {
    let mut search = Search {
        text,
        wanted: BTreeMap::new(),
        found: BTreeMap::new(),
    };
    for &(number, mutant) in mutants {
        let start = text.offset(mutant.span.start);
        if mutant.genre == Genre::FnValue {
            search.found.insert(number, Place::Return(start));
        } else {
            let wanted = search.wanted.entry((mutant.genre, start)).or_default();
            wanted.push(number);
        }
    }
    search.visit_file(&syn::parse_file(text.whole)?);
    Ok(search.found)
}

struct Search<'a> {
    text: &'a Text<'a>,
    wanted: BTreeMap<(Genre, usize), Vec<usize>>,
    found: BTreeMap<usize, Place>,
}

impl Search<'_> {
    fn range(&self, span: Span) -> Range<usize> {
        self.text.offset(span.start().into())..self.text.offset(span.end().into())
    }

    /// The changes that begin where `span` does have this place.
    fn find(&mut self, genre: Genre, span: Span, place: &Place) {
        let start = self.range(span).start;
        for number in self.wanted.remove(&(genre, start)).unwrap_or_default() {
            self.found.insert(number, place.clone());
        }
    }

    /// All operators of a chain have the whole chain as their place; what is between them is
    /// looked at by itself.
    fn find_in_chain(&mut self, side: &Expr, chain: &Place) {
        if let Expr::Binary(binary) = side
            && !assigns(&binary.op)
        {
            self.find(Genre::BinaryOperator, binary.op.span(), chain);
            self.find_in_chain(&binary.left, chain);
            self.find_in_chain(&binary.right, chain);
        } else {
            self.visit_expr(side);
        }
    }
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        // A chain with `let` in it binds names for what follows, and cannot be moved into the
        // branch of a choice. Its other parts can.
        if binds(&binary.left) || binds(&binary.right) {
            visit::visit_expr_binary(self, binary);
            return;
        }
        let chain = Place::Choice(self.range(binary.span()));
        self.find(Genre::BinaryOperator, binary.op.span(), &chain);
        if assigns(&binary.op) {
            visit::visit_expr_binary(self, binary);
        } else {
            self.find_in_chain(&binary.left, &chain);
            self.find_in_chain(&binary.right, &chain);
        }
    }

    fn visit_expr_unary(&mut self, unary: &'ast ExprUnary) {
        let whole = Place::Choice(self.range(unary.span()));
        self.find(Genre::UnaryOperator, unary.op.span(), &whole);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_match(&mut self, expression: &'ast ExprMatch) {
        for arm in &expression.arms {
            let after = self.range(arm.pat.span()).end;
            self.find(Genre::MatchArm, arm.span(), &Place::Guard(after));
        }
        visit::visit_expr_match(self, expression);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        if let Some((_, guard)) = &arm.guard
            && !binds(guard)
        {
            let place = Place::Choice(self.range(guard.span()));
            self.find(Genre::MatchArmGuard, guard.span(), &place);
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, expression: &'ast ExprStruct) {
        let whole = Place::Choice(self.range(expression.span()));
        for field in &expression.fields {
            self.find(Genre::StructField, field.span(), &whole);
        }
        visit::visit_expr_struct(self, expression);
    }
}

/// Whether an expression is a `let`, or a chain with one in it.
fn binds(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => binds(&binary.left) || binds(&binary.right),
        _ => false,
    }
}

fn assigns(operator: &BinOp) -> bool {
    matches!(
        operator,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}
