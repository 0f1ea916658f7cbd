//! `/test/…`: the control of an issuer for tests, beside the endpoints of the real server.
//!
//! No other server has these paths. Who calls them can have any token, so no page of a browser may: a call is JSON
//! (which a page of another site cannot send unasked), has no `Origin`, and names the address that the issuer listens on
//! in `Host`, which a page whose name was pointed at loopback (DNS rebinding) does not.

use std::time::Duration;

use futures_util::Stream;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Buf, Filter};

use super::cors::Cors;
use super::endpoints::Endpoints;
use super::form::whole;
use super::reply;
use super::route::{Route, answer};
use crate::app::App;
use crate::clock::Hand;
use crate::keys::schedule;
use crate::mint::{self, Wish};
use crate::protocol::Error;
use crate::rotate;

/// The last second of the year 9999, beyond which no clock is set.
const LATEST: i64 = 253_402_300_799;

/// How long it is waited for the keys to be looked at. A time of the real world.
const LOOK: Duration = Duration::from_secs(5);

/// `POST /test/token`, `/test/clock` and `/test/rotate`, and every endpoint of the real server.
pub fn routes(app: &App, hand: &Hand) -> Endpoints {
    let token = call(app, hand, "/test/token", token);
    let clock = call(app, hand, "/test/clock", clock);
    let rotate = call(app, hand, "/test/rotate", rotation);
    super::routes(app).and([token, clock, rotate])
}

/// One call: a JSON object, answered by `handler`.
fn call<T, F>(
    app: &App,
    hand: &Hand,
    path: &'static str,
    handler: impl Fn(App, Hand, T) -> F + Clone + Send + Sync + 'static,
) -> Route
where
    T: DeserializeOwned + Send + 'static,
    F: Future<Output = Result<Response, Error>> + Send,
{
    let (on, with) = (app.clone(), (app.clone(), hand.clone()));
    let asked = warp::post().and(warp::header::headers_cloned()).and(warp::body::stream()).and_then(
        move |headers: HeaderMap, body| {
            let app = on.clone();
            async move { read::<T, _, _>(&app, &headers, body).await.map_err(Rejection::from) }
        },
    );
    let answered = asked.then(move |asked: T| handler(with.0.clone(), with.1.clone(), asked)).map(answer);
    Route::new(app, Cors::Nobody, "POST", path, answered)
}

async fn read<T, S, B>(app: &App, headers: &HeaderMap, body: S) -> Result<T, Error>
where
    T: DeserializeOwned,
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let address = app.issuer().origin().trim_start_matches("http://");
    if headers.contains_key(ORIGIN) || headers.get(HOST).is_none_or(|host| host != address) {
        return Err(Error::invalid_request(
            "this is not for browsers: no `Origin`, and the issuer's own `Host`",
        ));
    }
    if headers.get(CONTENT_TYPE) != Some(&HeaderValue::from_static("application/json")) {
        return Err(Error::unsupported_media_type("the body must be `application/json`"));
    }
    let bytes = whole(body).await?;
    // An object first: a struct would be read from a list, too.
    let read = serde_json::from_slice(&bytes).map(Value::Object).and_then(serde_json::from_value);
    read.map_err(|error| Error::invalid_request("the body is not what this takes").because(error))
}

async fn token(app: App, hand: Hand, wish: Wish) -> Result<Response, Error> {
    Ok(reply::json(&mint::mint(&app, &hand, wish)?))
}

/// Where the clock is set to.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Clock {
    /// Unix seconds: the wall clock alone is put there.
    Now(i64),
    /// So many seconds pass.
    Advance(u32),
}

async fn clock(app: App, hand: Hand, to: Clock) -> Result<Response, Error> {
    match to {
        Clock::Now(unix) if (0..=LATEST).contains(&unix) => hand.jump_to(unix),
        Clock::Now(_) => return Err(Error::invalid_request("`now` lies between the years 1970 and 9999")),
        Clock::Advance(seconds) => hand.advance(Duration::from_secs(seconds.into())),
    }
    look(&app).await?;
    Ok(reply::json(&json!({ "now": app.clock.now() })))
}

/// What becomes of the key that signs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// Whether it is dropped, so that what it signed is refused; else it is retired, and published on.
    #[serde(default)]
    revoke: bool,
}

async fn rotation(app: App, _hand: Hand, Rotation { revoke }: Rotation) -> Result<Response, Error> {
    let bits = app.config().keys.rsa_bits;
    let former = active(&app);
    let changed = match (&former, revoke) {
        (Some(kid), true) => rotate::revoke(&app, bits, kid).await.map(drop),
        _ => rotate::request(&app, bits, true).await.map(drop),
    };
    changed.map_err(|error| Error::unavailable(1).because(error))?;
    look(&app).await?;
    Ok(reply::json(&json!({ "kid": active(&app), "former": former })))
}

/// The key that signs.
fn active(app: &App) -> Option<String> {
    schedule::active(app.keys.current().keys()).map(|key| key.kid.clone())
}

/// Has the keys looked at, as they are stored and by the clock as it is now.
async fn look(app: &App) -> Result<(), Error> {
    let asked = app.clock.monotonic();
    let looked = async {
        while app.keys.current().confirmed().monotonic < asked {
            app.keys_changed.notify_one();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LOOK, looked).await.map_err(|elapsed| Error::unavailable(1).because(elapsed))
}
