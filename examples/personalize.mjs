// An offer in a page that a Node server renders. DANGOL and DANGOL_SECRET_KEY are read from the environment.
// See docs/offers.md.
import { createServer } from "node:http";
import { randomUUID } from "node:crypto";

const MS = 1000 * (process.env.DANGOL_SECONDS || 0.2);
const OWN = "<section><h1>Our own headline</h1></section>";
const escape = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/* The visitor's id, and the Set-Cookie header where it is new. Nothing for who does not want to be tracked. */
const visitor = ({ headers }, secure) => {
  if (headers["sec-gpc"] === "1" || headers.dnt === "1") return {};
  const known = /(?:^|; )dangol_v=([\w.~-]{1,100})(?:;|$)/.exec(headers.cookie || "");
  if (known) return { id: known[1] };
  const id = randomUUID();
  return { id, cookie: `dangol_v=${id}; Max-Age=34128000; Path=/; SameSite=Lax${secure ? "; Secure" : ""}` };
};

/* The slot's answer; {} when there is none in time. */
const requested = async (id, slot, url) => {
  try {
    const response = await fetch(process.env.DANGOL + "/v1/personalize", {
      method: "POST",
      headers: { Authorization: `Bearer ${process.env.DANGOL_SECRET_KEY}` },
      body: JSON.stringify({ visitor: id, page: { url }, slots: [{ id: slot, kind: "offer" }] }),
      signal: AbortSignal.timeout(MS),
    });
    return (await response.json()).slots[slot] || {};
  } catch {
    return {};
  }
};

const section = ({ offer, token }, slot) => {
  if (!offer?.content?.title) return OWN;
  const told = { offer: { campaign: offer.campaign, variant: offer.variant }, slot, token };
  const link = /^(\/|https:\/\/)/.test(offer.content.link) ? offer.content.link : "/";
  return `<section data-dangol-offer="${escape(JSON.stringify(told))}"><h1>${escape(offer.content.title)}</h1>
    <a href="${escape(link)}">Have a look</a><button data-dangol-dismiss>Close</button></section>`;
};

createServer(async (request, response) => {
  const { id, cookie } = visitor(request, false); // true behind https
  const page = section(id ? await requested(id, "hero", `http://${request.headers.host}${request.url}`) : {}, "hero");
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.setHeader("Cache-Control", "private, no-store");
  if (cookie) response.setHeader("Set-Cookie", cookie);
  response.end(`<!doctype html><title>Shop</title><main>${page}</main>`);
}).listen(process.env.PORT, "127.0.0.1");
