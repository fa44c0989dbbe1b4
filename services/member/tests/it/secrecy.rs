//! Passwords and tokens are nowhere but in their owners' hands: not in the databases, not in logs.

use member_api::{List, Login, Session, Token, UpdateProfile};

use crate::world::{PASSWORD, World, address, new, secret};

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle.as_bytes())
}

#[tokio::test]
async fn neither_passwords_nor_tokens_are_stored() {
    let world = World::new().await;
    let first = world.member("flora", "unmistakable@b.example").await;
    let second = world.sign_in("flora", "unmistakable@b.example", PASSWORD).await.unwrap();
    let typed = "a password in the wrong field";
    world.sign_in("flora", typed, "wrong horse battery").await.unwrap_err();
    let bytes = world.shards.stored().await;
    assert!(contains(&bytes, "unmistakable@b.example"), "what is stored was looked at");
    for needle in [PASSWORD, typed, "wrong horse battery"] {
        assert!(!contains(&bytes, needle), "{needle}");
    }
    for Session { token, .. } in [&first, &second] {
        assert!(!contains(&bytes, token.expose()));
        assert!(!contains(&bytes, &token.expose()[3..]));
    }
}

#[tokio::test]
async fn nothing_secret_or_personal_is_printed() {
    let world = World::new().await;
    let session = world.member("flora", "unmistakable@b.example").await;
    let login = "unmistakable@b.example";
    let shown = format!(
        "{session:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        session.member,
        new(login),
        Login { login: login.into(), password: secret(PASSWORD) },
        Token { token: session.token.clone() },
        List { login: Some(login.into()), cursor: None, limit: kit::Limit::default() },
        UpdateProfile { name: Some("unmistakable".into()), locale: None },
        address("Unmistakable Lane"),
    );
    assert!(!shown.contains(session.token.expose()) && !shown.contains(PASSWORD));
    assert!(!shown.to_lowercase().contains("unmistakable"), "{shown}");
}
