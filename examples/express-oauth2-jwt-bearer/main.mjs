// An API with two operations, protected by `auth.mjs`.

import express from "express";

import { scoped, token } from "./auth.mjs";

const app = express();
app.use(token);
app.get("/items", scoped("items:read"), (request, response) => {
  response.json({ items: ["one", "two"], for: request.auth.payload.sub });
});
app.post("/items", scoped("items:write"), (request, response) => {
  response.json({ written_by: request.auth.payload.sub });
});
app.listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
