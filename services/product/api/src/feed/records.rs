//! Records of a CSV file (RFC 4180) out of a byte stream, with the physical lines they stand on. It holds
//! one record and one buffer, gives up on a field or record past its limit as soon as it is passed, and
//! decides nothing about what the fields mean.
//!
//! Lenient where real files are: any of `\n`, `\r\n` and `\r` ends a line, blank lines are passed over,
//! and a quote inside a field that did not begin with one is a plain character.

use std::io::{self, Read};

use super::Limits;
use super::problem::Problem;

const BUFFER_BYTES: usize = 64 * 1024;

/// Where a field of a record lies.
#[derive(Debug, Clone, Copy)]
struct Field {
    /// Its end in the record's bytes.
    end: usize,
    /// Where its first byte stands in the file, after a quote.
    offset: u64,
    /// The line it begins on.
    line: u64,
    quoted: bool,
}

/// One record. Reused, so that a file costs one allocation and not one per row.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The physical line it begins on, from 1.
    pub(crate) line: u64,
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

/// A field that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadByte {
    /// The line of the byte.
    pub(crate) line: u64,
    /// Its place in the file, from 0.
    pub(crate) offset: u64,
    /// The byte.
    pub(crate) byte: u8,
}

impl Record {
    /// How many fields it has.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    fn bytes_of(&self, i: usize) -> Option<&[u8]> {
        let end = self.fields.get(i)?.end;
        let begin = i.checked_sub(1).map_or(0, |before| self.fields[before].end);
        Some(&self.bytes[begin..end])
    }

    /// A field as text; nothing when there is none, or it is not UTF-8.
    pub(crate) fn get(&self, i: usize) -> Option<&str> {
        self.bytes_of(i).and_then(|b| std::str::from_utf8(b).ok())
    }

    /// The first byte that is not UTF-8, if there is one, and in which field.
    pub(crate) fn bad_byte(&self) -> Option<(usize, BadByte)> {
        (0..self.fields.len()).find_map(|i| {
            let (bytes, field) = (self.bytes_of(i)?, self.fields[i]);
            let at = std::str::from_utf8(bytes).err()?.valid_up_to();
            let before = &bytes[..at];
            // A quote inside a quoted field is written twice.
            let doubled = before.iter().filter(|b| field.quoted && **b == b'"').count();
            let bad = BadByte {
                line: field.line + lines_in(before),
                offset: field.offset + as_u64(at) + as_u64(doubled),
                byte: bytes[at],
            };
            Some((i, bad))
        })
    }

    fn clear(&mut self, line: u64) {
        self.line = line;
        self.bytes.clear();
        self.fields.clear();
    }
}

fn as_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Line ends, however they are written.
fn lines_in(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().enumerate().filter(|(i, b)| match b {
        b'\n' => true,
        b'\r' => bytes.get(i + 1) != Some(&b'\n'),
        _ => false,
    });
    as_u64(ends.count())
}

/// Why there is no further record.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The file cannot be read.
    Io(io::Error),
    /// Where records begin and end cannot be told any more.
    Fatal(Problem),
}

impl From<io::Error> for Broken {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// Yields the records of a stream.
pub(crate) struct Records<R> {
    input: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    /// Where the buffer begins in the file.
    base: u64,
    line: u64,
    limits: Limits,
    begun: bool,
    failed: bool,
}

impl<R: Read> Records<R> {
    pub(crate) fn new(input: R, limits: Limits) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            at: 0,
            end: 0,
            base: 0,
            line: 1,
            limits,
            begun: false,
            failed: false,
        }
    }

    /// Reads the next record; `false` at the end of the file, and after a failure.
    pub(crate) fn read(&mut self, record: &mut Record) -> Result<bool, Broken> {
        if self.failed {
            return Ok(false);
        }
        let result = self.read_record(record);
        self.failed = result.is_err();
        result
    }

    fn read_record(&mut self, record: &mut Record) -> Result<bool, Broken> {
        if !self.begun {
            self.begun = true;
            self.begin()?;
        }
        while let Some(b'\n' | b'\r') = self.peek()? {
            self.bump_char()?;
        }
        record.clear(self.line);
        if self.peek()?.is_none() {
            return Ok(false);
        }
        loop {
            if record.fields.len() >= self.limits.fields {
                let detail = format!("the row has more than {} fields", self.limits.fields);
                return Err(Broken::Fatal(Problem::new(record.line, detail)));
            }
            let quoted = self.peek()? == Some(b'"');
            let opened = self.line;
            if quoted {
                self.at += 1;
            }
            let offset = self.offset();
            if quoted {
                self.quoted(record, opened)?
            } else {
                self.plain(record, opened)?
            };
            let end = record.bytes.len();
            record.fields.push(Field { end, offset, line: opened, quoted });
            match self.peek()? {
                Some(b',') => self.at += 1,
                None => return Ok(true),
                // Only the end of a line is left.
                Some(_) => {
                    self.bump_char()?;
                    return Ok(true);
                }
            }
        }
    }

    /// Passes over a byte order mark, and refuses those of other encodings.
    fn begin(&mut self) -> Result<(), Broken> {
        while self.end < 3 {
            let n = self.read_some()?;
            if n == 0 {
                break;
            }
            self.end += n;
        }
        let start = &self.buffer[..self.end];
        if start.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        } else if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
            let detail = "the file is UTF-16; save it as UTF-8 (byte 0)";
            return Err(Broken::Fatal(Problem::new(1, detail)));
        }
        Ok(())
    }

    fn plain(&mut self, record: &mut Record, line: u64) -> Result<(), Broken> {
        let begin = record.bytes.len();
        while let Some(b) = self.peek()? {
            if matches!(b, b',' | b'\n' | b'\r') {
                break;
            }
            record.bytes.push(b);
            self.at += 1;
            self.check_size(record, begin, line, false)?;
        }
        Ok(())
    }

    fn quoted(&mut self, record: &mut Record, opened: u64) -> Result<(), Broken> {
        let begin = record.bytes.len();
        loop {
            let Some(b) = self.peek()? else {
                let detail = "a quote opens here and is never closed";
                return Err(Broken::Fatal(Problem::new(opened, detail)));
            };
            if b == b'"' {
                self.at += 1;
                match self.peek()? {
                    Some(b'"') => self.at += 1,
                    None | Some(b',' | b'\n' | b'\r') => return Ok(()),
                    Some(_) => {
                        let detail = format!(
                            "a quote opens here, and the one on line {} that closes it is followed \
                             by more text; either is missing its partner",
                            self.line
                        );
                        return Err(Broken::Fatal(Problem::new(opened, detail)));
                    }
                }
                record.bytes.push(b'"');
            } else {
                record.bytes.push(b);
                self.bump_char_kept(b, record)?;
            }
            self.check_size(record, begin, opened, true)?;
        }
    }

    fn check_size(
        &self,
        record: &Record,
        begin: usize,
        line: u64,
        quoted: bool,
    ) -> Result<(), Broken> {
        let Limits { field_bytes, record_bytes, .. } = self.limits;
        let detail = if record.bytes.len() - begin > field_bytes {
            let hint = if quoted { "; a quote opens here that may not be closed" } else { "" };
            format!("a field is longer than {field_bytes} bytes{hint}")
        } else if record.bytes.len() > record_bytes {
            format!("the row is longer than {record_bytes} bytes")
        } else {
            return Ok(());
        };
        let line = if quoted { line } else { record.line };
        Err(Broken::Fatal(Problem::new(line, detail)))
    }

    /// Takes a byte inside quotes, a whole line end if it is one, and counts lines.
    fn bump_char_kept(&mut self, b: u8, record: &mut Record) -> Result<(), Broken> {
        self.at += 1;
        if b == b'\r' && self.peek()? == Some(b'\n') {
            record.bytes.push(b'\n');
            self.at += 1;
        }
        if matches!(b, b'\n' | b'\r') {
            self.line += 1;
        }
        Ok(())
    }

    /// Passes over one line end.
    fn bump_char(&mut self) -> Result<(), Broken> {
        let Some(b) = self.peek()? else { return Ok(()) };
        self.at += 1;
        if b == b'\r' && self.peek()? == Some(b'\n') {
            self.at += 1;
        }
        self.line += 1;
        Ok(())
    }

    fn offset(&self) -> u64 {
        self.base + as_u64(self.at)
    }

    fn peek(&mut self) -> Result<Option<u8>, Broken> {
        if self.at == self.end {
            self.base += as_u64(self.end);
            (self.at, self.end) = (0, 0);
            self.end = self.read_some()?;
        }
        Ok((self.at < self.end).then(|| self.buffer[self.at]))
    }

    fn read_some(&mut self) -> io::Result<usize> {
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits() -> Limits {
        Limits { field_bytes: 100, record_bytes: 300, fields: 10, ..Limits::default() }
    }

    type Rows = Vec<(u64, Vec<String>)>;

    /// Reads in pieces of `step` bytes, so that every boundary falls somewhere.
    fn read(bytes: &[u8], step: usize, limits: Limits) -> (Rows, Option<Problem>) {
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let n = self.1.min(self.0.len()).min(buf.len());
                buf[..n].copy_from_slice(&self.0[..n]);
                self.0 = &self.0[n..];
                Ok(n)
            }
        }
        let mut records = Records::new(Pieces(bytes, step), limits);
        let (mut record, mut rows) = (Record::default(), Vec::new());
        loop {
            match records.read(&mut record) {
                Ok(true) => {
                    let fields = (0..record.len())
                        .map(|i| record.get(i).unwrap_or("<not utf-8>").to_owned())
                        .collect();
                    rows.push((record.line, fields));
                }
                Ok(false) => return (rows, None),
                Err(Broken::Fatal(p)) => return (rows, Some(p)),
                Err(Broken::Io(e)) => panic!("{e}"),
            }
        }
    }

    fn fatal(text: &str) -> (u64, String) {
        let problem = read(text.as_bytes(), 7, limits()).1.unwrap();
        (problem.line, problem.detail)
    }

    #[test]
    fn lines_are_physical_lines() {
        let text = "\u{feff}a,b\r\n1,\"x\ny\"\n\n\r\n2,\"q\"\"q\"\r3,\n\"\",\"a,b\r\nc\"\nend";
        let rows: Rows = vec![
            (1, vec!["a".into(), "b".into()]),
            (2, vec!["1".into(), "x\ny".into()]),
            (6, vec!["2".into(), "q\"q".into()]),
            (7, vec!["3".into(), String::new()]),
            (8, vec![String::new(), "a,b\r\nc".into()]),
            (10, vec!["end".into()]),
        ];
        for step in 1..20 {
            assert_eq!(read(text.as_bytes(), step, limits()), (rows.clone(), None), "{step}");
        }
        assert_eq!(read(b"", 1, limits()), (vec![], None));
        assert_eq!(read(b"\n\n", 1, limits()), (vec![], None));
        assert_eq!(read(b"a,", 1, limits()).0, [(1, vec!["a".into(), String::new()])]);
    }

    #[test]
    fn a_quote_in_the_middle_of_a_plain_field_is_a_character() {
        assert_eq!(read(b"a\"b,12\" x", 3, limits()).0[0].1, ["a\"b", "12\" x"]);
    }

    #[test]
    fn an_unclosed_quote_is_named_by_the_line_it_opened_on() {
        let (line, detail) = fatal("a,b\n1,2\n3,\"four\n5,6\n");
        assert!(line == 3 && detail.contains("never closed"), "{line} {detail}");
        let (line, detail) = fatal("a,b\n1,\"2\n3,\"four\"\n");
        assert!(line == 2 && detail.contains("line 3"), "{line} {detail}");
        let long = format!("a\n\"{}", "x\n".repeat(60));
        let (line, detail) = fatal(&long);
        assert!(line == 2 && detail.contains("longer than 100 bytes"), "{line} {detail}");
    }

    #[test]
    fn sizes_are_bounded() {
        assert!(fatal(&format!("a\n{}", "x".repeat(101))).1.contains("field"));
        assert!(fatal(&format!("a\n{}", "x".repeat(101))).0 == 2);
        let row = ["x".repeat(80).as_str(); 4].join(",");
        assert!(fatal(&row).1.contains("row is longer"));
        assert!(fatal(&",".repeat(10)).1.contains("fields"));
        assert_eq!(read(",".repeat(9).as_bytes(), 2, limits()).0[0].1.len(), 10);
    }

    #[test]
    fn other_encodings_are_told_by_byte_and_line() {
        assert!(fatal_bytes(b"\xff\xfea\0").detail.contains("UTF-16"));
        let mut records = Records::new(&b"ab\n\"x\"\"\n\xff\",c\xe9"[..], limits());
        let mut record = Record::default();
        assert!(records.read(&mut record).unwrap());
        assert_eq!(record.bad_byte(), None);
        assert!(records.read(&mut record).unwrap());
        let bad = BadByte { line: 3, offset: 8, byte: 0xff };
        assert_eq!(record.bad_byte(), Some((0, bad)));
        assert_eq!((record.get(0), record.get(1)), (None, None));
    }

    fn fatal_bytes(bytes: &[u8]) -> Problem {
        read(bytes, 1, limits()).1.unwrap()
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_back(
            rows in prop::collection::vec(
                prop::collection::vec("[a-z,\"\n\r é玫]{0,12}", 1..6), 0..20),
            step in 1_usize..40,
            crlf in any::<bool>(),
        ) {
            let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
            let mut w = csv::WriterBuilder::new()
                .flexible(true).terminator(end).from_writer(Vec::new());
            for row in &rows {
                w.write_record(row).unwrap();
            }
            let bytes = w.into_inner().unwrap();
            let (got, problem) = read(&bytes, step, limits());
            prop_assert_eq!(problem, None);
            let fields: Vec<Vec<String>> = got.iter().map(|r| r.1.clone()).collect();
            prop_assert_eq!(&fields, &rows);
            // Each record begins where the file says.
            let mut line = 1;
            for ((at, _), row) in got.iter().zip(&rows) {
                prop_assert_eq!(*at, line);
                line += 1 + row.iter().map(|f| lines_in(f.as_bytes())).sum::<u64>();
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300), step in 1_usize..9) {
            let _ = read(&bytes, step, limits());
        }
    }
}
