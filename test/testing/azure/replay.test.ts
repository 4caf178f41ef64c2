/** The recorded pairs of the vectors against the emulator: status, headers, and every member that chance does not decide. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAzureEmulator } from "../../../src/testing/azure.js";
import type { AzureEmulator, AzureEmulatorOptions, NewAzureKey } from "../../../src/testing/azure.js";
import { BASE, callVault, readVectors, testClock, vectorKey } from "../../support/azure-vault.js";
import type { VaultAnswer } from "../../support/azure-vault.js";

interface Pair {
  readonly title: string;
  readonly request: { method: string; url: string; headers: Record<string, string>; body?: unknown };
  readonly response: { status: number; headers: Record<string, string>; body?: unknown; bodyText?: string };
}

const test = suite("azure replay");

const RSA_1 = "11112222333344445555666677778888";
const RSA_2 = "9999aaaabbbbccccddddeeeeffff0000";
const VERSIONS: Readonly<Record<string, string>> = {
  "ec-demo": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
  "ec384-demo": "38400000000000000000000000000384",
  "ec521-demo": "52100000000000000000000000000521",
  "ec256k-demo": "25600000000000000000000000000256",
  "rsa-demo": RSA_1,
};

const clock = testClock();

test.before.each(() => {
  clock.seconds = BASE;
});

function newVault(options: AzureEmulatorOptions = {}): AzureEmulator {
  return createAzureEmulator({ now: clock.now, ...options });
}

function newHsm(): AzureEmulator {
  return newVault({ vaultUrl: "https://example-hsm.managedhsm.azure.net" });
}

async function put(vault: AzureEmulator, name: string, more: Partial<NewAzureKey> = {}): Promise<void> {
  await vault.createKey({ name, privateJwk: vectorKey(name), version: VERSIONS[name] as string, ...more });
}

/** The RSA key with the two versions that the vectors have. */
async function putRsa(vault: AzureEmulator): Promise<void> {
  await put(vault, "rsa-demo");
  clock.seconds += 86_400;
  await put(vault, "rsa-demo", { version: RSA_2 });
}

function pairs(file: string): Pair[] {
  return readVectors<Pair[]>(`keys/${file}.json`);
}

function pair(file: string, title: string): Pair {
  const found = pairs(file).find((one) => one.title.startsWith(title));
  if (found === undefined) throw new Error(`no pair ${title} in ${file}`);
  return found;
}

/** Sends the request of a pair, to `url` in place of its own where a link leads there. */
async function send(vault: AzureEmulator, { request }: Pair, url = request.url): Promise<VaultAnswer> {
  const { Authorization: _token, ...headers } = request.headers;
  return callVault(vault, request.method, url, { headers, ...(request.body === undefined ? {} : { body: request.body }) });
}

function assertAnswer(answer: VaultAnswer, { title, response }: Pair, blur: (body: unknown) => unknown = (body) => body): void {
  assert.is(answer.status, response.status, title);
  for (const [name, value] of Object.entries(response.headers)) {
    if (name === "x-ms-request-id") assert.match(answer.headers.get(name) ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    else assert.is(answer.headers.get(name), value, `${title}: ${name}`);
  }
  assert.equal(blur(answer.body), blur(response.body), title);
  if (response.bodyText !== undefined) assert.is(answer.text, response.bodyText, title);
}

/** Order of members too, as text. */
function assertSameText(answer: VaultAnswer, expected: unknown): void {
  assert.is(answer.text, JSON.stringify(expected));
}

/** Without what is new in each answer: version, key material, mark of a page, signature. */
function blurred(...members: readonly string[]): (body: unknown) => unknown {
  return (body) =>
    JSON.parse(JSON.stringify(body), (name, value: unknown) => {
      if (members.includes(name)) return typeof value === "string" ? "blurred" : value;
      if (name === "kid") return (value as string).replace(/[0-9a-f]{32}$/, "VERSION");
      if (name === "nextLink") return (value as string | null)?.replace(/skiptoken=[^&]+/, "skiptoken=MARK");
      if (name === "key_ops") return [...(value as string[])].sort();
      if (name.startsWith("zz_")) return undefined; // members of a service that is not there yet
      return value;
    });
}

test("create", async () => {
  const material = blurred("n", "x", "y");
  for (const one of [...pairs("create-ec"), ...pairs("create-rsa")]) {
    const answer = await send(newVault(), one);
    assertAnswer(answer, one, material);
    assert.equal(Object.keys(answer.body), Object.keys(one.response.body as object));
    assert.equal(Object.keys(answer.body.key), Object.keys((one.response.body as { key: object }).key));
    assert.match(answer.body.key.kid, /\/[0-9a-f]{32}$/);
  }
});

test("create on a Managed HSM", async () => {
  for (const one of pairs("create-oct-hsm")) assertAnswer(await send(newHsm(), one), one, blurred());
});

test("import", async () => {
  for (const one of pairs("import-ec")) {
    const vault = newVault();
    const answer = await send(vault, one);
    assertAnswer(answer, one, blurred());
    assert.is(vault.key("ec-demo")?.kid, answer.body.key.kid);
  }
});

test("get EC keys, in the order of members", async () => {
  const vault = newVault();
  await put(vault, "ec-demo", { tags: { purpose: "demo" } });
  await put(vault, "ec256k-demo");
  for (const title of ["P-256", "P-256K"]) {
    const one = pairs("get-key-ec").find((each) => each.title === title) as Pair;
    const answer = await send(vault, one);
    assertAnswer(answer, one);
    assertSameText(answer, one.response.body);
  }
});

test("get a disabled key", async () => {
  const vault = newVault();
  await put(vault, "ec-demo", { enabled: false, nbf: BASE, exp: 1_769_817_600 });
  const one = pair("get-key-ec", "disabled");
  const answer = await send(vault, one);
  assertAnswer(answer, one);
  assertSameText(answer, one.response.body);
});

test("get RSA keys", async () => {
  const vault = newVault();
  await putRsa(vault);
  for (const one of pairs("get-key-rsa")) {
    assertAnswer(await send(vault, one), one, one.title.startsWith("7.5") ? blurred() : (body) => body);
  }
});

test("list keys", async () => {
  const vault = newVault();
  await put(vault, "rsa-demo");
  await vault.createKey({ name: "web-cert", keyType: "P-256", managed: true });
  await put(vault, "ec-demo", { tags: { purpose: "demo" } });
  // The vectors have the key of a certificate in front of another that sorts before it.
  const first = pair("list-keys", "page 1");
  const answer = await send(vault, first);
  assert.is(answer.status, 200);
  assert.equal(
    answer.body.value.map(({ kid }: { kid: string }) => kid.split("/").at(-1)),
    ["ec-demo", "rsa-demo"],
  );
  const last = await send(vault, pair("list-keys", "page 2"), answer.body.nextLink);
  const shown = [...answer.body.value, ...last.body.value];
  for (const expected of [first, pair("list-keys", "page 2")].flatMap((one) => (one.response.body as { value: { kid: string }[] }).value)) {
    assert.equal(
      shown.find(({ kid }) => kid === expected.kid),
      expected,
    );
  }
  assert.is(blurredLink(answer.body.nextLink), blurredLink((first.response.body as { nextLink: string }).nextLink));
  assert.not("nextLink" in last.body);
});

function blurredLink(link: string): string {
  return link.replace(/skiptoken=[^&]+/, "skiptoken=MARK");
}

test("list versions, with an empty page between", async () => {
  const vault = newVault({ emptyPages: true });
  await putRsa(vault);
  let url: string | undefined;
  for (const one of pairs("list-versions")) {
    const answer = await send(vault, one, url);
    assertAnswer(answer, one, blurred());
    url = answer.body.nextLink ?? undefined;
  }
});

test("delete, recover, purge", async () => {
  const vault = newVault({ transitionMs: 8_000 });
  await putRsa(vault);
  clock.seconds = 1_767_398_400;
  const expect = async (title: string): Promise<void> => {
    const one = pair("delete-recover-purge", title);
    assertAnswer(await send(vault, one), one);
  };
  await expect("delete");
  await expect("get deleted key, too early");
  clock.seconds += 8;
  const early = pair("delete-recover-purge", "get deleted key, too early");
  const later = pairs("delete-recover-purge")[2] as Pair;
  assert.is(later.title, "get deleted key");
  assert.is(later.request.url, early.request.url);
  assertAnswer(await send(vault, later), later);
  await expect("recover");
  clock.seconds += 8;
  await callVault(vault, "DELETE", "/keys/rsa-demo");
  clock.seconds += 8;
  await expect("purge");
});

test("rotate", async () => {
  const vault = newVault();
  await put(vault, "rsa-demo");
  clock.seconds += 86_400;
  for (const one of pairs("rotate")) assertAnswer(await send(vault, one), one, blurred("n"));
});

test("rotation policies", async () => {
  const vault = newVault();
  await put(vault, "rsa-demo");
  const set = pair("rotation-policy", "set");
  assertAnswer(await send(vault, set), set);
  clock.seconds += 5;
  const actions = [{ trigger: { timeAfterCreate: "P60D" }, action: { type: "rotate" } }];
  const body = { lifetimeActions: actions, attributes: { expiryTime: "P1Y6M" } };
  assert.is((await callVault(vault, "PUT", "/keys/rsa-demo/rotationpolicy", { body })).status, 200);
  const get = pairs("rotation-policy").find(({ title }) => title === "get") as Pair;
  assertAnswer(await send(vault, get), get);
});

test("rotation policy of a Managed HSM", async () => {
  const hsm = newHsm();
  await hsm.createKey({ name: "rsa-demo", privateJwk: vectorKey("rsa-demo") });
  const actions = [{ trigger: { timeAfterCreate: "P28D" }, action: { type: "Rotate" } }];
  const body = { lifetimeActions: actions, attributes: { expiryTime: "P2Y" } };
  assert.is((await callVault(hsm, "PUT", "/keys/rsa-demo/rotationpolicy", { body })).status, 200);
  const one = pair("rotation-policy", "get on a Managed HSM");
  const answer = await send(hsm, one);
  assertAnswer(answer, one);
  assertSameText(answer, one.response.body);
});

test("sign: deterministic signatures to the byte, the others in form", async () => {
  const vault = newVault();
  for (const name of Object.keys(VERSIONS)) await put(vault, name);
  await put(vault, "rsa-demo", { version: RSA_2 });
  for (const one of pairs("sign")) {
    const answer = await send(vault, one);
    const isRandom = (one.request.body as { alg: string }).alg !== "RS256";
    assertAnswer(answer, one, (body) => ({ ...(body as object), ...(isRandom ? { value: "" } : {}) }));
    assert.is(answer.body.value.length, (one.response.body as { value: string }).value.length, one.title);
  }
});

test("verify", async () => {
  const vault = newVault();
  await put(vault, "ec-demo");
  for (const one of pairs("verify")) assertAnswer(await send(vault, one), one);
});

test("update", async () => {
  for (const [index, one] of pairs("update-key").entries()) {
    clock.seconds = BASE;
    const vault = newVault();
    await put(vault, "ec-demo", index === 0 ? {} : { tags: { gone: "yes" } });
    clock.seconds += 60 * (index + 1);
    assertAnswer(await send(vault, one), one);
  }
});

test.run();
