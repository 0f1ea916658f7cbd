//! Endpoints that publish a document: what answers a `GET` of it is made once, and given until the document changes.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use http::HeaderMap;
use warp::Filter as _;
use warp::reply::Response;

use super::cors::Cors;
use super::guard::with;
use super::reply;
use super::route::{READ, Route, if_none_match, read};
use crate::app::App;
use crate::model::Document;

/// The document as it is now, and the seconds that it may be kept for.
pub(super) type Current = fn(&App) -> (Arc<Document>, i64);

/// Publishes a document at `path`.
pub(super) fn publish(app: &App, path: &'static str, current: Current) -> Route {
    let show = read().and(if_none_match()).and(with(app)).map(move |known: Option<String>, app: App| {
        let (document, max_age) = current(&app);
        reply::document(&document, max_age, known.as_deref())
    });
    Route::new(app, Cors::Anyone, READ, path, show)
        .with_ready(Ready { current, made: ArcSwapOption::empty() })
}

/// What answers a `GET` of a document.
pub(super) struct Ready {
    current: Current,
    made: ArcSwapOption<Made>,
}

/// The header of an answer, and what it was made of.
struct Made {
    document: Arc<Document>,
    max_age: i64,
    headers: HeaderMap,
}

impl Ready {
    /// The answer, to whose header `complete` adds what every answer carries.
    pub(super) fn answer(&self, app: &App, complete: &dyn Fn(&mut HeaderMap)) -> Response {
        let (document, max_age) = (self.current)(app);
        let made = self.made.load();
        if let Some(made) = made.as_ref().filter(|made| made.is_of(&document, max_age)) {
            return made.answer();
        }
        let mut response = reply::document(&document, max_age, None);
        Cors::Anyone.admit(app, None, READ, &mut response);
        complete(response.headers_mut());
        let made = Made { document, max_age, headers: std::mem::take(response.headers_mut()) };
        let answer = made.answer();
        self.made.store(Some(Arc::new(made)));
        answer
    }
}

impl Made {
    fn is_of(&self, document: &Arc<Document>, max_age: i64) -> bool {
        Arc::ptr_eq(&self.document, document) && self.max_age == max_age
    }

    fn answer(&self) -> Response {
        let mut response = Response::new(self.document.bytes.clone().into());
        *response.headers_mut() = self.headers.clone();
        response
    }
}
