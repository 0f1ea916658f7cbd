//! Known devices: browsers that a user signed in with before.
//!
//! Such a browser has limits of its own, so that strangers, who use up what an account or a network is given, cannot
//! keep its owner out. Its cookie is a name made of chance, the user's name that it was made for and an end, under a
//! key of ours; nothing of it is kept here. It proves nothing about who sits before the browser.

use crate::app::App;
use crate::protocol::Username;

/// Seconds that a browser is known after a sign-in.
pub const LIFETIME: i64 = 180 * 86_400;

/// A cookie for a browser with which the user `name` has just signed in, and which had `cookie` before. One that was known
/// stays the same device, with the limits that it has used up.
pub fn remember(app: &App, name: &Username, cookie: Option<&str>) -> String {
    let known = cookie.and_then(|cookie| recognise(app, name, cookie));
    let device = known.map_or_else(|| app.random.text::<16>(), ToOwned::to_owned);
    let end = app.clock.now().saturating_add(LIFETIME);
    let proof = app.hashes.device.text(&message(name, &device, end));
    format!("{device}.{end}.{proof}")
}

/// The device in `cookie`, if it is one with which the user `name` signed in.
pub fn recognise<'a>(app: &App, name: &Username, cookie: &'a str) -> Option<&'a str> {
    let (device, rest) = cookie.split_once('.')?;
    let (end, proof) = rest.split_once('.')?;
    let end = end.parse().ok()?;
    let is_ours = app.hashes.device.verify(&message(name, device, end), proof);
    (is_ours && app.clock.now() < end).then_some(device)
}

/// A name has no NUL in it, and a proven device none either, so the borders are clear.
fn message(name: &Username, device: &str, end: i64) -> Vec<u8> {
    format!("{name}\0{device}\0{end}").into_bytes()
}
