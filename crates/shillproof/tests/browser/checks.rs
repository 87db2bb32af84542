//! What holds of every page.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::driver::Browser;

/// Most bytes of a page.
const MOST_BYTES: u64 = 2 << 20;
/// Phone, laptop, 4K.
const WIDTHS: [u32; 3] = [400, 1280, 3840];

/// Looks at a page in every way that a reader might. Pictures of it stay in the folder of build artefacts, under `name`.
pub(crate) fn look_at(browser: &Browser, page: &Path, name: &str) {
    assert!(std::fs::metadata(page).unwrap().len() < MOST_BYTES, "{name} is too large");
    browser.look(1280, false);
    browser.open(page);
    stands_alone(browser, name);
    charts_can_be_read(browser, name);
    tables_sort(browser, name);
    files_come_out(browser, name);
    for dark in [false, true] {
        for width in WIDTHS {
            browser.look(width, dark);
            fits(browser, name, width);
            let theme = if dark { "dark" } else { "light" };
            browser.screenshot(&pictures().join(format!("{name}-{width}-{theme}.png")));
        }
        contrast(browser, name);
    }
    browser.print(&pictures().join(format!("{name}.pdf")));
    assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}: the console is silent");
}

/// Where pictures of pages are kept, for whoever changes the pages to look at.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn stands_alone(browser: &Browser, name: &str) {
    let outside: Vec<String> = browser
        .requests()
        .into_iter()
        .filter(|url| !url.starts_with("file:") && !url.starts_with("data:"))
        .collect();
    assert_eq!(outside, Vec::<String>::new(), "{name}: no request leaves");
    let shape = browser.run(
        "return { h1: document.querySelectorAll('h1').length, lang: document.documentElement.lang,
            dead: Array.from(document.querySelectorAll('nav a')).filter(a => !document.querySelector(a.getAttribute('href'))).length,
            unnamed: Array.from(document.querySelectorAll('svg[role=group]')).filter(s => !s.getAttribute('aria-label')).length };",
    );
    assert_eq!(shape["h1"], 1, "{name}");
    assert_eq!(shape["lang"], "en", "{name}");
    assert_eq!((&shape["dead"], &shape["unnamed"]), (&0.into(), &0.into()), "{name}");
}

/// Every chart has a table of what it shows, says so under the pointer and by keyboard, and is one stop for the latter.
fn charts_can_be_read(browser: &Browser, name: &str) {
    let charts = browser.run(
        "return Array.from(document.querySelectorAll('figure')).map(f => ({
            rows: f.querySelectorAll('tbody tr').length, marks: f.querySelectorAll('.mark').length,
            stops: f.querySelectorAll('.mark[tabindex=\"0\"]').length, title: f.querySelector('h3').textContent }));",
    );
    for chart in charts.as_array().unwrap() {
        assert!(chart["rows"].as_u64() > Some(0), "{name}: a table under {chart}");
        assert!(chart["marks"].as_u64() > Some(0), "{name}: marks in {chart}");
        assert_eq!(chart["stops"], 1, "{name}: {chart}");
    }
    for (at, chart) in charts.as_array().unwrap().iter().enumerate() {
        let last = chart["marks"].as_u64().unwrap() - 1;
        let place = browser.run(&format!(
            "var m = document.querySelectorAll('figure')[{at}].querySelectorAll('.mark')[{last}];
             m.scrollIntoView({{ block: 'center' }}); var b = m.getBoundingClientRect();
             return [b.left + b.width / 2, b.top + b.height / 2];"
        ));
        browser.point(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
        let read = reading(browser, at);
        let labels = labels(browser, at);
        assert!(labels.contains(&read), "{name}: the pointer reads `{read}`");

        browser.run(&format!(
            "document.querySelectorAll('figure')[{at}].querySelector('.mark[tabindex=\"0\"]').focus();"
        ));
        let first = reading(browser, at);
        assert_eq!(first, labels[0], "{name}: focus reads the first mark");
        browser.press("End");
        assert_eq!(reading(browser, at), labels[labels.len() - 1], "{name}: End reads the last");
        browser.press("Home");
        if labels.len() > 1 {
            browser.press("ArrowRight");
            assert_eq!(reading(browser, at), labels[1], "{name}: the arrow reads the next");
        }
    }
}

fn reading(browser: &Browser, chart: usize) -> String {
    let text = browser.run(&format!(
        "return document.querySelectorAll('figure')[{chart}].querySelector('.reading').textContent;"
    ));
    text.as_str().unwrap().to_owned()
}

fn labels(browser: &Browser, chart: usize) -> Vec<String> {
    let labels = browser.run(&format!(
        "return Array.from(document.querySelectorAll('figure')[{chart}].querySelectorAll('.mark')).map(m => m.getAttribute('aria-label'));"
    ));
    labels.as_array().unwrap().iter().map(|label| label.as_str().unwrap().to_owned()).collect()
}

/// A click on the heading of a number sorts by it, a second one the other way round.
fn tables_sort(browser: &Browser, name: &str) {
    let sorted = browser.run(
        "function numbers(th) {
            return Array.from(th.closest('table').tBodies[0].rows).map(r => r.cells[th.cellIndex].getAttribute('data-sort'))
                .filter(v => v !== null).map(Number);
         }
         return Array.from(document.querySelectorAll('th.num button')).every(function (button) {
            var th = button.parentElement;
            button.click(); var up = numbers(th); button.click(); var down = numbers(th);
            return up.every((v, i) => i === 0 || up[i - 1] <= v) && down.every((v, i) => i === 0 || down[i - 1] >= v);
         });",
    );
    assert_eq!(sorted, true, "{name}: tables sort");
}

/// Every file that the page offers unpacks; JSON is JSON and CSV has rows. The click itself must raise no error.
fn files_come_out(browser: &Browser, name: &str) {
    let files = browser.wait_for(
        "var done = arguments[0];
         Promise.all(Array.from(document.querySelectorAll('button[data-file]')).map(function (button) {
            var bytes = Uint8Array.from(atob(button.dataset.gzip), c => c.charCodeAt(0));
            var plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
            button.click();
            return new Response(plain).text().then(text => [button.dataset.file, text]);
         })).then(done);",
    );
    let files = files.as_array().unwrap();
    assert!(files.len() >= 2, "{name}: {files:?}");
    for file in files {
        let (file, text) = (file[0].as_str().unwrap(), file[1].as_str().unwrap());
        match file.rsplit('.').next().unwrap() {
            "json" => assert!(serde_json::from_str::<Value>(text).is_ok(), "{name}: {file}"),
            "csv" => assert!(text.lines().count() > 1, "{name}: {file}"),
            "toml" => assert!(text.contains("dataset"), "{name}: {file}"),
            other => panic!("{name}: nobody knows .{other}"),
        }
    }
}

/// Nothing but a table scrolls sideways.
fn fits(browser: &Browser, name: &str, width: u32) {
    let wide = browser.run("return [document.documentElement.scrollWidth, window.innerWidth];");
    assert!(wide[0].as_u64() <= wide[1].as_u64(), "{name} at {width} pixels: {wide}");
}

/// Every text that is to be seen stands out from what is behind it, 4.5 to 1.
fn contrast(browser: &Browser, name: &str) {
    let faint = browser.run(
        "function channels(c) { var m = c.match(/[\\d.]+/g); return m ? m.map(Number) : [0, 0, 0, 0]; }
         function light(c) {
            var v = channels(c).slice(0, 3).map(x => { x /= 255; return x <= 0.03928 ? x / 12.92 : Math.pow((x + 0.055) / 1.055, 2.4); });
            return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
         }
         function behind(e) {
            for (; e; e = e.parentElement) {
               var c = getComputedStyle(e).backgroundColor, a = channels(c);
               if (c !== 'transparent' && (a.length < 4 || a[3] > 0)) return c;
            }
            return 'rgb(255, 255, 255)';
         }
         document.querySelectorAll('details').forEach(d => d.open = true);
         var walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = 0, bad = [];
         while (walk.nextNode()) {
            var node = walk.currentNode, e = node.parentElement;
            if (!node.textContent.trim() || e.closest('script, style')) continue;
            var style = getComputedStyle(e), ink = e.closest('svg') ? style.fill : style.color;
            var a = light(ink), b = light(behind(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            seen += 1;
            if (ratio < 4.5) bad.push(node.textContent.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
         }
         return { seen: seen, bad: bad.slice(0, 5) };",
    );
    assert!(faint["seen"].as_u64() > Some(20), "{name}: {faint}");
    assert_eq!(faint["bad"].as_array().unwrap().len(), 0, "{name}: {faint}");
}
