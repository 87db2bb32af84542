//! A browser behind the WebDriver protocol.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use serde_json::{Value, json};

/// A running browser with one window.
pub(crate) struct Browser {
    driver: Child,
    /// Address of the session.
    session: String,
    profile: tempfile::TempDir,
}

/// What keeps Chromium on this machine and without windows.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
];

impl Browser {
    /// A browser; none, with the reason on stderr, where there is no Chromium or no driver.
    pub(crate) fn start() -> Option<Self> {
        let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".into());
        let driver = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
        let found =
            |program: &str| Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
        if let Some(missing) = [&chromium, &driver].into_iter().find(|program| !found(program)) {
            eprintln!(
                "skipped: there is no `{missing}`; `just browser` installs it, or set CHROMIUM and CHROMEDRIVER"
            );
            return None;
        }
        let mut child = Command::new(&driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port_of = |line: String| {
            line.strip_suffix('.')?.split_once("successfully on port ").map(|(_, port)| port.to_owned())
        };
        let port = lines.find_map(port_of).expect("the driver says where it listens");
        let profile = tempfile::tempdir().unwrap();
        let mut flags: Vec<String> = FLAGS.map(String::from).to_vec();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let mut options = json!({ "args": flags });
        if chromium.contains('/') {
            options["binary"] = chromium.into();
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let root = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { driver: child, session: root.clone(), profile };
        let session = browser.post("", &wanted)["sessionId"].as_str().expect("a session").to_owned();
        browser.session = format!("{root}/{session}");
        Some(browser)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let sent =
            minreq::post(format!("{}{path}", self.session)).with_json(body).unwrap().with_timeout(60).send();
        let answer: Value = sent.unwrap().json().unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }

    /// Opens a file and empties the logs of what was before.
    pub(crate) fn open(&self, page: &Path) {
        for log in ["browser", "performance"] {
            self.post("/se/log", &json!({ "type": log }));
        }
        self.post("/url", &json!({ "url": format!("file://{}", page.display()) }));
    }

    /// The value that a function body returns in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The value that a function body hands to the callback `arguments[0]`.
    pub(crate) fn wait_for(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Errors and warnings of the console since the page was opened.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let loud = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        log.as_array().unwrap().iter().filter(loud).map(|entry| entry["message"].to_string()).collect()
    }

    /// Addresses that were asked for since the page was opened.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "performance" }));
        let read = |entry: &Value| -> Option<String> {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            (message["method"] == "Network.requestWillBeSent")
                .then(|| message["params"]["request"]["url"].as_str().map(str::to_owned))?
        };
        log.as_array().unwrap().iter().filter_map(read).collect()
    }

    /// A command of the browser's own protocol.
    pub(crate) fn command(&self, name: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": name, "params": parameters }))
    }

    /// How wide the window is, in pixels, and whether the reader likes it dark.
    pub(crate) fn look(&self, width: u32, dark: bool) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", &metrics);
        let theme = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.command("Emulation.setEmulatedMedia", &features);
    }

    /// Moves the pointer there, in pixels of the window.
    pub(crate) fn point(&self, x: f64, y: f64) {
        self.command("Input.dispatchMouseEvent", &json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    /// Presses and releases a key that is no letter.
    pub(crate) fn press(&self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.command("Input.dispatchKeyEvent", &json!({ "type": kind, "key": key, "code": key }));
        }
    }

    /// The whole page as a picture.
    pub(crate) fn screenshot(&self, to: &Path) {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        save(&self.command("Page.captureScreenshot", &whole)["data"], to);
    }

    /// The page as it is printed.
    pub(crate) fn print(&self, to: &Path) {
        let paper = json!({ "printBackground": false, "preferCSSPageSize": true });
        save(&self.command("Page.printToPDF", &paper)["data"], to);
    }
}

fn save(data: &Value, to: &Path) {
    let bytes = base64::engine::general_purpose::STANDARD.decode(data.as_str().unwrap()).unwrap();
    std::fs::write(to, bytes).unwrap();
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The session ends with its browser, or the profile could not be removed under it.
        let _ = minreq::delete(&self.session).with_timeout(10).send();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = self.profile.path();
    }
}
