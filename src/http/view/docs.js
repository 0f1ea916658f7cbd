// Swagger UI with our description. It takes nothing from the query of the page, and keeps no token beyond it.
const { description, redirectUri, client } = document.getElementById("docs").dataset;
const ui = SwaggerUIBundle({
  dom_id: "#docs",
  url: description,
  oauth2RedirectUrl: redirectUri,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
});
ui.initOAuth({ clientId: client, usePkceWithAuthorizationCodeGrant: true });
