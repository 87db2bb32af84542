//! Files inside the page, to be saved from it without a network.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use maud::{Markup, html};

/// A file that the page carries with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Its name when saved.
    pub name: String,
    /// Its media type.
    pub media: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Download {
    /// A text file.
    pub fn text(name: &str, media: &'static str, text: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), media, bytes: text.into() }
    }
}

/// Buttons that save the files. Packed, so that a page with all its numbers twice stays small.
pub fn downloads(files: &[Download]) -> Markup {
    html! {
        @if !files.is_empty() {
            p.downloads {
                @for file in files {
                    button type="button" data-file=(file.name) data-media=(file.media) data-gzip=(packed(&file.bytes)) {
                        "Save " (file.name)
                    }
                    " "
                }
            }
        }
    }
}

fn packed(bytes: &[u8]) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let packed = gzip.write_all(bytes).and_then(|()| gzip.finish());
    STANDARD.encode(packed.expect("invariant: packing into memory does not fail"))
}
