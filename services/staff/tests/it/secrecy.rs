//! Passwords and tokens are nowhere but in their owners' hands: not in the databases, not in logs.

use kit::Secret;
use staff_api::{CreatedCredential, Login, NewCredential, Role, Session, Token};
use testkit::test_ctx;

use crate::world::{PASSWORD, World, new, secret};

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle.as_bytes())
}

#[tokio::test]
async fn neither_passwords_nor_tokens_are_stored() {
    let world = World::new().await;
    world.person("flora", "anna.unmistakable", Role::Owner).await;
    let session = world.sign_in("flora", "anna.unmistakable", PASSWORD).await.unwrap();
    let grant = NewCredential { name: "erp".into(), permissions: vec!["stock:read".into()] };
    let made = world.client.create_credential(&test_ctx("flora"), grant).await.unwrap();
    let typed = "a password in the wrong field";
    world.sign_in("flora", typed, "wrong horse battery").await.unwrap_err();
    let bytes = world.shards.stored().await;
    assert!(contains(&bytes, "anna.unmistakable"), "what is stored was looked at");
    for needle in [PASSWORD, typed, "wrong horse battery"] {
        assert!(!contains(&bytes, needle), "{needle}");
    }
    for token in [&session.token, &made.token] {
        assert!(!contains(&bytes, token.expose()));
        assert!(!contains(&bytes, &token.expose()[3..]));
    }
}

#[tokio::test]
async fn nothing_secret_or_personal_is_printed() {
    let world = World::new().await;
    let anna = world.person("flora", "anna.unmistakable", Role::Owner).await;
    let Session { token, .. } =
        world.sign_in("flora", "anna.unmistakable", PASSWORD).await.unwrap();
    let session = world.sign_in("flora", "anna.unmistakable", PASSWORD).await.unwrap();
    let grant = NewCredential { name: "erp".into(), permissions: vec!["stock:read".into()] };
    let made: CreatedCredential =
        world.client.create_credential(&test_ctx("flora"), grant).await.unwrap();
    let hidden: [&Secret<String>; 3] = [&token, &session.token, &made.token];
    let login = Login { login: "anna.unmistakable".into(), password: secret(PASSWORD) };
    let shown = format!(
        "{anna:?} {session:?} {made:?} {login:?} {:?} {:?}",
        new("anna.unmistakable", Role::Owner),
        Token { token: token.clone() }
    );
    for secret in hidden {
        assert!(!shown.contains(secret.expose()));
    }
    assert!(!shown.contains(PASSWORD) && !shown.contains("unmistakable"), "{shown}");
}
