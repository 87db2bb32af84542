//! Files as lines: compression is undone, a line has a longest length, and memory stays bounded whatever a header declares.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use memchr::memchr;

use crate::error::{DataError, Place};

/// The longest line, or quoted record of several lines, in bytes.
pub(crate) const LONGEST_LINE: usize = 16 << 20;
/// The longest text that is read at once, in bytes.
const LONGEST_TEXT: usize = 1 << 30;
/// What an .xz or .zst file may ask for to be unpacked: what their strongest ordinary settings need.
const UNPACK_MEMORY: u64 = 128 << 20;
const FIRST_BUFFER: usize = 64 << 10;

/// What the first bytes of a file say it is.
pub(crate) enum Content {
    /// Text, with compression undone.
    Text(Lines),
    /// A Parquet file.
    Parquet,
}

/// Opens a file and looks at its first bytes.
pub(crate) fn open(path: &Path) -> Result<Content, DataError> {
    let io = |source| DataError::Io { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(DataError::Malformed {
            place: Place::file(path),
            found: "a folder".into(),
            expected: "a file of interactions".into(),
            hint: "name the file inside it, such as `ratings.csv`".into(),
        });
    }
    let mut file = File::open(path).map_err(io)?;
    let head = first_bytes(&mut file).map_err(io)?;
    let binary = |found: &str, hint: &str| {
        Err(DataError::Malformed {
            place: Place::file(path),
            found: found.into(),
            expected: "text (plain, .gz, .xz or .zst) or Parquet".into(),
            hint: hint.into(),
        })
    };
    let whole = Cursor::new(head.clone()).chain(file);
    let (reader, packed): (Box<dyn Read + Send>, _) = match head[..] {
        [0x1f, 0x8b, ..] => (Box::new(flate2::read::MultiGzDecoder::new(whole)), Some("gzip")),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            let stream =
                liblzma::stream::Stream::new_stream_decoder(UNPACK_MEMORY, liblzma::stream::CONCATENATED)
                    .map_err(|e| io(e.into()))?;
            (Box::new(liblzma::read::XzDecoder::new_stream(whole, stream)), Some("xz"))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let mut decoder = zstd::stream::read::Decoder::new(whole).map_err(io)?;
            decoder.window_log_max(UNPACK_MEMORY.ilog2()).map_err(io)?;
            (Box::new(decoder), Some("zstd"))
        }
        [b'P', b'A', b'R', b'1', ..] => return Ok(Content::Parquet),
        [b'P', b'K', 3, 4, ..] => {
            return binary("a zip archive", "unpack it and name the file inside, such as `ratings.csv`");
        }
        [b'B', b'Z', b'h', ..] => return binary("a bzip2 file", "unpack it with `bunzip2` first"),
        _ => (Box::new(whole), None),
    };
    let mut lines = Lines {
        path: path.to_owned(),
        reader,
        packed,
        buffer: vec![0; FIRST_BUFFER],
        start: 0,
        end: 0,
        ended: false,
        line: 0,
        next_line: 1,
    };
    lines.fill()?;
    let text = &lines.buffer[..lines.end];
    if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
        return binary("UTF-16 text", "save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`");
    }
    if let Some(at) = memchr(0, text) {
        let line = 1 + memchr::memchr_iter(b'\n', &text[..at]).count() as u64;
        return Err(DataError::Malformed {
            place: Place::line(path, line),
            found: "a byte 0, so binary data".into(),
            expected: "text (plain, .gz, .xz or .zst) or Parquet".into(),
            hint: "export the interactions as CSV with the header `user,item,rating,timestamp`".into(),
        });
    }
    if text.starts_with(b"\xef\xbb\xbf") {
        lines.start = 3;
    }
    Ok(Content::Text(lines))
}

fn first_bytes(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(8);
    file.by_ref().take(8).read_to_end(&mut head)?;
    Ok(head)
}

/// The lines of a file, one at a time, without their ends.
pub(crate) struct Lines {
    path: PathBuf,
    reader: Box<dyn Read + Send>,
    packed: Option<&'static str>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    line: u64,
    next_line: u64,
}

impl Lines {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The whole lines that are in memory and not yet read; for looking ahead.
    pub(crate) fn ahead(&self) -> &[u8] {
        let text = &self.buffer[self.start..self.end];
        if self.ended { text } else { memchr::memrchr(b'\n', text).map_or(text, |last| &text[..last]) }
    }

    /// What is in memory and not yet read, the last line perhaps in part.
    pub(crate) fn beginning(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// All that is not yet read, for text that is not made of lines.
    pub(crate) fn into_text(mut self) -> Result<String, DataError> {
        while !self.ended {
            if self.end - self.start > LONGEST_TEXT {
                return Err(DataError::Malformed {
                    place: Place::file(&self.path),
                    found: "more than 1 GiB of text".into(),
                    expected: "at most that in a file that is read at once".into(),
                    hint: "write it as CSV, which is read line by line".into(),
                });
            }
            self.fill()?;
        }
        let mut text = std::mem::take(&mut self.buffer);
        text.truncate(self.end);
        text.drain(..self.start);
        String::from_utf8(text).map_err(|error| {
            let line =
                1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..error.utf8_error().valid_up_to()]).count();
            DataError::Malformed {
                place: Place::line(&self.path, line as u64),
                found: "text that is not UTF-8".into(),
                expected: "UTF-8 text".into(),
                hint: "convert the file, for example with `iconv -f latin1 -t UTF-8`".into(),
            }
        })
    }

    /// The next line that is not blank, with its number from 1. With `quotes` (the separator's byte)
    /// a quoted field may go over several lines.
    pub(crate) fn next(&mut self, quotes: Option<u8>) -> Result<Option<(u64, &[u8])>, DataError> {
        loop {
            let Some((from, to)) = self.record(quotes)? else { return Ok(None) };
            let mut text = &self.buffer[from..to];
            if let [rest @ .., b'\r'] = text {
                text = rest;
            }
            if !text.iter().all(u8::is_ascii_whitespace) {
                // Borrowed anew: the borrow checker does not see that `text` leaves the loop only here.
                let length = text.len();
                return Ok(Some((self.line, &self.buffer[from..from + length])));
            }
        }
    }

    fn record(&mut self, quotes: Option<u8>) -> Result<Option<(usize, usize)>, DataError> {
        self.line = self.next_line;
        let (mut scanned, mut quoted) = (0, false);
        loop {
            let text = &self.buffer[self.start..self.end];
            let newline = memchr(b'\n', &text[scanned..]).map(|at| scanned + at);
            let stop = newline.unwrap_or(text.len());
            if newline.is_some() || self.ended {
                if let Some(separator) = quotes {
                    quoted = still_quoted(&text[scanned..stop], separator, quoted);
                }
                if newline.is_some() && quoted {
                    self.next_line += 1;
                    scanned = stop + 1;
                    self.check_length(scanned)?;
                    continue;
                }
                if quoted {
                    return Err(self.unbalanced("the end of the file inside a quoted field"));
                }
                if newline.is_none() && stop == 0 {
                    return Ok(None);
                }
                self.check_length(stop)?;
                let from = self.start;
                self.start += newline.map_or(stop, |at| at + 1);
                self.next_line += 1;
                return Ok(Some((from, from + stop)));
            }
            self.check_length(text.len())?;
            self.fill()?;
        }
    }

    fn check_length(&self, length: usize) -> Result<(), DataError> {
        if length <= LONGEST_LINE {
            return Ok(());
        }
        if self.next_line > self.line {
            return Err(self.unbalanced("a quoted field of more than 16 MiB"));
        }
        Err(DataError::Malformed {
            place: Place::line(&self.path, self.line),
            found: "a line of more than 16 MiB".into(),
            expected: "one interaction (or one user's items) a line".into(),
            hint: "check that lines end in a line feed and that the file is text".into(),
        })
    }

    fn unbalanced(&self, found: &str) -> DataError {
        DataError::Malformed {
            place: Place::line(&self.path, self.line),
            found: found.into(),
            expected: "a closing `\"`".into(),
            hint: "close the field begun on this line, or double every `\"` that belongs to a label".into(),
        }
    }

    /// Reads on behind what is not yet read, making room first.
    fn fill(&mut self) -> Result<(), DataError> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        while self.end < self.buffer.len() {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(n) => self.end += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.unreadable(source)),
            }
        }
        Ok(())
    }

    fn unreadable(&self, source: std::io::Error) -> DataError {
        let Some(kind) = self.packed else { return DataError::Io { path: self.path.clone(), source } };
        DataError::Malformed {
            place: Place::file(&self.path),
            found: format!("damaged or cut-off {kind} data ({source}) after line {}", self.next_line - 1),
            expected: format!("a whole {kind} file that unpacks within 128 MiB of memory"),
            hint: "copy or download the file again, or unpack it with its own tool".into(),
        }
    }
}

/// Whether a quoted field is open at the end of `text`, given whether one was at its beginning.
/// Only a `"` at the beginning of a field opens one.
fn still_quoted(text: &[u8], separator: u8, mut quoted: bool) -> bool {
    if !quoted && memchr(b'"', text).is_none() {
        return false;
    }
    let mut rest = text;
    loop {
        if quoted || rest.first() == Some(&b'"') {
            rest = if quoted { rest } else { &rest[1..] };
            loop {
                let Some(close) = memchr(b'"', rest) else { return true };
                rest = &rest[close + 1..];
                if rest.first() != Some(&b'"') {
                    break;
                }
                rest = &rest[1..];
            }
            quoted = false;
        }
        let Some(next) = memchr(separator, rest) else { return false };
        rest = &rest[next + 1..];
    }
}
