//! What the APIs of others are written with, as far as we have words for it.

use super::words::words;

words! {
    /// A stack that an API is written with.
    Stack: "a stack" {
        /// FastAPI with PyJWT.
        Fastapi = "fastapi",
        /// Express with jose.
        Express = "express",
        /// Go with its standard library.
        Go = "go",
        /// axum with jsonwebtoken.
        Axum = "axum",
        /// Warp with the filters of this crate.
        Warp = "warp",
        /// Spring Security.
        Spring = "spring",
        /// nginx, which asks about each token.
        Nginx = "nginx",
        /// Apache with mod_auth_openidc.
        Apache = "apache",
    }
}
