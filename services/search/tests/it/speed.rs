//! How long a search takes in a shop with many products. It prints figures and asserts nothing about time:
//! run it with `SEARCH_SPEED_PRODUCTS=10000 cargo nextest run -p search --release --no-capture -E 'test(speed)'`.

use std::time::Instant;

use search_api::{FacetChoice, FindProducts};
use testkit::anonymous_ctx;

use crate::world::{With as _, World, category, order, product, text};

const COLOURS: [(&str, &str); 6] = [
    ("Red", "红"),
    ("White", "白"),
    ("Pink", "粉"),
    ("Blue", "蓝"),
    ("Black", "黑"),
    ("Green", "绿"),
];
const KINDS: [(&str, &str); 5] =
    [("rose", "玫瑰"), ("tulip", "郁金香"), ("lily", "百合"), ("vase", "花瓶"), ("card", "贺卡")];

#[expect(clippy::disallowed_macros, reason = "its figures are what this test is for")]
#[tokio::test]
async fn speed_of_a_search_with_facets() {
    let shop_size = std::env::var("SEARCH_SPEED_PRODUCTS").map_or(300, |n| n.parse().unwrap());
    let world = World::new().await;
    let begun = Instant::now();
    for n in 1..=shop_size {
        let at = usize::try_from(n).unwrap();
        let (colour, kind) = (COLOURS[at % 6], KINDS[at % 5]);
        let en = format!("{} {} number {n} for a happy day", colour.0, kind.0);
        let zh = format!("{}色{}花束鲜花速递同城配送生日礼物{n}", colour.1, kind.1);
        let p = product(n, &en, &zh)
            .of_brand(n % 20 + 1, &format!("Brand {}", n % 20 + 1))
            .in_category(n % 3 + 2)
            .with_option("Colour", &[colour.0])
            .with_option("Size", &["S", "M", "L"])
            .with_attribute("Origin", ["Yunnan", "Holland", "Kenya"][at % 3]);
        world.publish("flora", [p]).await;
    }
    println!(
        "{shop_size} products read: {:?} each",
        begun.elapsed() / u32::try_from(shop_size).unwrap()
    );
    let begun = Instant::now();
    for n in 1..=shop_size {
        world.tell_order("flora", &order(n, n, "红玫瑰花束鲜花速递"), 1).await;
    }
    println!(
        "{shop_size} orders taken: {:?} each",
        begun.elapsed() / u32::try_from(shop_size).unwrap()
    );
    let red = FacetChoice { name: "Colour".to_owned(), value: "Red".to_owned() };
    for (what, req) in [
        ("everything", text("")),
        ("a category", FindProducts { category_id: Some(category(2)), ..text("") }),
        ("a colour", FindProducts { facets: vec![red], ..text("") }),
        ("rose", text("rose")),
        ("玫瑰花束", text("玫瑰花束")),
        ("one product", text("number 77")),
    ] {
        let runs = 20;
        let begun = Instant::now();
        let mut total = 0;
        for _ in 0..runs {
            let found = world.client.find_products(&anonymous_ctx("flora"), req.clone()).await;
            total = found.unwrap().total;
        }
        println!("{what}: {:?}, {total} found", begun.elapsed() / runs);
        assert!(total > 0, "{what}");
    }
}
