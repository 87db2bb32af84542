//! Small scripts for every way a program can answer.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use shillproof_core::catalogue::Catalogue;
use shillproof_core::{FakeProfiles, Profile, Seed, Ties};
use shillproof_data::{DataOptions, Dataset, load};

use shillproof_core::UserId;

use super::*;

/// Users a..d, items w..z; user d has everything, item order differs from that of the file.
fn data(folder: &Path) -> Dataset {
    let path = folder.join("data.csv");
    let text = "user,item,rating,timestamp\nc,w,2,9\na,w,5,3\na,x,4,1\nb,y,1,2\nd,w,3,1\nd,x,3,2\nd,y,3,3\nd,z,4,4\n";
    fs::write(&path, text).unwrap();
    load(path.to_str().unwrap(), &DataOptions::default()).unwrap()
}

const GOOD: &str = "user,item\na,y\na,z\nb,w\nb,x\nc,x\nc,y\n";

/// Fits `sh -c script` (which sees the files as $1 and $2) for lists of two.
fn fit(script: &str) -> Result<Box<dyn Recommender>, FitError> {
    fit_within(script, 20.0, &AtomicBool::new(false))
}

fn fit_within(
    script: &str,
    timeout_seconds: f64,
    cancel: &AtomicBool,
) -> Result<Box<dyn Recommender>, FitError> {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let fakes = FakeProfiles {
        profiles: vec![Profile { entries: vec![(ItemId(3), 5.0)] }],
        ..FakeProfiles::default()
    };
    let train = data.interactions.append(&fakes).unwrap();
    let run = format!("sh -c {} sh {{train}} {{out}} {{k}} {{seed}}", shell_words::quote(script));
    let spec = CommandSpec { run, timeout_seconds };
    let ctx = Ctx { cancel, ..Ctx::new(Seed::new(7)) };
    spec.bind(&data.users, &data.items).fit(&FitJob { max_k: 2, ..FitJob::new(&train) }, &ctx)
}

fn answer(text: &str) -> Result<Box<dyn Recommender>, FitError> {
    fit(&format!("printf '%s' {} > $2", shell_words::quote(text)))
}

#[track_caller]
fn refused(result: Result<Box<dyn Recommender>, FitError>, expected: &str) {
    match result {
        Err(FitError::External(message)) => assert!(message.contains(expected), "{message}"),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("must be refused: {expected}"),
    }
}

fn list(recommender: &dyn Recommender, user: u32, skip: &[ItemId], k: usize) -> Vec<(u32, f32)> {
    let mut out = vec![(ItemId(9), 9.0)];
    let query = Query { user: UserId(user), history: None, skip, k, ties: Ties::hashed(Seed::new(1)) };
    recommender.top_k(&query, &mut out);
    out.into_iter().map(|(item, score)| (item.0, score)).collect()
}

#[test]
fn lists_come_back_in_the_commands_order() {
    let fitted = answer(GOOD).unwrap();
    assert_eq!(list(&*fitted, 0, &[], 2), [(2, 0.0), (3, -1.0)]);
    assert_eq!(list(&*fitted, 0, &[ItemId(2)], 2), [(3, -1.0)]);
    assert_eq!(list(&*fitted, 1, &[], 1), [(0, 0.0)]);
    assert_eq!(list(&*fitted, 3, &[], 2), []);
    assert_eq!(list(&*fitted, 4, &[], 2), []);
    assert!(fitted.scorer().is_none());
}

#[test]
fn header_order_of_users_scores_crlf_and_fake_lists_are_a_matter_of_taste() {
    let fitted =
        answer("c,x,3\r\na,z,2.5\r\nb,w,1\r\nfake-0001,w,1\r\na,y,2.5\r\nb,x,-1e3\r\nc,y,0\r\n").unwrap();
    assert_eq!(list(&*fitted, 0, &[], 2), [(3, 2.5), (2, 2.5)]);
    assert_eq!(list(&*fitted, 1, &[], 2), [(0, 1.0), (1, -1000.0)]);
    assert!(answer("\u{feff}USER,Item\na,y\na,z\nb,w\nb,x\nc,x\nc,y\n").is_ok());
}

#[test]
fn the_command_reads_labels_ratings_times_k_and_seed() {
    let script = format!("cat $1 >&2; echo k=$3 seed=$4 >&2; printf '%s' '{GOOD}' > $2; exit 3");
    let seed = Seed::new(7).value() & 0x7FFF_FFFF;
    let Err(FitError::External(message)) = fit(&script) else { panic!() };
    // Only the last ten lines are shown: the header and nine interactions make room for one more.
    let shown: Vec<&str> = message.lines().map(str::trim).collect();
    assert_eq!(
        &shown[2..],
        [
            "a,x,4,1",
            "a,w,5,3",
            "b,y,1,2",
            "c,w,2,9",
            "d,w,3,1",
            "d,x,3,2",
            "d,y,3,3",
            "d,z,4,4",
            "fake-0001,z,5,9",
            &format!("k=2 seed={seed}")
        ]
    );
}

#[test]
fn a_bad_ending_is_told_with_the_last_words() {
    refused(
        fit("echo no such model >&2; exit 3"),
        "exit code 3, expected 0\n  the command's last lines on stderr:\n    no such model",
    );
    refused(fit("exit 1"), "the command wrote nothing to stderr");
    refused(fit("kill -9 $$"), "killed by signal 9 (often: out of memory)");
    refused(fit("kill -11 $$"), "killed by signal 11");
    refused(fit("true"), "without writing its `{out}` file");
    refused(fit("mkdir $2"), "not a regular file");
    refused(fit("mkfifo $2"), "not a regular file");
}

#[test]
fn a_command_that_cannot_start_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let job = FitJob::new(&data.interactions);
    let fit = |run: &str, timeout_seconds| {
        let spec = CommandSpec { run: run.into(), timeout_seconds };
        spec.bind(&data.users, &data.items).fit(&job, &Ctx::new(Seed::new(1))).map(drop)
    };
    let message = |run| fit(run, 1.0).unwrap_err().to_string();
    assert!(message("no-such-program-here {train} {out}").contains("there is no such program"));
    assert!(message("/ {train} {out}").contains("cannot start `/`"));
    assert!(message("python my_model.py").contains("`{train}`"));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            fit("true {train} {out}", bad),
            Err(FitError::Parameter { name: "timeout_seconds", .. })
        ));
    }
}

#[test]
fn the_time_limit_stops_the_command_and_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("alive");
    let start = Instant::now();
    let script = format!("(sleep 1; touch {}) & sleep 30", mark.display());
    refused(fit_within(&script, 0.3, &AtomicBool::new(false)), "stopped at its time limit of 0.3 s");
    assert!(start.elapsed().as_secs() < 10);
    std::thread::sleep(Duration::from_millis(1500));
    assert!(!mark.exists(), "a child of the command outlived it");
}

#[test]
fn what_a_finished_command_left_running_is_stopped_too() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("alive");
    let script = format!("(sleep 1; touch {}) & printf '%s' '{GOOD}' > $2", mark.display());
    assert!(fit(&script).is_ok());
    std::thread::sleep(Duration::from_millis(1500));
    assert!(!mark.exists(), "a child of the command outlived it");
}

#[test]
fn a_request_to_stop_stops_the_command() {
    let cancel = AtomicBool::new(false);
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            cancel.store(true, Ordering::Relaxed);
        });
        assert!(matches!(fit_within("sleep 30", 60.0, &cancel), Err(FitError::Cancelled(_))));
    });
    assert!(start.elapsed().as_secs() < 10);
}

#[test]
fn a_wrong_answer_is_an_error_with_its_line() {
    refused(answer(""), "3 of 4 users have no list in the answer, the first is `a`");
    refused(answer("user,item\n"), "3 of 4 users have no list");
    refused(
        answer(&GOOD.replace("b,w\nb,x\n", "")),
        "1 of 4 users have no list in the answer, the first is `b`",
    );
    refused(
        answer(&GOOD.replace("a,y\n", "A,y\n")),
        "line 2 of the answer: user `A` is not in the training data",
    );
    refused(
        answer(&GOOD.replace("a,z", "a,Z")),
        "line 3 of the answer: item `Z` is not in the training data",
    );
    refused(
        answer(&GOOD.replace("a,z", "a,y")),
        "line 3 of the answer: item `y` comes twice in the list of user `a`",
    );
    refused(
        answer(&GOOD.replace("a,z", "a,x")),
        "line 3 of the answer: item `x` is among the training interactions of user `a`",
    );
    refused(answer(&GOOD.replace("a,z\n", "")), "user `a` has a list of 1 items, expected 2");
    refused(answer(&format!("{GOOD}b,z\n")), "line 8 of the answer: user `b` has more than the 2 items");
}

#[test]
fn wrong_scores_are_errors() {
    let scored = |scores: [&str; 2]| {
        answer(&format!("a,y,{}\na,z,{}\nb,w,1\nb,x,0\nc,x,1\nc,y,0\n", scores[0], scores[1]))
    };
    assert!(scored(["2", "1"]).is_ok());
    refused(scored(["2", "nan"]), "line 2 of the answer: score is `nan`, expected a finite number");
    refused(scored(["inf", "1"]), "score is `inf`");
    refused(scored(["1e300", "1"]), "score is `1e300`");
    refused(scored(["", "1"]), "score is ``");
    refused(scored(["high", "1"]), "score is `high`");
    refused(
        scored(["1", "2"]),
        "line 2 of the answer: the list of user `a` is not sorted best first: score 2 comes after 1",
    );
}

#[test]
fn broken_text_is_an_error() {
    refused(answer("a\n"), "has 1 fields, expected `user,item` or `user,item,score`");
    refused(answer("a,y,1,2\n"), "has 4 fields");
    refused(answer("a,y\na,z,1\n"), "line 2 of the answer has 3 fields, the lines before it 2");
    refused(fit("printf 'a,\\377\\n' > $2"), "is not UTF-8 text");
    refused(fit("head -c 3000000 /dev/zero > $2"), "a line is longer than 1048576 bytes");
    refused(fit("ln -s /dev/zero $2"), "not a regular file");
}

#[test]
fn a_flood_on_stderr_neither_blocks_nor_fills_memory() {
    let script = format!(
        "head -c 20000000 /dev/zero | tr '\\0' 'e' >&2; echo >&2; echo end >&2; printf '%s' '{GOOD}' > $2; exit 1"
    );
    let Err(FitError::External(message)) = fit(&script) else { panic!() };
    assert!(message.len() < 6000 && message.ends_with("end"), "{} bytes", message.len());
}

#[test]
fn a_choice_is_read_from_the_command_line_and_from_files() {
    let inline = VictimChoice::from_inline("command:python m.py --set a=1,b=2 {train} {out}").unwrap();
    let VictimChoice::Command(spec) = &inline else { panic!() };
    assert_eq!(spec.run, "python m.py --set a=1,b=2 {train} {out}");
    assert_eq!(spec.timeout_seconds, 600.0);
    let file: VictimChoice =
        toml::from_str("command = { run = \"x {train} {out}\", timeout_seconds = 5 }").unwrap();
    assert_eq!(
        file,
        VictimChoice::Command(CommandSpec { run: "x {train} {out}".into(), timeout_seconds: 5.0 })
    );
    assert!(matches!(VictimChoice::from_inline("popularity").unwrap(), VictimChoice::Listed(_)));
    for choice in VictimChoice::all() {
        let text = toml::to_string(&choice).unwrap();
        assert_eq!(toml::from_str::<VictimChoice>(&text).unwrap(), choice, "{text}");
    }
}

#[test]
fn a_wrong_choice_has_a_hint() {
    assert!(VictimChoice::from_inline("command").unwrap_err().hint().unwrap().contains("command:python"));
    let message = |text: &str| toml::from_str::<VictimChoice>(text).unwrap_err().to_string();
    assert!(message("command = { program = \"x\" }").contains("expected `run` or `timeout_seconds`"));
    assert!(message("populrity = {}").contains("unknown variant `populrity`"));
    assert!(message("popularity = { factors = 3 }").contains("unknown field `factors`"));
    let inline = VictimChoice::from_inline("populrity").unwrap_err();
    assert_eq!(inline.hint().unwrap(), "did you mean `popularity`?");
    let named =
        VictimChoice::from_named("command", serde_json::json!({"timeout-seconds": 5, "program": "x"}));
    assert_eq!(named.unwrap_err().hint().unwrap(), "known: run, timeout_seconds");
}
