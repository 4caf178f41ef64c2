import { test } from "uvu";
import * as assert from "uvu/assert";
import { ALGORITHMS, algorithmsOf, COORDINATE_BYTES, findAlgorithm } from "../src/algorithms.js";

test("each JOSE name means one thing", () => {
  assert.equal(ALGORITHMS.map(({ name }) => name), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "Ed25519"]);
  assert.equal(findAlgorithm("PS384"), { name: "PS384", scheme: "rsa-pss", hash: "SHA-384" });
  assert.equal(findAlgorithm("ES512"), { name: "ES512", scheme: "ecdsa", hash: "SHA-512", curve: "P-521" });
  assert.equal(findAlgorithm("ES256K"), { name: "ES256K", scheme: "ecdsa", hash: "SHA-256", curve: "secp256k1" });
  assert.is(findAlgorithm("EdDSA"), findAlgorithm("Ed25519"));
});

test("any other value is none", () => {
  for (const value of ["", "rs256", "RS256 ", "none", "HS256", "__proto__", "constructor", "toString", undefined, null, 7, {}, ["RS256"], { toString: () => "RS256" }]) {
    assert.is(findAlgorithm(value), undefined, String(JSON.stringify(value)));
  }
});

test("which key fits, and its default first", () => {
  assert.equal(algorithmsOf("RSA-2048"), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]);
  assert.equal(algorithmsOf("P-256"), ["ES256"]);
  assert.equal(algorithmsOf("P-384"), ["ES384"]);
  assert.equal(algorithmsOf("P-521"), ["ES512"]);
  assert.equal(algorithmsOf("secp256k1"), ["ES256K"]);
  assert.equal(algorithmsOf("Ed25519"), ["Ed25519"]);
  for (const other of ["AES-256", "HMAC-256", "ML-DSA-65", "RSA", "", "__proto__", "p-256"]) assert.equal(algorithmsOf(other), []);
});

test("coordinates", () => {
  assert.equal({ ...COORDINATE_BYTES }, { "P-256": 32, "P-384": 48, "P-521": 66, secp256k1: 32 });
});

test.run();
