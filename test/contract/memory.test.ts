import { KmsManager } from "../../src/index.js";
import type { ContractKeyType } from "../../src/testing/index.js";
import { bindContract } from "./bind.js";
import { createMemoryKms } from "./memory.js";

/** One RSA type is enough here: what differs with the size is the service's part. */
const KEY_TYPES: readonly ContractKeyType[] = ["RSA-2048", "P-256", "P-384", "P-521", "secp256k1", "Ed25519"];

let added = 0;
let count = 0;
const now = (): number => Date.now() + added;
const memory = createMemoryKms(now);

bindContract({
  name: "memory",
  keyTypes: KEY_TYPES,
  rotates: KEY_TYPES,
  async createKey(keyType) {
    const keyId = `contract-${++count}`;
    memory.createKey(keyId, keyType);
    return keyId;
  },
  connect: (keyId, options) => new KmsManager(memory.provider, { keyId, now, ...options }),
  missingKeyId: "contract-missing",
  lacks: ["digest"],
  advance: (ms) => void (added += ms),
});
