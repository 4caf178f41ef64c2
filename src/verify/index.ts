/** `knhk-kms/verify`: signatures checked here, on WebCrypto, with no request. */
export { toCryptoKey } from "./crypto-key.js";
export type { PublicKeyInput } from "./crypto-key.js";
export { verifySignature } from "./verify-signature.js";
export type { VerifySignatureInput } from "./verify-signature.js";
