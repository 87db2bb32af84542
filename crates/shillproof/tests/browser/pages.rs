//! Each kind of page, made by the real program.

use crate::checks::look_at;
use crate::driver::Browser;
use crate::place::{Place, csv, tastes};

#[test]
fn the_page_of_an_audit() {
    let Some(browser) = Browser::start() else { return };
    let place = Place::new();
    place.ok("audit --effort quick --victim als:factors=4,iterations=3 --out audit --fail-if 'hit_ratio@10 > 0.9 at 1%'");
    let page = place.path("audit/audit.html");
    look_at(&browser, &page, "audit");
    let parts = browser.run("return Array.from(document.querySelectorAll('section')).map(s => s.id);");
    assert_eq!(
        parts,
        serde_json::json!(["curves", "price", "weak", "damage", "caught", "gates", "measured"])
    );
}

const GRID: &str = r#"
seed = 3
repeats = 2
dataset = { file = { path = "ratings.csv" } }
split = { leave-one-out = {} }
defense = ["none", { remove-flagged = { detector = { duplicates = {} } } }]
threat = { targets = { random = { count = 3 } }, size = [{ count = 2 }, { count = 4 }, { count = 12 }], profile_size = { count = 4 } }
measure = { hit_ratio = [3], detectors = [{ duplicates = {} }, { pca = {} }] }

[[victim]]
wrmf = { factors = 4, iterations = 2 }
[[victim]]
item-knn = {}

[[attack]]
none = {}
[[attack]]
average = {}
[[attack]]
bandwagon = {}
[[attack]]
probe = {}
"#;

#[test]
fn the_page_of_a_run_with_detectors_defenses_and_cells_that_could_not_be_run() {
    let Some(browser) = Browser::start() else { return };
    let place = Place::new();
    place.write("ratings.csv", &csv(&tastes())).write("grid.toml", GRID);
    let run = place.run("run grid.toml");
    assert!(run.code == 0 || run.code == 1, "{}", run.stderr);
    place.ok("report results/grid");
    look_at(&browser, &place.path("results/grid/report.html"), "run");
    let parts = browser.run("return Array.from(document.querySelectorAll('section')).map(s => s.id);");
    for part in ["curves", "price", "weak", "caught", "defenses", "numbers", "unsettled", "measured"] {
        assert!(parts.as_array().unwrap().contains(&part.into()), "{part}: {parts}");
    }
}

#[test]
fn the_page_of_a_reproduction() {
    let Some(browser) = Browser::start() else { return };
    let place = Place::new();
    place.ok("reproduce www20/table-1 --scale smoke --out table");
    look_at(&browser, &place.path("table/www20-table-1.html"), "reproduction");
    let text = browser.run("return document.querySelector('#versus').textContent;");
    assert!(
        text.as_str().unwrap().contains("within") || text.as_str().unwrap().contains("ours is"),
        "{text}"
    );
}

const BOARD: &str = r#"
seed = 3
dataset = { demo = {} }
victim = { wrmf = { factors = 4, iterations = 2 } }
split = { leave-one-out = {} }
defense = ["none", { remove-flagged = { detector = { pca = {} } } }]
attack = ["none", "random", "bandwagon", "segment"]
threat = { targets = { unpopular = { count = 5 } }, size = { fraction = 0.02 } }
measure = { hit_ratio = [10], detectors = [{ pca = {} }] }
"#;

#[test]
fn the_page_of_a_leaderboard() {
    let Some(browser) = Browser::start() else { return };
    let place = Place::new();
    place.write("board.toml", BOARD);
    place.ok("leaderboard board.toml --out board");
    look_at(&browser, &place.path("board/leaderboard.html"), "leaderboard");
}

const MANY: &str = r#"
seed = 3
repeats = 2
dataset = { demo = {} }
victim = ["popularity", { item-knn = { neighbors = 10 } }]
split = { leave-one-out = {} }
attack = ["none", "random", "bandwagon", "segment"]
threat = { targets = { random = { count = 12 } }, size = [{ fraction = 0.003 }, { fraction = 0.01 }, { fraction = 0.03 }] }
measure = { hit_ratio = [10, 50] }
"#;

#[test]
fn a_page_of_hundreds_of_cells_stays_small() {
    let Some(browser) = Browser::start() else { return };
    let place = Place::new();
    place.write("many.toml", MANY);
    let plan = place.json("plan many.toml --format json");
    assert!(plan["cells"].as_array().unwrap().len() >= 470, "{}", plan["cells"].as_array().unwrap().len());
    place.ok("run many.toml");
    place.ok("report results/many");
    let page = place.path("results/many/report.html");
    look_at(&browser, &page, "many");
    browser.open(&page);
    let ready = browser.run("return performance.getEntriesByType('navigation')[0].domComplete;");
    eprintln!("{} bytes, complete after {ready} ms", std::fs::metadata(&page).unwrap().len());
}
