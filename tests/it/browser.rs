//! A browser without a screen: it keeps cookies, follows redirects as far as they stay with us, and sends forms.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::server::{PASSWORD, Server, User};

/// The issuer of the server under test.
pub const ISSUER: &str = "http://localhost:8080";

/// A browser.
pub struct Browser<'s> {
    server: &'s Server,
    http: reqwest::Client,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What a browser came to: a page, or a redirect that leads away from us.
#[derive(Clone, Debug)]
pub struct Page {
    /// The path and query that it was asked for with.
    pub path: String,
    /// The status.
    pub status: u16,
    /// The headers, by name; of several the last.
    pub headers: BTreeMap<String, String>,
    /// What `Set-Cookie` said, all of it.
    pub cookies: Vec<String>,
    /// The body.
    pub body: String,
}

impl<'s> Browser<'s> {
    /// A browser that knows nothing yet.
    pub fn new(server: &'s Server) -> Self {
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = builder.timeout(Duration::from_secs(20)).build().unwrap();
        Self { server, http, cookies: Mutex::default() }
    }

    /// Opens `path`.
    pub async fn open(&self, path: &str) -> Page {
        self.send(self.request("GET", path), path).await
    }

    /// A request to `path` with the cookies that there are.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.server.address);
        let cookies = self.cookies.lock().unwrap();
        let cookies: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.request(method.parse().unwrap(), url);
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    /// Sends `request`, which is for `path`, and follows where it leads.
    pub async fn send(&self, request: reqwest::RequestBuilder, path: &str) -> Page {
        let mut page = self.step(request, path).await;
        for _ in 0..10 {
            let Some(next) = page.within() else { return page };
            page = self.step(self.request("GET", &next), &next).await;
        }
        panic!("this leads nowhere: {}", page.path);
    }

    /// Sends `request`, which is for `path`, and stays there.
    pub async fn step(&self, request: reqwest::RequestBuilder, path: &str) -> Page {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let texts = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let texts: Vec<_> = texts.collect();
        let cookies: Vec<_> =
            texts.iter().filter(|(name, _)| name == "set-cookie").map(|(_, cookie)| cookie.clone()).collect();
        for cookie in &cookies {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let mut known = self.cookies.lock().unwrap();
            match cookie.contains("Max-Age=0") {
                true => known.remove(name),
                false => known.insert(name.to_owned(), value.to_owned()),
            };
        }
        let body = response.text().await.unwrap();
        Page { path: path.to_owned(), status, headers: texts.into_iter().collect(), cookies, body }
    }

    /// Sends the form of `page` with `fields` filled in.
    pub async fn submit(&self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let (request, action) = self.form(page, fields);
        self.send(request, &action).await
    }

    /// The request that sends the form of `page` with `fields` filled in, and its path.
    pub fn form(&self, page: &Page, fields: &[(&str, &str)]) -> (reqwest::RequestBuilder, String) {
        let mut form = page.hidden();
        form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let action = page.action();
        let request =
            self.request("POST", &action).header("origin", ISSUER).header("sec-fetch-site", "same-origin");
        (request.form(&form), action)
    }

    /// Signs in on `page`.
    pub async fn sign_in(&self, page: &Page, user: &User) -> Page {
        self.submit(page, &[("username", &user.name), ("password", PASSWORD)]).await
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Gives the browser a cookie.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// Takes a cookie away.
    pub fn drop_cookie(&self, name: &str) {
        self.cookies.lock().unwrap().remove(name);
    }
}

impl Page {
    /// Where it leads within us.
    fn within(&self) -> Option<String> {
        self.headers.get("location")?.strip_prefix(ISSUER).map(ToOwned::to_owned)
    }

    /// Where it leads.
    #[track_caller]
    pub fn location(&self) -> &str {
        self.headers.get("location").unwrap_or_else(|| panic!("no redirect: {self:?}"))
    }

    /// Whether it is the page of that path, without the query.
    pub fn is_at(&self, path: &str) -> bool {
        self.status < 300 && self.path.split('?').next() == Some(path)
    }

    /// What the client is told: in the query of the redirect, or in the form that goes to it.
    #[track_caller]
    pub fn answer(&self) -> BTreeMap<String, String> {
        match self.headers.get("location") {
            Some(location) => {
                let url = url::Url::parse(location).unwrap();
                url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
            }
            None => self.hidden().into_iter().collect(),
        }
    }

    /// A member of the answer.
    #[track_caller]
    pub fn told(&self, name: &str) -> String {
        self.answer().remove(name).unwrap_or_else(|| panic!("no `{name}` in {self:?}"))
    }

    /// Where the form goes.
    #[track_caller]
    pub fn action(&self) -> String {
        let tag = self.tags("form").next().unwrap_or_else(|| panic!("no form in {self:?}"));
        attribute(tag, "action").unwrap()
    }

    /// The hidden fields of the form.
    pub fn hidden(&self) -> Vec<(String, String)> {
        let hidden = self.tags("input").filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"));
        hidden.map(|tag| (attribute(tag, "name").unwrap(), attribute(tag, "value").unwrap())).collect()
    }

    /// What stands in the field `name`.
    pub fn field(&self, name: &str) -> Option<String> {
        let tag = self.tags("input").find(|tag| attribute(tag, "name").as_deref() == Some(name))?;
        attribute(tag, "value")
    }

    /// How many tags called `name` there are.
    pub fn tags_of(&self, name: &str) -> usize {
        self.tags(name).count()
    }

    /// The tags called `name`.
    fn tags<'p>(&'p self, name: &str) -> impl Iterator<Item = &'p str> {
        let opening = format!("<{name} ");
        let starts: Vec<_> = self.body.match_indices(&opening).map(|(at, _)| at).collect();
        starts.into_iter().map(|at| self.body[at..].split('>').next().unwrap())
    }
}

/// The value of an attribute, as the browser understands it.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    let mut text = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("&#") {
        let (number, after) = after.split_once(';').unwrap();
        text += before;
        text.push(char::from_u32(number.parse().unwrap()).unwrap());
        rest = after;
    }
    Some(text + rest)
}
