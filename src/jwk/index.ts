/** `knhk-kms/jwk`: public keys as JWK, strictly, and their other forms. */
export { keyTypeOf } from "./key-type.js";
export { parseJwk } from "./parse.js";
export { jwkToSpki, spkiToJwk } from "./spki.js";
export { jwkThumbprint } from "./thumbprint.js";
export type { EcJwk, OkpJwk, PublicJwk, RsaJwk } from "./types.js";
