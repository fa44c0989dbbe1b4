//! Forms with files, as a browser sends them.

use axum::body::Body;
use web::testing::{Browser, Seen};

const BOUNDARY: &str = "----a-boundary-of-the-browser";

/// A file: field, name, type, content.
pub type File<'a> = (&'a str, &'a str, &'a str, &'a [u8]);

/// Sends a form with files and a token.
pub async fn send(
    browser: &mut Browser,
    path: &str,
    token: &str,
    fields: &[(&str, &str)],
    files: &[File<'_>],
) -> Seen {
    let mut body = Vec::new();
    for (name, value) in [("csrf", token)].iter().chain(fields) {
        let head =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value.as_bytes());
        body.extend_from_slice(b"\r\n");
    }
    for (field, name, kind, content) in files {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: {kind}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    browser.send("POST", path, &kind, Body::from(body)).await
}

/// Sends a form with files and the visitor's token.
pub async fn post(
    browser: &mut Browser,
    path: &str,
    fields: &[(&str, &str)],
    files: &[File<'_>],
) -> Seen {
    let token = browser.token();
    send(browser, path, &token, fields, files).await
}
