// A test against `mailbearer mock` with Node alone; the settings come from the environment, as it prints them.
import assert from "node:assert";
import { readFileSync } from "node:fs";
import https from "node:https";
import tls from "node:tls";

const env = process.env;
const ca = readFileSync(env.MAILBEARER_TLS_CA_FILE);

function post(url, body) {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    const request = https.request(url, { ca, method: "POST", headers }, (response) => {
      let text = "";
      response.on("data", (piece) => (text += piece)).on("end", () => resolve(JSON.parse(text)));
    });
    request.on("error", reject).end(body);
  });
}

// A token, by client credentials.
const form = new URLSearchParams({
  grant_type: "client_credentials",
  client_id: env.MAILBEARER_OAUTH_CLIENT_ID,
  client_secret: env.MAILBEARER_OAUTH_CLIENT_SECRET,
  scope: env.MAILBEARER_OAUTH_SCOPE,
});
const { access_token: token } = await post(env.MAILBEARER_OAUTH_TOKEN_URL, form.toString());

// What the test wants to find is put there by the control port.
await fetch(`${env.MOCK_CONTROL_URL}/deliver`, { method: "POST", body: "Subject: hello\r\n\r\nworld\r\n" });

// IMAP by hand: a client of your own stands here.
const socket = tls.connect({ host: env.MAILBEARER_IMAP_HOST, port: Number(env.MAILBEARER_IMAP_PORT), ca });
socket.setEncoding("utf8");
let heard = "";
const until = async (pattern) => {
  while (!pattern.test(heard)) {
    const [piece] = await Promise.race([
      new Promise((resolve) => socket.once("data", (piece) => resolve([piece]))),
      new Promise((_, reject) => socket.once("error", reject)),
    ]);
    heard += piece;
  }
  const all = heard;
  heard = "";
  return all;
};
await until(/^\* OK .*\r\n/);
const user = env.MAILBEARER_USER;
const response = Buffer.from(`user=${user}\x01auth=Bearer ${token}\x01\x01`).toString("base64");
socket.write(`a AUTHENTICATE XOAUTH2 ${response}\r\n`);
await until(/^a OK /m);
socket.write("b EXAMINE INBOX\r\n");
await until(/^b OK .*\r\n/m);
socket.write("c SEARCH SUBJECT hello\r\n");
assert.match(await until(/^c OK .*\r\n/m), /^\* SEARCH 1\b/m);
socket.end("d LOGOUT\r\n");
console.log("ok");
