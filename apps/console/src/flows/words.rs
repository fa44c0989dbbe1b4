//! The words of flows.

use ui::Reader;

use super::diagram::Labels;

ui::words! {
    /// The words of flows.
    pub(crate) struct Words, used in ["src/flows"];
    "flows" {
        words {
            flows, flows_text, of_order, of_after_sale, version, active, published_at,
            running, nothing_runs, edit, compare, what_it_shows, statuses, status, note, moves, from,
            operation, to, by_whom, condition, effects, after, buyer, staff, platform, initial_mark,
            final_mark, by_people, by_itself, timer, source, too_large_to_draw,
            diagram_description, differences, no_differences, line_old, line_new, only_old, only_new,
            edit_text, document, check, show_differences, publish, publish_question,
            problems, problems_text, is_fine_nothing_new, unchanged, preview, empty_document,
            newer_text, wrong_flow, versions_text, cancel, draft,
        }
        sentences {
            flow_version(n: u32),
            version_no(n: u32),
            orders_here(n: u64),
            weeks(n: u64),
            days(n: u64),
            hours(n: u64),
            minutes(n: u64),
            seconds(n: u64),
            diagram_title(flow: &str),
            differences_to(n: u32),
            published_now(n: u32),
            stay_behind(n: u64),
            is_fine(n: u32),
            begun_with(n: u32),
            newer(n: u32),
            at_place(line: usize, column: usize),
            lines_changed(gone: usize, new: usize),
            compare_with(n: u32),
            version_is_given(n: u32),
        }
    }
}

impl Words {
    /// What a flow is called.
    pub(crate) fn flow<'a>(&self, code: &'a str) -> &'a str {
        match code {
            "order" => self.of_order,
            "after_sale" => self.of_after_sale,
            other => other,
        }
    }
}

/// Labels of a flow for a reader.
pub(crate) struct FlowLabels<'a>(pub(crate) &'a Reader);

impl Labels for FlowLabels<'_> {
    fn status(&self, name: &str, label: &str) -> String {
        ui::Words::of(self.0.lang).status(name, label)
    }

    fn operation(&self, name: &str, label: &str) -> String {
        ui::Words::of(self.0.lang).operation(name, label)
    }

    fn locale(&self) -> &str {
        self.0.locale.as_str()
    }
}
