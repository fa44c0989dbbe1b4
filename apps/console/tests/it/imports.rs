//! Imports through the pages: a file is taken, checked, shown, decided on and imported in the background.

use std::sync::{Arc, Mutex};

use product_api::{Error, ImportConflict, ImportStatus, ProductMock};
use rpc::Fault;
use testkit::{PATIENCE, eventually};
use types::ImportId;
use web::testing::{Browser, Seen};

use crate::goods;
use crate::upload;
use crate::world::World;

const BEGIN: &str = "/console/products/import";

/// What a catalogue was sent.
#[derive(Default)]
struct Told {
    begun: Vec<(String, u32, bool)>,
    slugs: Vec<String>,
    /// Fails when this many products have come.
    fails_at: Option<usize>,
    /// Does not take the next one when this many have come, unless it may pass over it.
    clashes_at: Option<usize>,
}

/// A catalogue that knows `known`, does not take `taken`, and keeps what it is sent.
fn catalogue(told: &Arc<Mutex<Told>>) -> ProductMock {
    let (begun, sent) = (Arc::clone(told), Arc::clone(told));
    let status = |told: &Told| {
        let (_, products, _) = told.begun[0].clone();
        let applied = u32::try_from(told.slugs.len()).unwrap();
        ImportStatus {
            id: ImportId::from_i64(9).unwrap(),
            file_name: told.begun[0].0.clone(),
            products,
            applied,
            created: applied,
            skipped: 0,
            skus: applied,
            stock_pending: false,
            done: applied == products,
        }
    };
    goods::products()
        .on_known_slugs(|_, req| {
            Ok(req.slugs.into_iter().filter(|s| s.as_str() == "known").collect())
        })
        .on_check_import(|_, req| {
            let taken =
                (0..).zip(&req.products).filter(|(_, p)| p.product.slug.as_str() == "taken");
            let conflict = |index| ImportConflict { index, detail: "its code is <taken>".into() };
            Ok(taken.map(|(index, _)| conflict(index)).collect())
        })
        .on_begin_import(move |_, req| {
            let mut told = begun.lock().unwrap();
            assert_eq!(req.file_hash.len(), 64);
            told.begun.push((req.file_name, req.products, req.skip_conflicts));
            Ok(status(&told))
        })
        .on_apply_import(move |_, req| {
            let mut told = sent.lock().unwrap();
            assert_eq!(req.offset as usize, told.slugs.len());
            if told.fails_at == Some(told.slugs.len()) {
                told.fails_at = None;
                return Err(Fault::new(kit::ErrorCode::Unavailable, "closed for <tea>").into());
            }
            let (_, _, skip) = told.begun.last().unwrap();
            if told.clashes_at == Some(told.slugs.len()) && !skip {
                return Err(Error::Taken("the sku code <tea>".into()));
            }
            told.slugs.extend(req.products.iter().map(|p| p.product.slug.to_string()));
            Ok(status(&told))
        })
}

fn desk(told: &Arc<Mutex<Told>>) -> Browser {
    World { products: catalogue(told), ..World::owner() }.desk()
}

async fn give(desk: &mut Browser, name: &str, text: &str) -> Seen {
    upload::post(desk, BEGIN, &[], &[("file", name, "text/csv", text.as_bytes())]).await
}

/// The page of an import once it shows a text.
async fn until(desk: &mut Browser, at: &str, text: &str) -> Seen {
    let desk = tokio::sync::Mutex::new(desk);
    eventually(PATIENCE, || async { desk.lock().await.get(at).await.body.contains(text) }).await;
    let seen = desk.lock().await.get(at).await;
    seen.is(200).shows(text);
    seen
}

fn rows(n: usize) -> String {
    let rows: String = (0..n).map(|n| format!("p{n},Product {n},1\n")).collect();
    format!("Handle,Title,Variant Price\n{rows}")
}

#[tokio::test]
async fn a_good_file_is_checked_shown_and_imported() {
    let told = Arc::default();
    let mut desk = desk(&told);
    desk.get(BEGIN).await.is(200).shows("type=\"file\"");
    let seen =
        give(&mut desk, "C:\\goods\\all <b>.csv", &format!("{}known,Known,2\n", rows(120))).await;
    let at = seen.location().to_owned();
    assert!(at.starts_with("/console/products/import/"), "{at}");
    let seen = until(&mut desk, &at, "Import all").await;
    seen.shows("all &lt;b&gt;.csv")
        .hides("goods")
        .shows("121 products")
        .shows("120 would be new, 1 would replace");
    seen.shows("Replaces").hides("http-equiv=\"refresh\"");
    assert!(told.lock().unwrap().begun.is_empty(), "nothing is changed before somebody decides");
    desk.post(&format!("{at}/apply"), &[]).await.leads_to(&at);
    until(&mut desk, &at, "121 products").await;
    let seen = until(&mut desk, &at, "Imported").await;
    seen.shows("121 products with 121 variants are in the catalogue");
    let told = told.lock().unwrap();
    assert_eq!(told.begun, [("all <b>.csv".to_owned(), 121, false)]);
    assert_eq!((told.slugs.len(), told.slugs.last().unwrap().as_str()), (121, "known"));
}

#[tokio::test]
async fn a_file_with_problems_is_imported_only_when_somebody_says_so() {
    let told = Arc::default();
    let mut desk = desk(&told);
    let text = "Handle,Title,Variant Price\nbad,Bad <b>,oops\ntaken,Taken,1\ngood,Good,1\n";
    let at = give(&mut desk, "a.csv", text).await.location().to_owned();
    let seen = until(&mut desk, &at, "2 products cannot be imported.").await;
    seen.shows("Line 2, Variant Price:").shows("Bad &lt;b&gt;").shows("its code is &lt;taken&gt;");
    seen.shows("Import the one good product and pass over the rest");
    desk.post(&format!("{at}/apply"), &[]).await.leads_to(&at);
    desk.get(&at).await.shows("2 products cannot be imported.");
    assert!(told.lock().unwrap().begun.is_empty());
    desk.post(&format!("{at}/apply"), &[("skip", "1")]).await.leads_to(&at);
    until(&mut desk, &at, "Imported").await;
    assert!(told.lock().unwrap().begun[0].2);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end_changes_nothing() {
    let told = Arc::default();
    let mut desk = desk(&told);
    let text = "Handle,Title,Variant Price\na,A,1\nb,\"B,2\n";
    let at = give(&mut desk, "a.csv", text).await.location().to_owned();
    let seen = until(&mut desk, &at, "Nothing of this file can be imported").await;
    seen.shows("Line 3:").hides("/apply");
    desk.post(&format!("{at}/apply"), &[("skip", "1")]).await.leads_to(&at);
    assert!(told.lock().unwrap().begun.is_empty());
    // the next file may come at once
    assert_ne!(give(&mut desk, "b.csv", &rows(1)).await.location(), at);
}

#[tokio::test]
async fn an_import_that_was_refused_on_the_way_goes_on_where_it_stopped() {
    let told = Arc::new(Mutex::new(Told { fails_at: Some(50), ..Told::default() }));
    let mut desk = desk(&told);
    let at = give(&mut desk, "a.csv", &rows(120)).await.location().to_owned();
    until(&mut desk, &at, "Import all").await;
    desk.post(&format!("{at}/apply"), &[]).await;
    let seen = until(&mut desk, &at, "It was refused.").await;
    seen.shows("closed for &lt;tea&gt;").shows("Go on");
    assert_eq!(told.lock().unwrap().slugs.len(), 50);
    desk.post(&format!("{at}/apply"), &[]).await.leads_to(&at);
    until(&mut desk, &at, "Imported").await;
    let told = told.lock().unwrap();
    assert_eq!((told.slugs.len(), told.begun.len()), (120, 2), "each product once");
}

#[tokio::test]
async fn a_product_that_clashes_only_now_can_be_passed_over() {
    let told = Arc::new(Mutex::new(Told { clashes_at: Some(50), ..Told::default() }));
    let mut desk = desk(&told);
    let at = give(&mut desk, "a.csv", &rows(120)).await.location().to_owned();
    until(&mut desk, &at, "Import all").await;
    desk.post(&format!("{at}/apply"), &[]).await;
    let seen = until(&mut desk, &at, "It was refused.").await;
    seen.shows("the sku code &lt;tea&gt; is taken").shows("Go on and pass over such products");
    desk.post(&format!("{at}/apply"), &[("skip", "1")]).await.leads_to(&at);
    until(&mut desk, &at, "Imported").await;
    let told = told.lock().unwrap();
    let decided: Vec<bool> = told.begun.iter().map(|(_, _, skip)| *skip).collect();
    assert_eq!((told.slugs.len(), decided), (120, vec![false, true]), "each product once");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_stops_coming_gives_the_place_to_the_next() {
    let told = Arc::default();
    let mut desk = desk(&told);
    let token = desk.token();
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n\
         Handle,Title,Variant Price\r\n"
    );
    let seen = desk.send("POST", BEGIN, "multipart/form-data; boundary=b", stalling(head)).await;
    seen.is(408).shows("The upload stopped").shows("type=\"file\"").hides("is being worked on");
}

/// A body that begins so and never goes on.
fn stalling(begin: String) -> axum::body::Body {
    let begin = futures::stream::iter([Ok::<_, std::convert::Infallible>(begin)]);
    let never = futures::stream::pending();
    axum::body::Body::from_stream(futures::StreamExt::chain(begin, never))
}

#[tokio::test]
async fn no_file_and_an_import_that_is_not_known_are_told() {
    let told = Arc::default();
    let mut desk = desk(&told);
    let none: [upload::File<'_>; 1] = [("file", "", "application/octet-stream", b"")];
    upload::post(&mut desk, BEGIN, &[], &none).await.is(422).shows("Choose a file first.");
    desk.post(BEGIN, &[]).await.is(422);
    desk.get("/console/products/import/0123").await.is(404).shows("is not known here any more");
    desk.post("/console/products/import/0123/apply", &[]).await.leads_to(BEGIN);
    let at = give(&mut desk, "a.csv", &rows(1)).await.location().to_owned();
    until(&mut desk, &at, "Import all").await;
    desk.post(&format!("{at}/discard"), &[]).await.leads_to(BEGIN);
    desk.get(&at).await.is(404);
    let token = "b".repeat(32);
    let files: [upload::File<'_>; 1] = [("file", "a.csv", "text/csv", b"x")];
    upload::send(&mut desk, BEGIN, &token, &[], &files).await.is(403);
}

#[tokio::test]
async fn a_form_that_does_not_begin_with_the_token_is_refused_before_it_is_read() {
    let told = Arc::default();
    let mut desk = desk(&told);
    let long = "x".repeat(65);
    for (name, sent) in [("csrf", long.as_str()), ("other", ""), ("file\"; filename=\"a.csv", "")] {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{sent}");
        // the rest of it never comes, so that whoever waits for it does not answer
        let seen = desk.send("POST", BEGIN, "multipart/form-data; boundary=b", stalling(head));
        tokio::time::timeout(PATIENCE, seen).await.unwrap().is(403);
    }
}

#[tokio::test]
async fn another_shop_does_not_see_the_import() {
    let told = Arc::default();
    let mut desk = desk(&told);
    let at = give(&mut desk, "a.csv", &rows(1)).await.location().to_owned();
    until(&mut desk, &at, "Import all").await;
    desk.ctx.tenant = "gadget".parse().unwrap();
    desk.get(&at).await.is(404);
}
