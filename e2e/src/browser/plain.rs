//! What a browser sends and gets, without a browser: pages, cookies and forms as they are on the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::header::{CONTENT_TYPE, COOKIE, HOST, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Somebody with cookies, at one host.
#[derive(Debug, Clone)]
pub struct Plain {
    http: Client,
    base: String,
    host: String,
    /// What the host has set, by name.
    pub cookies: BTreeMap<String, String>,
}

/// An answer as it is on the wire.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its text.
    pub body: String,
}

impl Seen {
    /// A header's text; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// Whether it is a page.
    #[must_use]
    pub fn is_page(&self) -> bool {
        self.header(CONTENT_TYPE.as_str()).starts_with("text/html")
    }

    /// Where it leads on.
    #[must_use]
    pub fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// Every cookie that it sets, with its attributes.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().filter_map(|v| v.to_str().ok()).collect()
    }

    /// The token that the page's forms send back.
    ///
    /// # Errors
    /// When there is no form.
    pub fn csrf(&self) -> Result<String> {
        let (_, after) =
            self.body.split_once("name=\"csrf\" value=\"").context("the page has no form")?;
        Ok(after.split('"').next().unwrap_or_default().to_owned())
    }
}

impl Plain {
    pub(crate) fn new(base: &str, host: &str) -> Result<Self> {
        let http = Client::builder().timeout(ANSWER_WITHIN).redirect(Policy::none()).build()?;
        let (base, host) = (base.to_owned(), host.to_owned());
        Ok(Self { http, base, host, cookies: BTreeMap::new() })
    }

    /// Asks for a page, and keeps the cookies that it sets.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&mut self, path: &str) -> Result<Seen> {
        let request = self.http.get([&self.base, path].concat());
        self.send(request).await
    }

    /// Sends a form as a browser does, and keeps the cookies that the answer sets.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Seen> {
        let request = self.http.post([&self.base, path].concat());
        self.send(request.header(ORIGIN, ["http://", &self.host].concat()).form(fields)).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<Seen> {
        let pairs: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let request = request.header(HOST, &self.host).header(COOKIE, pairs.join("; "));
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let seen = Seen { status, headers, body: response.text().await? };
        for cookie in seen.set_cookies() {
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("a cookie has a value")?;
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(seen)
    }
}

/// That the answer protects whoever reads it: nothing runs but our own scripts, and cookies are closed to
/// scripts and to other sites' forms.
///
/// # Errors
/// What is missing.
pub fn is_protected(seen: &Seen) -> Result<()> {
    let csp = seen.header("content-security-policy");
    for part in
        ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"]
    {
        ensure!(csp.contains(part), "the policy lacks {part}: {csp:?}");
    }
    for bad in ["unsafe", "*", "data:", "http:"] {
        ensure!(!csp.contains(bad), "the policy allows {bad}: {csp:?}");
    }
    ensure!(seen.header("x-content-type-options") == "nosniff", "types are guessed");
    for cookie in seen.set_cookies() {
        let attributes: Vec<String> =
            cookie.split(';').skip(1).map(|a| a.trim().to_ascii_lowercase()).collect();
        let same_site = ["samesite=lax", "samesite=strict"];
        ensure!(attributes.iter().any(|a| a == "httponly"), "open to scripts: {cookie}");
        ensure!(attributes.iter().any(|a| same_site.contains(&a.as_str())), "sent along: {cookie}");
        ensure!(!attributes.iter().any(|a| a.starts_with("domain=")), "for other hosts: {cookie}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &'static str)]) -> Seen {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Seen { status: 200, headers: map, body: String::new() }
    }

    #[test]
    fn a_weak_policy_and_an_open_cookie_are_found() {
        let csp = (
            "content-security-policy",
            "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        );
        let nosniff = ("x-content-type-options", "nosniff");
        let cookie = |text| ("set-cookie", text);
        is_protected(&answer(&[csp, nosniff, cookie("a=1; HttpOnly; SameSite=Lax")])).unwrap();
        for bad in ["a=1; SameSite=Lax", "a=1; HttpOnly", "a=1; HttpOnly; SameSite=None"] {
            assert!(is_protected(&answer(&[csp, nosniff, cookie(bad)])).is_err(), "{bad}");
        }
        let loose = ("content-security-policy", "default-src 'none'; script-src 'unsafe-inline'");
        assert!(is_protected(&answer(&[loose, nosniff])).is_err());
        assert!(is_protected(&answer(&[nosniff])).is_err());
    }
}
