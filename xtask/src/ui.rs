//! What the commands print. Everything goes to standard output in order with what the child programs print; a closed
//! pipe is ignored, because a reader that went away must not fail a build.

use std::fmt::Arguments;
use std::io::Write as _;
use std::time::Duration;

/// Prints one line.
macro_rules! say {
    ($($words:tt)*) => { $crate::ui::line(format_args!($($words)*)) };
}

/// Prints one line; use the `say!` macro.
pub fn line(words: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _closed_pipe = writeln!(out, "{words}").and_then(|()| out.flush());
}

/// A headline before a part that takes time.
pub fn head(words: &str) {
    line(format_args!("\n== {words}"));
}

/// A duration for people: `0.4s`, `12.0s`, `3m05s`.
pub fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{seconds}.{}s", time.subsec_millis() / 100)
    } else {
        format!("{}m{:02}s", seconds / 60, seconds % 60)
    }
}

/// Lines up columns; the first row is the heading.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|c| {
            rows.iter()
                .filter_map(|row| row.get(c))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(human(Duration::from_millis(430)), "0.4s");
        assert_eq!(human(Duration::from_secs(185)), "3m05s");
    }

    #[test]
    fn columns_line_up_and_lines_do_not_end_in_blanks() {
        let rows = vec![vec!["step".into(), "time".into()], vec!["clippy".into(), "1s".into()]];
        assert_eq!(table(&rows), "step    time\nclippy  1s\n");
    }
}
