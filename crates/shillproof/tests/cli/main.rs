//! The real program, run the way a person runs it.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod detect;
mod errors;
mod fakes;
mod flow;
mod grid;
mod help;
mod ordered;
mod place;
mod recbole;
mod reproduce;
