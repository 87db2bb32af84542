//! Known data sets as they lie on a developer's machine, and one of them in every form.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fmt::Write as _;
use std::path::Path;

use shillproof_data::known::{self, Shelves};
use shillproof_data::{DataError, DataOptions, Dataset, Info, load, save};
use shillproof_testkit::real_data;

/// Users, items and rows of each view as staged, counted by another program.
const COUNTS: &[(&str, usize, usize, usize)] = &[
    ("ml-100k", 943, 1_682, 100_000),
    ("ml-latest-small-2016", 671, 9_066, 100_004),
    ("ml-1m", 6_040, 3_706, 1_000_209),
    ("ml-1m/ratings", 6_040, 3_706, 1_000_209),
    ("ml-1m/users-1-2999", 2_999, 3_615, 487_650),
    ("lastfm-hetrec2011", 1_892, 17_632, 92_834),
    ("lastfm-hetrec2011/tags", 1_892, 12_523, 186_479),
    ("lastfm-hetrec2011/tags-10core", 701, 1_594, 36_626),
    ("amazon-2014-5core-seq/beauty", 22_363, 12_101, 198_502),
    ("amazon-2014-5core-seq/sports", 35_598, 18_357, 296_337),
    ("amazon-2014-5core-seq/toys", 19_412, 11_924, 167_597),
    ("amazon-2014-5core-seq/instant-video", 5_130, 1_685, 37_126),
    ("amazon-2014-5core-seq/office", 4_905, 2_420, 53_258),
    ("amazon-2014-5core-seq/baby", 19_445, 7_050, 160_792),
    ("amazon-2014-5core-seq/tools", 16_638, 10_217, 134_476),
    ("amazon-2014-5core-seq/phones", 27_879, 10_429, 194_439),
    ("amazon-2014-5core-seq/health", 38_609, 18_534, 346_355),
    ("amazon-2014-5core-seq/kitchen", 66_519, 28_237, 551_682),
    ("amazon-video-games-sasrec", 31_013, 23_715, 287_107),
    ("amazon-hin", 6_170, 2_753, 195_791),
    ("yelp-hin", 16_239, 14_284, 198_397),
    ("yelp-2019-s3rec", 30_431, 20_033, 316_354),
    ("aush-explicit/automotive", 2_928, 1_835, 20_473),
    ("aush-explicit/tools", 891, 7_916, 23_527),
    ("aush-explicit/grocery", 1_777, 7_790, 55_702),
    ("aush-explicit/apps", 5_880, 12_300, 163_593),
    ("aush-explicit/yelp", 2_762, 10_477, 119_237),
    ("amazon-digital-music-dmf", 844, 18_813, 46_468),
    ("amazon-digital-music-2018", 14_354, 10_026, 95_075),
    ("gowalla-lightgcn", 29_858, 40_981, 1_027_370),
    ("gowalla-poi-small", 1_130, 1_189, 66_245),
    ("steam-200k", 11_350, 3_600, 70_489),
    ("steam-200k/purchases", 12_393, 5_155, 129_511),
    ("anime-5k", 4_714, 7_157, 419_943),
    ("anime-5k/history", 5_000, 7_390, 520_609),
    ("book-crossing-reduced", 1_295, 14_684, 62_656),
    ("book-crossing-reduced/history", 2_946, 17_384, 272_678),
    ("ciaodvd", 17_615, 16_121, 72_665),
    ("ciao-implicit", 7_375, 105_114, 282_650),
    ("epinions-implicit", 40_163, 139_738, 664_823),
    ("epinions-explicit-small", 2_677, 2_060, 103_567),
    ("amazon-spammers-labelled", 4_902, 16_885, 51_346),
    ("citeulike-a", 5_551, 16_980, 204_986),
    ("amazon-cds-hgn", 17_052, 35_118, 472_265),
];
/// Views whose count is of distinct pairs rather than of rows.
const DISTINCT: [&str; 3] = ["lastfm-hetrec2011/tags-10core", "amazon-digital-music-2018", "ciao-implicit"];

#[test]
fn every_known_set_loads_by_name_with_its_counts_and_checksum() {
    let names: Vec<&str> = known::list().iter().map(|set| set.name.as_str()).collect();
    let counted: Vec<&str> = COUNTS.iter().map(|c| c.0).collect();
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.join(" ")
    };
    assert_eq!(sorted(names), sorted(counted));
    for &(name, users, items, n) in COUNTS {
        let set = known::find(name).unwrap();
        let Some(_) = real_data(set.folder()) else { continue };
        let data = load(name, &DataOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!((data.users.len(), data.items.len()), (users, items), "{name}");
        let counted = if DISTINCT.contains(&name) { data.interactions.len() } else { data.rows };
        assert_eq!(counted, n, "{name}");
        assert_eq!(data.rows, set.rows.unwrap_or(set.interactions), "{name}");
        assert_eq!(data.interactions.len(), set.interactions, "{name}");
        assert_eq!((&data.name, &data.checksum), (&set.name, &set.checksum));
        assert_eq!(data.interactions.is_explicit(), set.is_explicit(), "{name}");
        assert_eq!(Info::of(&data).known, Some(set));
    }
}

fn ml_100k() -> Option<Dataset> {
    real_data("ml-100k").map(|_| load("ml-100k", &DataOptions::default()).unwrap())
}

/// Rows `user, item, rating, time` in an order that has nothing to do with any of them.
fn shuffled_rows(data: &Dataset) -> Vec<[String; 4]> {
    let mut rows = Vec::new();
    for user in data.interactions.users() {
        let row = data.interactions.row(user);
        for (at, (item, rating)) in row.iter().enumerate() {
            let time = row.times().unwrap()[at];
            let (user, item) = (data.users.get(user.0), data.items.get(item.0));
            rows.push([user.to_owned(), item.to_owned(), rating.to_string(), time.to_string()]);
        }
    }
    rows.sort_by_key(|row| {
        let key = format!("{} {}", row[0], row[1]);
        key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    });
    rows
}

fn joined(rows: &[[String; 4]], header: &str, separator: &str) -> String {
    let mut text = String::from(header);
    for row in rows {
        writeln!(text, "{}", row.join(separator)).unwrap();
    }
    text
}

fn same(path: &Path, data: &Dataset) {
    let again = load(path.to_str().unwrap(), &DataOptions::default()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(again.users, data.users, "{}", path.display());
    assert_eq!(again.items, data.items, "{}", path.display());
    assert_eq!(again.interactions, data.interactions, "{}", path.display());
    assert_eq!((again.name.as_str(), &again.checksum), ("ml-100k", &data.checksum), "{}", path.display());
}

#[test]
fn any_form_of_ml_100k_is_the_same_data_set() {
    let Some(data) = ml_100k() else { return };
    let folder = tempfile::tempdir().unwrap();
    let rows = shuffled_rows(&data);
    for (name, header, separator) in [
        ("u.data", "", "\t"),
        ("ratings.dat", "", "::"),
        ("ratings.csv", "userId,movieId,rating,timestamp\n", ","),
        ("semicolons.csv", "\u{feff}User-ID;ISBN;Book-Rating;Date\r\n", ";"),
        ("pipes.txt", "", "|"),
        ("blanks.txt", "", "  "),
        ("shuffled.inter", "user_id:token\titem_id:token\trating:float\ttimestamp:float\n", "\t"),
    ] {
        let path = folder.path().join(name);
        let mut text = joined(&rows, header, separator);
        if name == "semicolons.csv" {
            text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        std::fs::write(&path, text).unwrap();
        same(&path, &data);
    }
    let parquet = if cfg!(feature = "parquet") { &["a.parquet"][..] } else { &[] };
    for name in ["a.csv", "a.csv.gz", "a.csv.xz", "a.csv.zst", "a.inter", "a.inter.gz"].iter().chain(parquet)
    {
        let path = folder.path().join(name);
        save(&path, &data).unwrap();
        same(&path, &data);
    }
    let renamed = folder.path().join("packed-without-saying-so.csv");
    std::fs::rename(folder.path().join("a.csv.xz"), &renamed).unwrap();
    same(&renamed, &data);
}

#[test]
fn other_columns_and_orders_of_ml_100k_are_the_same_data_set() {
    let Some(data) = ml_100k() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("turned.csv");
    let turned: Vec<[String; 4]> =
        shuffled_rows(&data).into_iter().map(|[u, i, r, t]| [t, format!("\"{r}.0\""), i, u]).collect();
    std::fs::write(&path, joined(&turned, "Zeit,Note,Film,Kunde\n", ",")).unwrap();
    let options =
        DataOptions { columns: Some("timestamp,rating,item,user".into()), ..DataOptions::default() };
    let again = load(path.to_str().unwrap(), &options).unwrap();
    assert_eq!((again.interactions, again.checksum), (data.interactions, data.checksum));
    assert!(again.notes.iter().any(|note| note.contains("taken for a header")));
}

#[test]
fn a_known_set_is_put_into_the_cache_and_found_there() {
    let Some(data) = ml_100k() else { return };
    let folder = tempfile::tempdir().unwrap();
    let set = known::find("ml-100k").unwrap();
    let shelves = Shelves { own: None, cache: Some(folder.path().join("cache")) };
    let missing = shelves.load(set, &DataOptions::default()).unwrap_err();
    assert!(matches!(missing, DataError::NotHere { .. }));
    let hint = missing.hint().unwrap();
    assert!(hint.contains(&set.page) && hint.contains("data get ml-100k --from FILE"), "{hint}");
    assert!(matches!(shelves.get(set, None), Err(DataError::NotHere { .. })));

    let file = folder.path().join("u.data");
    let mut rows = shuffled_rows(&data);
    std::fs::write(&file, joined(&rows, "", "\t")).unwrap();
    let got = shelves.get(set, Some(&file)).unwrap();
    assert_eq!((got.interactions, &got.checksum), (100_000, &set.checksum));
    assert_eq!(got.files, [folder.path().join("cache/ml-100k/u.data")]);
    assert_eq!(shelves.load(set, &DataOptions::default()).unwrap().interactions, data.interactions);
    assert_eq!(shelves.get(set, None).unwrap().files, got.files);

    // One rating changed.
    rows[0][2] = if rows[0][2] == "1" { "2".into() } else { "1".into() };
    std::fs::write(&file, joined(&rows, "", "\t")).unwrap();
    let wrong = shelves.get(set, Some(&file)).unwrap_err();
    let text = wrong.to_string();
    assert!(text.contains(&set.checksum) && text.matches("100000 interactions").count() == 2, "{text}");
    assert!(wrong.hint().is_some());
}

#[test]
fn several_usual_files_go_into_the_cache_together() {
    let Some(staged) = real_data("ciaodvd") else { return };
    let folder = tempfile::tempdir().unwrap();
    let set = known::find("ciaodvd").unwrap();
    let shelves = Shelves { own: None, cache: Some(folder.path().to_owned()) };
    let got = shelves.get(set, Some(&staged)).unwrap();
    assert_eq!(got.files.len(), 2);
    assert_eq!(shelves.load(set, &DataOptions::default()).unwrap().checksum, set.checksum);
}

#[test]
fn ml_1m_with_other_times_is_recognised_by_its_ratings() {
    let Some(_) = real_data("ml-1m") else { return };
    let data = load("ml-1m", &DataOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ratings.dat");
    let mut text = String::new();
    for user in data.interactions.users() {
        for (item, rating) in data.interactions.row(user).iter() {
            let (user, item) = (data.users.get(user.0), data.items.get(item.0));
            writeln!(
                text,
                "{user}::{item}::{rating}::{}",
                i64::from(item.bytes().next().unwrap()) + 978_300_000
            )
            .unwrap();
        }
    }
    std::fs::write(&path, text).unwrap();
    let set = known::find("ml-1m").unwrap();
    let shelves = Shelves { own: None, cache: Some(folder.path().join("cache")) };
    let got = shelves.get(set, Some(&path)).unwrap();
    assert_ne!(got.checksum, set.checksum);
    assert_eq!(load(path.to_str().unwrap(), &DataOptions::default()).unwrap().name, "ml-1m");
}

#[test]
fn options_apply_to_known_sets() {
    let Some(data) = ml_100k() else { return };
    let options = DataOptions { implicit: true, min_rating: Some(4.0), ..DataOptions::default() };
    let positives = load("ml-100k", &options).unwrap();
    assert!(!positives.interactions.is_explicit());
    // Ratings of 4 and 5 in the README of the set: 34,174 and 21,201.
    assert_eq!(positives.interactions.len(), 55_375);
    let core = DataOptions { min_user: Some(50), min_item: Some(50), ..DataOptions::default() };
    let core = load("ml-100k", &core).unwrap();
    assert!(core.interactions.rows().all(|row| row.len() >= 50));
    assert!(core.interactions.item_counts().iter().all(|&n| n >= 50));
    assert_eq!(core.rows, data.rows);
    let columns = DataOptions { columns: Some("user,item".into()), ..DataOptions::default() };
    assert!(matches!(load("ml-100k", &columns), Err(DataError::Setting { name: "--columns", .. })));
}

#[test]
fn statistics_of_ml_100k_are_the_published_ones() {
    let Some(data) = ml_100k() else { return };
    let info = Info::of(&data);
    let s = &info.statistics;
    // KDD 2021, table of data sets: 106.04 actions a user, sparsity 93.69 % (rounded down there).
    assert_eq!((s.per_user_mean * 100.0).round(), 10_604.0);
    assert!((s.density - 0.0630).abs() < 1e-4);
    let histogram: Vec<usize> = s.ratings.as_ref().unwrap().iter().map(|r| r.count).collect();
    assert_eq!(histogram, [6_110, 11_370, 27_145, 34_174, 21_201]);
    assert_eq!(s.times, Some((874_724_710, 893_286_638)));
    assert_eq!(info.known.unwrap().published[0].interactions, Some(100_000));
}
