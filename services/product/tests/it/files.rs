//! The three real files, counted twice: by the reader, and by the `csv` crate with sets. They lie beside
//! the repository; where they are absent the tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use product_api::ImportProduct;
use product_api::feed::{Report, Settings, batches, validate};

/// What a simple reading of a file finds: variants with price and quantity, and pictures, by product.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// By handle and option values: minor units and stock.
    pub variants: BTreeMap<(String, Vec<String>), (i64, i64)>,
    pub handles: BTreeSet<String>,
    pub images: BTreeSet<(String, String)>,
    pub vendors: BTreeSet<String>,
    pub types: BTreeSet<String>,
}

pub fn settings() -> Settings {
    Settings::new("CNY".parse().unwrap(), "en".parse().unwrap())
}

/// The real files, by name; none where they are absent.
pub fn real_files() -> Vec<(String, Vec<u8>)> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found: Option<PathBuf> =
        from.ancestors().map(|d| d.join("shared/data")).find(|d| d.join("apparel.csv").is_file());
    let Some(folder) = found else { return Vec::new() };
    ["apparel.csv", "home-and-garden.csv", "jewelery.csv"]
        .map(|name| (name.to_owned(), std::fs::read(folder.join(name)).unwrap()))
        .into()
}

/// Says why a test did nothing.
#[expect(clippy::disallowed_macros, reason = "a test that skips says so where its runner looks")]
pub fn skipped() {
    eprintln!("skipped: there is no folder shared/data beside the repository");
}

/// Yuan with up to two decimals as fen, by moving the point.
fn fen(price: &str) -> i64 {
    let (whole, cents) = price.split_once('.').unwrap_or((price, ""));
    format!("{whole}{cents:0<2}").parse().unwrap()
}

pub fn count(bytes: &[u8]) -> Counted {
    let mut reader = csv::Reader::from_reader(bytes);
    let mut counted = Counted::default();
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        let handle = row["Handle"].clone();
        counted.handles.insert(handle.clone());
        for (set, column) in [(&mut counted.vendors, "Vendor"), (&mut counted.types, "Type")] {
            set.extend(Some(row[column].clone()).filter(|v| !v.is_empty()));
        }
        if !row["Image Src"].is_empty() {
            counted.images.insert((handle.clone(), row["Image Src"].clone()));
        }
        if !row["Variant Price"].is_empty() {
            let values: Vec<String> = ["Option1 Value", "Option2 Value", "Option3 Value"]
                .map(|c| row[c].clone())
                .into_iter()
                .filter(|v| !v.is_empty() && v != "Default Title")
                .collect();
            let stock = row["Variant Inventory Qty"].parse().unwrap();
            let known =
                counted.variants.insert((handle, values), (fen(&row["Variant Price"]), stock));
            assert!(known.is_none());
        }
    }
    counted
}

pub fn read(bytes: &[u8]) -> (Report, Vec<ImportProduct>) {
    let report = validate(bytes, &settings()).unwrap();
    let batches = batches(bytes, &settings(), &report, false).unwrap();
    let products = batches.flat_map(|b| b.unwrap().products).collect();
    (report, products)
}

#[test]
fn the_real_files_are_read_as_a_simple_reading_counts_them() {
    let files = real_files();
    if files.is_empty() {
        return skipped();
    }
    for (name, bytes) in files {
        let simple = count(&bytes);
        let (report, products) = read(&bytes);
        assert!(report.is_clean() && !report.fatal, "{name}: {:?}", report.errors);
        assert_eq!(report.products as usize, simple.handles.len(), "{name}");
        assert_eq!(report.variants as usize, simple.variants.len(), "{name}");
        assert_eq!(report.images as usize, simple.images.len(), "{name}");
        let mut got = Counted::default();
        for import in &products {
            let p = &import.product;
            let handle = p.slug.to_string();
            got.handles.insert(handle.clone());
            got.vendors.extend(Some(import.vendor.clone()).filter(|v| !v.is_empty()));
            got.types.extend(Some(import.category.clone()).filter(|v| !v.is_empty()));
            got.images.extend(p.images.iter().map(|i| (handle.clone(), i.url.clone())));
            for (sku, stock) in p.skus.iter().zip(&import.quantities) {
                let key = (handle.clone(), sku.options.clone());
                got.variants.insert(key, (sku.prices[0].amount, stock.unwrap()));
            }
        }
        assert_eq!(got, simple, "{name}");
    }
}

/// A file with one place changed.
fn broken(bytes: &[u8], from: &str, to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// Broken copies of the file of jewelry, each with what must be said of it.
pub fn broken_copies() -> Vec<(Vec<u8>, &'static str)> {
    let Some((_, bytes)) = real_files().into_iter().find(|(name, _)| name == "jewelery.csv") else {
        return Vec::new();
    };
    let copy = |from, to: &[u8]| broken(&bytes, from, to);
    vec![
        (copy("42.99,44.99", b"42:99,44.99"), "line 2, column Variant Price: \"42:99\""),
        (
            copy(",,Silver,,,", b",,Gold,,,"),
            "line 5, column Option1 Value: \"Gold\" is the variant of line 4",
        ),
        (
            copy(
                "\"7 chakra bracelet, in blue or black.\"",
                b"\"7 chakra bracelet, in blue or black.",
            ),
            "line 2: a quote opens here",
        ),
        (copy("7 Shakra", b"7 Sh\xe4kra"), "line 2, column Title: byte "),
        (
            copy("boho-earrings,,,", b"choker-with-bead,,,"),
            "column Handle: \"choker-with-bead\" stands on line",
        ),
        (
            copy(",0,,0,deny", b",0,,-4,deny"),
            "line 3, column Variant Inventory Qty: -4 is negative",
        ),
        (copy("Variant Price", b"Variant Prize"), "line 1, column Variant Price: is missing"),
        (
            copy("leather-anchor,,", b"leather-anchor,"),
            "line 5: has 45 fields where the header has 46",
        ),
    ]
}

#[test]
fn broken_copies_are_refused_with_line_numbers() {
    let copies = broken_copies();
    if copies.is_empty() {
        return skipped();
    }
    for (bytes, wanted) in copies {
        let report = validate(bytes.as_slice(), &settings()).unwrap();
        let told: Vec<String> = report.errors.kept().iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|e| e.contains(wanted)), "{wanted}: {told:?}");
        assert!(batches(bytes.as_slice(), &settings(), &report, false).is_err());
    }
}
