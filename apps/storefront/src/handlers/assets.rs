//! The stylesheet, the script and the shop's sign. What is asked for by its version or hash may be kept for
//! ever; what is asked for by another one may not, so that nobody keeps new colours under an old address.

use axum::extract::{Extension, State};
use axum::http::Uri;
use axum::response::Response;
use rpc::Ctx;
use tenant_api::TenantInfo;
use ui::Reader;
use ui::assets::{SITE_JS, icon as sign, site_css as sheet, site_css_version, site_js_version};
use ui::colour::Palette;
use ui::theme::{FontStack, Theme};

use crate::App;
use crate::web::Answer;
use crate::web::answer::{asset, cache_of};

/// What a browser asks for again each time.
const NO_CACHE: &str = "no-cache";
const CSS: &str = "text/css; charset=utf-8";

/// The look of all pages with the tenant's own.
pub(crate) async fn site_css(
    State(app): State<App>,
    Extension(ctx): Extension<Ctx>,
    uri: Uri,
) -> Answer {
    let tenant = app.deps.tenants.get(&ctx).await?;
    let cache = cache_of(&uri, &site_css_version(Some(tenant.version)));
    Ok(asset(sheet(Some(&theme(&tenant))), CSS, cache))
}

/// The look of pages without a shop.
pub(crate) async fn plain_css(uri: Uri) -> Response {
    asset(sheet(None), CSS, cache_of(&uri, &site_css_version(None)))
}

pub(crate) async fn site_js(uri: Uri) -> Response {
    asset(SITE_JS, "text/javascript; charset=utf-8", cache_of(&uri, site_js_version()))
}

pub(crate) async fn icon(
    State(app): State<App>,
    Extension(ctx): Extension<Ctx>,
    uri: Uri,
) -> Answer {
    let tenant = app.deps.tenants.get(&ctx).await?;
    let reader = Reader::choose(&tenant.locales, None, "");
    let name = reader.map_or("", |r| tenant.name.get(&r.locale));
    let svg = sign(name, &theme(&tenant).palette).into_string();
    Ok(asset(svg, "image/svg+xml", cache_of(&uri, &tenant.version.to_string())))
}

/// The sign of pages without a shop.
pub(crate) async fn plain_icon() -> Response {
    let svg = sign("Stoa", &Palette::of("", "", "")).into_string();
    asset(svg, "image/svg+xml", NO_CACHE)
}

/// The tenant's look. What is no colour or font is left out: it was checked when it was saved, and is here again.
fn theme(tenant: &TenantInfo) -> Theme {
    let theme = &tenant.theme;
    let font = |text: &Option<String>| text.as_deref().and_then(FontStack::parse);
    Theme {
        palette: Palette::of(&theme.primary, &theme.accent, &theme.background),
        heading_font: font(&theme.heading_font),
        body_font: font(&theme.body_font),
    }
}
