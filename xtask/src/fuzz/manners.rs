//! A short list of bad requests, and the rule that each refusal is a problem document: `application/problem+json` with
//! `type`, `title`, `status`, `code` and `request_id`.

use anyhow::Result;
use serde_json::Value;

use super::demo::{Demo, Kind};
use super::document;
use crate::http::Body;

/// Well over any body limit.
const HUGE: usize = 64 << 20;

/// One bad request, and the statuses that are right for it.
struct Bad<'a> {
    what: &'static str,
    method: &'static str,
    path: &'a str,
    host: Option<&'static str>,
    headers: &'a [(&'a str, &'a str)],
    body: Body<'a>,
    right: &'static [u16],
}

/// Sends the list; each wrong answer is a line.
///
/// # Errors
/// When no answer comes at all.
pub fn check(demo: &Demo, document: &Value) -> Result<Vec<String>> {
    let json = &[("Content-Type", "application/json")];
    let sessions = "/v1/store/sessions";
    let base = |what, path, right| Bad {
        what,
        method: "GET",
        path,
        host: None,
        headers: &[],
        body: Body::Empty,
        right,
    };
    let post = |what, body, right| Bad {
        method: "POST",
        headers: json,
        body,
        ..base(what, sessions, right)
    };
    let mut list = vec![
        base("unknown store route", "/v1/store/no-such-route", &[404]),
        base("unknown admin route", "/v1/admin/no-such-route", &[401, 404]),
        Bad {
            host: Some("nobody.localhost"),
            ..base("unknown host", "/v1/store/products", &[421])
        },
        Bad { method: "PUT", ..base("unknown method", sessions, &[405]) },
        post("broken JSON", Body::Text("{\"login\": "), &[400, 422]),
        post("JSON of another shape", Body::Text("[1, 2]"), &[400, 422]),
        post("no body", Body::Text(""), &[400, 415, 422]),
        Bad {
            headers: &[("Content-Type", "text/plain")],
            ..post("wrong content type", Body::Text("login=a"), &[415])
        },
        post("huge body", Body::Filler(HUGE), &[413]),
        post(
            "wrong password",
            Body::Text(r#"{"login":"nobody@example.com","password":"wrong-Password-1"}"#),
            &[401],
        ),
    ];
    for kind in [Kind::Member, Kind::Staff] {
        if let Some(path) = document::plain_read(document, kind.prefix()) {
            let bad = Bad {
                headers: &[("Authorization", "Bearer no-such-token")],
                ..base("unknown token", path, &[401])
            };
            list.push(bad);
        }
    }
    if let Some(path) = document::plain_read(document, Kind::Staff.prefix()) {
        list.push(base("no token", path, &[401]));
    }
    let mut faults = Vec::new();
    for bad in list {
        let Bad { what, method, path, host, headers, body, right } = bad;
        let answer = demo.send_to(host.unwrap_or(&demo.host), method, path, headers, body)?;
        let request = format!("{what} ({method} {path})");
        if !right.contains(&answer.status) {
            faults
                .push(format!("{request} is answered with {}, not with {right:?}", answer.status));
        } else if let Some(fault) =
            problem_fault(answer.status, answer.header("content-type"), &answer.body)
        {
            faults.push(format!("{request}, answer {}: {fault}", answer.status));
        }
    }
    Ok(faults)
}

/// What is wrong with a refusal as a problem document, if anything.
pub fn problem_fault(status: u16, content_type: Option<&str>, body: &[u8]) -> Option<String> {
    let media = content_type.unwrap_or("(none)");
    if media
        .split(';')
        .next()
        .is_none_or(|media| !media.trim().eq_ignore_ascii_case("application/problem+json"))
    {
        return Some(format!("the content type is {media}, not application/problem+json"));
    }
    let Ok(Value::Object(problem)) = serde_json::from_slice(body) else {
        return Some("the body is not a JSON object".to_owned());
    };
    for field in ["type", "title", "code", "request_id"] {
        if problem.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Some(format!("the field `{field}` is missing, empty, or no string"));
        }
    }
    let told = problem.get("status").and_then(Value::as_u64);
    (told != Some(u64::from(status)))
        .then(|| format!("the field `status` is {told:?}, the answer's status is {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"type":"https://x/not_found","title":"Not found","status":404,"code":"not_found","request_id":"r1"}"#;
    const MEDIA: Option<&str> = Some("application/problem+json");

    #[test]
    fn a_whole_problem_document_passes() {
        assert_eq!(
            problem_fault(404, Some("application/problem+json; charset=utf-8"), GOOD.as_bytes()),
            None
        );
    }

    #[test]
    fn each_missing_part_is_named() {
        for field in ["type", "title", "code", "request_id"] {
            let body = GOOD.replace(&format!("\"{field}\""), "\"other\"");
            assert!(problem_fault(404, MEDIA, body.as_bytes()).unwrap().contains(field));
        }
        assert!(problem_fault(400, MEDIA, GOOD.as_bytes()).unwrap().contains("status"));
        assert!(
            problem_fault(404, Some("text/plain"), GOOD.as_bytes())
                .unwrap()
                .contains("content type")
        );
        assert!(problem_fault(404, None, b"").unwrap().contains("content type"));
        assert!(problem_fault(404, MEDIA, b"oops").unwrap().contains("not a JSON object"));
    }
}
