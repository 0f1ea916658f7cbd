//! Back-channel logout ([OpenID Connect Back-Channel Logout §2.5]): clients are told that a session is over.
//!
//! A delivery waits in the database until its client has said that it arrived, so neither a client nor a node that is
//! away loses it. Whoever takes one has a lease on it: of several nodes one delivers, and another only when the first
//! has died. A client hears of it at least once: twice, where its answer was lost. The token is made at each attempt,
//! so that it is fresh however late it comes.
//!
//! [OpenID Connect Back-Channel Logout §2.5]: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use url::Url;

use crate::app::App;
use crate::keys::signer::Typ;
use crate::model::Event;
use crate::protocol::{BoxError, ClientId, LogoutClaims};
use crate::store::{self, LiveClient, LogoutDelivery};
use crate::subject;
use crate::timer;

/// How many tokens are delivered at the same time.
pub const AT_ONCE: usize = 64;

/// How many of them to one client, so that one that hangs does not hold the others back.
const TO_ONE_CLIENT: usize = 4;

/// How often it looks for what other processes queued, and for what is due again.
const EVERY: Duration = Duration::from_secs(5);

/// Seconds for which what was taken is not given to another: longer than an attempt lasts, and clocks may differ.
const LEASE: i64 = 60;

/// Seconds that a token is good (§2.4 recommends two minutes at most).
const LIFETIME: i64 = 120;

/// The shortest and the longest pause between two attempts, in seconds; each is twice the one before.
const PAUSES: (i64, i64) = (5, 3600);

/// How many attempts are made: over about a day.
const ATTEMPTS: i64 = 33;

/// Delivers for ever.
pub async fn run(app: App) {
    let mut clients = HashMap::new();
    loop {
        if let Err(error) = take(&app, &mut clients).await {
            tracing::warn!(%error, "logout tokens cannot be looked for; it is tried again");
        }
        tokio::select! {
            () = app.store.logouts_queued() => {}
            () = timer::sleep(&app.clock, EVERY) => {}
        }
    }
}

/// Waits until what is being delivered has arrived or failed. Nothing new may be taken any more.
pub async fn drained(app: &App) {
    let all = u32::try_from(AT_ONCE).expect("it is a small number");
    drop(app.delivering.acquire_many(all).await);
}

/// Takes what is due, as far as there are places for it, and delivers it beside. `clients` has the places of those that
/// something is being delivered to.
async fn take(app: &App, clients: &mut HashMap<ClientId, Arc<Semaphore>>) -> Result<(), store::Error> {
    clients.retain(|_, places| places.available_permits() < TO_ONE_CLIENT);
    let now = app.clock.now();
    // All places may be taken by as many clients; there are as many others among these.
    for client in app.store.clients_to_tell(now, count(2 * AT_ONCE)).await? {
        let places = clients.entry(client.clone()).or_insert_with(|| Arc::new(Semaphore::new(TO_ONE_CLIENT)));
        let free = places.available_permits().min(app.delivering.available_permits());
        if free == 0 {
            continue;
        }
        for delivery in app.store.take_logouts(client, now, now.saturating_add(LEASE), count(free)).await? {
            let place = (places.clone().acquire_owned().await, app.delivering.clone().acquire_owned().await);
            let app = app.clone();
            tokio::spawn(async move {
                deliver(&app, delivery).await;
                drop(place);
                app.store.look_for_logouts();
            });
        }
    }
    Ok(())
}

fn count(places: usize) -> i64 {
    i64::try_from(places).expect("it is a small number")
}

/// Makes one attempt, and notes how it ended.
async fn deliver(app: &App, delivery: LogoutDelivery) {
    let LogoutDelivery { client, attempts, .. } = delivery.clone();
    let noted = match attempt(app, &delivery).await {
        Ok(()) => app.store.forget_logout(delivery, None).await,
        Err(error) if attempts >= ATTEMPTS => {
            tracing::warn!(%client, %error, "a logout token is given up");
            let entry = app.audit(Event::LogoutUndelivered).client(&client).user(delivery.user);
            let entry = entry.detail(format!("session {}: {error}", delivery.session));
            app.store.forget_logout(delivery, Some(entry)).await
        }
        Err(error) => {
            let pause = pause(attempts, u32::from_be_bytes(app.random.bytes()));
            tracing::info!(%client, %error, attempts, "a logout token is delivered again in {pause} s");
            app.store.put_off_logout(delivery, app.clock.now().saturating_add(pause)).await
        }
    };
    if let Err(error) = noted {
        tracing::warn!(%client, %error, "how a delivery ended was not noted; it is made again in {LEASE} s");
    }
}

/// Tells the client, if it is enabled and wants to be told.
async fn attempt(app: &App, delivery: &LogoutDelivery) -> Result<(), BoxError> {
    let Some(client) = app.store.live_client(&delivery.client).await? else { return Ok(()) };
    let Some(uri) = &client.backchannel_logout_uri else { return Ok(()) };
    let url: Url = uri.as_str().parse()?;
    let token = logout_token(app, &client, delivery)?;
    match app.fetcher.post(&url, &[("logout_token", &token)]).await?.status {
        // §2.8; some frameworks make a 204 of an empty 200.
        200 | 204 => Ok(()),
        // A 400 too: a client that could not verify this token may have newer keys by the next.
        status => Err(format!("the client answered with {status}").into()),
    }
}

fn logout_token(app: &App, client: &LiveClient, delivery: &LogoutDelivery) -> Result<String, BoxError> {
    let now = app.clock.now();
    let claims = LogoutClaims {
        iss: app.issuer().to_string(),
        sub: subject::of(app, client, delivery.user),
        aud: client.id.to_string(),
        iat: now,
        exp: now.saturating_add(LIFETIME),
        jti: app.random.text::<16>(),
        events: LogoutClaims::logout(),
        sid: subject::sid(app, client, delivery.session),
    };
    Ok(app
        .keys
        .current()
        .signer(client.profile.signing_alg, app.clock.read())?
        .sign(Typ::LogoutToken, &claims))
}

/// Seconds until the next attempt, after so many; `chance` makes it up to a quarter longer, so that those that failed
/// together do not come back together.
fn pause(attempts: i64, chance: u32) -> i64 {
    let (shortest, longest) = PAUSES;
    let doublings = u32::try_from(attempts.clamp(1, 32) - 1).expect("it is between 0 and 31");
    let pause = shortest.saturating_mul(1 << doublings).min(longest);
    pause + pause * i64::from(chance) / (i64::from(u32::MAX) * 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_an_hour_and_attempts_are_made_for_a_day() {
        let pauses = |chance| (1..ATTEMPTS).map(move |attempts| pause(attempts, chance)).collect::<Vec<_>>();
        assert_eq!(pauses(0)[..5], [5, 10, 20, 40, 80]);
        assert_eq!(pauses(u32::MAX)[..5], [6, 12, 25, 50, 100]);
        assert_eq!(pauses(0)[31], 3600);
        for chance in [0, u32::MAX] {
            let hours = pauses(chance).iter().sum::<i64>() / 3600;
            assert!((23..=30).contains(&hours), "{hours}");
        }
    }
}
