/** Reads and checks the JWTs that prove who a workload is, for the emulated services that take them. */
import { decodeBase64Url } from "../encoding/base64.js";
import { isBytes } from "../encoding/bytes.js";
import type { Bytes } from "../encoding/bytes.js";
import { subtleCrypto } from "../hasher.js";

/** The parts of a compact JWT (RFC 7519 section 3), nothing of it checked. */
export interface ReadJwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signingInput: Bytes;
  readonly signature: Bytes;
}

/** Whose identity tokens are believed, and which of them. */
export interface TrustedIssuer {
  /** `iss` of the tokens. */
  readonly issuer: string;
  /** `sub`; any by default. */
  readonly subject?: string;
  /** One of `aud`; the service's usual one by default. */
  readonly audience?: string;
  /** Public JWKs of the issuer; without them signatures are not looked at. */
  readonly keys?: readonly JsonWebKey[];
}

/** What is wrong with an identity token, in the order in which it is looked at. */
export type IdentityProblem = "malformed" | "issuer" | "signature" | "expired" | "not-yet-valid" | "subject" | "audience";

export type IdentityVerdict = { readonly problem: IdentityProblem; readonly jwt?: ReadJwt } | { readonly problem?: undefined; readonly jwt: ReadJwt };

/** The JWT of a text; undefined when it is none, and so for one with white space around it. */
export function readJwt(token: string): ReadJwt | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  const [header, payload, signature] = parts as [string, string, string];
  try {
    return {
      header: readObject(header),
      claims: readObject(payload),
      signingInput: new TextEncoder().encode(`${header}.${payload}`),
      signature: decodeBase64Url(signature),
    };
  } catch {
    return undefined;
  }
}

function readObject(part: string): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(decodeBase64Url(part)));
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("not an object");
  return value as Record<string, unknown>;
}

interface JwtAlgorithm {
  readonly import: RsaHashedImportParams | EcKeyImportParams | Algorithm;
  readonly use: Algorithm | RsaPssParams | EcdsaParams;
}

const rsa = (bits: number): JwtAlgorithm => ({
  import: { name: "RSASSA-PKCS1-v1_5", hash: `SHA-${bits}` },
  use: { name: "RSASSA-PKCS1-v1_5" },
});
const pss = (bits: number): JwtAlgorithm => ({
  import: { name: "RSA-PSS", hash: `SHA-${bits}` },
  use: { name: "RSA-PSS", saltLength: bits / 8 } as RsaPssParams,
});
const ecdsa = (bits: number, namedCurve: string): JwtAlgorithm => ({
  import: { name: "ECDSA", namedCurve },
  use: { name: "ECDSA", hash: `SHA-${bits}` } as EcdsaParams,
});

/** RFC 7518 section 3.1 and RFC 8037 section 3.1; `none` and the MACs are no proof. */
const ALGORITHMS: Readonly<Record<string, JwtAlgorithm | undefined>> = Object.assign(Object.create(null) as object, {
  RS256: rsa(256),
  RS384: rsa(384),
  RS512: rsa(512),
  PS256: pss(256),
  PS384: pss(384),
  PS512: pss(512),
  ES256: ecdsa(256, "P-256"),
  ES384: ecdsa(384, "P-384"),
  ES512: ecdsa(512, "P-521"),
  EdDSA: { import: { name: "Ed25519" }, use: { name: "Ed25519" } },
});

/** Whether the signature is one by the key, a public JWK or a DER SubjectPublicKeyInfo. A key that does not fit `alg` is no match. */
export async function isSignedBy({ header, signingInput, signature }: ReadJwt, key: JsonWebKey | Bytes): Promise<boolean> {
  const algorithm = ALGORITHMS[String(header.alg)];
  if (algorithm === undefined) return false;
  const subtle = subtleCrypto();
  try {
    const imported =
      isBytes(key)
        ? await subtle.importKey("spki", key, algorithm.import, false, ["verify"])
        : await subtle.importKey("jwk", publicPart(key), algorithm.import, false, ["verify"]);
    return await subtle.verify(algorithm.use, imported, signature, signingInput);
  } catch {
    return false;
  }
}

/** WebCrypto refuses a JWK whose `alg`, `use` or `key_ops` name something else. */
function publicPart({ kty, crv, x, y, n, e }: JsonWebKey): JsonWebKey {
  return Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined));
}

export async function isSignedByOne(jwt: ReadJwt, keys: readonly (JsonWebKey | Bytes)[]): Promise<boolean> {
  for (const key of keys) if (await isSignedBy(jwt, key)) return true;
  return false;
}

/** `aud` as a list; it may be one text (RFC 7519 section 4.1.3). */
export function audiencesOf({ claims }: ReadJwt): string[] {
  const list = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  return list.filter((entry): entry is string => typeof entry === "string");
}

/** A claim that is a number of seconds since 1970, in milliseconds. */
export function timeOf({ claims }: ReadJwt, name: "exp" | "nbf" | "iat"): number | undefined {
  const value = claims[name];
  return typeof value === "number" ? value * 1000 : undefined;
}

/** What a service expects of a token. */
export interface IdentityExpectation {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What must be in `aud` unless the issuer's entry says otherwise. */
  readonly audience: string;
}

/** What a service that trusts these issuers thinks of a token. */
export async function checkIdentity(token: string, trusted: readonly TrustedIssuer[], { now, audience }: IdentityExpectation): Promise<IdentityVerdict> {
  const jwt = readJwt(token);
  if (jwt === undefined) return { problem: "malformed" };
  const known = trusted.filter(({ issuer }) => issuer === jwt.claims.iss);
  if (known.length === 0) return { problem: "issuer", jwt };
  const keys = known.flatMap((entry) => entry.keys ?? []);
  if (keys.length > 0 && !(await isSignedByOne(jwt, keys))) return { problem: "signature", jwt };
  const expires = timeOf(jwt, "exp");
  if (expires === undefined || expires <= now) return { problem: "expired", jwt };
  if ((timeOf(jwt, "nbf") ?? 0) > now) return { problem: "not-yet-valid", jwt };
  const subjects = known.filter(({ subject }) => subject === undefined || subject === jwt.claims.sub);
  if (subjects.length === 0) return { problem: "subject", jwt };
  const audiences = audiencesOf(jwt);
  const fits = subjects.some((entry) => audiences.includes(entry.audience ?? audience));
  return fits ? { jwt } : { problem: "audience", jwt };
}
