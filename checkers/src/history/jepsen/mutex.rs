//! A lock: `:acquire` and `:release`, with tokens or without.

use super::super::edn::{Form, Placed};
use super::super::malformed::Flaw;
use super::reading::Workload;
use super::told::Told;
use super::values::{form, number};
use crate::linearizability::specifications::{
    LockInput, LockOutput, MutexInput, MutexOutput, Token,
};

const KNOWN: &str = "a lock knows :acquire and :release";

/// A lock without tokens, free at first. What the values of its events hold means nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutex;

impl Workload for Mutex {
    type Input = MutexInput;
    type Output = MutexOutput;

    fn call(&self, told: &Told<'_>, _: Option<&Placed<'_>>) -> Result<MutexInput, Flaw> {
        match told.function {
            "acquire" => Ok(MutexInput::Acquire),
            "release" => Ok(MutexInput::Release),
            _ => Err(told.flaw_of_function(KNOWN)),
        }
    }

    fn is_of(&self, input: &MutexInput, function: &str) -> bool {
        let name = match input {
            MutexInput::Acquire => "acquire",
            MutexInput::Release => "release",
        };
        name == function
    }

    fn answer(
        &self,
        _: &Told<'_>,
        _: Option<&Placed<'_>>,
        _: &MutexInput,
    ) -> Result<MutexOutput, Flaw> {
        Ok(MutexOutput::Done)
    }
}

/// A lock that hands out fencing tokens: an `:acquire` is answered with one, and a `:release`
/// says which.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lock;

impl Workload for Lock {
    type Input = LockInput;
    type Output = LockOutput;

    fn call(&self, told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<LockInput, Flaw> {
        match told.function {
            "acquire" => Ok(LockInput::Acquire),
            "release" => match form(placed) {
                Form::Nil => Err(told.flaw_of_function(
                    "this :release says no token: give it one as its :value, or judge the lock \
                     without tokens: --spec mutex",
                )),
                _ => token(told, placed).map(LockInput::Release),
            },
            _ => Err(told.flaw_of_function(KNOWN)),
        }
    }

    fn is_of(&self, input: &LockInput, function: &str) -> bool {
        let name = match input {
            LockInput::Acquire => "acquire",
            LockInput::Release(_) => "release",
        };
        name == function
    }

    fn answer(
        &self,
        told: &Told<'_>,
        placed: Option<&Placed<'_>>,
        input: &LockInput,
    ) -> Result<LockOutput, Flaw> {
        match input {
            LockInput::Acquire => token(told, placed).map(LockOutput::Granted),
            LockInput::Release(_) => Ok(LockOutput::Done),
        }
    }
}

fn token(told: &Told<'_>, placed: Option<&Placed<'_>>) -> Result<Token, Flaw> {
    let number = number(told, placed)?;
    u64::try_from(number).map(Token).map_err(|_| {
        let why = "a token is a number from 0 on";
        told.flaw_of_function(why)
    })
}
