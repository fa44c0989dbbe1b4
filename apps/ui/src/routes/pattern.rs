//! What the router matches, one pattern per address of the shop. Constants only.

/// [`super::Route::Home`]
pub const HOME: &str = "/";
/// [`super::Route::Products`]
pub const PRODUCTS: &str = "/products";
/// [`super::Route::Category`]
pub const CATEGORY: &str = "/c/{slug}";
/// [`super::Route::Product`]
pub const PRODUCT: &str = "/p/{slug}";
/// [`super::Route::Cart`]
pub const CART: &str = "/cart";
/// [`super::Route::CartLines`]
pub const CART_LINES: &str = "/cart/lines";
/// [`super::Route::CartSaved`]
pub const CART_SAVED: &str = "/cart/saved";
/// [`super::Route::Account`]
pub const ACCOUNT: &str = "/account";
/// [`super::Route::AccountPassword`]
pub const ACCOUNT_PASSWORD: &str = "/account/password";
/// [`super::Route::AccountSessions`]
pub const ACCOUNT_SESSIONS: &str = "/account/sessions";
/// [`super::Route::Addresses`]
pub const ADDRESSES: &str = "/account/addresses";
/// [`super::Route::AddressNew`]
pub const ADDRESS_NEW: &str = "/account/addresses/new";
/// [`super::Route::Address`]
pub const ADDRESS: &str = "/account/addresses/{id}";
/// [`super::Route::AddressDefault`]
pub const ADDRESS_DEFAULT: &str = "/account/addresses/{id}/default";
/// [`super::Route::AddressDelete`]
pub const ADDRESS_DELETE: &str = "/account/addresses/{id}/delete";
/// [`super::Route::SignIn`]
pub const SIGN_IN: &str = "/sign-in";
/// [`super::Route::Register`]
pub const REGISTER: &str = "/register";
/// [`super::Route::SignOut`]
pub const SIGN_OUT: &str = "/sign-out";
/// [`super::Route::Checkout`]
pub const CHECKOUT: &str = "/checkout";
/// [`super::Route::Orders`]
pub const ORDERS: &str = "/orders";
/// [`super::Route::Order`] and [`super::Route::OrderPlacing`]
pub const ORDER: &str = "/orders/{id}";
/// [`super::Route::OrderPay`]
pub const ORDER_PAY: &str = "/orders/{id}/pay";
/// [`super::Route::OrderEvents`]
pub const ORDER_EVENTS: &str = "/orders/{id}/events";
/// [`super::Route::OrderAction`]
pub const ORDER_ACTION: &str = "/orders/{id}/actions/{operation}";
/// [`super::Route::Language`]
pub const LANGUAGE: &str = "/language";
/// [`super::Route::SiteCss`]
pub const SITE_CSS: &str = "/assets/site.css";
/// [`super::Route::SiteJs`]
pub const SITE_JS: &str = "/assets/site.js";
/// [`super::Route::Robots`]
pub const ROBOTS: &str = "/robots.txt";
/// [`super::Route::Sitemap`]
pub const SITEMAP: &str = "/sitemap.xml";
/// [`super::Route::SitemapPages`]
pub const SITEMAP_PAGES: &str = "/sitemap-pages.xml";
/// [`super::Route::SitemapProducts`]
pub const SITEMAP_PRODUCTS: &str = "/sitemap-products.xml";
/// [`super::Route::Icon`]
pub const ICON: &str = "/assets/icon.svg";
