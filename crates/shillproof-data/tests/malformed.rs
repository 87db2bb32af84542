//! Files that are not as they should be: every message says where, what is there, what should be, and what to do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::io::Write as _;
use std::path::Path;

use shillproof_core::RatingScale;
use shillproof_data::{DataError, DataOptions, Sequences, load, parse_rating_scale};

/// One wrong file: its name, content and options, where the message must point and what it must say.
struct Case {
    file: &'static str,
    content: Vec<u8>,
    options: DataOptions,
    /// Behind the file's name: `:3` for line 3, empty for the whole file.
    line: &'static str,
    found: &'static str,
    expected: &'static str,
    hint: &'static str,
}

fn case(
    content: impl AsRef<[u8]>,
    line: &'static str,
    found: &'static str,
    expected: &'static str,
    hint: &'static str,
) -> Case {
    Case {
        file: "ratings.csv",
        content: content.as_ref().to_vec(),
        options: DataOptions::default(),
        line,
        found,
        expected,
        hint,
    }
}

impl Case {
    fn named(mut self, file: &'static str) -> Self {
        self.file = file;
        self
    }

    fn with(mut self, change: impl FnOnce(&mut DataOptions)) -> Self {
        change(&mut self.options);
        self
    }

    fn columns(self, columns: &str) -> Self {
        self.with(|o| o.columns = Some(columns.into()))
    }

    fn sequences(self, sequences: &str) -> Self {
        self.with(|o| o.sequences = Some(sequences.parse().unwrap()))
    }
}

const GOOD: &str = "user,item,rating,timestamp\na,x,1,10\na,y,5,11\nb,x,3,12\n";

fn gz(content: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

fn xz(content: &[u8]) -> Vec<u8> {
    let mut out = liblzma::write::XzEncoder::new(Vec::new(), 6);
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

fn zst(content: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(content, 3).unwrap()
}

fn rows(n: usize) -> String {
    let row = |k: usize| format!("{},{},{}\n", k % 997, k / 997, 1 + k % 5);
    format!("user,item,rating\n{}", (0..n).map(row).collect::<String>())
}

fn swap(line: usize, with: &str) -> String {
    let mut lines: Vec<&str> = GOOD.lines().collect();
    lines[line - 1] = with;
    lines.join("\n") + "\n"
}

fn cut(mut content: Vec<u8>, keep: f64) -> Vec<u8> {
    content.truncate((content.len() as f64 * keep) as usize);
    content
}

fn cases() -> Vec<Case> {
    let long = "x".repeat(17 << 20);
    vec![
        // Nothing there.
        case("", "", "no interactions", "at least one row", "written to its end"),
        case("\n \r\n\n", "", "no interactions", "at least one row", "written to its end"),
        case("user,item,rating,timestamp\n", "", "no interactions", "at least one row", "written to its end"),
        case(b"\xef\xbb\xbf", "", "no interactions", "at least one row", "written to its end"),
        case(gz(b""), "", "no interactions", "at least one row", "written to its end").named("empty.csv.gz"),
        // Too little there.
        case(
            "user,item,rating\na,x,1\na,y,2\n",
            "",
            "only one user in 2 rows",
            "at least 2 users",
            "--columns",
        ),
        case(
            "user,item,rating\na,x,1\nb,x,2\n",
            "",
            "only one item in 2 rows",
            "at least 2 items",
            "--columns",
        ),
        case(
            "user,item,rating\na,x,4\nb,y,4\n",
            "",
            "the rating 4 in every row",
            "two different ratings",
            "--implicit",
        ),
        // Not text.
        case(b"a,x\nb\0,y\n", ":2", "a byte 0", "text (plain, .gz, .xz or .zst) or Parquet", "export"),
        case([0u8, 159, 146, 150, 7, 200, 0, 1], ":1", "a byte 0", "text", "export"),
        case(b"\xff\xfeu\0s\0", "", "UTF-16", "text", "iconv"),
        case(b"PK\x03\x04abcdefgh", "", "a zip archive", "text", "unpack"),
        case(b"BZh91AY&SY", "", "a bzip2 file", "text", "bunzip2"),
        case(b"user,item\na,caf\xe9\nb,x\n", ":2", "not UTF-8", "UTF-8", "iconv -f latin1"),
        case(b"user,item\na,\x01x\nb,x\n", ":2", "control character", "printable", "--separator"),
        case(
            b"\xde\xad\xbe\xef\xfe\xed\xfa\xce\x99",
            ":1",
            "one column",
            "a user and an item",
            "--sequences",
        ),
        // Packed badly.
        case(cut(gz(rows(9000).as_bytes()), 0.5), "", "cut-off gzip", "a whole gzip file", "again")
            .named("r.csv.gz"),
        case(cut(xz(rows(9000).as_bytes()), 0.5), "", "cut-off xz", "a whole xz file", "again")
            .named("r.csv.xz"),
        case(cut(zst(rows(9000).as_bytes()), 0.5), "", "cut-off zstd", "a whole zstd file", "again")
            .named("r.csv.zst"),
        case(
            [&gz(GOOD.as_bytes())[..], b"trailing junk"].concat(),
            "",
            "damaged or cut-off gzip",
            "a whole gzip",
            "again",
        ),
        case(huge_window_zst(), "", "zstd", "within 128 MiB of memory", "again").named("r.zst"),
        case(huge_dictionary_xz(), "", "xz", "within 128 MiB of memory", "again").named("r.xz"),
        // Lines and quotes.
        case(format!("user,item\n{long}"), ":2", "a line of more than 16 MiB", "a line", "line feed"),
        case(gz(&bomb()), ":2", "a line of more than 16 MiB", "a line", "line feed").named("bomb.gz"),
        case(zst(&bomb()), ":2", "a line of more than 16 MiB", "a line", "line feed").named("bomb.zst"),
        case(unclosed(), ":2", "a quoted field of more than 16 MiB", "a closing `\"`", "double every"),
        case(
            "user,item,rating\na,x,1\n\"b,y,2\nc,z,3\n",
            ":3",
            "the end of the file inside a quoted field",
            "a closing `\"`",
            "double every",
        ),
        case(
            "user,item,rating\na,x,1\n\"b\"c,y,2\n",
            ":3",
            "text behind the closing quote",
            "3 columns",
            "--separator",
        ),
        case("1\t2\t3\r1\t3\t4\r2\t2\t5", ":1", "7 columns", "user item rating", "--columns"),
        case(
            "alone\nalone too\n",
            ":1",
            "one column: `alone`",
            "at least a user and an item",
            "--sequences line-number",
        ),
        case("alone\rtoo\r", ":1", "one column", "at least a user and an item", "tr '\\r' '\\n'"),
        // Columns.
        case("a,x,1\nb,y,2,3\n", ":2", "4 columns in `b,y,2,3`", "3 columns", "--separator"),
        case("user,item,rating\na,x\n", ":2", "2 columns", "3 columns", "--separator"),
        case(
            "user,rating,timestamp\na,1,2\n",
            ":1",
            "a header without item column: `user`, `rating`, `timestamp`",
            "`item_id`",
            "--columns",
        ),
        case("movieId,rating\n1,2\n", ":1", "a header without user column", "`user_id`", "--columns"),
        case(
            "user,userId,item\na,b,c\n",
            ":1",
            "columns 1 and 2 that both look like the user",
            "one such column",
            "--columns",
        ),
        case("a,b,c,d,e\n", ":1", "5 columns without a header", "`user item rating timestamp`", "--columns"),
        case("1 2 3 4 5 6\n2 7 8\n", ":1", "6 columns without a header", "a header", "--sequences"),
        case(
            "Kunde,Artikel,Note\na,x,1\n",
            ":1",
            "`Note` in column 3",
            "a finite rating, or a header",
            "--columns",
        ),
        case(
            "1,2,881250949\n1,3,881250950\n",
            ":1",
            "looks like a time",
            "`user item rating`",
            "--columns user,item,timestamp",
        ),
        case("1,2,3\n", "", "", "each once", "did you mean `rating`?").columns("user,item,ratng"),
        case("1,2,3\n", "", "columns 1 and 2", "each once", "write `_`").columns("user,user,item"),
        case("1,2,3\n", "", "without `user`", "`user`, `item`", "--columns user,item,rating")
            .columns("item,rating"),
        case("1,2,3\n", "", "without `item`", "`user`, `item`", "--columns user,item,rating")
            .columns("user,_,rating"),
        case("1,2\n", ":1", "2 columns in `1,2`", "at least 3", "--separator").columns("user,item,rating"),
        case("1,2,3\n2,3,4\n", "", "`tabs`", "`tab` or `space`", "leave it out")
            .with(|o| o.separator = Some("tabs".into())),
        case("1,2,3\n2,3,4\n", ":1", "1 column", "cut at a semicolon", "--separator")
            .with(|o| o.separator = Some(";".into())),
        case("u 1\nv 2\n", "", "together with `--sequences`", "one of the two", "--columns")
            .columns("user,item")
            .sequences("first-field"),
        // Values.
        case(swap(3, "a,y,nan,11"), ":3", "the rating `nan` in column 3", "a finite number", "--implicit"),
        case(swap(3, "a,y,inf,11"), ":3", "the rating `inf`", "a finite number", "--implicit"),
        case(swap(3, "a,y,1e39,11"), ":3", "the rating `1e39`", "a finite number", "--implicit"),
        case(swap(4, "b,x,good,12"), ":4", "the rating `good`", "a finite number", "--columns"),
        case(swap(2, "a,x,,10"), ":2", "the rating `` in column 3", "a finite number", "--implicit"),
        case(swap(2, "a,x,1,"), ":2", "the time `` in column 4", "a whole number", "`_`"),
        case(swap(2, "a,x,1,1.5"), ":2", "the time `1.5`", "a whole number", "`_`"),
        case(swap(2, "a,x,1,99999999999999999999"), ":2", "the time `9999", "a whole number", "`_`"),
        case(
            swap(2, "a,x,1,-9223372036854775808"),
            ":2",
            "the time `-9223372036854775808`",
            "a whole number",
            "`_`",
        ),
        case(swap(2, "a,x,1,03/04/2011"), ":2", "the time `03/04/2011`", "a date YYYY-MM-DD", "`_`"),
        case(swap(2, ",x,1,10"), ":2", "an empty user", "a label in every row", "--columns"),
        case(swap(2, "a,\"\",1,10"), ":2", "an empty item", "a label in every row", "--columns"),
        // Scales and filters.
        case(swap(3, "a,y,-3,11"), ":3", "the rating -3", "the scale 1:5:1", "--rating-scale")
            .with(|o| o.rating_scale = Some(stars())),
        case(swap(3, "a,y,2.5,11"), ":3", "the rating 2.5", "the scale 1:5:1", "--rating-scale")
            .with(|o| o.rating_scale = Some(stars())),
        case(GOOD, "", "5:1:1", "MIN <= MAX", "1:5:1")
            .with(|o| o.rating_scale = Some(RatingScale { min: 5.0, max: 1.0, step: 1.0 })),
        case(GOOD, "", "1:5:0", "STEP > 0", "1:5:1")
            .with(|o| o.rating_scale = Some(RatingScale { min: 1.0, max: 5.0, step: 0.0 })),
        case("a,x\nb,y\n", "", "no rating column", "data with ratings", "--rating-scale")
            .with(|o| o.rating_scale = Some(stars())),
        case("a,x\nb,y\n", "", "no rating column", "data with ratings", "--min-rating")
            .with(|o| o.min_rating = Some(4.0)),
        case(GOOD, "", "NaN", "a finite number", "--min-rating 4").with(|o| o.min_rating = Some(f32::NAN)),
        case(GOOD, "", "--min-rating 5 leave 1 users", "at least 2", "--min-rating")
            .with(|o| o.min_rating = Some(5.0)),
        case(GOOD, "", "--min-user 100 leave 0 users", "at least 2", "--min-user")
            .with(|o| o.min_user = Some(100)),
        case(GOOD, "", "--min-user 2 --min-item 3 leave", "at least 2", "--min-item").with(|o| {
            o.min_user = Some(2);
            o.min_item = Some(3);
        }),
        // One user a line.
        case("3 1 2\n", ":1", "the count `3` before 2 items", "the number of items", "--sequences")
            .sequences("line-number,count"),
        case("u 1 7\n", ":1", "the count (none) before 0 items", "the number of items", "--sequences")
            .sequences("first-field,count")
            .with(|o| o.separator = Some(",".into())),
        case("u 1 7\nv\n", "", "only one user", "at least 2 users", "--columns").sequences("first-field"),
        case("u\nv\n", "", "no interactions", "at least one row", "written to its end")
            .sequences("first-field"),
    ]
}

fn stars() -> RatingScale {
    parse_rating_scale("1:5").unwrap()
}

/// A zstd frame that declares a window of 2 GiB and 10 GB of content.
fn huge_window_zst() -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1100_0000, 21 << 3];
    frame.extend(10_000_000_000u64.to_le_bytes());
    frame.extend([0x01, 0x00, 0x00]);
    frame
}

/// A whole .xz file whose header asks for a dictionary of 3 GiB.
fn huge_dictionary_xz() -> Vec<u8> {
    let mut file = xz(GOOD.as_bytes());
    // Behind the 12 bytes of the stream's header: size, flags, filter 0x21, one byte of properties.
    let block = 12..12 + 4 * (usize::from(file[12]) + 1);
    assert_eq!(file[14..16], [0x21, 1]);
    file[16] = 39;
    let sum = crc32(&file[block.start..block.end - 4]).to_le_bytes();
    file[block.end - 4..block.end].copy_from_slice(&sum);
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |c: u32| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
    !bytes.iter().fold(!0u32, |sum, &b| (0..8).fold(sum ^ u32::from(b), |c, _| step(c)))
}

/// One line of 64 MiB, which packs into next to nothing.
fn bomb() -> Vec<u8> {
    let mut content = b"user,item\n".to_vec();
    content.resize(64 << 20, b'x');
    content
}

fn unclosed() -> String {
    format!("user,item\n\"a,\n{}", "xxxxxxx\n".repeat(3 << 20))
}

/// What a person reads.
fn check(path: &Path, case: &Case) -> String {
    let shown = String::from_utf8_lossy(&case.content[..case.content.len().min(80)]).into_owned();
    let error = match load(path.to_str().unwrap(), &case.options) {
        Err(error) => error,
        Ok(data) => panic!("{shown:?} loaded: {:?}", data.interactions),
    };
    let (text, hint) = (error.to_string(), error.hint().unwrap_or_default());
    if matches!(error, DataError::Malformed { .. }) {
        assert!(text.starts_with(&format!("{}{}: found ", path.display(), case.line)), "{shown:?}: {text}");
    }
    for part in [case.found, case.expected] {
        assert!(text.contains(part), "{shown:?}: no {part:?} in {text:?}");
    }
    assert!(hint.contains(case.hint), "{shown:?}: no {:?} in {hint:?}", case.hint);
    assert!(text.len() < 1000 && hint.len() < 500, "{shown:?}: too long: {text}");
    format!("{text}\n  hint: {hint}\n")
}

#[test]
fn every_wrong_file_is_an_error_with_place_expectation_and_hint() {
    let folder = tempfile::tempdir().unwrap();
    let all = cases();
    assert!(all.len() >= 40, "{}", all.len());
    let mut messages = String::new();
    for case in &all {
        let path = folder.path().join(case.file);
        std::fs::write(&path, &case.content).unwrap();
        messages += &check(&path, case).replace(&format!("{}/", folder.path().display()), "");
        std::fs::remove_file(&path).unwrap();
    }
    // Bombs and headers that declare gigabytes among them; the table itself is most of it.
    assert!(peak_memory().is_none_or(|bytes| bytes < 400 << 20), "{:?}", peak_memory());
    insta::assert_snapshot!("messages", messages);
}

/// Most memory this process ever had, in bytes; none where the system does not say.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

#[test]
fn a_path_that_is_no_file_is_an_error_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let here = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let error = load(folder.path().to_str().unwrap(), &DataOptions::default()).unwrap_err();
    assert!(error.to_string().contains("found a folder"), "{error}");
    assert!(error.hint().unwrap().contains("ratings.csv"));

    std::fs::write(here("ratings.csv"), GOOD).unwrap();
    let error = load(&here("rating.csv"), &DataOptions::default()).unwrap_err();
    assert!(error.to_string().contains("neither a file nor a known data set"), "{error}");
    assert!(
        error.hint().unwrap().contains(&format!("did you mean `{}`?", here("ratings.csv"))),
        "{:?}",
        error.hint()
    );
    let error = load("ml-10k", &DataOptions::default()).unwrap_err();
    assert!(error.hint().unwrap().contains("did you mean `ml-100k`?"), "{:?}", error.hint());
}

#[test]
fn settings_that_are_none_are_refused() {
    for text in ["first", "line-number;count", ""] {
        let error = text.parse::<Sequences>().unwrap_err();
        assert!(error.to_string().contains("`first-field` or `line-number`"), "{error}");
        assert!(error.hint().is_some());
    }
    for text in ["5:1", "1", "1:5:0", "1:5:1:1", "a:b", "nan:5", "1:inf"] {
        let error = parse_rating_scale(text).unwrap_err();
        assert!(error.to_string().contains("MIN:MAX"), "{error}");
        assert!(error.hint().is_some());
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn parquet_without_the_feature_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ratings.parquet");
    std::fs::write(&path, b"PAR1....PAR1").unwrap();
    let error = load(path.to_str().unwrap(), &DataOptions::default()).unwrap_err();
    assert!(error.to_string().contains("built without Parquet"), "{error}");
    assert!(error.hint().unwrap().contains("--features parquet"));
}

/// What looks odd and is right.
#[test]
fn odd_but_sound_files_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.csv");
    let load_text = |text: &str, options: &DataOptions| {
        std::fs::write(&path, text).unwrap();
        load(path.to_str().unwrap(), options).unwrap_or_else(|e| panic!("{text:?}: {e}"))
    };
    let plain = load_text(GOOD, &DataOptions::default());
    let same = |text: &str| {
        let data = load_text(text, &DataOptions::default());
        assert_eq!(
            (data.checksum, data.interactions),
            (plain.checksum.clone(), plain.interactions.clone()),
            "{text:?}"
        );
    };
    same(&GOOD.replace('\n', "\r\n"));
    same(&format!("\u{feff}{GOOD}"));
    same(GOOD.trim_end());
    same(&format!("\n\n{GOOD}\n\n"));
    same(&GOOD.replace("user,item,rating,timestamp", "USER_ID,Movie-Id,Stars,unixReviewTime"));
    same(
        "user,item,rating,timestamp,note\n\"a\",x,1,10,\"two\nlines\"\na,y,5,11,\nb,x,3,12,\"a \"\"word\"\"\"\n",
    );
    same(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\na\tx\t1.0\t10.0\na\ty\t5\t11\nb\tx\t3\t12\n",
    );
    same(&GOOD.replace(',', "::").replacen("user::item::rating::timestamp\n", "", 1));

    // Repeated rows: the latest counts, of equally late ones the last.
    let data = load_text(
        "user,item,rating,timestamp\na,x,1,9\na,x,2,10\na,x,3,10\na,x,4,8\nb,y,5,1\n",
        &DataOptions::default(),
    );
    let a = data.users.find("a").unwrap();
    assert_eq!(data.interactions.row(shillproof_core::UserId(a)).rating(0), 3.0);
    assert_eq!(data.rows, 5);
    assert!(data.notes.iter().any(|n| n.starts_with("3 of 5 rows repeat the rating")), "{:?}", data.notes);
    assert!(data.notes.iter().any(|n| n.starts_with("rating scale 1:5:1 as observed")), "{:?}", data.notes);

    // Decimal steps are those that were written.
    let data = load_text("u,i,3.6\nu,j,3.7\nv,i,4\n", &DataOptions::default());
    assert_eq!(data.interactions.scale().unwrap(), RatingScale::new(3.6, 4.0, 0.1).unwrap());

    // Missing times, allowed.
    let late = DataOptions { missing_times_last: true, ..DataOptions::default() };
    let data = load_text("user,item,timestamp\na,x,\na,y,11\nb,x,3\n", &late);
    let a = data.interactions.row(shillproof_core::UserId(0));
    assert_eq!(a.times().unwrap(), [11, 12]);

    // A sequence's order is that of its line; a blank line is a user without items.
    let lines = DataOptions { sequences: Some("line-number".parse().unwrap()), ..DataOptions::default() };
    let data = load_text("30 4 5\n\n5 30\n", &lines);
    assert_eq!(data.users.iter().collect::<Vec<_>>(), ["0", "2"]);
    assert_eq!(data.items.iter().collect::<Vec<_>>(), ["4", "5", "30"]);
    let items: Vec<u32> =
        data.interactions.row(shillproof_core::UserId(0)).items().iter().map(|i| i.0).collect();
    assert_eq!(items, [2, 0, 1]);

    // Ratings that are dropped need not be ratings.
    let implicit = DataOptions { implicit: true, ..DataOptions::default() };
    assert!(!load_text("user,item,rating\na,x,nan\nb,y,?\n", &implicit).interactions.is_explicit());
}
