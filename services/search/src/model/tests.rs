//! Promises of the pure rules.

use proptest::prelude::*;

use super::text::{Cut, Words, terms, without_tags};

fn finds(query: &str, title: &str) -> bool {
    let Some(words) = Words::of(query) else { return true };
    let index: Vec<String> = terms(title, Cut::Fine).collect();
    let prefix = |p: &String| index.iter().any(|t| t.starts_with(p.as_str()));
    !words.is_empty()
        && words.all.iter().all(|w| index.contains(w))
        && words.prefix.as_ref().is_none_or(prefix)
}

#[test]
fn words_are_found_however_they_are_written() {
    for (query, title) in [
        ("rose", "Red Roses"),
        ("ROSES red", "A red rose"),
        ("ros", "Red rose"),
        ("café", "CAFE Crème"),
        ("creme cafe", "Café Crème"),
        ("mens shirt", "Men's Shirts"),
        ("玫瑰", "红玫瑰花束"),
        ("花", "红玫瑰花束"),
        ("红玫瑰 99朵", "红玫瑰花束（99朵）"),
        ("９９朵", "99朵红玫瑰"),
        ("T恤", "纯棉T恤 男"),
        ("iphone 手机壳", "适用iPhone15 Pro手机壳"),
        ("バラ", "赤いバラの花束"),
        ("장미", "빨간 장미 꽃다발"),
        ("iphone 15", "适用iPhone15 Pro手机壳"),
        ("iphone1", "适用iPhone 15 Pro手机壳"),
        ("FL-ROSE-01", "fl rose 01"),
        ("розы", "Красные розы"),
    ] {
        assert!(finds(query, title), "{query} in {title}");
    }
    for (query, title) in [
        ("tulip", "Red Roses"),
        ("rose tulip", "Red Roses"),
        ("瑰玫", "红玫瑰"),
        ("ed", "Red Roses"),
        ("!!!", "Red Roses"),
        ("r", "Red Roses"),
    ] {
        assert!(!finds(query, title), "{query} in {title}");
    }
}

#[test]
fn no_text_wants_everything_and_a_text_without_words_nothing() {
    assert_eq!(Words::of("  "), None);
    assert!(Words::of("§ %").unwrap().is_empty());
    let many = "a1 b2 c3 d4 e5 f6 g7 h8 i9 j10 k11 l12 m13 n14 o15 p16 q17 r18 s19";
    let words = Words::of(many).unwrap();
    assert_eq!((words.all.len(), words.prefix.as_deref()), (16, Some("19")));
}

#[test]
fn tags_and_entities_are_no_words() {
    let text = without_tags("<p class=\"x\">Soft&nbsp;&amp;<b>warm</b></p> R&D a < b");
    let words: Vec<_> = terms(&text, Cut::Coarse).collect();
    assert_eq!(words, ["soft", "warm", "r", "d", "a", "b"]);
    for odd in ["<", "&", "&;", "<<>", "a<b", "&aaaaaaaaaaaaaaaa;", "<p", "x&é;y", "&é"] {
        without_tags(odd);
    }
}

proptest! {
    /// Any piece of two characters or more of a Chinese title finds it.
    #[test]
    fn a_chinese_title_is_found_by_any_piece(
        title in "[\u{4e00}-\u{9fa5}]{2,40}",
        from in 0_usize..40,
        long in 2_usize..18,
    ) {
        let chars: Vec<char> = title.chars().collect();
        let from = from.min(chars.len() - 2);
        let to = (from + long).min(chars.len());
        let piece: String = chars[from..to].iter().collect();
        prop_assert!(finds(&piece, &title), "{piece} in {title}");
    }

    /// Each word of an English title finds it, and so do all of them, and the beginning of each.
    #[test]
    fn an_english_title_is_found_by_its_words(
        title in "[A-Za-z]{2,12}( [A-Za-z0-9]{2,12}){0,8}",
        letters in 4_usize..10,
    ) {
        prop_assert!(finds(&title, &title));
        for word in title.split(' ') {
            prop_assert!(finds(word, &title), "{word} in {title}");
            prop_assert!(finds(&word.to_uppercase(), &title), "{word} in {title}");
            let beginning: String = word.chars().take(letters).collect();
            prop_assert!(finds(&beginning, &title), "{beginning} in {title}");
        }
    }

    /// Whatever is written, in either place, breaks nothing, and a text finds itself or has no word.
    #[test]
    fn any_text_finds_itself(text in ".{0,120}") {
        let words = Words::of(&text);
        if words.is_some_and(|w| !w.is_empty()) {
            prop_assert!(finds(&text, &text), "{text}");
        }
        without_tags(&text);
    }
}
