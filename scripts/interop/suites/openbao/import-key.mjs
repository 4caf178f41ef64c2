// Puts a key of ours into OpenBao, as its key wrapping guide says: the key under AES key wrap with padding (RFC 5649), that
// AES key under RSA-OAEP. With the same keys on both sides every deterministic signature can be compared.
import { constants, createCipheriv, createPrivateKey, publicEncrypt, randomBytes } from "node:crypto";
import { done } from "./setup.mjs";

/** The initial value of RFC 5649 section 3. */
const ALTERNATIVE_IV = Buffer.from("A65959A6", "hex");

export async function importKey(bao, name, type, jwk, options = {}) {
  const { data } = await done(bao, "GET", "transit/wrapping_key");
  const target = createPrivateKey({ key: jwk, format: "jwk" }).export({ type: "pkcs8", format: "der" });
  const secret = randomBytes(32);
  const cipher = createCipheriv("id-aes256-wrap-pad", secret, ALTERNATIVE_IV);
  const wrapped = Buffer.concat([cipher.update(target), cipher.final()]);
  const locked = publicEncrypt({ key: data.public_key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" }, secret);
  const ciphertext = Buffer.concat([locked, wrapped]).toString("base64");
  await done(bao, "POST", `transit/keys/${name}/import`, { type, ciphertext, hash_function: "SHA256", ...options });
}
