//! The `oauth2` crate as a client that knows nothing of us.

use std::pin::Pin;

use claviger::admin::client::Description;
use claviger::model::AuthMethod;
use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, IntrospectionUrl, RequestTokenError,
    ResourceOwnerPassword, ResourceOwnerUsername, RevocationUrl, Scope, StandardRevocableToken,
    TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};

use crate::server::{PASSWORD, Server, description};

type Sent = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send>>;

/// Carries the crate's requests over the tests' own HTTP client; to loopback in plain HTTP, although the crate
/// insists on `https` for revocation.
fn send(request: HttpRequest) -> Sent {
    Box::pin(async move {
        let (parts, body) = request.into_parts();
        let http = reqwest::Client::new();
        let request = http
            .request(parts.method, parts.uri.to_string().replace("https:", "http:"))
            .headers(parts.headers)
            .body(body);
        let response = request.send().await?;
        let mut answer = http::Response::builder().status(response.status());
        *answer.headers_mut().unwrap() = response.headers().clone();
        Ok(answer.body(response.bytes().await?.to_vec()).unwrap())
    })
}

#[tokio::test]
async fn every_grant_revocation_and_introspection() {
    let server = Server::start().await;
    let alice = server.user("alice").await;
    for (method, auth_type) in [
        (AuthMethod::ClientSecretBasic, AuthType::BasicAuth),
        (AuthMethod::ClientSecretPost, AuthType::RequestBody),
    ] {
        let id = method.to_string();
        let grants = ["password", "refresh_token", "client_credentials"].map(str::to_owned).into();
        let registered =
            server.client_with(Description { grants, auth_method: method, ..description(&id) }).await;
        let at = |path: &str| format!("http://{}{path}", server.address);
        let client = BasicClient::new(ClientId::new(id))
            .set_client_secret(ClientSecret::new(registered.secret.unwrap()))
            .set_auth_type(auth_type)
            .set_token_uri(TokenUrl::new(at("/token")).unwrap())
            .set_introspection_url(IntrospectionUrl::new(at("/introspect")).unwrap())
            .set_revocation_url(RevocationUrl::new(at("/revoke").replace("http:", "https:")).unwrap());

        let own = client.exchange_client_credentials().add_scope(Scope::new("items:read".to_owned()));
        assert!(own.request_async(&send).await.unwrap().refresh_token().is_none());

        let (name, password) =
            (ResourceOwnerUsername::new(alice.name.clone()), ResourceOwnerPassword::new(PASSWORD.to_owned()));
        let first = client.exchange_password(&name, &password).request_async(&send).await.unwrap();
        let second =
            client.exchange_refresh_token(first.refresh_token().unwrap()).request_async(&send).await.unwrap();
        let described = client.introspect(second.access_token()).request_async(&send).await.unwrap();
        assert!(described.active());
        assert_eq!(described.username(), Some("alice"));

        let token: StandardRevocableToken = second.refresh_token().unwrap().into();
        client.revoke_token(token).unwrap().request_async(&send).await.unwrap();
        let described = client.introspect(second.access_token()).request_async(&send).await.unwrap();
        assert!(!described.active());

        let wrong = ResourceOwnerPassword::new("not the password".to_owned());
        let refused = client.exchange_password(&name, &wrong).request_async(&send).await.unwrap_err();
        let RequestTokenError::ServerResponse(refused) = refused else { panic!("{refused:?}") };
        assert_eq!(*refused.error(), BasicErrorResponseType::InvalidGrant);
    }
}
