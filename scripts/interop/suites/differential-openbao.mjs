// The same calls to OpenBao and to our Vault emulator. What differs is a fault of ours, or listed with the source that says so.
import { generateKeyPairSync } from "node:crypto";
import { createVaultEmulator, serve } from "../lib/built.mjs";
import { runCases } from "../lib/cases.mjs";
import { differentialCases, mapLeaves } from "../lib/differential.mjs";
import { request } from "../lib/http.mjs";
import { startOpenBao } from "../lib/servers.mjs";
import { AUTH_SEQUENCES } from "./openbao/auth-sequences.mjs";
import { importKey } from "./openbao/import-key.mjs";
import { matrixSteps } from "./openbao/matrix.mjs";
import { randomSteps } from "./openbao/random-steps.mjs";
import { SEQUENCES } from "./openbao/sequences.mjs";
import { done, mount } from "./openbao/setup.mjs";

/** Keys that both sides have: the same ones, for their signatures are compared. */
const SHARED = {
  "shared-rsa": ["rsa-2048", () => generateKeyPairSync("rsa", { modulusLength: 2048 })],
  "shared-p256": ["ecdsa-p256", () => generateKeyPairSync("ec", { namedCurve: "P-256" })],
  "shared-p384": ["ecdsa-p384", () => generateKeyPairSync("ec", { namedCurve: "P-384" })],
  "shared-p521": ["ecdsa-p521", () => generateKeyPairSync("ec", { namedCurve: "P-521" })],
  "shared-ed": ["ed25519", () => generateKeyPairSync("ed25519")],
};

export const suite = {
  counterpart: "OpenBao",
  needs: ["python"],
  async run(kit, report) {
    const bao = await startOpenBao(kit);
    kit.closing(() => bao.close());
    const emulator = createVaultEmulator({ token: bao.token, mounts: ["transit", "deep/er/transit"], namespaces: ["team", "team/kms"] });
    const served = await serve((asked) => emulator.fetch(asked));
    kit.closing(() => served.close());
    await setUp(bao, emulator);
    const sides = [served.origin, bao.address].map((address) => ({ send: (asked) => send(address, bao.token, asked), steady }));
    const sequences = { ...SEQUENCES, ...AUTH_SEQUENCES, ...matrixSteps(), ...randomSteps() };
    for (const [prefix, steps] of Object.entries(sequences)) await runCases(differentialCases(prefix, steps, sides), report);
    return bao.version;
  },
};

async function setUp(bao, emulator) {
  await done(bao, "POST", "sys/policies/acl/reader", { policy: 'path "transit/keys/*" { capabilities = ["read"] }' });
  emulator.auth.setPolicy("reader", { "transit/keys/*": ["read"] });
  await mount(bao, "transit");
  await mount(bao, "deep/er/transit");
  await done(bao, "POST", "sys/namespaces/team");
  await done(bao, "POST", "sys/namespaces/kms", {}, "team");
  for (const namespace of ["team", "team/kms"]) {
    await mount(bao, "transit", namespace);
    await mount(bao, "deep/er/transit", namespace);
  }
  for (const [name, [type, make]] of Object.entries(SHARED)) {
    const jwk = make().privateKey.export({ format: "jwk" });
    await importKey(bao, name, type, jwk, { allow_rotation: true });
    await emulator.createKey({ name, type, versions: [jwk], imported: { allowRotation: true } });
  }
}

function send(address, token, { method = "POST", path, body, headers = {}, bare = false }) {
  const common = bare ? {} : { "x-vault-token": token, "x-vault-request": "true" };
  return request(address + (path.startsWith("/") ? path : `/v1/${path}`), { method, body, headers: { ...common, ...headers } });
}

const COMPARED_HEADERS = ["content-type", "cache-control", "location", "retry-after", "x-vault-namespace"];

/** Without what chance and time decide: such texts keep their form. */
function steady({ status, headers, body, text }) {
  return {
    status,
    headers: Object.fromEntries(COMPARED_HEADERS.map((name) => [name, headers[name]])),
    body: typeof body === "string" ? `text ${text.slice(0, 80)}` : body === undefined ? "empty" : mapLeaves(body, steadyLeaf),
    end: text.endsWith("\n"),
  };
}

const CHANCE = new Set(["request_id", "cluster_id", "cluster_name", "accessor", "id", "uuid", "version", "expire_time", "issue_time", "client_token", "token", "wrapped_accessor", "entity_id", "role_id", "secret_id", "secret_id_accessor"]);

function steadyLeaf(value, name) {
  if (typeof value === "number" && /^(ttl|lease_duration)$/.test(name)) return `about ${10 * Math.round(value / 10)}`;
  if (typeof value === "number") return name === "server_time_utc" || name === "creation_time" || (/^\d+$/.test(name) && value > 1e9) ? "a time" : value;
  if (typeof value !== "string" || value === "") return value;
  if (CHANCE.has(name)) return `some ${name}`;
  if (/^\d{4}-\d\d-\d\dT[0-9:]+(\.\d*[1-9])?(Z|[+-]\d\d:\d\d)$/.test(value)) return "a time";
  const signed = /^vault:v(\d+):./.exec(value);
  if (signed !== null) return `vault:v${signed[1]}:`;
  if (name === "public_key") return value.startsWith("-----") ? value.replace(/^[A-Za-z0-9+/=]+$/gm, (line) => `a line of ${line.length}`) : `a text of ${value.length}`;
  return value;
}
