//! The `openidconnect` crate as a relying party that knows nothing of us.

use std::pin::Pin;

use claviger::admin::client::Description;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse as _,
};

use crate::browser::{Browser, ISSUER};
use crate::relying_party::{AFTER_LOGOUT, REDIRECT_URI, relying_party};
use crate::server::Server;

type Sent = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send>>;

/// Carries the crate's requests to where the server listens.
fn to(server: &Server) -> impl Fn(HttpRequest) -> Sent + Sync {
    let origin = format!("http://{}", server.address);
    move |request| {
        let url = request.uri().to_string().replace(ISSUER, &origin);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let request = reqwest::Client::new().request(parts.method, url).headers(parts.headers).body(body);
            let response = request.send().await?;
            let mut answer = http::Response::builder().status(response.status());
            *answer.headers_mut().unwrap() = response.headers().clone();
            Ok(answer.body(response.bytes().await?.to_vec()).unwrap())
        })
    }
}

#[tokio::test]
async fn a_user_signs_in_and_out() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    let registered =
        server.client_with(Description { profile: Default::default(), ..relying_party("the-crate") }).await;
    let is_told = async |server: &Server| {
        !server.get("/.well-known/openid-configuration").await.body["authorization_endpoint"].is_null()
    };
    server.until("the metadata tell of the code grant", is_told).await;
    let send = to(&server);
    let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
    let metadata = ProviderMetadataWithLogout::discover_async(issuer, &send).await.unwrap();
    let end_session = metadata.additional_metadata().end_session_endpoint.clone().unwrap();
    let secret = registered.secret.clone().map(ClientSecret::new);
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(registered.id.clone()), secret)
        .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned()).unwrap());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let browser = Browser::new(&server);
    let page = browser.open(url.as_str().strip_prefix(ISSUER).unwrap()).await;
    let page = browser.sign_in(&page, &alice).await;
    let page = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(&page.told("state"), state.secret());

    let tokens = client
        .exchange_code(AuthorizationCode::new(page.told("code")))
        .unwrap()
        .set_pkce_verifier(verifier)
        .request_async(&send)
        .await
        .unwrap();
    let now = chrono::DateTime::from_timestamp(server.app.clock.now(), 0).unwrap();
    let verifier = client.id_token_verifier().set_time_fn(move || now);
    let id_token = tokens.id_token().unwrap();
    let claims = id_token.claims(&verifier, &nonce).unwrap();
    assert_eq!(claims.subject().as_str(), alice.id);
    let (algorithm, key) = (id_token.signing_alg().unwrap(), id_token.signing_key(&verifier).unwrap());
    let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).unwrap();
    assert_eq!(Some(&hash), claims.access_token_hash());

    let subject = Some(claims.subject().clone());
    let told: CoreUserInfoClaims =
        client.user_info(tokens.access_token().clone(), subject).unwrap().request_async(&send).await.unwrap();
    assert_eq!(told.email().map(|email| email.as_str()), Some("alice@example.com"));

    let refreshed = client
        .exchange_refresh_token(tokens.refresh_token().unwrap())
        .unwrap()
        .request_async(&send)
        .await
        .unwrap();
    let again = refreshed.id_token().unwrap().claims(&verifier, |_: Option<&Nonce>| Ok(())).unwrap();
    assert_eq!(again.subject(), claims.subject());

    let out = LogoutRequest::from(end_session)
        .set_id_token_hint(id_token)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(AFTER_LOGOUT.to_owned()).unwrap())
        .http_get_url();
    let page = browser.open(out.as_str().strip_prefix(ISSUER).unwrap()).await;
    assert_eq!(page.location(), AFTER_LOGOUT);
    client
        .exchange_refresh_token(refreshed.refresh_token().unwrap())
        .unwrap()
        .request_async(&send)
        .await
        .unwrap_err();
}
