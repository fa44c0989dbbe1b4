//! Texts as words. Latin and the like are cut at what is no letter and where letters
//! meet digits; scripts that are written without
//! spaces are cut into pairs of neighbours, so that any piece of a text is found by its pairs.

use unicode_normalization::UnicodeNormalization as _;

/// The most words of a searched text; more would not make it more precise.
pub const QUERY_TERMS_MAX: usize = 16;
/// The most characters of a word; a longer one is known by its beginning.
const TERM_CHARS_MAX: usize = 40;
/// A shorter beginning would match too much to mean anything.
const PREFIX_CHARS_MIN: usize = 2;

/// Characters without their looks: full width, capitals and accents do not count.
fn normal(text: &str) -> String {
    text.nfkd()
        .flat_map(char::to_lowercase)
        // Accents of Latin, Greek and Cyrillic; marks of other scripts tell words apart.
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c) && !matches!(c, '\'' | '\u{2019}'))
        .nfc()
        .collect()
}

/// Whether words of this script are not set apart by spaces.
const fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}'      // Thai, Lao
        | '\u{3005}'..='\u{3007}'    // marks that repeat
        | '\u{3040}'..='\u{312f}'    // kana, bopomofo
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{9fff}'    // Han
        | '\u{ac00}'..='\u{d7af}'    // Hangul
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

/// A run of characters of one kind.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    Word(Word),
    Unspaced(Vec<char>),
}

/// Letters, or digits.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    text: String,
    digits: bool,
    /// Whether it is the second half of something like `iPhone15`.
    joined: bool,
}

/// Words end where letters meet digits as well, so that `iPhone15` and `iPhone 15` are the same.
fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut joined = false;
    for c in normal(text).chars() {
        if !c.is_alphanumeric() {
            joined = false;
            continue;
        }
        let (unspaced, digits) = (is_unspaced(c), c.is_numeric());
        match runs.last_mut() {
            Some(Run::Word(word)) if joined && !unspaced && word.digits == digits => {
                word.text.push(c);
            }
            Some(Run::Unspaced(run)) if joined && unspaced => run.push(c),
            _ if unspaced => runs.push(Run::Unspaced(vec![c])),
            last => {
                let joined = joined && matches!(last, Some(Run::Word(_)));
                runs.push(Run::Word(Word { text: c.to_string(), digits, joined }));
            }
        }
        joined = true;
    }
    runs
}

/// A word as it is kept: not too long, and an English plural as its singular, more or less. Both sides do
/// the same, so it only has to be the same, not right.
fn kept(word: Word) -> String {
    let mut word = word.text;
    if let Some((end, _)) = word.char_indices().nth(TERM_CHARS_MAX) {
        word.truncate(end);
    }
    let plural = word.len() > 3 && word.ends_with('s') && !word.ends_with("ss");
    if plural && word.bytes().all(|b| b.is_ascii_lowercase()) {
        word.pop();
    }
    word
}

/// How finely unspaced scripts are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Pairs, and single characters as well: what is short and important.
    Fine,
    /// Pairs; a single character only when it stands alone.
    Coarse,
}

/// The words that a text is found by, in its order, with repetitions.
pub fn terms(text: &str, cut: Cut) -> impl Iterator<Item = String> {
    runs(text).into_iter().flat_map(move |run| match run {
        Run::Word(word) => vec![kept(word)],
        Run::Unspaced(run) => {
            let single = cut == Cut::Fine || run.len() == 1;
            let singles = run.iter().filter(|_| single).map(char::to_string);
            run.windows(2).map(String::from_iter).chain(singles).collect()
        }
    })
}

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// All of these, each once.
    pub all: Vec<String>,
    /// And something that begins so: the last word, which may not be finished.
    pub prefix: Option<String>,
}

impl Words {
    /// The words of a searched text; `None` when there is no text, so that everything is wanted.
    pub fn of(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        let mut runs = runs(text);
        let mut words = Self::default();
        let unfinished = |run: &mut Run| match run {
            Run::Word(word) => word.joined || word.text.chars().count() >= PREFIX_CHARS_MIN,
            Run::Unspaced(_) => false,
        };
        if let Some(Run::Word(last)) = runs.pop_if(unfinished) {
            words.prefix = Some(kept(last));
        }
        for run in runs {
            match run {
                Run::Word(word) => words.add(kept(word)),
                Run::Unspaced(run) if run.len() == 1 => words.add(run.iter().collect()),
                Run::Unspaced(run) => run.windows(2).for_each(|w| words.add(w.iter().collect())),
            }
        }
        Some(words)
    }

    fn add(&mut self, term: String) {
        if self.all.len() < QUERY_TERMS_MAX && !self.all.contains(&term) {
            self.all.push(term);
        }
    }

    /// The finished words, the longest first: they are likely to be the rarest.
    pub fn rarest_first(&self) -> Vec<&str> {
        let mut words: Vec<&str> = self.all.iter().map(String::as_str).collect();
        words.sort_by_key(|w| std::cmp::Reverse(w.len()));
        words
    }

    /// Whether the text has no word at all: nothing is found by it.
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty() && self.prefix.is_none()
    }
}

/// The first text that does not begin so and sorts after all that do.
pub fn after_prefix(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

/// A text of HTML without its tags and entities.
pub fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let (mut rest, stops) = (html, ['<', '&']);
    while let Some(at) = rest.find(stops) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        text.push(' ');
        let close = if from.starts_with('<') { '>' } else { ';' };
        rest = match from.find(close) {
            // An ampersand that begins no entity is a sign like any other.
            Some(end) if close == '>' || end <= 10 => from.get(end + 1..).unwrap_or_default(),
            _ => from.get(1..).unwrap_or_default(),
        };
    }
    text.push_str(rest);
    text
}
