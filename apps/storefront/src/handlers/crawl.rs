//! What crawlers ask for: what they shall leave alone, and where everything is. These are no pages: they set no
//! cookie, and a failure is a bare status.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, stream};
use kit::Cursor;
use product_api::ProductSummary;
use rpc::{Ctx, Fault, ServiceError};
use tokio::time::Instant;
use ui::Route;
use ui::routes::pattern;

use crate::App;
use crate::pages::to_product;
use crate::sitemap::{BEGIN, END, PROLOGUE, Written, entries, index as list_of};
use crate::web::Fields;
use crate::web::answer::asset;
use crate::web::visit::origin;

const XML: &str = "application/xml; charset=utf-8";
/// How long a crawler or a proxy may keep what it got.
const AN_HOUR: &str = "public, max-age=3600";
/// How long the call for one page of a sitemap may take.
const PAGE_WITHIN: Duration = Duration::from_secs(10);

/// Addresses that are nobody's business but the visitor's.
const PRIVATE: [&str; 10] = [
    pattern::ACCOUNT,
    pattern::CART,
    pattern::CHECKOUT,
    // another application on the same host
    "/console",
    pattern::LANGUAGE,
    pattern::ORDERS,
    pattern::REGISTER,
    pattern::SIGN_IN,
    pattern::SIGN_OUT,
    "/v1/",
];

pub(crate) async fn robots(
    State(app): State<App>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let base = base(&app, &ctx, &headers).await?;
    let mut text = String::from("User-agent: *\n");
    for path in PRIVATE {
        text.push_str(&["Disallow: ", path, "\n"].concat());
    }
    text.push_str(&["\nSitemap: ", &base, pattern::SITEMAP, "\n"].concat());
    Ok(asset(text, "text/plain; charset=utf-8", AN_HOUR))
}

/// The list of sitemaps.
pub(crate) async fn index(
    State(app): State<App>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let base = base(&app, &ctx, &headers).await?;
    let begins = app.sitemaps.begins(&ctx).await.map_err(refuse)?;
    let products = begins.iter().cloned().map(|cursor| Route::SitemapProducts { cursor });
    let routes = std::iter::once(Route::SitemapPages).chain(products);
    let addresses: Vec<String> = routes.map(|r| [&base, r.to_string().as_str()].concat()).collect();
    Ok(asset(list_of(&addresses).into_string(), XML, AN_HOUR))
}

/// Everything but products.
pub(crate) async fn pages(
    State(app): State<App>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let base = base(&app, &ctx, &headers).await?;
    let categories = app.categories.get(&ctx).await.map_err(refuse)?;
    let categories = categories.all().iter();
    let categories = categories.map(|c| Route::category(&c.slug));
    let routes = [Route::Home, Route::products()].into_iter().chain(categories);
    let entries = entries(routes.map(|r| [&base, r.to_string().as_str()].concat()));
    let text = [PROLOGUE, BEGIN, &entries.into_string(), END].concat();
    Ok(asset(text, XML, AN_HOUR))
}

/// Products from a place of the list on. The first page is asked for before anything is answered, so that a
/// cursor that is none is refused; the others while it is sent.
pub(crate) async fn products(
    State(app): State<App>,
    Extension(ctx): Extension<Ctx>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Response> {
    let base = base(&app, &ctx, &headers).await?;
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let cursor = query.get("cursor").map(|c| Cursor::from(c.to_owned()));
    let first = app.sitemaps.page(&ctx, cursor).await.map_err(refuse)?;
    let begin = [PROLOGUE, BEGIN, &write(&base, &first.items)].concat();
    let mut written = Written::default();
    written.add(&first);
    let rest = Rest { app, ctx, base, cursor: first.next_cursor, written };
    let all = stream::once(std::future::ready(Ok(begin)));
    let body = Body::from_stream(stream::StreamExt::chain(all, rest.stream()));
    Ok(asset(body, XML, AN_HOUR))
}

/// What is to be sent after the first page.
struct Rest {
    app: App,
    ctx: Ctx,
    base: String,
    cursor: Option<Cursor>,
    written: Written,
}

impl Rest {
    fn stream(self) -> impl Stream<Item = io::Result<String>> + Send {
        stream::try_unfold(Some(self), |rest| async move {
            let Some(mut rest) = rest else { return Ok(None) };
            let Some(cursor) = rest.cursor.take().filter(|_| !rest.written.is_full()) else {
                return Ok(Some((END.to_owned(), None)));
            };
            // a crawler may take its time: each page has its own
            let ctx = Ctx { deadline: Instant::now() + PAGE_WITHIN, ..rest.ctx.clone() };
            let page = rest.app.sitemaps.page(&ctx, Some(cursor)).await;
            // the answer is cut off, and a crawler comes again
            let page = page.map_err(io::Error::other)?;
            rest.written.add(&page);
            rest.cursor = page.next_cursor;
            Ok(Some((write(&rest.base, &page.items), Some(rest))))
        })
    }
}

fn write(base: &str, products: &[ProductSummary]) -> String {
    let address = |p: &ProductSummary| [base, &to_product(&p.slug).to_string()].concat();
    entries(products.iter().map(address)).into_string()
}

/// Scheme and host of the shop.
async fn base(app: &App, ctx: &Ctx, headers: &HeaderMap) -> Result<String, Response> {
    let tenant = app.deps.tenants.get(ctx).await;
    tenant.map(|tenant| origin(app, headers, &Arc::clone(&tenant))).map_err(refuse)
}

fn refuse(error: impl ServiceError) -> Response {
    let fault: Fault = error.into_fault();
    ::web::frame::log(&fault, "");
    let status: StatusCode = ::web::frame::status_of(&fault);
    status.into_response()
}
