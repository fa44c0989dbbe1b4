//! The addresses of the shop's settings, and what a page says was done.

use std::fmt;

use ui::routes::Url;

use super::Words;

/// What the router matches. Banners are counted from 1, as they stand on the home page.
pub(crate) mod pattern {
    pub(crate) const SETTINGS: &str = "/console/settings";
    pub(crate) const NAME: &str = "/console/settings/name";
    pub(crate) const LOOK: &str = "/console/settings/look";
    pub(crate) const LOGO: &str = "/console/settings/logo";
    pub(crate) const SHIPPING: &str = "/console/settings/shipping";
    pub(crate) const NEW_BANNER: &str = "/console/settings/banners/new";
    pub(crate) const BANNER: &str = "/console/settings/banners/{at}";
    pub(crate) const MOVE_BANNER: &str = "/console/settings/banners/{at}/move";
    pub(crate) const REMOVE_BANNER: &str = "/console/settings/banners/{at}/remove";
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// All settings.
    Settings {
        /// What was just done.
        done: Option<Done>,
    },
    /// Changes the name.
    Name,
    /// Changes colours, fonts and the line under the name.
    Look,
    /// Changes the logo.
    Logo,
    /// Changes the shipping fee.
    Shipping,
    /// Adds a banner.
    NewBanner,
    /// Changes a banner.
    Banner {
        /// Its place, from 1.
        at: usize,
    },
    /// Shows a banner earlier or later.
    MoveBanner {
        /// Its place, from 1.
        at: usize,
    },
    /// Removes a banner.
    RemoveBanner {
        /// Its place, from 1.
        at: usize,
    },
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::Settings { done } => {
                url.path(pattern::SETTINGS)?;
                url.query("done", done.map(Done::key))
            }
            Self::Name => url.path(pattern::NAME),
            Self::Look => url.path(pattern::LOOK),
            Self::Logo => url.path(pattern::LOGO),
            Self::Shipping => url.path(pattern::SHIPPING),
            Self::NewBanner => url.path(pattern::NEW_BANNER),
            Self::Banner { at } => url.filled(pattern::BANNER, &[&at.to_string()]),
            Self::MoveBanner { at } => url.filled(pattern::MOVE_BANNER, &[&at.to_string()]),
            Self::RemoveBanner { at } => url.filled(pattern::REMOVE_BANNER, &[&at.to_string()]),
        }
    }
}

/// What was just done. Addresses name it, so it is a closed set and no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Something was saved.
    Saved,
    /// A banner is gone.
    BannerRemoved,
}

impl Done {
    const ALL: [Self; 2] = [Self::Saved, Self::BannerRemoved];

    /// As addresses have it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::BannerRemoved => "banner-removed",
        }
    }

    /// Reads an address; anything else is nothing.
    pub(crate) fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.key() == key)
    }

    /// In words.
    pub(crate) const fn text(self, w: &Words) -> &'static str {
        match self {
            Self::Saved => w.done_saved,
            Self::BannerRemoved => w.done_banner_removed,
        }
    }
}
