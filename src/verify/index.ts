/** `knhk-kms/verify`: signatures checked here, on WebCrypto, with no request. */
export { toCryptoKey, verifySignature } from "./verify-signature.js";
export type { PublicKeyInput, VerifySignatureInput } from "./verify-signature.js";
