//! Holds each planted change to the same change made alone: two programs have to say the same.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::list::{Genre, Mutant, Position, Span};
use crate::planting::{QUESTION, alone, plant};

const PROGRAM: &str = r#"
#[derive(Debug)]
struct Pair { left: u8, right: u8 }

fn sum(a: i64, b: i64, c: i64) -> i64 { a + b * c - (b - a) }
fn both(a: bool, b: bool, c: bool) -> bool { a && b || !c }
fn small(a: i64) -> bool { if a < 3 { true } else { a == 5 && -a < 0 } }
fn known(a: Option<i64>) -> bool { if let Some(a) = a && a > 1 && a < 3 { true } else { false } }
fn arms(a: i64) -> i64 { match a { 1 => 10, 2 | 3 => { 20 } n if n > 4 && n != 6 => n, _ => 0 } }
fn counted(mut a: i64) -> i64 { for n in 0..3 { if n % 2 == 0 { a += n; } } a }
fn pair() -> Pair { Pair { left: 7, ..Pair { left: 1, right: 2 } } }

fn main() {
    for a in 0..8 {
        println!("{} {} {:?}", small(a), arms(a), known(Some(a)));
        println!("{} {}", sum(a, 2, 5), counted(a));
        println!("{:?} {}", pair(), both(a & 1 == 1, a & 2 == 2, a & 4 == 4));
    }
}
"#;

/// The change of a piece of the program, which is found by what is around it.
fn change(genre: Genre, around: &str, piece: &str, replacement: &str) -> Mutant {
    let start = PROGRAM.find(around).expect("it is there") + around.find(piece).expect("so is it");
    let position = |at: usize| {
        let before = &PROGRAM[..at];
        Position {
            line: before.matches('\n').count() + 1,
            column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
        }
    };
    Mutant {
        name: format!("{piece} is {replacement} in {around}"),
        file: String::new(),
        span: Span {
            start: position(start),
            end: position(start + piece.len()),
        },
        replacement: replacement.into(),
        genre,
        function: None,
    }
}

fn changes() -> Vec<Mutant> {
    use Genre::*;
    vec![
        change(FnValue, "a + b * c - (b - a)", "a + b * c - (b - a)", "1"),
        change(BinaryOperator, "a + b * c", "+", "*"),
        change(BinaryOperator, "a + b * c", "*", "+"),
        change(BinaryOperator, "* c - (", "-", "+"),
        change(BinaryOperator, "(b - a)", "-", "+"),
        change(BinaryOperator, "a && b ||", "&&", "||"),
        change(BinaryOperator, "b || !c", "||", "&&"),
        change(UnaryOperator, "|| !c", "!", ""),
        change(BinaryOperator, "a < 3 { true } else", "<", "<="),
        change(BinaryOperator, "a < 3 { true } else", "<", ">"),
        change(BinaryOperator, "5 && -a", "&&", "||"),
        change(UnaryOperator, "&& -a < 0", "-", ""),
        change(BinaryOperator, "&& a > 1", ">", ">="),
        change(MatchArm, "1 => 10,", "1 => 10,", ""),
        change(MatchArm, "2 | 3 => { 20 }", "2 | 3 => { 20 }", ""),
        change(MatchArmGuard, "n > 4 && n != 6", "n > 4 && n != 6", "true"),
        change(MatchArmGuard, "n > 4 && n != 6", "n > 4 && n != 6", "false"),
        change(BinaryOperator, "n > 4 && n != 6", "&&", "||"),
        change(BinaryOperator, "a += n;", "+=", "-="),
        change(BinaryOperator, "% 2 == 0", "%", "+"),
        change(StructField, "{ left: 7, ..", "left: 7,", ""),
    ]
}

fn built(directory: &Path, name: &str, source: &str) -> Command {
    let (file, program) = (directory.join(format!("{name}.rs")), directory.join(name));
    fs::write(&file, source).expect("the directory is there");
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--cap-lints", "allow", "-o"]);
    let done = rustc.arg(&program).arg(&file).status();
    assert!(done.expect("rustc is there").success(), "{source}");
    Command::new(program)
}

fn said(mut program: Command) -> String {
    let output = program.output().expect("it was built");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("it writes text")
}

#[test]
fn a_chosen_change_does_what_it_does_alone() {
    let directory = std::env::temp_dir().join(format!("schemata-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("there is room");
    let changes = changes();
    let numbered: Vec<_> = (1..).zip(&changes).collect();
    let planted = plant(PROGRAM, &numbered).expect("it is Rust");
    assert!(planted.left_out.is_empty(), "{:?}", planted.left_out);
    let source = planted.text + QUESTION;
    let unchanged = said(built(&directory, "unchanged", PROGRAM));
    assert_eq!(unchanged, said(built(&directory, "planted", &source)));
    for (number, change) in numbered {
        let expected = said(built(&directory, "alone", &alone(PROGRAM, change)));
        assert_ne!(expected, unchanged, "{} shows", change.name);
        let mut chosen = Command::new(directory.join("planted"));
        chosen.env("SNOWGLOBE_MUTANT", number.to_string());
        assert_eq!(expected, said(chosen), "{}", change.name);
    }
    fs::remove_dir_all(&directory).expect("it is ours");
}

#[test]
fn what_stands_in_a_chain_with_let_cannot_be_a_choice() {
    let change = change(Genre::BinaryOperator, "> 1 && a", "&&", "||");
    let planted = plant(PROGRAM, &[(1, &change)]).expect("it is Rust");
    assert_eq!(planted.left_out, [1]);
    assert_eq!(planted.text, PROGRAM);
}
