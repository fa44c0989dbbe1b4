//! What keeps others out, seen on the wire: guessing passwords is slowed down, the console is closed to who
//! has not signed in there, and forms of nobody do nothing.

use anyhow::{Context as _, Result, ensure};
use e2e::browser::{Plain, Seen, is_protected};
use e2e::{Server, ServerOptions, shopper};

/// Wrong passwords after which one must have been stopped.
const GUESSES_MAX: usize = 12;

async fn try_sign_in(person: &mut Plain, path: &str, login: &str, password: &str) -> Result<Seen> {
    let page = person.get(path).await?;
    let csrf = page.csrf()?;
    let fields = [("csrf", csrf.as_str()), ("login", login), ("password", password)];
    person.post(path, &fields).await
}

/// Guesses until it is refused to look at the guess; the right password is refused then, too.
async fn is_throttled(mut guesser: Plain, path: &str, login: &str, password: &str) -> Result<()> {
    let mut stopped = None;
    for n in 0..GUESSES_MAX {
        let seen = try_sign_in(&mut guesser, path, login, &format!("guess number {n}")).await?;
        is_protected(&seen)?;
        ensure!((400..500).contains(&seen.status), "a wrong password is answered {}", seen.status);
        ensure!(!guesser.cookies.contains_key("stoa_session"), "a wrong password opens");
        if seen.status == 429 {
            stopped = Some(n);
            break;
        }
    }
    let n = stopped.with_context(|| format!("{GUESSES_MAX} guesses at {path} were looked at"))?;
    ensure!(n >= 2, "who mistypes {n} times is locked out");
    let right = try_sign_in(&mut guesser, path, login, password).await?;
    ensure!(right.status == 429, "a lock opens for the right password: {}", right.status);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_stopped_at_the_shop_and_at_the_console() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let (guessed, other) =
        (server.shopper("flora", "guessed").await?, server.shopper("flora", "other").await?);
    is_throttled(server.plain("flora")?, "/sign-in", &guessed.login, shopper::PASSWORD).await?;
    let mut innocent = server.plain("flora")?;
    let seen = try_sign_in(&mut innocent, "/sign-in", &other.login, shopper::PASSWORD).await?;
    ensure!(seen.status == 303, "somebody else is kept out: {}", seen.status);
    is_protected(&seen)?;
    let (login, password) = server.staff_login("flora", "warehouse")?;
    is_throttled(server.plain("flora")?, "/console/sign-in", login, password).await?;
    let (login, password) = server.staff_login("flora", "owner")?;
    let mut owner = server.plain("flora")?;
    let seen = try_sign_in(&mut owner, "/console/sign-in", login, password).await?;
    ensure!(seen.status == 303, "the owner is kept out: {}", seen.status);
    is_protected(&seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shops_is_nobody_at_the_console_and_the_other_way_round() -> Result<()> {
    let server = Server::start(ServerOptions::default()).await?;
    let member = server.shopper("flora", "curious").await?;
    let mut person = server.plain("flora")?;
    try_sign_in(&mut person, "/sign-in", &member.login, shopper::PASSWORD).await?;
    let seen = person.get("/console/orders").await?;
    ensure!(seen.status == 303, "a shopper sees the console: {}", seen.status);
    ensure!(seen.location().starts_with("/console/sign-in"), "{}", seen.location());
    let (login, password) = server.staff_login("flora", "owner")?;
    let mut owner = server.plain("flora")?;
    try_sign_in(&mut owner, "/console/sign-in", login, password).await?;
    ensure!(owner.get("/console/orders").await?.status == 200, "the owner is not in");
    // A browser would not even send it: the console's cookie is for the console's paths.
    let orders = owner.get("/orders").await?;
    ensure!(orders.status == 303, "the owner shops as somebody: {}", orders.status);
    ensure!(orders.location().starts_with("/sign-in"), "{}", orders.location());
    // Neither at another tenant.
    let mut elsewhere = server.plain("gadget")?;
    elsewhere.cookies.clone_from(&owner.cookies);
    let seen = elsewhere.get("/console/orders").await?;
    ensure!(seen.status == 303, "another tenant's owner is in: {}", seen.status);
    Ok(())
}
