//! What is refused, with the place and a hint.

use shillproof_core::Profile;

use super::super::*;
use super::{ITEMS, ITEMS_WITHOUT_BLANKS, data, read};

/// Content, then parts of the message and of the hint.
type Case<'a> = (&'a str, [&'a str; 3], &'a str);

fn refused(name: &str, data: &Dataset, cases: &[Case<'_>]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    for (content, parts, hint) in cases {
        std::fs::write(&path, content).unwrap();
        let error = read(&path, data).unwrap_err();
        for part in parts {
            assert!(error.to_string().contains(part), "{content:?}: no `{part}` in: {error}");
        }
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{content:?}: {:?}", error.hint());
    }
}

#[test]
fn wrong_tables_are_refused_with_place_and_hint() {
    let data = data(&["u", "v", "w"], ITEMS, true);
    let form = "`user,item,rating`";
    refused(
        "fakes.csv",
        &data,
        &[
            ("", ["fakes.csv: ", "an empty file", "the header"], form),
            ("user\nf\n", ["fakes.csv:1", "one column: `user`", "the header"], form),
            ("user,rating\nf,1\n", ["fakes.csv:1", "without item column", "item"], "their folder"),
            ("u 7 5\nf 7 5\n", ["fakes.csv:1", "without user column: `u`, `7`, `5`", "user"], "their folder"),
            ("user,item\nf,7\n", ["fakes.csv:1", "without a rating column", "the data has ratings"], form),
            (
                "user,item,rating\nf,8,1\n",
                ["fakes.csv:2", "the item `8`", "one of its 4 items"],
                "the nearest label is `7`",
            ),
            ("user,item,rating\nf,7,1\nu,7,1\n", ["fakes.csv:3", "a genuine user", "label of its own"], form),
            (
                "user,item,rating\nf,7,6\n",
                ["fakes.csv:2", "the rating 6", "on the scale 0.1:5:0.1"],
                "--rating-scale",
            ),
            (
                "user,item,rating\nf,7,0.15\n",
                ["fakes.csv:2", "0.15", "on the scale 0.1:5:0.1"],
                "--rating-scale",
            ),
            (
                "user,item,rating\nf,7,nan\n",
                ["fakes.csv:2", "`nan` in column 3", "a finite number"],
                "correct the row",
            ),
            (
                "user,item,rating\nf,7,1\nf,7,2\n",
                ["fakes.csv:3", "again, as on line 2", "each item once"],
                "--first-of-repeated",
            ),
            ("user,item,rating\nf,7\n", ["fakes.csv:2", "2 columns", "3 as in the header"], form),
            ("user,item,rating\n,7,1\n", ["fakes.csv:2", "an empty user", "the label of a fake user"], form),
            (
                "user,item,rating\n\"f\"x,7,1\n",
                ["fakes.csv:2", "behind the closing quote", "whole fields"],
                form,
            ),
            (
                "user,item,rating\n\"f,7,1\n",
                ["fakes.csv:2", "inside a quoted field", "a closing `\"`"],
                "double every",
            ),
            ("user,item,rating\nf\u{1},7,1\n", ["fakes.csv:2", "control character", "printable"], form),
            (
                "user,item,rating,position\nf,7,1,first\n",
                ["fakes.csv:2", "the time `first`", "whole number"],
                "correct the row",
            ),
        ],
    );
    refused(
        "fakes.tsv",
        &data,
        &[
            ("user\titem\trating\nf,7,1\n", ["fakes.tsv:2", "1 columns", "3 as in the header"], form),
            ("user\titem\trating\nf\tb,a\t1\n", ["fakes.tsv:2", "the item `b,a`", "one of"], "`a,b`"),
        ],
    );
    let header = "user_id:token\titem_id:token\trating:float";
    refused(
        "fakes.inter",
        &data,
        &[
            ("user_id:token\trating:float\nf\t1\n", ["fakes.inter:1", "without item column", "item"], form),
            (&format!("{header}\nf\t\"7\"\t1\n"), ["fakes.inter:2", "the item `\"7\"`", "one of"], "`7`"),
            (&format!("{header}\nv\t7\t1\n"), ["fakes.inter:2", "`v`, who is a genuine user", "own"], form),
            (
                &format!("{header}\nf\t7\t9\n"),
                ["fakes.inter:2", "the rating 9", "on the scale"],
                "--rating-scale",
            ),
            (
                &format!("{header}\nf\t7\t1\nf\t7\t1\n"),
                ["fakes.inter:3", "as on line 2", "once"],
                "--first-of-repeated",
            ),
            (
                &format!("{header}\ttimestamp:float\nf\t7\t1\t0.5\n"),
                ["fakes.inter:2", "the time `0.5`", "whole"],
                "correct",
            ),
        ],
    );
    let none = read(Path::new("no/such.csv"), &data).unwrap_err();
    assert!(matches!(none, DataError::Io { .. }));
}

#[test]
fn wrong_json_is_refused_with_place_and_hint() {
    let implicit = data(&["u", "v", "w"], ITEMS, false);
    let form = "docs/formats.md";
    refused(
        "fakes.json",
        &implicit,
        &[
            ("{\"f\": [\n7,", ["fakes.json:2", "no JSON", "one JSON value"], form),
            ("{\"f\": [7]} x", ["fakes.json:1", "no JSON (trailing", "one JSON value"], form),
            ("{\"f\":\n7}", ["fakes.json:2", "found `7`", "a list of items"], form),
            ("[7, 7]", ["fakes.json:1", "found `7`", "a list of items"], form),
            ("{\"fake_users\": 3}", ["fakes.json:1", "found `3`", "an object from users to lists"], form),
            (
                "{\"f\": [\n7,\n8]}",
                ["fakes.json:3", "the item `8`", "one of its 4 items"],
                "the nearest label is `7`",
            ),
            ("{\"f\": [7.0]}", ["fakes.json:1", "the item `7.0`", "one of"], "to the letter"),
            ("{\"f\": [null]}", ["fakes.json:1", "found `null`", "a string or a number"], form),
            ("{\"f\": [7],\n\"u\": [7]}", ["fakes.json:2", "`u`, who is a genuine user", "own"], form),
            ("{\"f\": [7],\n\"f\": []}", ["fakes.json:2", "`f` for the second time", "once"], form),
            (
                "{\"f\": [7,\n\"7\"]}",
                ["fakes.json:2", "again, as on line 1", "each item once"],
                "--first-of-repeated",
            ),
            ("{\"\": [7]}", ["fakes.json:1", "an empty user", "the label"], form),
            (
                "{\"fake_users\": {}, \"target_items\": [8]}",
                ["fakes.json:1", "the item `8`", "one of"],
                "`7`",
            ),
            ("{\"fake_users\": {}, \"ordered\": 1}", ["fakes.json:1", "found `1`", "true or false"], form),
        ],
    );
    let explicit = data(&["u", "v", "w"], ITEMS, true);
    refused(
        "fakes.json",
        &explicit,
        &[
            ("{\"f\": [7]}", ["fakes.json:1", "without `ratings`", "the data has ratings"], "--implicit"),
            (
                "{\"fake_users\": {\"f\": [7]}, \"ratings\": {}}",
                ["fakes.json:1", "0 ratings for 1 items of `f`", "one rating"],
                form,
            ),
            (
                "{\"fake_users\": [[7]], \"ratings\": [[1, 1]]}",
                ["fakes.json:1", "2 ratings for 1 items", "one"],
                form,
            ),
            (
                "{\"fake_users\": [[7]], \"ratings\": [[9]]}",
                ["fakes.json:1", "the rating 9", "scale"],
                "--rating-scale",
            ),
            (
                "{\"fake_users\": [[7]], \"ratings\": [[\"1\"]]}",
                ["fakes.json:1", "rating `\"1\"`", "finite"],
                "correct",
            ),
            (
                "{\"fake_users\": {}, \"ratings\": {\"g\": []}}",
                ["fakes.json:1", "ratings of `g`", "in this file"],
                form,
            ),
        ],
    );
}

#[test]
fn wrong_folders_are_refused_with_place_and_hint() {
    let data = data(&["u", "v"], ["1", "2", "3", "4"], true);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let refused = |parts: [&str; 3], hint: &str| {
        let error = read(folder.path(), &data).unwrap_err();
        for part in parts {
            assert!(error.to_string().contains(part), "no `{part}` in: {error}");
        }
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{:?}", error.hint());
    };
    refused(["a folder without `train.txt`", "val.txt", "test.txt"], "docs/formats.md");
    let genuine = "u 1 0.1\nv 2 0.1\n";
    let whole = "the 2 interactions of genuine in `train.txt`";
    for (train, parts, hint) in [
        (
            "f 1 1\n",
            [
                "train.txt: ",
                "0 rows of users of genuine: 0 are not in genuine; 2 of genuine are missing",
                whole,
            ],
            "filtered alike",
        ),
        ("u 1 0.1\n", ["train.txt: ", "1 rows", "1 of genuine are missing"], "DATA"),
        (
            "u 1 1.0\nv 2 0.1\n",
            ["train.txt:1", "the first is u 1 rated 1, in genuine 0.1", whole],
            "--implicit",
        ),
        (
            "u 1 0.1\nv 2 0.1\nu 2 1\nu 77 1\n",
            ["train.txt:3", "2 are not in genuine, the first is u 2", "0 of genuine"],
            "DATA",
        ),
        ("u 1 0.1\nv 2\n", ["train.txt:2", "2 columns in `v 2`", "`user item rating`"], "docs/formats.md"),
        ("u 1 0.1\nv 2 x\n", ["train.txt:2", "the rating `x` in column 3", "finite"], "correct"),
        (
            &format!("{genuine}f 5 1\n"),
            ["train.txt:3", "the item `5`", "one of its 4 items"],
            "the nearest label is",
        ),
        (&format!("{genuine}f 1 9\n"), ["train.txt:3", "the rating 9", "on the scale"], "--rating-scale"),
        (
            &format!("{genuine}f 1 1\nf 1 2\n"),
            ["train.txt:4", "as on line 3", "each item once"],
            "--first-of-repeated",
        ),
    ] {
        write("train.txt", train);
        refused(parts, hint);
    }
    write("val.txt", "f 2 1\n");
    write("train.txt", "u 1 1.0\nv 2 0.1\nf 1 1\n");
    refused(["train.txt:1", "rated 1, in genuine 0.1", whole], "--implicit");
    write("train.txt", &format!("{genuine}f 1 1\n"));
    refused(["val.txt:1", "`f`, who is a fake user", "must not be poisoned"], "train.txt");
    write("train.txt", "u 1 0.1\nf 1 1\n");
    write("val.txt", "\nw 2 0.1\n");
    refused(["val.txt:2", "the first is the user `w`", "1 of genuine are missing"], "DATA");
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused =
        |users: &FakeUsers, data: &Dataset, format: FakesFormat, path: &str, what: &str, hint: &str| {
            let error = users.save(&folder.path().join(path), format, data, None).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert!(error.hint().is_some_and(|text| text.contains(hint)), "{:?}", error.hint());
        };
    let entries =
        |list: &[(u32, f32)]| Profile { entries: list.iter().map(|&(i, r)| (ItemId(i), r)).collect() };
    let users = |list: &[(u32, f32)], ordered| FakeUsers {
        labels: vec!["f".into()],
        fakes: FakeProfiles { profiles: vec![entries(list)], ordered, queries: 0 },
        ..FakeUsers::default()
    };
    let plain = data(&["u", "v"], ITEMS_WITHOUT_BLANKS, true);
    let (good, arlib) = (users(&[(0, 1.0)], false), FakesFormat::Arlib);
    refused(
        &good,
        &data(&["u", "v"], ITEMS, true),
        arlib,
        "out",
        "the label `x \"y\"` for ARLib",
        "--as inter",
    );
    refused(
        &good,
        &data(&["u", "v\u{2003}w"], ITEMS_WITHOUT_BLANKS, true),
        arlib,
        "out",
        "cut at blanks",
        "--as json",
    );
    refused(&users(&[(0, 1.0)], true), &plain, arlib, "out", "profiles in order", "--drop-order");
    refused(&users(&[], false), &plain, arlib, "out", "`f` for ARLib: a user without items", "csv");
    std::fs::create_dir(folder.path().join("full")).unwrap();
    std::fs::write(folder.path().join("full/train.txt"), "mine").unwrap();
    refused(&good, &plain, arlib, "full", "the folder is not empty", "new folder");
    for format in FakesFormat::ALL {
        refused(&users(&[(4, 1.0)], false), &plain, format, "out", "item number 4", "items of the data");
        refused(&users(&[(0, f32::NAN)], false), &plain, format, "out", "rating NaN", "finite ratings");
        let named = |label: &str| FakeUsers { labels: vec![label.into()], ..good.clone() };
        refused(&named("a\tb"), &plain, format, "out", "a control character", "printable");
        refused(&named(" "), &plain, format, "out", "it is blank", "printable");
    }
    let left: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["full"], "nothing else was written");
}
