//! What the reader promises, on small files written here. The three real files are read in `tests/it`.

use std::io::Read;

use kit::Currency;
use proptest::prelude::*;

use super::*;

mod export;

const HEADER: &str = "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,\
    Option2 Name,Option2 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Price,\
    Variant Compare At Price,Variant Barcode,Image Src,Image Position,Image Alt Text,Variant Image,Status";

fn settings() -> Settings {
    Settings::new("CNY".parse::<Currency>().unwrap(), "en".parse().unwrap())
}

fn file(rows: &[&str]) -> String {
    let mut text = HEADER.to_owned();
    for row in rows {
        text.push('\n');
        text.push_str(row);
    }
    text
}

fn check(text: &str) -> Report {
    validate(text.as_bytes(), &settings()).unwrap()
}

fn errors(text: &str) -> Vec<String> {
    check(text).errors.kept().iter().map(ToString::to_string).collect()
}

fn read(text: &str, skip: bool) -> Vec<ImportProduct> {
    let report = check(text);
    let batches = batches(text.as_bytes(), &settings(), &report, skip).unwrap();
    batches.flat_map(|b| b.unwrap().products).collect()
}

const PLAIN: &str = "a,A,<p>x</p>,V,T,,true,Title,Default Title,,,,,1,9.99,,,,,,,";

#[test]
fn a_product_is_read_whole() {
    let text = file(&[
        "rose,Red  Rose,\"<p>Line one\nline \"\"two\"\"</p>\",Grower & Co,Cut Flowers,\"Red, Gift,Red\",true,\
         Colour,Red,Size,L,R-L,28.6,7,19.90,25,'0123,https://c.example/2.png,2,second,,active",
        "rose,,,,,,,,Red,,S,,,,18,0.00,,https://c.example/1.png,1,\"first\none\",https://c.example/2.png,",
        "rose,,,,,,,,,,,,,,,,,https://c.example/3.png,,,,",
        "rose,,,,,,,,White,,L,,0,0,17.5,,,,,,,",
    ]);
    let got = read(&text, false);
    let [import] = got.as_slice() else { panic!("{got:?}") };
    let p = &import.product;
    let en = "en".parse().unwrap();
    assert_eq!((p.slug.as_str(), p.title.get(&en)), ("rose", "Red  Rose"));
    assert_eq!(p.description.as_ref().unwrap().get(&en), "<p>Line one\nline \"two\"</p>");
    assert_eq!((import.vendor.as_str(), import.category.as_str()), ("Grower & Co", "Cut Flowers"));
    assert_eq!(p.tags, ["Red", "Gift"]);
    assert_eq!(import.quantities, [Some(7), None, Some(0)]);
    let options: Vec<_> = p.options.iter().map(|o| (o.name.as_str(), o.values.join(" "))).collect();
    assert_eq!(options, [("Colour", "Red White".to_owned()), ("Size", "L S".to_owned())]);
    let skus: Vec<_> = p
        .skus
        .iter()
        .map(|s| (s.options.join("/"), s.prices[0].amount, s.prices[0].compare_at, s.weight_grams))
        .collect();
    assert_eq!(
        skus,
        [
            ("Red/L".to_owned(), 1_990, Some(2_500), 29),
            ("Red/S".to_owned(), 1_800, None, 0),
            ("White/L".to_owned(), 1_750, None, 0),
        ]
    );
    assert_eq!((p.skus[0].code.as_str(), p.skus[0].barcode.as_str()), ("R-L", "0123"));
    let images: Vec<_> = p.images.iter().map(|i| (i.url.as_str(), i.alt.as_str())).collect();
    assert_eq!(
        images,
        [
            ("https://c.example/1.png", "first one"),
            ("https://c.example/2.png", "second"),
            ("https://c.example/3.png", ""),
        ]
    );
    assert_eq!(p.skus[1].image.as_ref().unwrap().alt, "second");
    assert_eq!(p.status, crate::ProductStatus::OnSale);
}

#[test]
fn title_default_title_is_no_option() {
    let got = read(&file(&[PLAIN, "b,B,x,,,,false,,,,,,,,1,,,,,,,"]), false);
    assert!(got.iter().all(|p| p.product.options.is_empty()));
    assert!(got.iter().all(|p| p.product.skus[0].options.is_empty()));
    assert_eq!(got[1].product.status, crate::ProductStatus::Off);
}

#[test]
fn every_mistake_is_told_with_line_and_column() {
    let text = file(&[
        "a,A,x,,,,maybe,Size,S,,,,x,-1,9.999,free,,http://a/b,0,,ftp://x,sold",
        "a,,,,,,,Sise,,,,,,,,,,,,,,",
        "a,,,,,,,,,,L,,,1,,,,,,,,",
        "Bad Handle,,x,,,,,,,,,,,,,,,,,,,",
    ]);
    let got = errors(&text);
    for wanted in [
        "line 2, column Published: \"maybe\"",
        "line 2, column Status: \"sold\"",
        "line 2, column Variant Price: \"9.999\" is not a price in CNY",
        "line 2, column Variant Compare At Price: \"free\"",
        "line 2, column Variant Grams: \"x\"",
        "line 2, column Variant Inventory Qty: -1 is negative",
        "line 2, column Variant Image: \"ftp://x\"",
        "line 2, column Image Src: \"http://a/b\": must begin with https://",
        "line 2, column Image Position: \"0\"",
        "line 4, column Variant Price: is empty",
        "line 5, column Handle: \"Bad Handle\"",
        "line 5, column Title: is empty",
        "line 5, column Variant Price: is empty",
    ] {
        assert!(got.iter().any(|e| e.starts_with(wanted)), "{wanted}: {got:#?}");
    }
    assert_eq!(check(&text).rejected, 2);
}

#[test]
fn options_are_named_on_the_first_row_and_have_values_on_every_variant() {
    let got = errors(&file(&[
        "a,A,x,,,,,Size,S,,,,,,1,,,,,,,",
        "a,,,,,,,Colour,L,,,,,,1,,,,,,,",
        "a,,,,,,,,,,,X,,,1,,,,,,,",
        "a,,,,,,,,XL,,Red,,,,1,,,,,,,",
    ]));
    assert_eq!(
        got,
        [
            "line 3, column Option1 Name: \"Colour\" is not the option's name on the first row, \"Size\"",
            "line 4, column Option1 Value: has no \"Size\"",
            "line 5, column Option2 Value: has a value, but the option has no name",
        ]
    );
}

#[test]
fn a_variant_stands_once() {
    let got = errors(&file(&[
        "a,A,x,,,,,Size,S,,,,,,1,,,,,,,",
        "a,,,,,,,,S,,,,,,2,,,,,,,",
        "b,B,x,,,,,,,,,C1,,,1,,,,,,,",
        "c,C,x,,,,,,,,,C1,,,1,,,,,,,",
    ]));
    assert_eq!(
        got,
        [
            "line 3, column Option1 Value: \"S\" is the variant of line 2 already",
            "line 5, column Variant SKU: \"C1\" stands on line 4 already",
        ]
    );
}

#[test]
fn rows_of_a_product_follow_one_another_and_a_torn_product_is_not_imported() {
    let text = file(&[PLAIN, "b,B,x,,,,,,,,,,,,1,,,,,,,", "a,,,,,,,,M,,,,,,1,,,,,,,"]);
    let report = check(&text);
    assert!(errors(&text)[0].starts_with("line 4, column Handle: \"a\" stands on line 2 already"));
    assert_eq!((report.products, report.variants, report.rejected), (1, 1, 1));
    let got = read(&text, true);
    assert_eq!(got.iter().map(|p| p.product.slug.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_bad_row_rejects_its_product_and_no_other() {
    let text = file(&[
        PLAIN,
        "b,B,x,,,,,Size,S,,,,,,1,,,,,,,",
        "b,,,,,,,,M,,,,,,oops,,,,,,,",
        "b,,,,,,,,L,,,,,,1,,,,,,,",
        "c,C,x,,,,,,,,,,,,1,,,,,,,",
    ]);
    let report = check(&text);
    assert_eq!((report.products, report.rejected, report.errors.count()), (2, 1, 1));
    assert!(matches!(
        batches(text.as_bytes(), &settings(), &report, false),
        Err(ImportError::NotClean)
    ));
    let got = read(&text, true);
    assert_eq!(got.iter().map(|p| p.product.slug.as_str()).collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn a_row_that_cannot_be_split_is_told_and_blamed_on_its_product() {
    let text = file(&[PLAIN, "a,too,few", ",,,,,,,,,,,,,,,,,,,,,", "b,B,x,,,,,,,,,,,,1,,,,,,,"]);
    let got = errors(&text);
    assert_eq!(got[0], "line 3: has 3 fields where the header has 22");
    assert!(got[1].starts_with("line 4, column Handle: is empty"), "{got:?}");
    assert_eq!((check(&text).products, check(&text).rejected), (1, 1));
}

#[test]
fn wrong_bytes_are_told_by_line_byte_and_column() {
    let mut bytes = file(&[PLAIN]).into_bytes();
    bytes.extend(b"\nb,Caf\xe9,x,,,,,,,,,,,,1,,,,,,,\n");
    let report = validate(bytes.as_slice(), &settings()).unwrap();
    let at = bytes.iter().position(|b| *b == 0xe9).unwrap();
    assert_eq!(
        report.errors.kept()[0].to_string(),
        format!("line 3, column Title: byte {at} (0xe9) is not UTF-8")
    );
    assert_eq!((report.products, report.rejected, report.fatal), (1, 1, false));
}

#[test]
fn what_hides_the_end_of_rows_is_fatal_to_the_file() {
    for (text, wanted) in [
        (String::new(), "line 1: the file is empty"),
        ("Handle,Name\n".to_owned(), "line 1, column Title: is missing"),
        (file(&[PLAIN, "b,\"B,x"]), "line 3: a quote opens here and is never closed"),
        (file(&["b,\"B,x", "c,\"C\",x"]), "line 2: a quote opens here, and the one on line 3"),
    ] {
        let report = check(&text);
        assert!(report.fatal, "{text}");
        let last = report.errors.kept()[0].to_string();
        assert!(last.starts_with(wanted), "{last}");
        assert!(batches(text.as_bytes(), &settings(), &report, true).is_err());
    }
}

/// A file that goes on with the same byte, and counts how much of it was taken.
struct Endless<'a> {
    start: &'a [u8],
    left: u64,
    taken: u64,
}

impl Read for Endless<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = if self.start.is_empty() {
            let n = usize::try_from(self.left).unwrap().min(buf.len());
            buf[..n].fill(b'a');
            self.left -= n as u64;
            n
        } else {
            let n = self.start.len().min(buf.len());
            buf[..n].copy_from_slice(&self.start[..n]);
            self.start = &self.start[n..];
            n
        };
        self.taken += n as u64;
        Ok(n)
    }
}

#[test]
fn a_line_of_a_gigabyte_is_refused_without_reading_it() {
    for opening in ["b,", "b,\"", ""] {
        let start = format!("{}\n{opening}", file(&[PLAIN]));
        let mut input = Endless { start: start.as_bytes(), left: 1 << 30, taken: 0 };
        let report = validate(&mut input, &settings()).unwrap();
        let error = report.errors.kept().last().unwrap();
        assert!(report.fatal && error.line == 3, "{error}");
        assert!(error.detail.contains("longer than 1048576 bytes"), "{error}");
        assert!(input.taken < 2 << 20, "{} bytes were read", input.taken);
    }
}

#[test]
fn counts_are_bounded() {
    let mut s = settings();
    s.limits = Limits { product_rows: 3, rows: 9, problems: 2, ..s.limits };
    let mut rows = vec!["a,A,x,,,,,Size,0,,,,,,1,,,,,,,".to_owned()];
    rows.extend((1..5).map(|n| format!("a,,,,,,,,{n},,,,,,1,,,,,,,")));
    let text = file(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let report = validate(text.as_bytes(), &s).unwrap();
    assert_eq!(report.errors.kept()[0].to_string(), "line 5: the product has more than 3 rows");
    assert_eq!(report.errors.count(), 1);
    let text = file(&["a,A,x,,,,,,,,,,,,no,,,,,,,"; 12]);
    let report = validate(text.as_bytes(), &s).unwrap();
    assert!(report.fatal && report.errors.kept().len() == 2 && report.errors.count() > 2);
    let mut rows = vec!["a,A,x,,,,,Size,0,,,,,,1,,,,,,,".to_owned()];
    rows.extend((1..=200).map(|n| format!("a,,,,,,,,{n},,,,,,1,,,,,,,")));
    let text = file(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(errors(&text)[0].contains("one variant more than 200"), "{:?}", errors(&text));
}

#[test]
fn batches_are_bounded_in_products_and_bytes() {
    let long = "y".repeat(90_000);
    let rows: Vec<String> = (0..120)
        .map(|n| {
            let body = if n < 20 { &long } else { "x" };
            format!("p{n},P,{body},,,,,,,,,,,,1,,,,,,,")
        })
        .collect();
    let text = file(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let report = check(&text);
    let got: Vec<Batch> = batches(text.as_bytes(), &settings(), &report, false)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut offset = 0;
    for batch in &got {
        assert_eq!(batch.offset, offset);
        assert!(batch.products.len() <= 50);
        assert!(serde_json::to_vec(&batch.products).unwrap().len() < (1 << 20) + 1_000);
        offset += u32::try_from(batch.products.len()).unwrap();
    }
    assert_eq!((offset, report.products), (120, 120));
    assert!(got.len() >= 4, "{}", got.len());
}

#[test]
fn another_file_than_the_checked_one_is_noticed() {
    let report = check(&file(&[PLAIN]));
    let other = file(&[PLAIN, "b,B,x,,,,,,,,,,,,1,,,,,,,"]);
    for text in [other.as_str(), HEADER] {
        let last = batches(text.as_bytes(), &settings(), &report, false).unwrap().last();
        assert!(matches!(last, Some(Err(ImportError::Changed))), "{last:?}");
    }
}

#[test]
fn nothing_to_see_makes_a_draft() {
    let text = file(&["a,A,,,,,,,,,,,,,1,,,,,,,"]);
    assert_eq!(read(&text, false)[0].product.status, crate::ProductStatus::Draft);
    assert!(check(&text).warnings.kept()[0].to_string().contains("imported as a draft"));
}

/// A product as the property writes it: handle number, then size and price of its variants.
type Sample = Vec<(u8, u32)>;

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        samples in prop::collection::vec(
            prop::collection::btree_map(0_u8..50, 0_u32..1_000_000, 1..6), 0..30),
        body in "[a-z\"\n,<>]{0,40}",
    ) {
        let samples: Vec<Sample> = samples.into_iter().map(|s| s.into_iter().collect()).collect();
        let mut w = csv::Writer::from_writer(Vec::new());
        w.write_record(HEADER.split(',')).unwrap();
        for (n, sample) in samples.iter().enumerate() {
            for (i, (size, price)) in sample.iter().enumerate() {
                let first = |text: &str| if i == 0 { text.to_owned() } else { String::new() };
                let mut row = vec![String::new(); 22];
                row[0] = format!("p{n}");
                row[1] = first("Title");
                row[2] = first(&body);
                row[7] = first("Size");
                row[8] = size.to_string();
                row[14] = format!("{}.{:02}", price / 100, price % 100);
                w.write_record(&row).unwrap();
            }
        }
        let text = String::from_utf8(w.into_inner().unwrap()).unwrap();
        let report = check(&text);
        prop_assert!(report.is_clean(), "{:?}", report.errors);
        let got: Vec<Sample> = read(&text, false)
            .iter()
            .map(|p| {
                let amount = |s: &crate::NewSku| u32::try_from(s.prices[0].amount).unwrap();
                p.product.skus.iter().map(|s| (s.options[0].parse().unwrap(), amount(s))).collect()
            })
            .collect();
        prop_assert_eq!(&got, &samples);
        prop_assert_eq!(report.variants as usize, samples.iter().map(Vec::len).sum::<usize>());
    }

    #[test]
    fn any_file_is_answered(text in "[a-z,\"\n\r0-9.é-]{0,200}") {
        let text = format!("{HEADER}\n{text}");
        let report = check(&text);
        if let Ok(batches) = batches(text.as_bytes(), &settings(), &report, true) {
            let n: usize = batches.map(|b| b.unwrap().products.len()).sum();
            prop_assert_eq!(n, report.products as usize);
        }
    }
}

#[test]
fn a_plan_says_of_every_product_what_becomes_of_it() {
    let text = file(&[
        "a,A,x,,,,,Size,S,,,,,,1,,,,,,,",
        "a,,,,,,,,M,,,,,,1,,,,,,,",
        "b,Bad One,x,,,,,,,,,,,,oops,,,,,,,",
        "c,C,x,,,,,,,,,,,,1,,,,,,,",
        "d,D,x,,,,,,,,,,,,1,,,,,,,",
    ]);
    let report = check(&text);
    let mut plan = Plan::new(&report);
    let conflict = crate::ImportConflict { index: 2, detail: "taken".into() };
    for batch in batches(text.as_bytes(), &settings(), &report, true).unwrap() {
        let known = ["c".parse().unwrap(), "zzz".parse().unwrap()];
        plan.add(&batch.unwrap(), &known, std::slice::from_ref(&conflict));
    }
    assert_eq!((plan.new, plan.replaced, plan.conflicts, plan.refused), (1, 1, 1, 1));
    assert!(!plan.is_clean() && plan.good_count() == 2 && plan.fatal.is_none());
    let told = |rows: &[Row]| -> Vec<(u64, String, u32)> {
        rows.iter().map(|r| (r.line, r.title.clone(), r.variants)).collect()
    };
    assert_eq!(told(plan.good()), [(2, "A".into(), 2), (5, "C".into(), 1)]);
    assert_eq!(plan.good()[1].outcome, Outcome::Replaces);
    assert_eq!(told(plan.problems()), [(4, "Bad One".into(), 0), (6, "D".into(), 1)]);
    let Outcome::Mistakes(mistakes) = &plan.problems()[0].outcome else { panic!("{plan:?}") };
    let [mistake] = mistakes.kept() else { panic!("{mistakes:?}") };
    assert_eq!((mistake.line, mistake.column.as_deref()), (4, Some("Variant Price")));
    assert_eq!(plan.problems()[1].outcome, Outcome::Conflict("taken".into()));
}

#[test]
fn a_plan_keeps_the_first_thousand_problems_and_counts_all() {
    let rows: Vec<String> = (0..3_000)
        .map(|n| {
            let price = if n % 2 == 0 { "1" } else { "oops" };
            format!("p{n},P,x,,,,,,,,,,,,{price},,,,,,,")
        })
        .collect();
    let text = file(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let report = check(&text);
    let mut plan = Plan::new(&report);
    for batch in batches(text.as_bytes(), &settings(), &report, true).unwrap() {
        let batch = batch.unwrap();
        let all = 0..u32::try_from(batch.products.len()).unwrap();
        let conflicts: Vec<_> =
            all.map(|index| crate::ImportConflict { index, detail: "taken".into() }).collect();
        plan.add(&batch, &[], &conflicts);
    }
    assert_eq!((plan.conflicts, plan.refused, plan.good_count()), (1_500, 1_500, 0));
    let lines: Vec<u64> = plan.problems().iter().map(|r| r.line).collect();
    assert_eq!(lines, (2..1_002).collect::<Vec<_>>());
}

#[test]
fn a_plan_of_a_file_that_cannot_be_read_says_why() {
    let plan = Plan::new(&check(&file(&[PLAIN, "b,\"B,x"])));
    assert!(plan.fatal.unwrap().detail.contains("never closed"));
}

#[test]
fn only_a_draft_may_lack_a_price() {
    let text = file(&["a,A,x,,,,,,,,,,,,,,,,,,,draft", "b,B,x,,,,,,,,,,,,,,,,,,,active"]);
    assert_eq!(errors(&text), ["line 3, column Variant Price: is empty"]);
    assert_eq!(read(&text, true)[0].product.skus[0].prices, []);
}
