//! The keyboard: keys as WebDriver names them, and going through a page with them alone.

use anyhow::{Result, bail, ensure};
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use serde_json::json;

use super::session::Browser;

/// A key that is no letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// On to the next thing that can be used.
    Tab,
    /// Back to the one before.
    ShiftTab,
    /// Follows a link, sends a form.
    Enter,
    /// Presses a button, chooses an option.
    Space,
    /// To the next of a group.
    Down,
    /// To the one before in a group.
    Up,
}

impl Key {
    /// What is sent, in this order.
    pub(crate) const fn characters(self) -> &'static [char] {
        match self {
            Self::Tab => &['\u{E004}'],
            Self::ShiftTab => &['\u{E008}', '\u{E004}'],
            Self::Enter => &['\u{E007}'],
            Self::Space => &[' '],
            Self::Down => &['\u{E015}'],
            Self::Up => &['\u{E013}'],
        }
    }
}

impl Browser {
    /// Presses keys, one after the other.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn press(&self, key: Key) -> Result<()> {
        let mut keys = KeyActions::new("keyboard".to_owned());
        for value in key.characters() {
            keys = keys.then(KeyAction::Down { value: *value });
        }
        for value in key.characters().iter().rev() {
            keys = keys.then(KeyAction::Up { value: *value });
        }
        Ok(self.client.perform_actions(keys).await?)
    }

    /// Types letters into whatever has the focus.
    ///
    /// # Errors
    /// When the browser cannot be reached.
    pub async fn type_text(&self, text: &str) -> Result<()> {
        let mut keys = KeyActions::new("keyboard".to_owned());
        for value in text.chars() {
            keys = keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        Ok(self.client.perform_actions(keys).await?)
    }

    /// Presses the tabulator until something that fits has the focus, as one does who has no mouse; every
    /// stop on the way has to be seen.
    ///
    /// # Errors
    /// When it is not reached, or a stop is invisible.
    pub async fn tab_to(&self, css: &str) -> Result<()> {
        for _ in 0..TAB_STOPS_MAX {
            self.press(Key::Tab).await?;
            let stop = self.ask(FOCUS, vec![json!(css)]).await?;
            ensure!(stop["seen"] == true, "the focus cannot be seen on {}", stop["what"]);
            if stop["fits"] == true {
                return Ok(());
            }
        }
        bail!("{css} is not reached with the keyboard at {}", self.path().await?)
    }
}

/// The most stops of the tabulator on one page.
const TAB_STOPS_MAX: usize = 120;

/// Where the focus is, and whether one sees that it is there.
const FOCUS: &str = r"
const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
const near = e.closest('label') || e;
const ringed = s => (s.outlineStyle !== 'none' && s.outlineWidth !== '0px') || s.boxShadow !== 'none';
return { fits: e.matches(arguments[0]), what: e.outerHTML.slice(0, 160),
    seen: e === document.body || ((box.width > 0 || near !== e) && (ringed(style) || ringed(getComputedStyle(near)))) };";
