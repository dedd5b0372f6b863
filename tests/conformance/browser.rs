//! A person's login in a real browser: Chromium without a screen, driven by chromedriver (W3C WebDriver).

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use mailbearer::{Client, Error, Kind, LoggedIn, LoginOptions};
use mailbearer_mock::{Server as Mock, memory::Options};
use serde_json::{Value, json};

use crate::login::person;

const USER: &str = "robot@mailbearer.test";

/// A browser with one window.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: tempfile::TempDir,
}

/// A driver, what it goes on saying, and the line that names its port.
fn driver() -> Option<(Child, impl Iterator<Item = String> + Send + 'static, String)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("chromedriver is needed here and does not start ({error}); `cargo xtask test` installs it")
        });
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map(Result::unwrap);
    match lines.find(|line| line.contains("successfully on port")) {
        Some(line) => Some((driver, lines, line)),
        None => {
            driver.wait().unwrap();
            None
        }
    }
}

impl Browser {
    fn start(languages: &str) -> Self {
        // The port that it picks may be taken meanwhile for the other of IPv4 and IPv6; then it ends.
        let (driver, lines, line) = (0..5).find_map(|_| driver()).expect("chromedriver finds no port");
        // It goes on talking, and must not stop for a full pipe.
        thread::spawn(move || lines.for_each(drop));
        let port = line.trim_end_matches('.').rsplit(' ').next().unwrap().parse().unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, port, session: String::new(), profile };
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            format!("--user-data-dir={}", browser.profile.path().display()),
            format!("--accept-lang={languages}"),
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "acceptInsecureCerts": true, "goog:chromeOptions": { "args": arguments },
        } } });
        let value = browser.http("POST", "/session", &capabilities);
        browser.session = value["sessionId"].as_str().unwrap_or_else(|| panic!("{value}")).to_owned();
        browser
    }

    fn http(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        // It may keep the connection open all the same, so the length counts.
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["value"].clone()
    }

    fn get(&self, what: &str) -> Value {
        self.http("GET", &format!("/session/{}/{what}", self.session), &json!({}))
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        self.http("POST", &format!("/session/{}/{what}", self.session), body)
    }

    /// Goes to an address; one that nobody listens at leaves an error page.
    fn open(&self, address: &str) {
        self.post("url", &json!({ "url": address }));
    }

    fn click(&self, id: &str) {
        let found = self.post("element", &json!({ "using": "css selector", "value": format!("#{id}") }));
        let element = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        let element = element.unwrap_or_else(|| panic!("no {id}: {}", self.get("source")));
        self.post(&format!("element/{element}/click"), &json!({}));
    }

    fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    fn heading(&self) -> String {
        self.run("return document.querySelector('h1') ? document.querySelector('h1').textContent : ''")
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until the page with this heading is there: a click returns before its page has come.
    #[track_caller]
    fn shows(&self, want: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while self.heading() != want {
            assert!(Instant::now() < until, "no {want:?}: {}", self.get("source"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the browser found nobody at the address that it was sent to.
    #[track_caller]
    fn finds_nobody(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.get("source").as_str().unwrap_or_default().contains("ERR_CONNECTION_REFUSED") {
            assert!(Instant::now() < until, "somebody: {}", self.get("source"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn address(&self) -> String {
        self.get("url").as_str().unwrap_or_default().to_owned()
    }

    /// The page fits a screen this wide: nothing has to be scrolled sideways. A picture of it goes to the folder that
    /// `MAILBEARER_TEST_PICTURES` names.
    fn fits(&self, name: &str, width: u32, height: u32) {
        let metrics = json!({
            "cmd": "Emulation.setDeviceMetricsOverride",
            "params": { "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 },
        });
        self.post("goog/cdp/execute", &metrics);
        let sizes = self.run("return [document.documentElement.scrollWidth, window.innerWidth]");
        assert_eq!(sizes, json!([width, width]), "{name}");
        let size = self.run("return parseFloat(getComputedStyle(document.querySelector('p')).fontSize)");
        assert!(size.as_f64().unwrap() >= 16.0, "{name}: {size}");
        if let Some(folder) = env::var_os("MAILBEARER_TEST_PICTURES") {
            let picture = self.get("screenshot");
            let octets = STANDARD.decode(picture.as_str().unwrap()).unwrap();
            fs::write(std::path::Path::new(&folder).join(format!("{name}-{width}.png")), octets).unwrap();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            self.http("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn during(client: &Client, browse: impl FnOnce(&str, &str) + Send) -> Result<LoggedIn, Error> {
    let mut options = LoginOptions::default();
    options.patience = Duration::from_secs(60);
    let login = client.begin_login(options).unwrap();
    let (address, redirect) = (login.address().to_owned(), login.redirect_uri().to_owned());
    thread::scope(|scope| {
        let browsing = scope.spawn(move || browse(&address, &redirect));
        let done = login.wait();
        browsing.join().unwrap();
        done
    })
}

#[test]
fn a_person_in_a_browser() {
    let mock = Mock::start(Options::default()).unwrap();
    let client = person(&mock, |_| {}).blocking().unwrap();
    let browser = Browser::start("en-US,en");

    // A redirect of elsewhere comes first, and is waited on.
    let done = during(&client, |address, redirect| {
        browser.open(&format!("{redirect}/?code=stolen&state=other"));
        browser.shows("This is not the login that is waited for");
        browser.fits("other-en", 320, 640);
        browser.open(&format!("{redirect}/favicon.ico"));
        browser.shows("There is nothing here");
        browser.open(address);
        browser.shows("Log in to the mock");
        browser.click("accept");
        browser.shows("You are logged in");
        assert!(browser.address().starts_with(redirect));
        browser.fits("done-en", 320, 640);
        browser.fits("done-en", 1280, 800);
    });
    assert_eq!(done.unwrap().user.as_deref(), Some(USER));
    assert_eq!(mock.tokens().issued(), 1);

    // The back button, and yes once more: nobody listens, and nothing is redeemed.
    browser.post("back", &json!({}));
    browser.shows("Log in to the mock");
    browser.click("accept");
    browser.finds_nobody();
    assert_eq!(mock.tokens().issued(), 1);

    // Two tabs with the same login: the first that says yes is it.
    let done = during(&client, |address, _| {
        browser.open(address);
        let first = browser.get("window");
        let second = browser.post("window/new", &json!({ "type": "tab" }))["handle"].clone();
        browser.post("window", &json!({ "handle": second }));
        browser.open(address);
        browser.click("accept");
        browser.shows("You are logged in");
        browser.post("window", &json!({ "handle": first }));
        browser.click("accept");
        browser.finds_nobody();
    });
    done.unwrap();
    assert_eq!(mock.tokens().issued(), 2);

    // A tab of an earlier login is told so by the later one, which goes on.
    let done = during(&client, |address, redirect| {
        browser.open(&address.replace("&state=", "&state=x"));
        browser.click("accept");
        browser.shows("This is not the login that is waited for");
        assert!(browser.address().starts_with(redirect));
        browser.open(address);
        browser.click("refuse");
        browser.shows("The login did not work");
        let text = browser.run("return document.body.innerText").as_str().unwrap().to_owned();
        assert!(text.contains("access_denied"), "{text}");
        browser.fits("refused-en", 320, 640);
        browser.fits("refused-en", 1280, 800);
    });
    assert_eq!(done.unwrap_err().kind(), Kind::Auth);
    assert_eq!(mock.tokens().issued(), 2);

    // Somebody else logs in.
    let done = during(&client, |address, _| {
        browser.open(&address.replace("login_hint=robot", "login_hint=bob"));
        browser.click("accept");
        browser.shows("The login did not work");
    });
    assert!(done.unwrap_err().to_string().contains("bob@mailbearer.test logged in"));
}

#[test]
fn a_person_in_a_browser_that_speaks_chinese() {
    let mock = Mock::start(Options::default()).unwrap();
    let client = person(&mock, |_| {}).blocking().unwrap();
    let browser = Browser::start("zh-CN,zh,en");
    let done = during(&client, |address, _| {
        browser.open(address);
        browser.click("accept");
        browser.shows("登录成功");
        browser.fits("done-zh", 320, 640);
        browser.fits("done-zh", 1280, 800);
    });
    done.unwrap();
    let done = during(&client, |address, _| {
        browser.open(address);
        browser.click("refuse");
        browser.shows("登录未完成");
        browser.fits("refused-zh", 320, 640);
        browser.fits("refused-zh", 1280, 800);
    });
    assert_eq!(done.unwrap_err().kind(), Kind::Auth);
}
