/** Whole calls of our clients against answers recorded from OpenBao and moto: the same requests, the same results. */
import { readFileSync } from "node:fs";
import { createPublicKey, verify, constants } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createAwsKms } from "../src/aws/index.js";
import { isKmsError, type KmsManager } from "../src/index.js";
import { createVaultKms } from "../src/vault/index.js";

interface Exchange {
  readonly request: { readonly method: string; readonly path: string; readonly headers: Record<string, string>; readonly body: string | null };
  readonly response: { readonly status: number; readonly headers: Record<string, string>; readonly body: string };
}

interface Recorded {
  readonly options: Record<string, string>;
  /** Name of the operation, and its arguments with bytes as `{ base64 }`. */
  readonly call: readonly [string, ...unknown[]];
  readonly exchanges: readonly Exchange[];
  readonly result?: unknown;
  readonly error?: Record<string, unknown>;
}

interface Recording {
  readonly server: string;
  /** The clients' clock, in milliseconds since 1970. */
  readonly now: number;
  readonly cases: readonly Recorded[];
}

const SERVERS: Readonly<Record<string, (common: object) => KmsManager>> = {
  openbao: (common) => createVaultKms({ address: "http://127.0.0.1:8200", mountPath: "transit", credentials: { token: "t" }, ...common } as never),
  moto: (common) =>
    createAwsKms({ region: "eu-central-1", endpoint: "http://127.0.0.1:5000", credentials: { accessKeyId: "A", secretAccessKey: "s" }, ...common } as never),
};

for (const [name, open] of Object.entries(SERVERS)) {
  const { server, now, cases } = JSON.parse(readFileSync(`fixtures/recorded/${name}/exchanges.json`, "utf8")) as Recording;
  const test = suite(`recorded from ${server}`);
  for (const [index, entry] of cases.entries()) {
    test(`${index} ${entry.call[0]} ${JSON.stringify(entry.options)} ${entry.error?.["code"] ?? ""}`, async () => {
      const left = [...entry.exchanges];
      const kms = open({ fetch: replay(left), allowInsecureHttp: true, env: {}, retry: { attempts: 1 }, now: () => now, ...entry.options });
      assert.equal(await outcomeOf(kms, entry.call), { ...("result" in entry ? { result: entry.result } : { error: entry.error }) });
      assert.equal(left, [], "every recorded request was sent");
    });
  }
  test("signatures verify with node:crypto under the recorded public keys", () => {
    const signed = cases.filter(({ call, result }) => call[0] === "sign" && result !== undefined);
    assert.ok(signed.length > 10);
    for (const { call, result, options } of signed) {
      const { signature, algorithm, keyVersion } = result as { signature: { base64: string }; algorithm: string; keyVersion: string };
      const pem = pemOf(cases, options, keyVersion);
      assert.ok(pem !== undefined, `a public key for ${JSON.stringify(options)} ${keyVersion}`);
      assert.ok(accepts(pem, algorithm, bytes(call[1]), bytes(signature)), `${algorithm} of ${JSON.stringify(options)}`);
    }
  });
  test.run();
}

/** Answers with what was recorded for the same request, whatever their order; another request fails the call. */
function replay(left: Exchange[]): (url: string, init: RequestInit) => Promise<Response> {
  return async (url, init) => {
    const { pathname, search } = new URL(url);
    const sent = new Headers(init.headers);
    const at = left.findIndex(({ request }) => {
      const same = request.method === init.method && request.path === pathname + search && request.body === (init.body ?? null);
      return same && Object.entries(request.headers).every(([name, value]) => sent.get(name) === value);
    });
    const [exchange] = at < 0 ? [] : left.splice(at, 1);
    if (exchange === undefined) throw new Error(`not recorded: ${init.method} ${pathname} ${sent.get("x-amz-target") ?? ""} ${String(init.body)}`);
    const { status, headers, body } = exchange.response;
    return new Response(status === 204 ? null : body, { status, headers });
  };
}

async function outcomeOf(kms: KmsManager, [operation, ...args]: Recorded["call"]): Promise<object> {
  const call = (kms as unknown as Record<string, (...given: unknown[]) => unknown>)[operation] as (...given: unknown[]) => unknown;
  try {
    const result = call.apply(kms, args.map(revive));
    if (operation !== "listKeyVersions") return { result: plain(await result) };
    const versions: unknown[] = [];
    for await (const version of result as AsyncIterable<unknown>) versions.push(version);
    return { result: plain(versions) };
  } catch (error) {
    if (!isKmsError(error)) throw error;
    const { code, status, providerCode, retryable, outcome } = error;
    return { error: plain({ code, status, providerCode, retryable, outcome }) };
  }
}

/** Bytes are recorded as `{ base64 }`. */
function revive(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  if ("base64" in value) return bytes(value);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revive(inner)]));
}

function bytes(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from((value as { base64: string }).base64, "base64"));
}

/** The reverse; dates are `{ date }` in milliseconds, and what is undefined is left out. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return { base64: Buffer.from(value as Uint8Array).toString("base64") };
  if (value instanceof Date) return { date: value.getTime() };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(members.map(([name, inner]) => [name, plain(inner)]));
}

/** What the recording says elsewhere of the version that signed. */
function pemOf(cases: readonly Recorded[], { keyName, keyId }: Record<string, string>, keyVersion: string): string | undefined {
  const published = cases.filter(({ call, options }) => call[0] === "getPublicKey" && options["keyName"] === keyName && options["keyId"] === keyId);
  const keys = published.map(({ result }) => result as { pem: string; keyVersion: string } | undefined);
  return keys.find((key) => key?.keyVersion === keyVersion)?.pem;
}

function accepts(pem: string, algorithm: string, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey(pem);
  if (algorithm === "Ed25519") return verify(null, message, key, signature);
  const pss = algorithm.startsWith("PS") ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  return verify(`sha${algorithm.slice(2, 5)}`, message, { key, dsaEncoding: "ieee-p1363", ...pss }, signature);
}
