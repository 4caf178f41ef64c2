/** Plants secrets, walks every error path of every operation, and looks for them in all that comes out. */
import { inspect } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isKmsError, ValidationError, type KmsEvent, type KmsManager } from "../../src/index.js";
import type { Fault } from "../../src/testing/index.js";
import { awsSubject, azureSubject, vaultSubject, type EmulatedSubject } from "./subjects.js";

const PLAINTEXT = "the plaintext CANARY that nobody may see";
const DATA = Buffer.from(PLAINTEXT);

/** The texts themselves, and what they look like in a body. */
function formsOf(secrets: readonly string[]): string[] {
  const encodings = ["utf8", "base64", "base64url", "hex"] as const;
  return [...secrets, PLAINTEXT].flatMap((secret) => encodings.map((encoding) => Buffer.from(secret).toString(encoding).slice(0, 40).replace(/=+$/, "")));
}

type Attempt = (kms: KmsManager) => Promise<unknown>;

const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  sign: (kms) => kms.sign(DATA),
  signBatch: (kms) => kms.signBatch([{ data: DATA }, { data: DATA, algorithm: "ES256" }]),
  "verify by the service": async (kms) => kms.verify(DATA, { signature: Buffer.concat([DATA, DATA]).subarray(0, 64), algorithm: "ES256" }, { remote: true }),
  getPublicKey: (kms) => kms.getPublicKey(),
  getKeyMetadata: (kms) => kms.getKeyMetadata({ include: ["tags", "rotation"] }),
  listKeyVersions: async (kms) => {
    for await (const _version of kms.listKeyVersions({ include: ["state"] })) continue;
  },
  rotateKey: (kms) => kms.rotateKey(),
  needsRotation: (kms) => kms.needsRotation({ intervalMs: 60_000 }),
  rotateIfNeeded: (kms) => kms.rotateIfNeeded({ intervalMs: 60_000 }),
};

/** A proxy that tells all that it was sent, in the shapes of errors of the three services and of others. */
function echoes(secrets: readonly string[]): unknown[] {
  const text = `${secrets.join(" ")} ${PLAINTEXT} ${DATA.toString("base64")}`;
  return [
    text,
    `<html><body>${text}</body></html>`,
    `{"broken": "${text}`,
    { errors: [text], error: text, warnings: [text], data: { [text]: text } },
    { error: { code: "Forbidden", message: text, innererror: { code: "ForbiddenByPolicy", message: text } } },
    { __type: `com.amazonaws#AccessDeniedException`, message: text, Message: text },
    { error: "invalid_request", error_description: text },
    [text],
  ];
}

function faultsFor(secrets: readonly string[]): Fault[] {
  const bodies = echoes(secrets);
  const headers = { "www-authenticate": `Bearer realm="${secrets.join(" ")}"`, "x-echo": secrets.join(" "), location: `https://elsewhere.example/?${secrets[0]}` };
  const statuses = [400, 401, 403, 404, 409, 412, 429, 500, 503];
  return [
    ...statuses.flatMap((status) => bodies.map((body): Fault => ({ kind: "status", status, body, headers }))),
    ...bodies.map((body): Fault => ({ kind: "garbage", body, headers })),
    { kind: "status", status: 204, body: null, headers },
    { kind: "redirect", headers },
    { kind: "oversize" },
    { kind: "refuse" },
    { kind: "refuse", code: "CERT_HAS_EXPIRED" },
    { kind: "cut-before" },
    { kind: "cut-after" },
    { kind: "cut-body" },
    { kind: "throttle", headers },
  ];
}

class Sweep {
  readonly events: KmsEvent[] = [];
  readonly #forms: readonly string[];
  errors = 0;

  constructor(secrets: readonly string[]) {
    this.#forms = formsOf(secrets);
  }

  async attempt(what: string, run: () => Promise<unknown>): Promise<void> {
    let result: unknown;
    try {
      result = await run();
    } catch (error) {
      this.look(what, error);
      return;
    }
    for (const item of Array.isArray(result) ? result : []) if (item.status === "rejected") this.look(what, item.reason);
  }

  look(what: string, error: unknown): void {
    assert.ok(isKmsError(error), `${what}: an error of another kind, ${inspect(error)}`);
    this.errors += 1;
    this.assertClean(what, textOf(error));
    const { cause } = error;
    assert.ok(cause === undefined || isKmsError(cause), `${what}: a cause that is not the library's own`);
  }

  finds(text: string): boolean {
    return this.#forms.some((form) => text.includes(form));
  }

  assertClean(what: string, text: string): void {
    assert.not.ok(this.finds(text), `${what}: a secret shows in ${text.slice(0, 500)}`);
  }
}

/** All that a log could show of an error. */
function textOf(error: unknown): string {
  const { message, stack, cause } = error as Error;
  const options = { depth: Infinity, showHidden: true, getters: true };
  return [String(error), message, stack, JSON.stringify(error), inspect(error, options), inspect(cause, options)].join("\n");
}

const control = suite("leaks control");
control("the sweep finds a planted secret", () => {
  const hidden: unknown[] = [
    new ValidationError("ERR_KMS_INVALID_ARGUMENT", `with ${PLAINTEXT} in it`),
    new ValidationError("ERR_KMS_INVALID_ARGUMENT", "fixed", { hint: DATA.toString("base64") }),
    new ValidationError("ERR_KMS_INVALID_ARGUMENT", "fixed", { cause: new ValidationError("ERR_KMS_INVALID_ARGUMENT", DATA.toString("hex")) }),
    Object.assign(new ValidationError("ERR_KMS_INVALID_ARGUMENT", "fixed"), { deep: { deeper: new Map([["token", "the-secret-token"]]) } }),
    Object.defineProperty(new ValidationError("ERR_KMS_INVALID_ARGUMENT", "fixed"), "hidden", { value: "the-secret-token" }),
  ];
  const sweep = new Sweep(["the-secret-token"]);
  for (const [index, error] of hidden.entries()) assert.ok(sweep.finds(textOf(error)), `secret ${index}`);
  assert.not.ok(sweep.finds(textOf(new ValidationError("ERR_KMS_INVALID_ARGUMENT", "fixed"))));
});
control.run();

for (const subject of [vaultSubject(), awsSubject("alias"), azureSubject()]) {
  const test = suite(`leaks ${subject.name}`);
  // `CANARY` alone is part of the configured keys' names nowhere, and of each planted secret.
  const secrets = subject.secrets ?? [];
  const options = (sweep: Sweep) => ({ onEvent: (event: KmsEvent) => void sweep.events.push(event), sleep: async () => {}, timeoutMs: 5_000 });

  for (const [name, attempt] of Object.entries(ATTEMPTS)) {
    test(`${name}: faults`, async () => {
      const sweep = new Sweep(secrets);
      const keyId = await subject.createKey("P-256");
      subject.advance?.(600_000);
      for (const fault of faultsFor(secrets)) {
        subject.emulator.faults.inject({ ...fault, times: Infinity });
        await sweep.attempt(`${name} under ${fault.kind}`, () => attempt(subject.connect(keyId, options(sweep))));
        subject.emulator.faults.clear();
      }
      sweep.assertClean(`${name}: events`, JSON.stringify(sweep.events));
      assert.ok(sweep.errors >= faultsFor(secrets).length / 2, "most of the faults lead to an error");
    });
  }

  test("refusals of arguments, and a key that does not exist", async () => {
    const sweep = new Sweep(secrets);
    const keyId = await subject.createKey("P-256");
    const kms = subject.connect(keyId, options(sweep));
    const missing = subject.connect(subject.missingKeyId, options(sweep));
    for (const [name, attempt] of Object.entries(ATTEMPTS)) await sweep.attempt(name, () => attempt(missing));
    const wrong: Attempt[] = [
      (one) => one.sign(PLAINTEXT as never),
      (one) => one.sign(DATA, { algorithm: PLAINTEXT as never }),
      (one) => one.sign(DATA, { digest: true, algorithm: "ES256" }),
      (one) => one.sign(DATA, { encoding: PLAINTEXT as never }),
      (one) => one.sign(DATA, { algorithm: "RS256" }),
      (one) => one.verify(DATA, { signature: PLAINTEXT as never }),
      (one) => one.signBatch([PLAINTEXT as never, { data: PLAINTEXT as never }]),
    ];
    for (const attempt of wrong) await sweep.attempt("a wrong argument", () => attempt(kms));
    assert.ok(sweep.errors >= 17);
    sweep.assertClean("events", JSON.stringify(sweep.events));
  });

  test("a manager shows nothing when it is printed", async () => {
    const sweep = new Sweep(secrets);
    const kms = subject.connect(await subject.createKey("P-256"), options(sweep));
    await kms.verify(DATA, await kms.sign(DATA));
    sweep.assertClean("manager", inspect(kms, { depth: Infinity, showHidden: true, getters: true }) + JSON.stringify(kms) + String(kms));
  });

  test("a fetch or a clock of the caller's that throws secrets", () => throwsSecrets(subject, secrets));
  test.run();
}

/** F57: what a given fetch throws or returns is not ours, and need not be an error at all. */
async function throwsSecrets(subject: EmulatedSubject, secrets: readonly string[]): Promise<void> {
  const sweep = new Sweep(secrets);
  const keyId = await subject.createKey("P-256");
  const text = secrets.join(" ");
  const withCause = Object.assign(new Error(text), { cause: new Error(text) });
  const thrown: unknown[] = [text, undefined, null, 5, new Error(text), Object.freeze(new TypeError(text)), { message: text, code: text }, withCause];
  const answers: unknown[] = [text, undefined, null, {}, { status: 200 }, { status: 200, headers: { get: () => text }, text: async () => text }, Response.error()];
  const attempt = ATTEMPTS.sign as Attempt;
  for (const fetch of [...thrown.map((value) => async () => Promise.reject(value)), ...answers.map((value) => async () => value)]) {
    await sweep.attempt("a fetch", () => attempt(subject.connectWith(keyId, { fetch: fetch as never, retry: { attempts: 1 } })));
  }
  for (const value of thrown) {
    const credentials = async (): Promise<never> => Promise.reject(value);
    await sweep.attempt("credentials", () => attempt(subject.connectWith(keyId, { credentials, retry: { attempts: 1 } })));
  }
  for (const value of [text, undefined, null, {}, { token: `${text}\n` }, { accessKeyId: text, secretAccessKey: text }, { token: text, expiresAt: text }]) {
    await sweep.attempt("credentials", () => attempt(subject.connectWith(keyId, { credentials: (async () => value) as never, retry: { attempts: 1 } })));
  }
  assert.ok(sweep.errors >= thrown.length + answers.length);
}
