// Sequences of calls for the differential test with OpenBao: tokens, wrapped answers, and logins.
import { brief } from "./sequences.mjs";

/** `as`: the name under which an earlier step kept a token; the root token without it. */
function post(path, body, { as, keep, ...more } = {}) {
  const name = `POST ${path} ${brief(body)}${brief(as)}${brief(more.headers)}`;
  const ask = (known) => ({ path, body: typeof body === "function" ? body(known) : body, ...more, headers: { ...more.headers, ...(as === undefined ? {} : { "x-vault-token": known[as] }) } });
  return keep === undefined ? { name, ask } : { name, ask, facts: ({ body: answer }, known) => void Object.assign(known, keep(answer)) };
}

const get = (path, as) => ({ name: `GET ${path}${brief(as)}`, ask: (known) => ({ method: "GET", path, headers: as === undefined ? {} : { "x-vault-token": known[as] } }) });
const token = (name) => ({ keep: ({ auth }) => ({ [name]: auth.client_token }) });
const create = (name, body) => post("auth/token/create", body, token(name));

/** How near a capped token is to its maximum, and so the warning's text, depends on the second. */
const renewal = (name) => (name === "capped" ? [] : [post("auth/token/renew-self", {}, { as: name })]);

const TOKENS = [
  create("plain", { policies: ["reader"], ttl: "1h" }),
  create("batch", { policies: ["reader"], ttl: 60, type: "batch" }),
  create("periodic", { policies: ["reader"], period: "30s" }),
  create("once", { policies: ["reader"], num_uses: 1 }),
  create("bare", { policies: ["reader"], no_default_policy: true }),
  create("capped", { policies: ["reader"], ttl: "2h", explicit_max_ttl: "1h" }),
  create("fixed", { policies: ["reader"], renewable: false, display_name: "fixed", meta: { a: "1" } }),
  ...["plain", "batch", "periodic", "capped", "fixed", "bare"].flatMap((name) => [get("auth/token/lookup-self", name), ...renewal(name), post("auth/token/renew-self", { increment: "10m" }, { as: name })]),
  get("transit/keys/shared-p256", "once"),
  get("transit/keys/shared-p256", "once"),
  ...["plain", "batch"].flatMap((name) => [post("transit/sign/shared-p256", { input: "AAAA" }, { as: name }), get("transit/keys/none", name), get("nowhere/keys/k", name)]),
  post("sys/capabilities-self", { paths: ["transit/keys/k", "transit/sign/k"] }, { as: "plain" }),
  post("auth/token/create", { type: "other" }),
  ...[{ ttl: "soon" }, { ttl: "-5m" }, { ttl: "1x" }, { ttl: [] }, { period: "soon" }, { period: "-1s" }, { explicit_max_ttl: "-1s" }, { num_uses: "x" }, { renewable: "maybe" }].map((body) =>
    post("auth/token/create", body),
  ),
  post("auth/token/create", { policies: ["root"] }, { as: "plain" }),
  post("auth/token/revoke-self", {}, { as: "plain" }),
  get("auth/token/lookup-self", "plain"),
  post("auth/token/revoke-self", {}, { as: "batch" }),
];

const wrapped = { headers: { "x-vault-wrap-ttl": "60" }, keep: ({ wrap_info }) => ({ wrapping: wrap_info.token }) };

const WRAPPING = [
  post("transit/sign/shared-p256", { input: "AAAA" }, wrapped),
  post("sys/wrapping/lookup", (known) => ({ token: known.wrapping }), { bare: true }),
  post("sys/wrapping/unwrap", {}, { as: "wrapping" }),
  post("sys/wrapping/unwrap", {}, { as: "wrapping" }),
  post("transit/sign/shared-p256", { input: "AAAA" }, wrapped),
  post("sys/wrapping/unwrap", (known) => ({ token: known.wrapping })),
  post("transit/sign/shared-p256", { input: "AAAA" }, wrapped),
  post("transit/sign/shared-p256", { input: "AAAA" }, { as: "wrapping" }),
  post("sys/wrapping/unwrap", {}, { as: "wrapping" }),
  post("sys/wrapping/unwrap", { token: "s.none" }),
  ...["0", "5m", "later", "-1", "1h30m"].map((ttl) => post("transit/sign/shared-p256", { input: "AAAA" }, { headers: { "x-vault-wrap-ttl": ttl } })),
  post("transit/sign/none", { input: "AAAA" }, { headers: { "x-vault-wrap-ttl": "60" } }),
];

const LOGINS = [
  post("sys/auth/approle", { type: "approle" }),
  post("sys/auth/approle", { type: "approle" }),
  post("sys/auth/nothing", { type: "nothing" }),
  post("auth/approle/role/r", { token_policies: ["reader"], token_ttl: "60s", token_max_ttl: "120s" }),
  { name: "role-id", ask: () => ({ method: "GET", path: "auth/approle/role/r/role-id" }), facts: ({ body }, known) => void (known.role_id = body.data.role_id) },
  post("auth/approle/role/r/secret-id", {}, { keep: ({ data }) => ({ secret_id: data.secret_id }) }),
  post("auth/approle/login", ({ role_id, secret_id }) => ({ role_id, secret_id }), { bare: true, ...token("approle") }),
  get("auth/token/lookup-self", "approle"),
  post("auth/approle/login", ({ role_id }) => ({ role_id, secret_id: "wrong" }), { bare: true }),
  post("auth/approle/login", ({ role_id }) => ({ role_id }), { bare: true }),
  post("auth/approle/login", {}, { bare: true }),
  post("auth/approle/login", { role_id: "wrong", secret_id: "wrong" }, { bare: true }),
  post("auth/approle/nothing", {}, { bare: true }),
  post("auth/none/login", {}, { bare: true }),
  post("sys/auth/userpass", { type: "userpass" }),
  post("auth/userpass/users/u", { password: "p", token_policies: ["reader"] }),
  post("auth/userpass/login/u", { password: "p" }, { bare: true, ...token("userpass") }),
  post("auth/userpass/login/u", { password: "wrong" }, { bare: true }),
  post("auth/userpass/login/u", {}, { bare: true }),
  post("auth/userpass/login/nobody", { password: "p" }, { bare: true }),
];

export const AUTH_SEQUENCES = { tokens: TOKENS, wrapping: WRAPPING, logins: LOGINS };
