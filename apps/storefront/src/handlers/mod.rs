//! The handlers: what a request asks for, whom it is asked of, which page answers. One file per part of
//! the shop.

mod account;
mod addresses;
mod assets;
mod browse;
mod cart;
mod checkout;
mod crawl;
mod list;
mod order;
mod pay;
mod profile;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};
use types::Locale;
use ui::routes::pattern;
use ui::{Lang, Reader};

use crate::App;
use crate::pages::{self, PlainPage, Shop, ShopsPage};
use crate::web::{Failure, answer, frame};
use ::web::fields::FORM_BYTES_MAX;

/// The pages of a tenant's host.
pub(crate) fn router(app: App) -> Router {
    let assets = Router::new()
        .route(pattern::SITE_CSS, get(assets::site_css))
        .route(pattern::SITE_JS, get(assets::site_js))
        .route(pattern::ICON, get(assets::icon))
        .route(pattern::ROBOTS, get(crawl::robots))
        .route(pattern::SITEMAP, get(crawl::index))
        .route(pattern::SITEMAP_PAGES, get(crawl::pages))
        .route(pattern::SITEMAP_PRODUCTS, get(crawl::products))
        .with_state(app.clone())
        // the library's own refusals, too
        .layer(map_response(|response| async { answer::harden(response) }));
    let pages = Router::new()
        .route(pattern::HOME, get(browse::home))
        .route(pattern::PRODUCTS, get(list::products))
        .route(pattern::CATEGORY, get(list::category))
        .route(pattern::PRODUCT, get(browse::product))
        .route(pattern::CART, get(cart::show))
        .route(pattern::CART_LINES, post(cart::set_line))
        .route(pattern::CART_SAVED, post(cart::save))
        .route(pattern::SIGN_IN, get(account::show_sign_in).post(account::sign_in))
        .route(pattern::REGISTER, get(account::show_register).post(account::register))
        .route(pattern::SIGN_OUT, post(account::sign_out))
        .route(pattern::ACCOUNT, get(profile::show).post(profile::save))
        .route(pattern::ACCOUNT_PASSWORD, post(profile::change_password))
        .route(pattern::ACCOUNT_SESSIONS, post(profile::sign_out_everywhere))
        .route(pattern::ADDRESSES, get(addresses::list).post(addresses::create))
        .route(pattern::ADDRESS_NEW, get(addresses::show_new))
        .route(pattern::ADDRESS, get(addresses::show).post(addresses::save))
        .route(pattern::ADDRESS_DEFAULT, post(addresses::make_default))
        .route(pattern::ADDRESS_DELETE, post(addresses::delete))
        .route(pattern::LANGUAGE, get(account::choose_language))
        .route(pattern::CHECKOUT, get(checkout::show).post(checkout::place))
        .route(pattern::ORDERS, get(order::list))
        .route(pattern::ORDER, get(order::show))
        .route(pattern::ORDER_EVENTS, get(order::events))
        .route(pattern::ORDER_ACTION, post(order::act))
        .route(pattern::ORDER_PAY, get(pay::show).post(pay::pay))
        .fallback(|| async { Failure::not_found() })
        .method_not_allowed_fallback(|| async {
            Failure::of_status(StatusCode::METHOD_NOT_ALLOWED)
        })
        .with_state(app.clone())
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(app, frame::frame));
    pages.merge(assets)
}

/// The pages of a host of no tenant.
pub(crate) fn bare_router(shops: Vec<Shop>) -> Router {
    let list = move |headers: HeaderMap| async move {
        let page = ShopsPage { lang: language(&headers), shops };
        answer::page(StatusCode::OK, pages::render_shops(&page))
    };
    Router::new()
        .route(pattern::HOME, get(list))
        .route(pattern::SITE_CSS, get(assets::plain_css))
        .route(pattern::ICON, get(assets::plain_icon))
        .route(pattern::SITE_JS, get(assets::site_js))
        .fallback(|| async {
            let status = StatusCode::NOT_FOUND;
            answer::page(status, pages::render_plain(&PlainPage::of_status(status)))
        })
        .layer(map_response(|response| async { answer::harden(response) }))
}

/// The language of a reader who is in no shop.
fn language(headers: &HeaderMap) -> Lang {
    let locales: Vec<Locale> = ["en", "zh-CN"].iter().filter_map(|l| l.parse().ok()).collect();
    let wished = headers.get(ACCEPT_LANGUAGE).and_then(|h| h.to_str().ok()).unwrap_or_default();
    Reader::choose(&locales, None, wished).map_or(Lang::En, |reader| reader.lang)
}
