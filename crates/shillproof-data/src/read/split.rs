//! Lines into fields.

use memchr::memchr;

use crate::error::DataError;

/// What stands between two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    /// One byte.
    Byte(u8),
    /// `::`, as in MovieLens `.dat` files.
    Colons,
    /// One or more spaces or tabs; those at either end of a line mean nothing.
    Blanks,
}

impl Separator {
    /// In the order in which they are tried.
    const CANDIDATES: [Self; 6] =
        [Self::Byte(b'\t'), Self::Colons, Self::Byte(b','), Self::Byte(b';'), Self::Byte(b'|'), Self::Blanks];

    /// The separator that a person wrote.
    pub(crate) fn parse(text: &str) -> Result<Self, DataError> {
        match text {
            "," | "comma" => Ok(Self::Byte(b',')),
            ";" | "semicolon" => Ok(Self::Byte(b';')),
            "|" | "pipe" => Ok(Self::Byte(b'|')),
            "\t" | "\\t" | "tab" => Ok(Self::Byte(b'\t')),
            "::" => Ok(Self::Colons),
            " " | "space" => Ok(Self::Blanks),
            _ => Err(DataError::Setting {
                name: "--separator",
                got: format!("`{text}`"),
                expected: "`,`, `;`, `|`, `::`, `tab` or `space`".into(),
                hint: "leave it out to have the separator found from the first lines".into(),
            }),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Byte(b'\t') => "a tab",
            Self::Byte(b',') => "a comma",
            Self::Byte(b';') => "a semicolon",
            Self::Byte(_) => "`|`",
            Self::Colons => "`::`",
            Self::Blanks => "blanks",
        }
    }

    /// The byte that ends a quoted field, where fields may be quoted.
    pub(crate) const fn quotes(self) -> Option<u8> {
        match self {
            Self::Byte(byte) => Some(byte),
            Self::Colons | Self::Blanks => None,
        }
    }

    /// The separator that cuts all of these lines into equally many columns, at least two; failing
    /// that, the first that cuts the first line at all.
    pub(crate) fn find(lines: &[&[u8]]) -> Option<Self> {
        let mut fields = Fields::default();
        let mut width = |separator: Self, line: &[u8]| {
            fields.split(line, separator, separator.quotes().is_some()).map_or(0, |()| fields.len())
        };
        let first = *lines.first()?;
        // RecBole's typed header: such files know tabs alone.
        if memchr(b'\t', first).is_some() && memchr::memmem::find(first, b":token").is_some() {
            return Some(Self::Byte(b'\t'));
        }
        let cuts: Vec<(Self, usize)> = Self::CANDIDATES
            .into_iter()
            .map(|separator| (separator, width(separator, first)))
            .filter(|&(_, n)| n >= 2)
            .collect();
        let even = cuts.iter().find(|&&(separator, n)| lines.iter().all(|line| width(separator, line) == n));
        even.or_else(|| cuts.first()).map(|&(separator, _)| separator)
    }
}

/// The fields of one line. One value serves a whole file, so that nothing is allocated a line.
#[derive(Default)]
pub(crate) struct Fields {
    spans: Vec<(usize, usize)>,
    /// Content of quoted fields with `""` made `"`; spans of these start beyond the line.
    unquoted: Vec<u8>,
    line_length: usize,
}

/// Text behind the closing quote of a field, or no closing quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StrayQuote;

impl Fields {
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Field number `at` of the line that was split last.
    #[inline]
    pub(crate) fn get<'a>(&'a self, line: &'a [u8], at: usize) -> &'a [u8] {
        let (start, end) = self.spans[at];
        if start > self.line_length {
            &self.unquoted[start - self.line_length - 1..end - self.line_length - 1]
        } else {
            &line[start..end]
        }
    }

    pub(crate) fn iter<'a>(&'a self, line: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map(|at| self.get(line, at))
    }

    #[inline]
    pub(crate) fn split(
        &mut self,
        line: &[u8],
        separator: Separator,
        quoted: bool,
    ) -> Result<(), StrayQuote> {
        self.spans.clear();
        self.unquoted.clear();
        self.line_length = line.len();
        match separator {
            Separator::Byte(byte) if quoted && memchr(b'"', line).is_some() => {
                self.split_quoted(line, byte)?;
            }
            Separator::Byte(byte) => {
                let mut start = 0;
                for (at, &b) in line.iter().enumerate() {
                    if b == byte {
                        self.spans.push((start, at));
                        start = at + 1;
                    }
                }
                self.spans.push((start, line.len()));
            }
            Separator::Colons => {
                let mut start = 0;
                let mut at = 0;
                while at + 1 < line.len() {
                    if line[at] == b':' && line[at + 1] == b':' {
                        self.spans.push((start, at));
                        at += 1;
                        start = at + 1;
                    }
                    at += 1;
                }
                self.spans.push((start, line.len()));
            }
            Separator::Blanks => {
                let mut start = None;
                for (at, b) in line.iter().enumerate() {
                    match (matches!(b, b' ' | b'\t'), start) {
                        (true, Some(from)) => {
                            self.spans.push((from, at));
                            start = None;
                        }
                        (false, None) => start = Some(at),
                        _ => {}
                    }
                }
                if let Some(from) = start {
                    self.spans.push((from, line.len()));
                }
            }
        }
        Ok(())
    }

    fn split_quoted(&mut self, line: &[u8], separator: u8) -> Result<(), StrayQuote> {
        let mut at = 0;
        loop {
            if line.get(at) == Some(&b'"') {
                let from = self.unquoted.len();
                at += 1;
                loop {
                    let close = at + memchr(b'"', &line[at..]).ok_or(StrayQuote)?;
                    self.unquoted.extend_from_slice(&line[at..close]);
                    at = close + 1;
                    if line.get(at) != Some(&b'"') {
                        break;
                    }
                    self.unquoted.push(b'"');
                    at += 1;
                }
                let beyond = line.len() + 1;
                self.spans.push((beyond + from, beyond + self.unquoted.len()));
                match line.get(at) {
                    None => return Ok(()),
                    Some(&b) if b == separator => at += 1,
                    Some(_) => return Err(StrayQuote),
                }
            } else {
                let end = memchr(separator, &line[at..]).map_or(line.len(), |n| at + n);
                self.spans.push((at, end));
                if end == line.len() {
                    return Ok(());
                }
                at = end + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str, separator: Separator) -> Option<Vec<String>> {
        let mut fields = Fields::default();
        fields.split(line.as_bytes(), separator, true).ok()?;
        Some(fields.iter(line.as_bytes()).map(|f| String::from_utf8_lossy(f).into_owned()).collect())
    }

    #[test]
    fn each_separator_cuts_where_it_should() {
        let comma = Separator::Byte(b',');
        assert_eq!(fields("a,,b,", comma).unwrap(), ["a", "", "b", ""]);
        assert_eq!(fields("1::2:::3", Separator::Colons).unwrap(), ["1", "2", ":3"]);
        assert_eq!(fields("  a \t b ", Separator::Blanks).unwrap(), ["a", "b"]);
        assert_eq!(fields("\"a,\"\"b\"\"\",\"\",c\"d", comma).unwrap(), ["a,\"b\"", "", "c\"d"]);
        assert_eq!(fields("a,\"b\"", comma).unwrap(), ["a", "b"]);
        assert_eq!(fields("a,\"\",", comma).unwrap(), ["a", "", ""]);
        assert_eq!(fields("\"a\"b,c", comma), None);
        assert_eq!(fields("\"a,b", comma), None);
    }

    #[test]
    fn quoted_fields_agree_with_the_csv_crate() {
        for line in ["a,\"b,c\",d", "\"x\"\"y\",z", "1,2,3", "\"\",\"\"", "a\"b,c"] {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            assert_eq!(
                fields(line, Separator::Byte(b',')).unwrap(),
                record.iter().collect::<Vec<_>>(),
                "{line}"
            );
        }
    }

    #[test]
    fn the_separator_is_the_one_that_cuts_evenly() {
        let find = |lines: &[&str]| Separator::find(&lines.iter().map(|l| l.as_bytes()).collect::<Vec<_>>());
        assert_eq!(find(&["1::2::3", "4::5::6"]), Some(Separator::Colons));
        assert_eq!(find(&["a b,c d", "e,f"]), Some(Separator::Byte(b',')));
        assert_eq!(find(&["1 2 3", "4  5 6"]), Some(Separator::Blanks));
        assert_eq!(find(&["a;1,5;x", "b;2;y"]), Some(Separator::Byte(b';')));
        assert_eq!(find(&["alone"]), None);
    }
}
