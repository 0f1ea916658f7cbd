//! What the APIs of others are written with, as far as we have words for it.

use super::words::words;

words! {
    /// A stack that an API is written with.
    Stack: "a stack" {
        /// FastAPI with PyJWT.
        Fastapi = "fastapi",
        /// Express with jose.
        Express = "express",
        /// Go with golang-jwt.
        Go = "go",
        /// axum with this crate.
        Axum = "axum",
        /// Warp with the filters of this crate.
        Warp = "warp",
        /// Spring Security.
        Spring = "spring",
        /// nginx, which asks about each token.
        Nginx = "nginx",
        /// Apache, which asks about each token.
        Apache = "apache",
    }
}
