// The same calls to moto and to our AWS emulator. What differs is a fault of ours, or listed with the source that says so.
import { createAwsEmulator, serve } from "../lib/built.mjs";
import { runCases } from "../lib/cases.mjs";
import { differentialCases, mapLeaves } from "../lib/differential.mjs";
import { request } from "../lib/http.mjs";
import { startMoto } from "../lib/servers.mjs";
import { signedHeaders } from "../lib/sigv4.mjs";
import { CREDENTIALS, REGION } from "./moto/setup.mjs";
import { SEQUENCES } from "./moto/sequences.mjs";

const ACCOUNT = "123456789012";

export const suite = {
  counterpart: "moto",
  needs: ["python"],
  async run(kit, report) {
    const moto = await startMoto(kit);
    kit.closing(() => moto.close());
    const emulator = createAwsEmulator({ region: REGION, accountId: ACCOUNT, credentials: CREDENTIALS });
    const served = await serve((asked) => emulator.fetch(asked));
    kit.closing(() => served.close());
    const sides = [served.origin, moto.endpoint].map((endpoint) => ({ send: (asked) => send(endpoint, asked), steady }));
    for (const [prefix, steps] of Object.entries(SEQUENCES)) await runCases(differentialCases(prefix, steps, sides), report);
    return moto.version;
  },
};

/** `{ operation, members }` is a plain call; `text`, `target` and `headers` stand in for what it would send. */
function send(endpoint, { operation, members, text, target, headers = {}, path = "" }) {
  const body = text ?? JSON.stringify(members);
  const plain = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target ?? `TrentService.${operation}` };
  const signed = signedHeaders({ host: new URL(endpoint).host, headers: plain, body, region: REGION, service: "kms", credentials: CREDENTIALS });
  const sent = Object.entries({ ...signed, ...headers }).filter(([, value]) => value !== undefined);
  return request(endpoint + path, { method: "POST", headers: Object.fromEntries(sent), body });
}

/** Without what chance and time decide: ids keep their form, and texts that hold JSON are compared as JSON. */
function steady({ status, headers, body, text }) {
  return {
    status,
    requestId: headers["x-amzn-requestid"] === undefined ? "none" : "some",
    body: typeof body === "string" ? `${text.length > 0 ? "text" : "nothing"} that is not JSON` : body === undefined ? "empty" : mapLeaves(body, steadyLeaf),
  };
}

const CHANCE = new Set(["Signature", "PublicKey", "Mac", "NextMarker", "CurrentKeyMaterialId", "KeyMaterialId"]);
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

function steadyLeaf(value, name) {
  if (name === "Policy" && typeof value === "string") return mapLeaves(JSON.parse(value), steadyLeaf);
  if (typeof value === "number" && /Date$/.test(name)) return "a time";
  if (typeof value !== "string") return value;
  return CHANCE.has(name) ? "a text" : value.replace(UUID, "UUID").replace(/mrk-[0-9a-f]{32}/, "mrk-HEX");
}
