/** The emulated managed identities: what each endpoint wants to see, which identity it picks, how long its tokens stay. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createTokenEmulator } from "../../../src/testing/index.js";
import type { TokenEmulator, TokenServices } from "../../../src/testing/index.js";
import { failure, form, send, testClock } from "./caller.js";
import type { Answered } from "./caller.js";

const test = suite("emulated managed identities");

const IMDS = "http://169.254.169.254/metadata/identity/oauth2/token";
const QUERY = "api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net";
const METADATA = { metadata: "true" };
const ONE = { clientId: "aaaaaaaa-0000-4000-8000-000000000001", objectId: "bbbbbbbb-0000-4000-8000-000000000001", resourceId: "/subscriptions/s/one" };
const TWO = { clientId: "aaaaaaaa-0000-4000-8000-000000000002", objectId: "bbbbbbbb-0000-4000-8000-000000000002", resourceId: "/subscriptions/s/two" };

const emulate = (services: TokenServices): TokenEmulator => createTokenEmulator({ ...services, now: testClock().now });
const get = (emulator: TokenEmulator, url: string, headers: Record<string, string> = METADATA): Promise<Answered> => send(emulator, "GET", url, { headers });

test("instance metadata: header, version, resource, no proxy, GET only", async () => {
  const emulator = emulate({ azureMetadata: {} });
  const problem = async (url: string, headers?: Record<string, string>): Promise<string> => {
    const { status, body } = await get(emulator, url, headers);
    return `${status} ${body?.error ?? ""}`;
  };
  assert.is(await problem(`${IMDS}?${QUERY}`), "200 ");
  assert.is(await problem(`${IMDS}?${QUERY}`, { metadata: "TRUE" }), "200 ");
  assert.is(await problem(`${IMDS}?${QUERY}`, { metadata: "1" }), "400 invalid_request");
  assert.is(await problem(`${IMDS}?${QUERY}`, { ...METADATA, "x-forwarded-for": "10.0.0.1" }), "400 bad_request");
  assert.is(await problem(`${IMDS}?${QUERY.replace("2018", "2017")}`), "400 invalid_request");
  assert.is(await problem(`${IMDS}?api-version=2018-02-01`), "400 invalid_resource");
  assert.is(await problem(`${IMDS}?${QUERY}.evil.example`), "400 invalid_resource");
  assert.is((await send(emulator, "POST", `${IMDS}?${QUERY}`, { headers: METADATA })).status, 405);
  assert.is((await get(emulator, IMDS, {})).status, 400, "a probe");
  assert.is((await get(emulator, "http://169.254.169.254/metadata/instance")).status, 404);
  assert.is((await send(emulator, "PUT", "http://169.254.169.254/latest/api/token")).status, 404, "this is no EC2");
  assert.is(await failure(get(emulator, `${IMDS.replace("http:", "https:")}?${QUERY}`)), "EHOSTUNREACH");
});

test("the system-assigned identity, or the one that a selector names", async () => {
  const emulator = emulate({ azureMetadata: { userAssigned: [ONE, TWO] } });
  const chosen = async (selector: string): Promise<string> => {
    const { status, body } = await get(emulator, `${IMDS}?${QUERY}${selector}`);
    return status === 200 ? (emulator.tokens.find(({ token }) => token === body.access_token)?.clientId ?? "") : body.error_description;
  };
  assert.is(await chosen(""), "00000000-5555-4000-8000-000000000001");
  assert.is(await chosen(`&client_id=${ONE.clientId.toUpperCase()}`), ONE.clientId);
  assert.is(await chosen(`&object_id=${TWO.objectId}`), TWO.clientId);
  assert.is(await chosen(`&msi_res_id=${encodeURIComponent(TWO.resourceId)}`), TWO.clientId);
  assert.is(await chosen("&client_id=x"), "Identity not found");
  emulator.configure({ azureMetadata: { systemAssigned: null, userAssigned: [ONE, TWO] } });
  assert.match(await chosen(""), /^Multiple user assigned identities/);
  emulator.configure({ azureMetadata: { systemAssigned: null, userAssigned: [ONE] } });
  assert.is(await chosen(""), ONE.clientId);
});

test("the platform keeps a token, and replaces it before its end, or when told to", async () => {
  const clock = testClock();
  const emulator = createTokenEmulator({ azureMetadata: { lifetimeSeconds: 3600 }, now: clock.now });
  const ask = async (query = QUERY): Promise<{ token: string; left: string }> => {
    const { body } = await get(emulator, `${IMDS}?${query}`);
    return { token: body.access_token, left: body.expires_in };
  };
  const first = await ask();
  assert.is(first.left, "3600");
  assert.is.not((await ask(QUERY.replace("vault", "managedhsm"))).token, first.token, "a token is for one resource");
  clock.ms += 3299_000;
  assert.equal(await ask(), { token: first.token, left: "301" });
  clock.ms += 1000;
  const second = await ask();
  assert.is.not(second.token, first.token);
  assert.is(second.left, "3600");
  emulator.rotate();
  assert.is.not((await ask()).token, second.token);
});

test("in an outage of the platform the old token is served after its end", async () => {
  const clock = testClock();
  const emulator = createTokenEmulator({ azureMetadata: { lifetimeSeconds: 3600, renews: false }, now: clock.now });
  const before = await get(emulator, `${IMDS}?${QUERY}`);
  clock.ms += 7200_000;
  const after = await get(emulator, `${IMDS}?${QUERY}`);
  assert.equal([after.body.access_token, after.body.expires_in], [before.body.access_token, "-3600"]);
});

test("App Service: its header, its version, its selectors, its form of failures", async () => {
  const emulator = emulate({ appService: { endpoint: "http://127.0.0.1:5000/token", secret: "from-environment", userAssigned: [ONE] } });
  const url = `http://127.0.0.1:5000/token?${QUERY.replace("2018-02-01", "2019-08-01")}`;
  const good = { "x-identity-header": "from-environment" };
  const ask = async (query: string, headers: Record<string, string>): Promise<string> => {
    const { status, body } = await get(emulator, url + query, headers);
    return `${status} ${body.client_id ?? body.statusCode}`;
  };
  assert.is(await ask("", good), "200 00000000-5555-4000-8000-000000000001");
  assert.is(await ask(`&client_id=${ONE.clientId}`, good), `200 ${ONE.clientId.toUpperCase()}`);
  assert.is(await ask(`&principal_id=${ONE.objectId}`, good), `200 ${ONE.clientId.toUpperCase()}`);
  assert.is(await ask(`&mi_res_id=${ONE.resourceId}`, good), `200 ${ONE.clientId.toUpperCase()}`);
  assert.is(await ask(`&msi_res_id=${ONE.resourceId}`, good), "200 00000000-5555-4000-8000-000000000001", "an unknown selector is none");
  assert.is(await ask("&client_id=x", good), "400 400");
  assert.is(await ask("", {}), "401 401");
  assert.is(await ask("", { ...METADATA, "x-identity-header": "wrong" }), "401 401");
  assert.is((await get(emulator, url.replace("2019-08-01", "2017-09-01"), good)).status, 400);
});

test("the version before has another header, another selector, and a date", async () => {
  const emulator = emulate({ appServiceLegacy: { lifetimeSeconds: 46_800, userAssigned: [ONE] } });
  const url = `http://127.0.0.1:41235/msi/token?${QUERY.replace("2018-02-01", "2017-09-01")}&clientid=${ONE.clientId}`;
  const { body } = await get(emulator, url, { secret: "emulated-identity-header" });
  assert.is(body.expires_on, "1/1/2026 1:00:00 PM +00:00");
  assert.is(emulator.tokens[0]?.clientId, ONE.clientId);
  assert.is((await get(emulator, url, { "x-identity-header": "emulated-identity-header" })).status, 401);
});

test("Cloud Shell, Azure ML, Service Fabric and Arc want their own form", async () => {
  const emulator = emulate({ cloudShell: {}, azureMl: {}, serviceFabric: {}, azureArc: {} });
  const fields = form({ resource: "https://vault.azure.net" });
  const shell = "http://localhost:50342/oauth2/token";
  assert.is((await send(emulator, "POST", shell, { ...fields, headers: { ...fields.headers, ...METADATA } })).status, 200);
  assert.is((await send(emulator, "POST", shell, fields)).status, 400);
  const ml = `http://127.0.0.1:46808/MSI/auth?${QUERY.replace("2018-02-01", "2017-09-01")}`;
  assert.is((await get(emulator, ml, { ...METADATA, secret: "emulated-identity-header" })).status, 200);
  assert.is((await get(emulator, ml, { secret: "emulated-identity-header" })).status, 400);
  const fabric = `https://10.0.0.4:2377/metadata/identity/oauth2/token?${QUERY.replace("2018-02-01", "2019-07-01-preview")}`;
  assert.type((await get(emulator, fabric, { secret: "emulated-identity-header" })).body.expires_on, "number");
  assert.is((await get(emulator, fabric, {})).body.error.code, "unauthorized");
  const arc = `http://127.0.0.1:40342/metadata/identity/oauth2/token?${QUERY.replace("2018-02-01", "2020-06-01")}`;
  assert.is((await get(emulator, arc)).headers.get("www-authenticate"), "Basic realm=/var/opt/azcmagent/tokens/emulated.key");
  assert.is((await get(emulator, arc, { ...METADATA, authorization: "Basic emulated-arc-secret" })).status, 200);
  assert.is((await get(emulator, arc, { ...METADATA, authorization: "Basic other" })).status, 401);
});

test("where each is by itself nobody else answers", async () => {
  const emulator = emulate({ appService: {}, azureArc: {} });
  assert.is(await failure(get(emulator, `${IMDS}?${QUERY}`)), "EHOSTUNREACH");
  assert.is(await failure(get(emulator, "http://127.0.0.1:50342/oauth2/token")), "ECONNREFUSED");
  const everything = emulate({ azureMetadata: {}, azureArc: {} });
  await get(everything, `http://127.0.0.1:40342/metadata/identity/oauth2/token?${QUERY}`);
  await get(everything, `http://127.0.0.1:9999/metadata/identity/oauth2/token?${QUERY}`);
  assert.equal(everything.requests.map(({ operation }) => operation), ["azure-arc.token", "imds.token"]);
});

test.run();
