/** Rotation, its policies and their calendar; lists and their pages. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAzureEmulator } from "../../../src/testing/azure.js";
import type { AzureEmulator } from "../../../src/testing/azure.js";
import { addDuration } from "../../../src/testing/azure/policy.js";
import { BASE, callVault, testClock } from "../../support/azure-vault.js";
import type { VaultAnswer } from "../../support/azure-vault.js";

const test = suite("azure rotation and lists");

const HSM = "https://example-hsm.managedhsm.azure.net";

function policy(type: string, trigger: object, expiryTime?: string): object {
  return { lifetimeActions: [{ trigger, action: { type } }], attributes: expiryTime === undefined ? {} : { expiryTime } };
}

function putPolicy(vault: AzureEmulator, body: object): Promise<VaultAnswer> {
  return callVault(vault, "PUT", "/keys/k/rotationpolicy", { body });
}

test("rotate makes new material with the parameters of the current version", async () => {
  const clock = testClock();
  const vault = createAzureEmulator({ now: clock.now });
  const old = await vault.createKey({ name: "k", kty: "EC", crv: "P-384", keyOps: ["sign"], exp: BASE + 1000, tags: { a: "b" } });
  clock.seconds += 10;
  const { body } = await callVault(vault, "POST", "/keys/k/rotate");
  assert.is.not(body.key.kid, old.kid);
  assert.equal([body.key.kty, body.key.crv, body.key.key_ops, body.tags], ["EC", "P-384", ["sign"], { a: "b" }]);
  assert.equal([body.attributes.created, body.attributes.exp], [BASE + 10, BASE + 1000]);
  assert.is.not(vault.key("k", old.version)?.publicJwk?.x, vault.key("k")?.publicJwk?.x);
  assert.is(vault.key("k")?.kid, body.key.kid);
  assert.is((await callVault(vault, "POST", "/keys/none/rotate")).status, 404);
});

test("the expiry time of a policy sets exp, on new versions only", async () => {
  const clock = testClock();
  const vault = createAzureEmulator({ now: clock.now });
  const { version } = await vault.createKey({ name: "k", keyType: "P-256" });
  assert.is((await putPolicy(vault, policy("Rotate", { timeAfterCreate: "P60D" }, "P90D"))).status, 200);
  const { body } = await callVault(vault, "POST", "/keys/k/rotate");
  assert.is(body.attributes.exp, BASE + 90 * 86_400);
  assert.not("exp" in (await callVault(vault, "GET", `/keys/k/${version}`)).body.attributes);
});

test("a vault key without a policy has the default one, a Managed HSM key has none", async () => {
  const vault = createAzureEmulator();
  await vault.createKey({ name: "k", keyType: "P-256" });
  const { body } = await callVault(vault, "GET", "/keys/k/rotationpolicy");
  assert.equal(body, {
    id: "https://example-vault.vault.azure.net/keys/k/rotationpolicy",
    lifetimeActions: [{ trigger: { timeBeforeExpiry: "P30D" }, action: { type: "Notify" } }],
    attributes: {},
  });
  const hsm = createAzureEmulator({ vaultUrl: HSM });
  await hsm.createKey({ name: "k", keyType: "P-256" });
  assert.equal((await callVault(hsm, "GET", "/keys/k/rotationpolicy")).body.lifetimeActions, []);
  assert.is((await callVault(vault, "GET", "/keys/none/rotationpolicy")).status, 404);
});

test("a Managed HSM rotates only with a policy, and an empty one removes it", async () => {
  const hsm = createAzureEmulator({ vaultUrl: HSM });
  await hsm.createKey({ name: "k", keyType: "P-256" });
  const rotate = async (): Promise<number> => (await callVault(hsm, "POST", "/keys/k/rotate")).status;
  assert.is(await rotate(), 400);
  assert.is((await putPolicy(hsm, policy("rotate", { timeBeforeExpiry: "P30D" }, "P60D"))).status, 200);
  assert.is(await rotate(), 200);
  assert.is((await putPolicy(hsm, { lifetimeActions: [], attributes: {} })).status, 200);
  assert.is(await rotate(), 400);
});

test("policies that the service refuses", async () => {
  const twice = { lifetimeActions: [{ trigger: { timeAfterCreate: "P60D" }, action: { type: "Rotate" } }] };
  const bad: [string, object][] = [
    ["type", policy("Delete", { timeAfterCreate: "P60D" })],
    ["no trigger", policy("Rotate", {})],
    ["two triggers", policy("Rotate", { timeAfterCreate: "P60D", timeBeforeExpiry: "P30D" }, "P1Y")],
    ["notify after creation", policy("Notify", { timeAfterCreate: "P60D" })],
    ["lifetime", policy("Rotate", { timeAfterCreate: "P10D" }, "P27D")],
    ["too soon", policy("Rotate", { timeAfterCreate: "P6D" })],
    ["too soon before expiry", policy("Rotate", { timeBeforeExpiry: "P24D" }, "P30D")],
    ["too late", policy("Rotate", { timeAfterCreate: "P55D" }, "P60D")],
    ["too late before expiry", policy("Rotate", { timeBeforeExpiry: "P6D" }, "P60D")],
    ["before no expiry", policy("Rotate", { timeBeforeExpiry: "P30D" })],
    ["no duration", policy("Rotate", { timeAfterCreate: "60 days" })],
    ["empty duration", policy("Rotate", { timeAfterCreate: "P" })],
    ["two of one type", { lifetimeActions: [...twice.lifetimeActions, ...twice.lifetimeActions] }],
    ["no array", { lifetimeActions: {} }],
  ];
  const vault = createAzureEmulator();
  await vault.createKey({ name: "k", keyType: "P-256" });
  for (const [what, body] of bad) assert.is((await putPolicy(vault, body)).status, 400, what);
  const hsm = createAzureEmulator({ vaultUrl: HSM });
  await hsm.createKey({ name: "k", keyType: "P-256" });
  assert.is((await putPolicy(hsm, policy("Notify", { timeBeforeExpiry: "P30D" }, "P90D"))).status, 400);
  assert.is((await putPolicy(hsm, policy("Rotate", { timeAfterCreate: "P27D" }, "P90D"))).status, 400);
});

test("durations go by the calendar", () => {
  const seconds = (date: string): number => Date.parse(`${date}T12:00:00Z`) / 1000;
  const table = [
    ["2026-01-01", "P90D", "2026-04-01"],
    ["2026-01-31", "P1M", "2026-02-28"],
    ["2028-01-31", "P1M", "2028-02-29"],
    ["2028-02-29", "P1Y", "2029-02-28"],
    ["2026-01-01", "P1Y6M", "2027-07-01"],
    ["2026-11-30", "P3M2D", "2027-03-02"],
    ["2026-01-01", "P2W", "2026-01-15"],
  ] as const;
  for (const [from, duration, to] of table) assert.is(addDuration(seconds(from), duration), seconds(to), `${from} ${duration}`);
});

test("a Managed HSM key has at most 100 versions", async () => {
  const hsm = createAzureEmulator({ vaultUrl: HSM });
  for (let count = 0; count < 100; count += 1) await hsm.createKey({ name: "k", keyType: "P-256" });
  await putPolicy(hsm, policy("rotate", { timeAfterCreate: "P28D" }));
  assert.is((await callVault(hsm, "POST", "/keys/k/rotate")).status, 400);
  assert.is((await callVault(hsm, "POST", "/keys/k/create", { body: { kty: "EC" } })).status, 400);
});

/** All pages by their links, with the sizes of the pages. */
async function pages(vault: AzureEmulator, path: string): Promise<{ ids: string[]; sizes: number[]; links: string[] }> {
  const seen = { ids: [] as string[], sizes: [] as number[], links: [] as string[] };
  for (let next: string | undefined = path; next !== undefined; ) {
    const { body } = await callVault(vault, "GET", next);
    seen.ids.push(...body.value.map(({ kid }: { kid: string }) => kid.split("/").at(-1)));
    seen.sizes.push(body.value.length);
    next = body.nextLink ?? undefined;
    if (next !== undefined) seen.links.push(next);
  }
  return seen;
}

async function manyVersions(vault: AzureEmulator, count: number): Promise<string[]> {
  const made: string[] = [];
  for (let index = 0; index < count; index += 1) made.push((await vault.createKey({ name: "k", keyType: "P-256" })).version);
  return made;
}

test("versions come in pages of 25, in the order of their names and not of their age", async () => {
  const vault = createAzureEmulator();
  const made = await manyVersions(vault, 60);
  const { ids, sizes, links } = await pages(vault, "/keys/k/versions");
  assert.equal(sizes, [25, 25, 10]);
  assert.equal(ids, [...made].sort());
  assert.is.not(ids.join(), made.join());
  const form = /^https:\/\/example-vault\.vault\.azure\.net:443\/keys\/k\/versions\?api-version=7\.4&\$skiptoken=[^&]+&maxresults=25$/;
  for (const link of links) assert.match(link, form);
});

test("maxresults, a page that is just full, empty pages", async () => {
  const vault = createAzureEmulator();
  await manyVersions(vault, 6);
  assert.equal((await pages(vault, "/keys/k/versions?maxresults=3")).sizes, [3, 3]);
  assert.equal((await pages(vault, "/keys/k/versions?maxresults=4")).sizes, [4, 2]);
  const gaps = createAzureEmulator({ emptyPages: true });
  await manyVersions(gaps, 6);
  const { sizes, ids } = await pages(gaps, "/keys/k/versions?maxresults=2");
  assert.equal(sizes, [2, 0, 2, 0, 2]);
  assert.is(new Set(ids).size, 6);
  for (const size of ["0", "26", "-1", "1.5", "x", ""]) {
    assert.is((await callVault(vault, "GET", `/keys/k/versions?maxresults=${size}`)).status, 400, size);
  }
});

test("a Managed HSM lists by age, with links of its own form", async () => {
  const hsm = createAzureEmulator({ vaultUrl: HSM });
  const made = await manyVersions(hsm, 5);
  const { ids, links } = await pages(hsm, "/keys/k/versions?maxresults=2");
  assert.equal(ids, made);
  const form = /^https:\/\/example-hsm\.managedhsm\.azure\.net\/keys\/k\/versions\?maxresults=2&\$skiptoken=[A-Za-z0-9_-]+$/;
  for (const link of links) assert.match(link, form);
});

test("keys are listed once, without version; an unknown key has an empty list", async () => {
  const vault = createAzureEmulator();
  for (const name of ["b", "A", "c"]) await vault.createKey({ name, keyType: "P-256" });
  await vault.createKey({ name: "b", keyType: "P-256" });
  const { ids } = await pages(vault, "/keys?maxresults=2");
  assert.equal(ids, ["A", "b", "c"]);
  const { status, body } = await callVault(vault, "GET", "/keys/none/versions");
  assert.equal([status, body], [200, { value: [], nextLink: null }]);
});

test("a page goes on where its mark would be when that key is gone", async () => {
  const vault = createAzureEmulator();
  for (const name of ["a", "b", "c", "d"]) await vault.createKey({ name, keyType: "P-256" });
  const { body } = await callVault(vault, "GET", "/keys?maxresults=2");
  await callVault(vault, "DELETE", "/keys/b");
  assert.equal((await pages(vault, body.nextLink)).ids, ["c", "d"]);
});

test("a mark of another list, or of none, is refused", async () => {
  const vault = createAzureEmulator();
  await manyVersions(vault, 2);
  await vault.createKey({ name: "other", keyType: "P-256" });
  const [link] = (await pages(vault, "/keys/k/versions?maxresults=1")).links;
  const token = new URL(link as string).searchParams.get("$skiptoken") as string;
  const query = (mark: string): string => `?$skiptoken=${encodeURIComponent(mark)}`;
  assert.is((await callVault(vault, "GET", `/keys/k/versions${query(token)}`)).status, 200);
  assert.is((await callVault(vault, "GET", `/keys/other/versions${query(token)}`)).status, 400);
  for (const mark of ["", "x", "AAAA", "bnVsbA=="]) assert.is((await callVault(vault, "GET", `/keys/k/versions${query(mark)}`)).status, 400, mark);
});

test.run();
