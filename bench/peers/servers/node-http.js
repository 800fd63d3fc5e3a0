/** The floor: node:http sending one prepared reply, with nothing between. */

import { createServer } from "node:http";

const { status, fields, body } = JSON.parse(process.env["SHAPE"]);
const flatFields = fields.flat();
const bytes = Buffer.from(body);

const server = createServer((_request, response) => {
  response.writeHead(status, flatFields);
  response.end(bytes);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env["PORT"]), "127.0.0.1");
