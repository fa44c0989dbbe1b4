//! What pages weigh, and what a browser waits for before it shows them, at all three tenants.

use anyhow::{Context as _, Result, ensure};
use e2e::shopper::browse;
use e2e::{Server, ServerOptions};

use crate::common::TENANTS;

/// The most bytes of a page's HTML, uncompressed.
const HTML_MAX: usize = 60 * 1_024;

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_light_and_wait_for_one_stylesheet() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    for tenant in TENANTS {
        let products = browse(&server.visitor(tenant)?).await?;
        let mut paths = vec!["/".to_owned(), "/products".to_owned()];
        paths.extend(products.iter().map(|p| format!("/p/{}", p.slug)));
        let mut visitor = server.plain(tenant)?;
        let mut heaviest = (0, String::new());
        for path in paths {
            let page = visitor.get(&path).await?;
            let place = || format!("{path} at {tenant}");
            ensure!(page.status == 200 && page.is_page(), "{}: {}", place(), page.status);
            let bytes = page.body.len();
            ensure!(bytes <= HTML_MAX, "{}: {bytes} bytes", place());
            heaviest = heaviest.max((bytes, path.clone()));
            waits_for_one_stylesheet(&page.body).with_context(place)?;
        }
        e2e::note(&format!(
            "{tenant}: the heaviest page is {} with {} bytes",
            heaviest.1, heaviest.0
        ));
    }
    Ok(())
}

fn waits_for_one_stylesheet(html: &str) -> Result<()> {
    let tags = |name: &str| -> Vec<String> {
        let begin = ["<", name, " "].concat();
        html.split(&begin).skip(1).filter_map(|t| t.split('>').next()).map(str::to_owned).collect()
    };
    let sheets: Vec<String> =
        tags("link").into_iter().filter(|t| t.contains("rel=\"stylesheet\"")).collect();
    ensure!(sheets.len() == 1, "it waits for {sheets:?}");
    let later = ["defer", "async", "type=\"module\"", "type=\"application/ld+json\""];
    let scripts: Vec<String> =
        tags("script").into_iter().filter(|t| !later.iter().any(|l| t.contains(l))).collect();
    ensure!(scripts.is_empty(), "it waits for {scripts:?}");
    let imports = html.contains("@import");
    ensure!(!imports, "it imports styles");
    Ok(())
}
