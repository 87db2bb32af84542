//! The real program, run the way a person runs it.

mod errors;
mod flow;
mod grid;
mod help;
mod place;
