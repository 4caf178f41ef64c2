/** An emulated issuer of identity tokens, as a CI system, a cluster or a hosting platform is one. */
import { encodeBase64Url } from "../encoding/base64.js";
import type { Bytes } from "../encoding/bytes.js";
import { encodePem } from "../encoding/pem.js";
import type { TrustedIssuer } from "./jwt.js";
import { generateEmulatedKey, importEmulatedKey } from "./keys.js";
import type { EmulatedKey } from "./keys.js";

/** Options of {@link createIdentityIssuer}. */
export interface IdentityIssuerOptions {
  /** `iss` of its tokens; `https://issuer.example` by default. */
  readonly issuer?: string;
  /** Seconds that a token lives; 3,600 by default. */
  readonly lifetimeSeconds?: number;
  /** A private P-256 or RSA JWK; a new P-256 key by default. */
  readonly key?: JsonWebKey;
  /** The clock, in milliseconds since 1970; the real one by default. */
  readonly now?: () => number;
}

/** An issuer of identity tokens. */
export interface IdentityIssuer {
  readonly issuer: string;
  /** Its public keys, as a service that trusts it needs them. */
  readonly keys: readonly JsonWebKey[];
  /** The public key as PEM, as Vault's `jwt_validation_pubkeys` takes it. */
  readonly publicKeyPem: string;
  /** A new token: `iss`, `iat`, `nbf`, `exp` and `jti` are set unless the claims say otherwise; `undefined` leaves one out. */
  token(claims: Readonly<Record<string, unknown>>): Promise<string>;
  /** What a service is told to trust its tokens, all of them or those of a subject and an audience. */
  trust(which?: { readonly subject?: string; readonly audience?: string }): TrustedIssuer;
}

/**
 * An issuer with a key of its own; tokens are ES256, or RS256 with an RSA key.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_JWK`: the key is no private JWK
 * @example
 * ```ts
 * const cluster = await createIdentityIssuer({ issuer: "https://cluster.example" });
 * const tokens = createTokenEmulator({ sts: { roles: [{ arn: ROLE, webIdentities: [cluster.trust()] }] } });
 * const jwt = await cluster.token({ sub: "system:serviceaccount:prod:app", aud: "sts.amazonaws.com" });
 * ```
 */
export async function createIdentityIssuer(options: IdentityIssuerOptions = {}): Promise<IdentityIssuer> {
  const { issuer = "https://issuer.example", lifetimeSeconds = 3600, now = Date.now } = options;
  const key = options.key === undefined ? await generateEmulatedKey("P-256") : await importEmulatedKey(options.key);
  const keys = [key.publicJwk as JsonWebKey];
  return {
    issuer,
    keys,
    publicKeyPem: encodePem("PUBLIC KEY", key.spki as Bytes),
    token(claims) {
      const seconds = Math.floor(now() / 1000);
      const times = { iat: seconds, nbf: seconds, exp: seconds + lifetimeSeconds };
      return sign(key, { iss: issuer, ...times, jti: crypto.randomUUID(), ...claims });
    },
    trust: (which = {}) => ({ issuer, keys, ...which }),
  };
}

async function sign(key: EmulatedKey, claims: object): Promise<string> {
  const isRsa = key.keyType.startsWith("RSA-");
  const encode = (value: object): string => encodeBase64Url(new TextEncoder().encode(JSON.stringify(value)));
  const input = `${encode({ alg: isRsa ? "RS256" : "ES256", typ: "JWT" })}.${encode(claims)}`;
  const scheme = { scheme: isRsa ? "rsa-pkcs1" : "ecdsa", hash: "SHA-256" } as const;
  return `${input}.${encodeBase64Url(await key.sign(scheme, "message", new TextEncoder().encode(input)))}`;
}
