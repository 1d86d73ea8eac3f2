// Loaded before the Playground (node --require): without it, the Playground listens on every network interface.
"use strict";

const { Server } = require("node:net");

const listen = Server.prototype.listen;

Server.prototype.listen = function listenOnLoopback(port, ...rest) {
  const hasHost = typeof rest[0] === "string";
  return listen.call(this, port, ...(typeof port === "number" && !hasHost ? ["127.0.0.1", ...rest] : rest));
};
