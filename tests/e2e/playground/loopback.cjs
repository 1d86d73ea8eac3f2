// Loaded before the Playground (node --require), which would listen on every network interface otherwise, and which
// has been seen looking up a foreign host with its telemetry off.
"use strict";

const dns = require("node:dns");
const { Server } = require("node:net");

const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);

const { listen } = Server.prototype;
Server.prototype.listen = function listenOnLoopback(port, ...rest) {
  const hasHost = typeof rest[0] === "string";
  return listen.call(this, port, ...(typeof port === "number" && !hasHost ? ["127.0.0.1", ...rest] : rest));
};

const { lookup } = dns;
dns.lookup = function lookUpLoopback(hostname, ...rest) {
  if (LOOPBACK.has(hostname)) return lookup.call(this, hostname, ...rest);
  const refused = Object.assign(new Error(`${hostname} is not on this machine`), { code: dns.NOTFOUND, hostname });
  return process.nextTick(rest.at(-1), refused);
};
