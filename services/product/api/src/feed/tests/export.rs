//! What is exported is what an import reads, and nothing in it runs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use types::{Locale, Texts};

use super::super::*;
use super::{PLAIN, check, file, read, settings};
use crate::{ChannelPrice, Image, NewProduct, NewSku, ProductOption, ProductStatus};

fn written(products: &[ImportProduct]) -> String {
    let mut writer = Writer::new(&settings()).unwrap();
    let mut bytes = Vec::new();
    for product in products {
        writer.write(product).unwrap();
        bytes.extend(writer.take().unwrap());
    }
    bytes.extend(writer.take().unwrap());
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_a_spreadsheet_would_run_is_written_as_text_and_read_as_it_was() {
    let texts = ["=1+1", "+41 44", "-5 %", "@cmd", "'=kept", "''-two", "'quoted'", "＝wide"];
    let rows: Vec<String> = texts
        .iter()
        .enumerate()
        .map(|(n, t)| format!("p{n},'{t},'{t},'{t},Kind,'{t},,Title,Default Title,,,'{t},7,3,1,,'{t},https://c.example/x,1,'{t},,"))
        .collect();
    let text = file(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let products = read(&text, false);
    let titles: Vec<&str> =
        products.iter().map(|p| p.product.title.all().values().next().unwrap().as_str()).collect();
    assert_eq!(titles[..6], texts[..6]);
    let out = written(&products);
    let mut reader = csv::Reader::from_reader(out.as_bytes());
    for cell in
        reader.records().flat_map(|r| r.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
    {
        assert!(!cell.starts_with(['=', '+', '-', '@', '＝']), "{cell}");
    }
    assert_eq!(read(&out, false), products);
}

#[test]
fn numbers_of_merchants_survive_a_spreadsheet() {
    let mut products = read(&file(&[PLAIN]), false);
    products[0].product.skus[0].barcode = "5901234123457".into();
    products[0].product.skus[0].code = "007".into();
    let out = written(&products);
    assert!(out.contains(",'5901234123457,") && out.contains(",'007,"), "{out}");
    assert_eq!(read(&out, false), products);
}

#[test]
fn an_export_names_brand_and_category_so_that_an_import_finds_them() {
    let locale: Locale = "zh-CN".parse().unwrap();
    let text = |s: &str| types::Texts::one(locale.clone(), s);
    let category = |id, slug: &str, name: &str| crate::Category {
        id: types::CategoryId::from_i64(id).unwrap(),
        parent_id: None,
        slug: slug.parse().unwrap(),
        name: text(name),
        position: 0,
    };
    let brand = crate::Brand { id: types::BrandId::from_i64(9).unwrap(), name: "Grower".into() };
    let categories = [category(1, "flowers", "鲜花"), category(2, "home-garden", "Home & Garden")];
    let names = Names::new(vec![brand], &categories, &locale);
    let mut product = read(&file(&[PLAIN]), false).remove(0).product;
    product.brand_id = types::BrandId::from_i64(9).ok();
    for (id, wanted) in [(1, "flowers"), (2, "Home & Garden")] {
        product.category_ids = vec![types::CategoryId::from_i64(id).unwrap()];
        let exported = names.exported(product.clone(), vec![Some(4)]);
        assert_eq!((exported.vendor.as_str(), exported.category.as_str()), ("Grower", wanted));
        assert_eq!(read(&written(std::slice::from_ref(&exported)), false), [exported]);
    }
}

/// Words with everything in them that a file could stumble over.
fn words() -> impl Strategy<Value = String> {
    "[-=+@'a-zé玫,\"<>;. 0-9]{1,12}".prop_filter("has something to read", |t| {
        !t.trim_matches(['\'', ' ']).is_empty() && t.trim() == t
    })
}

/// Every combination of values, so that they first appear in the order of the options.
fn combinations(options: &[ProductOption]) -> Vec<Vec<String>> {
    options.iter().fold(vec![Vec::new()], |all, option| {
        let with = |start: &Vec<String>, value: &String| {
            let mut longer = start.clone();
            longer.push(value.clone());
            longer
        };
        all.iter().flat_map(|s| option.values.iter().map(move |v| with(s, v))).collect()
    })
}

/// Price, discount and weight of a variant.
type Numbers = (i64, i64, i64);

fn skus(
    options: &[ProductOption],
    numbers: &[Numbers],
    images: &[Image],
    code: &str,
) -> Vec<NewSku> {
    let sku = |n: usize, options, (amount, more, grams): Numbers| NewSku {
        code: format!("{code}{n}"),
        barcode: format!("{amount:014}"),
        options,
        prices: vec![ChannelPrice {
            channel: "web".into(),
            amount,
            compare_at: (more > 0).then_some(more),
        }],
        weight_grams: grams,
        image: images.get(n).cloned(),
    };
    let all = combinations(options).into_iter().zip(numbers).enumerate();
    all.map(|(n, (options, numbers))| sku(n, options, *numbers)).collect()
}

/// A product as the catalogue may hold it, within what a file can say.
fn product() -> impl Strategy<Value = ImportProduct> {
    let options = prop::collection::vec(prop::collection::btree_set(words(), 1..4), 0..4);
    let status =
        prop::sample::select(vec![ProductStatus::Draft, ProductStatus::OnSale, ProductStatus::Off]);
    let tag = "[=+@a-zé'-]{1,8}".prop_filter("is a tag", |t| !t.trim().is_empty());
    let parts = (words(), prop::option::of("[-=+@a-z<>\"\n,']{0,30}"), words(), words(), status);
    let lists = (options, prop::collection::btree_set(tag, 0..4), 0_usize..6);
    let numbers = prop::collection::vec((0_i64..100_000, 0_i64..50_000, 0_i64..99), 64);
    (parts, lists, numbers, words()).prop_map(|(parts, lists, numbers, code)| {
        let (title, body, vendor, category, status) = parts;
        let (options, tags, pictures) = lists;
        let text = |s: &str| Texts::one("en".parse().unwrap(), s);
        let images: Vec<Image> = (0..pictures)
            .map(|n| Image { url: format!("https://c.example/{n}"), alt: title.clone() })
            .collect();
        let option = |(n, values): (usize, BTreeSet<String>)| ProductOption {
            name: format!("-{n}"),
            values: values.into_iter().collect(),
        };
        let options: Vec<ProductOption> = options.into_iter().enumerate().map(option).collect();
        let skus = skus(&options, &numbers, &images, &code);
        let units = numbers.iter().map(|n| (n.2 > 9).then_some(n.2));
        let quantities = units.take(skus.len()).collect();
        let body = body.filter(|b| !b.trim().is_empty());
        let shown = body.is_some() || !images.is_empty();
        let product = NewProduct {
            slug: "p".parse().unwrap(),
            title: text(&title),
            description: body.map(|b| text(b.trim())),
            brand_id: None,
            category_ids: Vec::new(),
            tags: tags.into_iter().collect(),
            attributes: Vec::new(),
            options,
            images,
            skus,
            status: if shown { status } else { ProductStatus::Draft },
        };
        ImportProduct { product, vendor, category, quantities }
    })
}

proptest! {
    #[test]
    fn what_is_exported_is_imported_as_it_was(products in prop::collection::vec(product(), 0..6)) {
        let named = |(n, mut import): (usize, ImportProduct)| {
            import.product.slug = format!("p{n}").parse().unwrap();
            for (i, sku) in import.product.skus.iter_mut().enumerate() {
                sku.code = format!("{n}-{}-{i}", sku.code);
            }
            import
        };
        let products: Vec<ImportProduct> = products.into_iter().enumerate().map(named).collect();
        let text = written(&products);
        let report = check(&text);
        prop_assert!(report.is_clean(), "{:?}", report.errors);
        prop_assert_eq!(read(&text, false), products);
    }
}
