//! Readers under arbitrary input: an error or a data set, never a panic, and memory stays bounded.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::io::Write as _;
use std::path::Path;

use proptest::prelude::*;
use shillproof_core::{Rng, Seed};
use shillproof_data::{DataOptions, load};

/// Tries to read `content` in one of the ways there are.
fn try_read(path: &Path, content: &[u8], way: usize) -> bool {
    std::fs::write(path, content).unwrap();
    match load(path.to_str().unwrap(), &way_of_reading(way)) {
        Ok(data) => {
            assert!(data.users.len() >= 2 && data.items.len() >= 2);
            assert!(data.interactions.len() <= content.len() * 1000);
            true
        }
        Err(error) => {
            assert!(error.to_string().len() < 2000);
            assert!(error.hint().is_none_or(|hint| !hint.is_empty()));
            false
        }
    }
}

fn way_of_reading(way: usize) -> DataOptions {
    let mut options = DataOptions::default();
    match way % 8 {
        1 => options.implicit = true,
        2 => options.columns = Some("user,item,rating,timestamp".into()),
        3 => options.sequences = Some("first-field".parse().unwrap()),
        4 => options.sequences = Some("line-number,count".parse().unwrap()),
        5 => {
            options.columns = Some("item,user".into());
            options.missing_times_last = true;
        }
        6 => options.min_rating = Some(2.0),
        7 => options.min_user = Some(2),
        _ => {}
    }
    options
}

/// Whole files of every kind, to be damaged.
fn whole_files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = [
        "user,item,rating,timestamp\na,x,1,10\na,y,5,11\nb,x,3,12\nb,y,2,2011-01-02\n",
        "\u{feff}\"user\";\"item\";\"rating\"\r\n\"a;b\";\"x\"\"y\";\"1\"\r\n\"c\";\"z\";\"2.5\"\r\n",
        "1::2::3::4\n2::3::4::5\n",
        "1\t2\t3\t4\n1\t3\t4\t5\n2\t2\t1\t6\n",
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t3\t4\n2\t3\t4.5\t5.0\n",
        "1 5 6 7\n2 5\n3 9 9 9\n",
        "2 5 6\n1 4\n",
        "a|b\nc|d\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&files[0]).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
    xz.write_all(&files[0]).unwrap();
    let packed =
        [gz.finish().unwrap(), xz.finish().unwrap(), zstd::stream::encode_all(&files[0][..], 1).unwrap()];
    files.extend(packed);
    #[cfg(feature = "parquet")]
    {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.csv"), folder.path().join("a.parquet"));
        std::fs::write(&from, &files[0]).unwrap();
        shillproof_data::save(&to, &load(from.to_str().unwrap(), &DataOptions::default()).unwrap()).unwrap();
        files.push(std::fs::read(to).unwrap());
    }
    files
}

const SPICE: [&[u8]; 20] = [
    b"\n",
    b"\r\n",
    b",",
    b"\t",
    b"::",
    b"\"",
    b"\"\"",
    b" ",
    b"nan",
    b"-",
    b"1e308",
    b"9223372036854775807",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"user",
    b"item",
    b":token",
    b"_",
    b"2020-02-30",
];

/// One of the whole files with some bytes changed, cut, doubled or put in.
fn damage(files: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let below = |rng: &mut Rng, n: usize| (rand::Rng::next_u64(rng) % n.max(1) as u64) as usize;
    let which = below(rng, files.len() + 1);
    let mut content = match files.get(which) {
        Some(file) => file.clone(),
        None => (0..below(rng, 64)).map(|_| below(rng, 256) as u8).collect(),
    };
    for _ in 0..below(rng, 6) {
        let at = below(rng, content.len() + 1);
        match below(rng, 6) {
            0 => content.truncate(at),
            1 if at < content.len() => content[at] = below(rng, 256) as u8,
            2 if at < content.len() => content[at] ^= 1 << below(rng, 8),
            3 if at < content.len() => {
                content.remove(at);
            }
            4 => {
                let spice = SPICE[below(rng, SPICE.len())];
                content.splice(at..at, spice.iter().copied());
            }
            _ => {
                let to = (at + below(rng, 20)).min(content.len());
                content.extend_from_within(at..to);
            }
        }
    }
    content
}

/// Most memory this process ever had, in bytes; none where the system does not say.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// A seeded run over damaged files. `SHILLPROOF_FUZZ_INPUTS=2000000 cargo test --release --test fuzz` makes it a long one.
#[test]
fn damaged_files_never_panic() {
    let inputs: u64 =
        std::env::var("SHILLPROOF_FUZZ_INPUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    let files = whole_files();
    let folder = tempfile::Builder::new().prefix("shillproof").tempdir_in(fast_folder()).unwrap();
    let seed = Seed::new(1).child("damaged files");
    let path = folder.path().join("damaged");
    let mut sound = 0;
    for n in 0..inputs {
        let mut rng = seed.index(n).rng();
        let content = damage(&files, &mut rng);
        let way = (rand::Rng::next_u64(&mut rng) % 8) as usize;
        sound += u64::from(try_read(&path, &content, way));
    }
    println!("{inputs} inputs, of which {sound} loaded; peak memory {:?} bytes", peak_memory());
    assert!(sound > 0 && sound < inputs);
    // The most that unpacking may take, and as much again for everything else.
    assert!(peak_memory().is_none_or(|bytes| bytes < 400 << 20), "{:?}", peak_memory());
}

/// A folder in memory where there is one: the run is about the readers, not the disk.
fn fast_folder() -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..300), way in 0usize..8) {
        let folder = tempfile::tempdir().unwrap();
        try_read(&folder.path().join("bytes"), &content, way);
    }

    #[test]
    fn arbitrary_text_never_panics(content in "([a-c0-9,;:|\t \"\\.\\-\n\r]{0,12}\n?){0,12}", way in 0usize..8) {
        let folder = tempfile::tempdir().unwrap();
        try_read(&folder.path().join("text"), content.as_bytes(), way);
    }
}
