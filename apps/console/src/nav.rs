//! The addresses that belong to no area, and the sections of the menu with the permission that each needs.

use std::fmt;

use types::Locale;
use ui::Local;
use ui::routes::Url;

use crate::text::Words;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const HOME: &str = "/console";
    pub(crate) const SIGN_IN: &str = "/console/sign-in";
    pub(crate) const SIGN_OUT: &str = "/console/sign-out";
    pub(crate) const LANGUAGE: &str = "/console/language";
    pub(crate) const EVENTS: &str = "/console/events";
    pub(crate) const STYLE: &str = "/console/assets/console.css";
}

/// An address of the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The dashboard.
    Home,
    /// The dashboard of a period, in days.
    HomeOf {
        /// How many.
        days: u32,
    },
    /// Signing in, and where to go then.
    SignIn {
        /// Where to go then.
        next: Option<Local>,
    },
    /// Signing out.
    SignOut,
    /// Chooses a language.
    Language {
        /// Which.
        locale: Locale,
        /// Where to go then.
        next: Local,
    },
    /// Tells of changes of orders, for pages that update by themselves.
    Events,
    /// The stylesheet.
    Style,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::Home => url.path(pattern::HOME),
            Self::HomeOf { days } => {
                url.path(pattern::HOME)?;
                url.query("days", Some(days))
            }
            Self::SignIn { next } => {
                url.path(pattern::SIGN_IN)?;
                url.query("next", next.as_ref())
            }
            Self::SignOut => url.path(pattern::SIGN_OUT),
            Self::Language { locale, next } => {
                url.path(pattern::LANGUAGE)?;
                url.query("to", Some(locale))?;
                url.query("next", Some(next))
            }
            Self::Events => url.path(pattern::EVENTS),
            Self::Style => {
                url.path(pattern::STYLE)?;
                url.query("v", Some(crate::layout::style_hash()))
            }
        }
    }
}

impl From<Route> for Local {
    fn from(route: Route) -> Self {
        Self::own(route.to_string())
    }
}

/// A part of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// The dashboard.
    Home,
    /// The catalogue.
    Products,
    /// Stock and warehouses.
    Stock,
    /// What orders go through.
    Flows,
    /// In which cells orders lie.
    Placements,
    /// Messages between services.
    Messages,
    /// Orders of all members.
    Orders,
    /// Those who shop here.
    Members,
    /// Who works here.
    Staff,
    /// The credentials of programs.
    Credentials,
    /// The shop's name, look and fees.
    Settings,
}

impl Section {
    /// The menu, in its sequence.
    pub(crate) const ALL: &'static [Self] = &[
        Self::Home,
        Self::Products,
        Self::Stock,
        Self::Orders,
        Self::Flows,
        Self::Members,
        Self::Messages,
        Self::Placements,
        Self::Staff,
        Self::Credentials,
        Self::Settings,
    ];

    /// Its first page.
    pub(crate) fn to(self) -> String {
        match self {
            Self::Home => Route::Home.to_string(),
            Self::Products => crate::products::routes::Route::list().to_string(),
            Self::Stock => crate::stock::routes::Route::list().to_string(),
            Self::Flows => crate::flows::routes::Route::List.to_string(),
            Self::Placements => crate::placements::routes::Route::Show { id: None }.to_string(),
            Self::Messages => {
                use crate::messages::routes::{Route, Which};
                Route::list(Which::all(messages_api::MessageState::Dead)).to_string()
            }
            Self::Orders => crate::orders::routes::Route::list().to_string(),
            Self::Members => {
                crate::members::routes::Route::List { login: None, cursor: None }.to_string()
            }
            Self::Staff => {
                crate::staff::routes::Route::People { cursor: None, done: None }.to_string()
            }
            Self::Credentials => {
                crate::staff::routes::Route::Credentials { cursor: None, done: None }.to_string()
            }
            Self::Settings => crate::settings::routes::Route::Settings { done: None }.to_string(),
        }
    }

    /// What it is called.
    pub(crate) fn label(self, w: &Words) -> &'static str {
        match self {
            Self::Home => w.dashboard,
            Self::Products => crate::products::Words::of(w.lang).products,
            Self::Stock => crate::stock::Words::of(w.lang).stock,
            Self::Flows => crate::flows::Words::of(w.lang).flows,
            Self::Placements => crate::placements::Words::of(w.lang).placements,
            Self::Messages => crate::messages::Words::of(w.lang).messages,
            Self::Orders => crate::orders::Words::of(w.lang).orders,
            Self::Members => crate::members::Words::of(w.lang).members,
            Self::Staff => crate::staff::Words::of(w.lang).staff,
            Self::Credentials => crate::staff::Words::of(w.lang).credentials,
            Self::Settings => crate::settings::Words::of(w.lang).settings,
        }
    }

    /// What one needs to see it; `None` when everybody who signed in may.
    pub(crate) const fn permission(self) -> Option<&'static str> {
        match self {
            Self::Home => None,
            Self::Products => Some("products:read"),
            Self::Stock => Some("stock:read"),
            Self::Flows => Some("flows:read"),
            Self::Placements | Self::Orders => Some("orders:read"),
            Self::Messages => Some("messages:read"),
            Self::Members => Some("members:read"),
            Self::Staff => Some("staff:read"),
            Self::Credentials => Some("staff:read"),
            Self::Settings => Some("tenant:read"),
        }
    }
}
