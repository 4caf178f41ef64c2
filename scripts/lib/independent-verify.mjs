// Verifies a SignResult with node:crypto, which shares nothing with this library but the PEM of the public key.
import { constants, createPublicKey, verify } from "node:crypto";

const HASHES = { 256: "sha256", 384: "sha384", 512: "sha512" };

export function independentVerify(pem, { algorithm, encoding, signature }, message) {
  const key = createPublicKey(pem);
  if (algorithm === "Ed25519") return verify(null, message, key, signature);
  const hash = HASHES[algorithm.replace(/\D/g, "")];
  if (algorithm.startsWith("RS")) return verify(hash, message, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
  if (algorithm.startsWith("PS")) {
    return verify(hash, message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
  }
  return verify(hash, message, { key, dsaEncoding: encoding }, signature);
}
