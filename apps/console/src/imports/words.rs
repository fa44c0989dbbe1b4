//! The words of imports.

ui::words! {
    /// The words of imports.
    pub(crate) struct Words, used in ["src/imports"];
    "imports" {
        words {
            import_title, import_text, file, file_hint, check, choose_file, one_at_a_time,
            file_too_large, gone, uploading, checking, see_it, to_products, nothing_changed, fatal, line,
            product, variants, what_happens, is_new, is_replaced, is_conflict, is_refused, notes,
            problems_title, good_title, import_all, decide_text, none_good, discard, importing, importing_text,
            imported_title, stock_follows, cut_off, go_on_text, go_on, refused_title, another,
            more_problems, replaced_text, upload_stalled, not_taken_text, pass_over,
        }
        sentences {
            latest(name: &str),
            under_way(name: &str),
            holds(products: i64, variants: i64, pictures: i64),
            would_be(new: i64, replaced: i64),
            not_taken(n: i64),
            checked_of(done: i64, of: i64),
            import_good(n: i64),
            applied_of(done: i64, of: i64),
            imported(n: i64, new: i64, variants: i64),
            passed_over(n: i64),
            not_listed(n: i64),
            columns(name: &str, line: i64),
            on_line(line: i64),
            part_of(part: i64, of: i64),
        }
        tables { cells }
    }
}
