// An API with two operations, protected by `auth.mjs`.

import express from "express";

import { scoped } from "./auth.mjs";

const app = express();
app.get("/items", scoped("items:read"), (request, response) => {
  response.json({ items: ["one", "two"], for: request.token.sub });
});
app.post("/items", scoped("items:write"), (request, response) => {
  response.json({ written_by: request.token.sub });
});
app.listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
