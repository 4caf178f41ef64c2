import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { jwkThumbprint, type PublicJwk } from "../../src/jwk/index.js";
import { rejects } from "../support/rejects.js";

interface ThumbprintCase {
  readonly id: number;
  readonly jwk: PublicJwk;
  readonly canonical: string;
  readonly sha256: string;
}

const cases = JSON.parse(readFileSync("fixtures/jwk/thumbprint.json", "utf8")).cases as readonly ThumbprintCase[];

test(`thumbprint.json: ${cases.length} cases`, async () => {
  for (const { id, jwk, canonical, sha256 } of cases) {
    assert.is(createHash("sha256").update(canonical).digest("base64url"), sha256, `case ${id} itself`);
    assert.is(await jwkThumbprint(jwk), sha256, `case ${id}`);
  }
});

test("only what makes the key counts, in any order, whatever the prototype holds", async () => {
  const { jwk, sha256 } = cases.find((thumbprintCase) => thumbprintCase.jwk.kty === "EC") as ThumbprintCase;
  const reversed = Object.fromEntries(Object.entries({ ...jwk, kid: "x", alg: "ES256", use: "sig" }).reverse()) as never;
  assert.is(await jwkThumbprint(reversed), sha256);
  const prototype = Object.prototype as { toJSON?: unknown };
  prototype.toJSON = () => "polluted";
  try {
    assert.is(await jwkThumbprint(jwk), sha256);
  } finally {
    delete prototype.toJSON;
  }
});

test("what is no key has no thumbprint", async () => {
  const { jwk } = cases[0] as ThumbprintCase;
  for (const value of [undefined, null, {}, { ...jwk, e: "AQAC" }, { ...jwk, d: "AQAB" }]) {
    await rejects(jwkThumbprint(value as never), "ERR_KMS_INVALID_JWK");
  }
});

test.run();
