//! Reading what schemathesis recorded (one JSON event per line), to hold every answer against the rules it does not
//! check: each 4xx is a problem document, every operation was tried, and no operation was only ever refused at the door.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::manners::problem_fault;

/// So many faults of one operation are told; the report has the rest.
const TOLD_MAX: usize = 3;

/// Everything that was seen, by operation (`GET /v1/…`).
#[derive(Debug, Default)]
pub struct Record {
    operations: BTreeMap<String, Vec<Answer>>,
}

/// One answer, as far as it matters here.
#[derive(Debug)]
struct Answer {
    /// `None`: no answer came.
    status: Option<u16>,
    /// What is wrong with it as a problem document, if it is a 4xx.
    fault: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "ScenarioFinished")]
    scenario: Option<Scenario>,
}

#[derive(Deserialize)]
struct Scenario {
    recorder: Recorder,
}

#[derive(Deserialize)]
struct Recorder {
    label: String,
    #[serde(default)]
    interactions: BTreeMap<String, Interaction>,
}

#[derive(Deserialize)]
struct Interaction {
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Response {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, Vec<String>>,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Base64 {
        #[serde(rename = "$base64")]
        text: String,
    },
    Text(String),
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, values)| values.first())
            .map(String::as_str)
    }

    fn body(&self) -> Vec<u8> {
        match &self.content {
            Some(Content::Base64 { text }) => STANDARD.decode(text).unwrap_or_default(),
            Some(Content::Text(text)) => text.clone().into_bytes(),
            None => Vec::new(),
        }
    }

    /// A request that is no HTTP is refused by the protocol library before any code of ours runs: no body, no type, and
    /// the connection is closed. Nothing else looks like this.
    fn is_protocol_refusal(&self) -> bool {
        matches!(self.status_code, 400 | 414 | 431)
            && self.header("content-type").is_none()
            && self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
            && self.body().is_empty()
    }
}

impl From<Interaction> for Answer {
    fn from(seen: Interaction) -> Self {
        let Some(response) = seen.response else {
            return Self { status: None, fault: Some("no answer came".to_owned()) };
        };
        let status = response.status_code;
        let refusal = (400..500).contains(&status) && !response.is_protocol_refusal();
        let fault = refusal
            .then(|| problem_fault(status, response.header("content-type"), &response.body()))
            .flatten();
        Self { status: Some(status), fault }
    }
}

/// Reads the report of one run.
///
/// # Errors
/// When there is none, or a line is not an event.
pub fn read_file(report: &Path) -> Result<Record> {
    let file = File::open(report)
        .with_context(|| format!("schemathesis wrote no report {}", report.display()))?;
    read(BufReader::new(file)).with_context(|| format!("cannot read {}", report.display()))
}

fn read(lines: impl BufRead) -> Result<Record> {
    let mut record = Record::default();
    for (number, line) in lines.lines().enumerate() {
        let line = line?;
        // Only these events are of interest; the others come in many shapes.
        if !line.starts_with("{\"ScenarioFinished\"") {
            continue;
        }
        let event: Line = serde_json::from_str(&line)
            .with_context(|| format!("line {} is not an event", number + 1))?;
        if let Some(Scenario { recorder }) = event.scenario {
            let answers = recorder.interactions.into_values().map(Answer::from);
            record.operations.entry(recorder.label).or_default().extend(answers);
        }
    }
    Ok(record)
}

impl Record {
    /// How many requests were sent.
    pub fn requests(&self) -> usize {
        self.operations.values().map(Vec::len).sum()
    }

    /// Everything that is wrong, given the operations that had to be tried.
    pub fn faults(&self, wanted: &[String]) -> Vec<String> {
        let mut faults = Vec::new();
        for label in wanted {
            let answers = self.operations.get(label).map(Vec::as_slice).unwrap_or_default();
            if answers.is_empty() {
                faults.push(format!("{label} was never tried"));
                continue;
            }
            let wrong: Vec<String> = answers
                .iter()
                .filter_map(|answer| {
                    answer.fault.as_ref().map(|fault| {
                        format!("{label} {}: {fault}", answer.status.unwrap_or_default())
                    })
                })
                .collect();
            faults.extend(wrong.iter().take(TOLD_MAX).cloned());
            if wrong.len() > TOLD_MAX {
                faults.push(format!(
                    "{label}: {} more answers that are no problem document",
                    wrong.len() - TOLD_MAX
                ));
            }
            if is_at_the_door(label, answers) {
                faults.push(format!(
                    "{label} was only answered with 401, 421 or 429: the run saw nothing of it"
                ));
            }
        }
        faults
    }
}

/// Whether every request was refused before the operation was reached. Signing in is refused with 401 by itself.
fn is_at_the_door(label: &str, answers: &[Answer]) -> bool {
    !label.contains("/sessions")
        && answers.iter().all(|answer| matches!(answer.status, Some(401 | 421 | 429)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBLEM: &str =
        r#"{"type":"t","title":"t","status":404,"code":"not_found","request_id":"r"}"#;

    fn line(label: &str, answers: &[(u16, &str, &str)]) -> String {
        let interactions: serde_json::Map<String, serde_json::Value> = answers
            .iter()
            .enumerate()
            .map(|(n, (status, media, body))| {
                let response = serde_json::json!({ "status_code": status, "headers": { "content-type": [media] },
                    "content": { "$base64": STANDARD.encode(body) }, "elapsed": 0 });
                (n.to_string(), serde_json::json!({ "request": {}, "response": response }))
            })
            .collect();
        let recorder =
            serde_json::json!({ "label": label, "cases": {}, "interactions": interactions });
        format!(
            "{}\n",
            serde_json::json!({ "ScenarioFinished": { "id": "1", "recorder": recorder } })
        )
    }

    fn faults(lines: &str, wanted: &[&str]) -> Vec<String> {
        let wanted: Vec<String> = wanted.iter().map(|label| (*label).to_owned()).collect();
        read(lines.as_bytes()).unwrap().faults(&wanted)
    }

    #[test]
    fn good_answers_have_no_fault() {
        let text = line(
            "GET /a",
            &[(200, "application/json", "{}"), (404, "application/problem+json", PROBLEM)],
        );
        let other = "{\"PhaseStarted\":{\"payload\":[1,2]}}\n";
        assert_eq!(faults(&format!("{other}{text}"), &["GET /a"]), Vec::<String>::new());
        assert_eq!(read(text.as_bytes()).unwrap().requests(), 2);
    }

    #[test]
    fn a_refusal_that_is_no_problem_document_is_a_fault_and_many_are_summed_up() {
        let text = line(
            "GET /a",
            &[
                (200, "application/json", "{}"),
                (404, "text/plain", "no"),
                (400, "text/plain", "no"),
            ],
        );
        let found = faults(&text, &["GET /a"]);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("GET /a 404: the content type is text/plain"), "{found:?}");
        let text = line("GET /a", &[(404, "text/plain", "no"); 9]);
        assert!(faults(&text, &["GET /a"]).last().unwrap().contains("6 more"));
    }

    #[test]
    fn an_operation_that_was_not_tried_or_never_reached_is_a_fault() {
        assert_eq!(faults("", &["GET /a"]), ["GET /a was never tried"]);
        let body = PROBLEM.replace("404", "401");
        let refused = [(401, "application/problem+json", body.as_str())];
        assert!(faults(&line("GET /a", &refused), &["GET /a"])[0].contains("saw nothing"));
        assert!(
            faults(&line("POST /v1/store/sessions", &refused), &["POST /v1/store/sessions"])
                .is_empty()
        );
    }

    #[test]
    fn a_request_without_an_answer_is_a_fault() {
        let text = "{\"ScenarioFinished\":{\"recorder\":{\"label\":\"GET /a\",\"interactions\":{\"1\":{\"response\":null}}}}}\n";
        assert!(faults(text, &["GET /a"])[0].contains("no answer came"));
    }

    #[test]
    fn only_a_bare_refusal_that_closes_the_connection_is_the_protocols_own() {
        let response = |connection: &str, body: &str| -> Response {
            let headers = serde_json::json!({ "Connection": [connection] });
            serde_json::from_value(
                serde_json::json!({ "status_code": 400, "headers": headers, "content": body }),
            )
            .unwrap()
        };
        assert!(response("close", "").is_protocol_refusal());
        assert!(!response("keep-alive", "").is_protocol_refusal());
        assert!(!response("close", "bad").is_protocol_refusal());
    }
}
