/** What Azure calls algorithms, key types and uses. Its algorithm names are the JOSE names. */
import type { SignatureAlgorithm } from "../algorithms.js";
import type { InputRule } from "../kms/provider.js";
import type { KeyUse } from "../kms/results.js";

/** The service never hashes ("Key types, algorithms, and operations"): it takes digests only. */
const DIGEST_ONLY: InputRule = { messageMaxBytes: 0, digest: true };

/** Undefined for Ed25519, which no vault and no HSM has. */
export function inputRule(algorithm: SignatureAlgorithm): InputRule | undefined {
  return /^[RPE]S\d+K?$/.test(algorithm) ? DIGEST_ONLY : undefined;
}

/** `kty` of the service as JOSE has it (RFC 7518 section 6.1): a key in an HSM has a type of its own. */
export function joseType(kty: string): string {
  return kty.replace(/-HSM$/, "");
}

/** `crv` of the service as JOSE has it: RFC 8812 names secp256k1, which was `SECP256K1` before it became `P-256K`. */
export function joseCurve(crv: string): string {
  return crv === "P-256K" || crv === "SECP256K1" ? "secp256k1" : crv;
}

/** `key_ops` that are a use; `import` and `export` are none. */
const USES: readonly KeyUse[] = ["sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey"];

/** What a key may be used for; the order of the answer says nothing. */
export function usesOf(keyOps: readonly string[]): readonly KeyUse[] {
  return USES.filter((use) => keyOps.includes(use));
}
