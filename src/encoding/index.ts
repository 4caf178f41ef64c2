/** `knhk-kms/encoding`: strict base64, base64url, hex and PEM, and the two forms of an ECDSA signature. */
export type { Bytes } from "./bytes.js";
export { decodeBase64, decodeBase64Url, ecdsaDerToP1363, ecdsaP1363ToDer, encodeBase64, encodeBase64Url } from "./checked.js";
export type { Base64DecodeOptions, Base64EncodeOptions } from "./checked.js";
export { decodeHex, encodeHex } from "./hex.js";
export { decodePem, encodePem } from "./pem.js";
