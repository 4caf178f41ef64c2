import { createHash, createHmac, randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DIGEST_BYTES, subtleCrypto, webHasher, type HashName } from "../src/hasher.js";
import { rejects } from "./support/rejects.js";

test("digests and MACs as node:crypto makes them", async () => {
  for (const length of [0, 1, 63, 64, 65, 4096]) {
    const data = Uint8Array.from(randomBytes(length));
    for (const hash of Object.keys(DIGEST_BYTES) as HashName[]) {
      const digest = await webHasher.digest(hash, data);
      assert.is(digest.length, DIGEST_BYTES[hash]);
      assert.is(Buffer.from(digest).toString("hex"), createHash(hash.replace("-", "")).update(data).digest("hex"));
    }
    const key = Uint8Array.from(randomBytes(32));
    const mac = await webHasher.hmacSha256(key);
    for (const message of [data, Uint8Array.of(1)]) assert.is(Buffer.from(await mac(message)).toString("hex"), createHmac("sha256", key).update(message).digest("hex"));
  }
});

test("F60 without WebCrypto: a sentence that says what is missing", async () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto") as PropertyDescriptor;
  for (const crypto of [undefined, {}]) {
    Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true });
    try {
      const error = await rejects(() => subtleCrypto(), "ERR_KMS_UNSUPPORTED");
      assert.is(error.message, "globalThis.crypto.subtle is required");
      await rejects(() => webHasher.digest("SHA-256", Uint8Array.of(1)), "ERR_KMS_UNSUPPORTED");
    } finally {
      Object.defineProperty(globalThis, "crypto", own);
    }
  }
});

test.run();
