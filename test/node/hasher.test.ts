import { test } from "uvu";
import * as assert from "uvu/assert";
import { DIGEST_BYTES, webHasher, type HashName } from "../../src/hasher.js";
import { nodeHasher } from "../../src/node/hasher.js";

const inputs = [0, 1, 55, 64, 1000].map((length) => Uint8Array.from({ length }, (_, index) => (index * 7) & 255));

test("digests equal those of WebCrypto", async () => {
  for (const hash of Object.keys(DIGEST_BYTES) as HashName[]) {
    for (const input of inputs) {
      const digest = nodeHasher.digest(hash, input);
      assert.is(Object.prototype.toString.call(digest), "[object Uint8Array]");
      assert.not.instance(digest, Buffer);
      assert.equal(digest, await webHasher.digest(hash, input));
    }
  }
});

test("MACs equal those of WebCrypto", async () => {
  const key = Uint8Array.from({ length: 40 }, (_, index) => index);
  const [ours, web] = [await nodeHasher.hmacSha256(key), await webHasher.hmacSha256(key)];
  for (const input of inputs) assert.equal(await ours(input), await web(input));
});

test.run();
