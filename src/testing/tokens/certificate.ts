/** What an emulated directory knows of a client's certificate: its public key, its end, and both thumbprints (RFC 5280 section 4.1). */
import { encodeBase64Url } from "../../encoding/base64.js";
import type { Bytes } from "../../encoding/bytes.js";
import { decodePem } from "../../encoding/pem.js";
import { ValidationError } from "../../errors.js";
import { subtleCrypto } from "../../hasher.js";

export interface ClientCertificate {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** `x5t`: base64url of the SHA-1 of the DER. */
  readonly x5t: string;
  /** `x5t#S256`: base64url of the SHA-256 of the DER. */
  readonly x5tS256: string;
}

interface Element {
  readonly tag: number;
  readonly content: Bytes;
  /** With tag and length. */
  readonly whole: Bytes;
}

const SEQUENCE = 0x30;
const VERSION = 0xa0;
const UTC_TIME = 0x17;

/**
 * The certificate of a text with one PEM block; its own signature is not looked at.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ENCODING`: no PEM of a certificate
 */
export async function readCertificate(pem: string): Promise<ClientCertificate> {
  const der = decodePem(pem, "CERTIFICATE");
  const [certificate] = elementsOf(der);
  const [tbs] = certificate?.tag === SEQUENCE ? elementsOf(certificate.content) : [];
  const fields = tbs?.tag === SEQUENCE ? elementsOf(tbs.content) : [];
  // version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo; the first is left out in version 1.
  const [validity, , spki] = fields.slice(fields[0]?.tag === VERSION ? 4 : 3);
  const notAfter = validity === undefined ? undefined : elementsOf(validity.content)[1];
  if (notAfter === undefined || spki?.tag !== SEQUENCE) throw new ValidationError("ERR_KMS_INVALID_ENCODING", "not an X.509 certificate");
  const thumbprint = async (hash: string): Promise<string> => encodeBase64Url(new Uint8Array(await subtleCrypto().digest(hash, der)));
  return { spki: spki.whole, notAfter: readTime(notAfter), x5t: await thumbprint("SHA-1"), x5tS256: await thumbprint("SHA-256") };
}

/** The elements that follow each other; what is malformed ends the list. */
function elementsOf(bytes: Bytes): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const first = bytes[at + 1] as number;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    let length = first;
    if (lengthBytes > 0) length = bytes.subarray(at + 2, at + 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    const start = at + 2 + lengthBytes;
    if (lengthBytes > 3 || start + length > bytes.length) break;
    elements.push({ tag: bytes[at] as number, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) });
    at = start + length;
  }
  return elements;
}

/** `UTCTime` has two digits of the year, which count up to 2049 (RFC 5280 section 4.1.2.5). */
function readTime({ tag, content }: Element): number {
  const text = String.fromCharCode(...content);
  const full = tag === UTC_TIME ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  return Date.parse(full.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}
