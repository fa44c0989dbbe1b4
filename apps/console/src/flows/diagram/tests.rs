//! The demo's flows and random ones: everything appears, and nothing stands on anything else.

use std::collections::BTreeMap;

use flow::Document;
use proptest::prelude::*;

use super::chart::{Actor, Chart, Labels};
use super::layout::{Link, Rect, Size, layout};
use super::svg::{Texts, draw};

const DEMO: [&str; 4] = [
    include_str!("../../../../../stoa/demo/flows/flora-order.json"),
    include_str!("../../../../../stoa/demo/flows/gadget-order.json"),
    include_str!("../../../../../stoa/demo/flows/outlet-order.json"),
    include_str!("../../../../../stoa/demo/flows/after_sale.json"),
];

struct Plain(&'static str);

impl Labels for Plain {
    fn status(&self, _: &str, label: &str) -> String {
        label.to_owned()
    }

    fn operation(&self, _: &str, label: &str) -> String {
        label.to_owned()
    }

    fn locale(&self) -> &str {
        self.0
    }
}

fn drawn(chart: &Chart) -> String {
    let texts = Texts {
        title: "A <flow>".to_owned(),
        description: "how to read it",
        running: &|n| format!("{n} orders"),
        after: &|after| after.to_owned(),
        actor: &|actor| match actor {
            Actor::Buyer => "buyer",
            Actor::Staff => "staff",
            Actor::System => "platform",
        },
    };
    draw(chart, &texts).unwrap().into_string()
}

fn documents() -> impl Iterator<Item = Document> {
    DEMO.iter().map(|text| serde_json::from_str(text).unwrap())
}

#[test]
fn every_status_and_operation_of_the_demo_is_drawn() {
    for (n, document) in documents().enumerate() {
        for locale in ["en", "zh-CN"] {
            let running: BTreeMap<String, u64> =
                document.statuses.keys().zip(3..).map(|(s, n)| (s.clone(), n)).collect();
            let chart = Chart::of(&document, &Plain(locale), Some(&running));
            let svg = drawn(&chart);
            if let Ok(folder) = std::env::var("STOA_PAGES_DIR") {
                let path = std::path::Path::new(&folder).join(format!("flow_{n}_{locale}.svg"));
                std::fs::write(path, &svg).unwrap();
            }
            for (code, n) in &running {
                assert!(svg.contains(&format!(">{code}</text>")), "{code}");
                let is_final = document.statuses[code].is_final;
                assert_eq!(svg.contains(&format!(">{n} orders</text>")), !is_final);
            }
            for operation in document.operations.keys() {
                assert!(svg.contains(&format!(" ({operation}) · ")), "{operation}");
            }
            for trigger in &document.triggers {
                assert!(svg.contains(&format!(">{}</text>", trigger.after)));
            }
            let finals = document.statuses.values().filter(|s| s.is_final).count();
            assert_eq!(svg.matches("class=\"inner\"").count(), finals);
            assert_eq!(svg.matches("flow-start").count(), 1);
            assert!(svg.contains("A &lt;flow&gt;") && !svg.contains("style="));
        }
    }
}

#[test]
fn the_first_status_comes_first_and_one_that_is_not_met_last() {
    for document in documents() {
        let chart = Chart::of(&document, &Plain("en"), None);
        assert!(chart.statuses[0].is_initial && chart.root() == 0);
        assert_eq!(chart.statuses.len(), document.statuses.len());
    }
}

#[test]
fn a_flow_that_is_too_large_is_not_drawn() {
    let mut document = documents().next().unwrap();
    for n in 0..100 {
        document.statuses.insert(format!("S{n}"), flow::document::Status::default());
    }
    assert!(!Chart::of(&document, &Plain("en"), None).is_drawable());
}

fn overlap(a: Rect, b: Rect) -> bool {
    a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}

fn size(width: std::ops::Range<i32>, height: std::ops::Range<i32>) -> impl Strategy<Value = Size> {
    (width, height).prop_map(|(width, height)| Size { width, height })
}

/// Boxes, and links between any two of them, to themselves and twice too.
fn graph() -> impl Strategy<Value = (Vec<Size>, Vec<Link>, usize)> {
    (1_usize..16).prop_flat_map(|count| {
        let boxes = prop::collection::vec(size(80..180, 50..90), count);
        let link = (0..count, 0..count, size(20..200, 18..60));
        let links = prop::collection::vec(link, 0..40).prop_map(|links| {
            let links = links.into_iter();
            links.map(|(from, to, text)| Link { from, to, text }).collect()
        });
        (boxes, links, 0..count)
    })
}

proptest! {
    #[test]
    fn nothing_stands_on_anything_else((boxes, links, root) in graph()) {
        let drawing = layout(&boxes, &links, root);
        prop_assert_eq!(drawing.boxes.len(), boxes.len());
        prop_assert_eq!(drawing.routes.len(), links.len());
        let texts = drawing.routes.iter().map(|r| r.text);
        let all: Vec<Rect> = drawing.boxes.iter().copied().chain(texts).collect();
        for (i, a) in all.iter().enumerate() {
            prop_assert!(a.x >= 0 && a.y >= 0, "{a:?} is outside");
            prop_assert!(a.right() <= drawing.size.width && a.bottom() <= drawing.size.height);
            for b in &all[i + 1..] {
                prop_assert!(!overlap(*a, *b), "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn a_line_joins_its_boxes_and_passes_the_others((boxes, links, root) in graph()) {
        let drawing = layout(&boxes, &links, root);
        for (link, route) in links.iter().zip(&drawing.routes) {
            if link.from == link.to {
                prop_assert!(route.gates.is_empty());
                continue;
            }
            let (upper, lower) =
                if route.is_back { (link.to, link.from) } else { (link.from, link.to) };
            let (upper, lower) = (drawing.boxes[upper], drawing.boxes[lower]);
            let (first, last) = (route.gates[0], route.gates[route.gates.len() - 1]);
            prop_assert_eq!((first.bottom, last.top), (upper.bottom(), lower.y));
            prop_assert!(upper.x <= first.x && first.x <= upper.right());
            prop_assert!(lower.x <= last.x && last.x <= lower.right());
            let tops: Vec<i32> = route.gates.iter().map(|g| g.top).collect();
            prop_assert!(tops.is_sorted(), "it runs downwards only");
            for gate in &route.gates[1..route.gates.len() - 1] {
                let thin = Rect { x: gate.x, y: gate.top, width: 1, height: gate.bottom - gate.top };
                for b in &drawing.boxes {
                    prop_assert!(!overlap(thin, *b), "a line runs through a box");
                }
            }
        }
    }

    #[test]
    fn the_same_flow_is_drawn_the_same((boxes, links, root) in graph()) {
        prop_assert_eq!(layout(&boxes, &links, root), layout(&boxes, &links, root));
    }
}

#[test]
fn roles_of_one_kind_are_one_actor() {
    let text = r#"{"code": "order", "initStatus": "A", "statuses": {"A": {}, "B": {"final": true}},
        "operations": {
            "ship": {"from": "A", "to": "B", "by": ["system", "staff.warehouse", "staff"]},
            "close": {"from": "A", "to": "B", "by": ["system"]}}}"#;
    let document: Document = serde_json::from_str(text).unwrap();
    let chart = Chart::of(&document, &Plain("en"), None);
    let [line] = chart.lines.as_slice() else { panic!("two moves, one line") };
    let actors: Vec<_> = line.moves.iter().map(|m| (m.operation.as_str(), m.actors())).collect();
    let wanted = [("close", vec![Actor::System]), ("ship", vec![Actor::Staff, Actor::System])];
    assert_eq!(actors, wanted);
    assert!(!line.is_automatic());
}
