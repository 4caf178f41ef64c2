/** `knhk-kms/encoding`: strict base64, base64url, hex and PEM, and the two forms of an ECDSA signature. */
export { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from "./base64.js";
export type { Base64DecodeOptions, Base64EncodeOptions } from "./base64.js";
export type { Bytes } from "./bytes.js";
export { ecdsaDerToP1363, ecdsaP1363ToDer } from "./ecdsa.js";
export { decodeHex, encodeHex } from "./hex.js";
export { decodePem, encodePem } from "./pem.js";
