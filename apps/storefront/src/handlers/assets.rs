//! Stylesheets and the shop's sign. What is asked for by its version or hash may be kept for ever; what
//! is asked for by another one may not, so that nobody keeps new colours under an old address.

use axum::extract::{Extension, State};
use axum::http::Uri;
use axum::response::Response;
use rpc::Ctx;
use ui::Reader;
use ui::assets::{CACHE_FOR_EVER, SITE_CSS, icon as sign, site_css_hash};
use ui::colour::Palette;

use crate::App;
use crate::web::{Answer, Fields, answer};

/// What a browser asks for again each time.
const NO_CACHE: &str = "no-cache";

pub(crate) async fn site_css(uri: Uri) -> Response {
    let cache = cache(&uri, site_css_hash());
    answer::harden(answer::asset(SITE_CSS.to_owned(), "text/css; charset=utf-8", cache))
}

pub(crate) async fn theme_css(
    State(app): State<App>,
    Extension(ctx): Extension<Ctx>,
    uri: Uri,
) -> Answer {
    let tenant = app.deps.tenants.get(&ctx).await?;
    let theme = &tenant.theme;
    let css = Palette::of(&theme.primary, &theme.accent, &theme.background).stylesheet();
    let cache = cache(&uri, &tenant.version.to_string());
    Ok(answer::harden(answer::asset(css, "text/css; charset=utf-8", cache)))
}

pub(crate) async fn icon(
    State(app): State<App>,
    Extension(ctx): Extension<Ctx>,
    uri: Uri,
) -> Answer {
    let tenant = app.deps.tenants.get(&ctx).await?;
    let theme = &tenant.theme;
    let palette = Palette::of(&theme.primary, &theme.accent, &theme.background);
    let reader = Reader::choose(&tenant.locales, None, "");
    let name = reader.map_or("", |r| tenant.name.get(&r.locale));
    let svg = sign(name, &palette).into_string();
    let cache = cache(&uri, &tenant.version.to_string());
    Ok(answer::harden(answer::asset(svg, "image/svg+xml", cache)))
}

fn cache(uri: &Uri, current: &str) -> &'static str {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    if query.text("v") == current { CACHE_FOR_EVER } else { NO_CACHE }
}
