/** Planted secrets are found nowhere in errors, their causes, JSON, inspect output, or events, over every error path. */
import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isKmsError, type KmsError } from "../../src/errors.js";
import type { CallContext, KmsProvider } from "../../src/kms/provider.js";
import { testContext } from "../support/context.js";
import { ALIAS, KEY_ID, KEY_ARN, keyMetadata, testProvider, toResponse, type Given } from "./service.js";

const SECRET = "plantedSecretAccessKey0123456789";
const TOKEN = "plantedSessionToken//+=0123456789";
const PLAINTEXT = "planted plaintext";
const PLAINTEXT_BASE64 = Buffer.from(PLAINTEXT).toString("base64");
const OF_THE_BODY = "plantedTextOfTheBody";
const CANARY = /planted/i;

const input = new TextEncoder().encode(PLAINTEXT);
const KEY = { keyId: ALIAS };
const OPERATIONS: Record<string, (provider: KmsProvider, context: CallContext) => unknown> = {
  sign: (provider, context) => provider.sign({ key: KEY, algorithm: "ES256", form: "message", input }, context),
  verify: (provider, context) => provider.verify?.({ key: KEY, algorithm: "ES256", form: "message", input, signature: new Uint8Array(64) }, context),
  getPublicKey: (provider, context) => provider.getPublicKey(KEY, context),
  getKeyMetadata: (provider, context) => provider.getKeyMetadata(KEY, ["tags", "rotation"], context),
  ownsVersion: (provider, context) => provider.ownsVersion(KEY, KEY_ID, context),
  rotateKey: (provider, context) => provider.rotateKey?.({ key: KEY, policy: JSON.stringify({ Id: OF_THE_BODY }) }, context),
  async listKeyVersions(provider, context) {
    for await (const _ of provider.listKeyVersions(KEY, ["state"], () => context));
  },
};

/** What comes back: the request itself, as an echoing proxy gives it, in every place that an answer has. */
function echoes(sent: string): (Given | Error)[] {
  const text = `${sent} ${SECRET} ${TOKEN} ${PLAINTEXT_BASE64} ${OF_THE_BODY}`;
  const headers = { "x-amzn-requestid": text.replace(/[^\x20-\x7e]/g, ""), "retry-after": OF_THE_BODY };
  return [
    { status: 400, body: { __type: `${TOKEN}`, message: text }, headers },
    { status: 400, body: { __type: "InvalidSignatureException", message: `Signature expired: ${text}` } },
    { status: 400, body: { __type: "ValidationException", message: text } },
    { status: 403, bodyText: `<html>${text}` },
    { status: 500, bodyText: text },
    { status: 200, bodyText: text },
    { status: 200, body: { KeyId: text, Signature: text, SigningAlgorithm: text, KeyMetadata: { Arn: text }, PublicKey: text } },
    { status: 200, body: { KeyId: KEY_ARN, Signature: PLAINTEXT_BASE64, SigningAlgorithm: "ECDSA_SHA_256", PublicKey: PLAINTEXT_BASE64, ...keyMetadata({ KeyState: 5, Description: text }) } },
    { status: 302, headers: { location: `https://evil.example/?${OF_THE_BODY}` } },
    new TypeError(text, { cause: new Error(text) }),
    Object.assign(new Error(text), { code: text }),
  ];
}

function shown(error: KmsError): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    parts.push(at.message, String(at.stack), JSON.stringify(at), inspect(at, { depth: Infinity, showHidden: true }), ...Object.values(at).map(String));
  }
  return parts.join("\n");
}

let paths = 0;
for (const [name, run] of Object.entries(OPERATIONS)) {
  test(name, async () => {
    for (let index = 0; index < echoes("").length; index += 1) {
      const context = testContext();
      const fetch = async (_url: string, init: RequestInit): Promise<Response> => {
        const given = echoes(`${JSON.stringify(init.headers)} ${String(init.body)}`)[index] as Given | Error;
        if (given instanceof Error) throw given;
        return toResponse(given);
      };
      const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET, sessionToken: TOKEN };
      const provider = testProvider({ fetch }, { credentials });
      let caught: unknown;
      try {
        await run(provider, context);
      } catch (error) {
        caught = error;
      }
      assert.ok(isKmsError(caught), `${name} ${index}`);
      assert.not.match(shown(caught as KmsError), CANARY, `${name} ${index}`);
      assert.not.match(inspect(context.events, { depth: Infinity }), CANARY, `${name} ${index}: events`);
      assert.not.match(inspect(provider, { depth: Infinity, showHidden: true }), CANARY, `${name} ${index}: the provider`);
      paths += 1;
    }
  });
}

test("a credentials function that fails", async () => {
  const failures = [
    () => {
      throw new Error(SECRET);
    },
    () => Promise.reject(SECRET),
    () => ({ accessKeyId: SECRET, secretAccessKey: 5 }),
    () => ({ accessKeyId: "A", secretAccessKey: `${SECRET}\n` }),
    () => ({ accessKeyId: "A", secretAccessKey: "b", sessionToken: `${TOKEN}\r\n` }),
    () => SECRET,
  ];
  for (const credentials of failures) {
    const context = testContext();
    let caught: unknown;
    await testProvider({ fetch: async () => toResponse({}) }, { credentials: credentials as never }).getPublicKey(KEY, context).catch((error: unknown) => (caught = error));
    assert.ok(isKmsError(caught, "ERR_KMS_CREDENTIALS"));
    assert.not.match(shown(caught as KmsError), CANARY);
    assert.not.match(inspect(context.events, { depth: Infinity }), CANARY);
  }
});

test("every path was walked", () => {
  assert.is(paths, 7 * 11);
});

test.run();
