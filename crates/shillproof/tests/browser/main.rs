//! The pages in a real browser: headless Chromium, driven by ChromeDriver. Without them the tests say so and skip.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod checks;
mod driver;
mod pages;
#[path = "../cli/place.rs"]
#[allow(dead_code, reason = "made for the other tests of the program")]
mod place;
