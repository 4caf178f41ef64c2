/** `knhk-kms/jwk`: public keys as JWK, strictly, and their other forms. */
export { jwkThumbprint, keyTypeOf } from "./check.js";
export { parseJwk } from "./parse.js";
export { jwkToSpki, spkiToJwk } from "./spki.js";
export type { EcJwk, OkpJwk, PublicJwk, RsaJwk } from "./types.js";
