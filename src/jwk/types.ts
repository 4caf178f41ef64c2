/** Public keys as JSON Web Keys: what `parseJwk` returns. */

/** Members that any key may have besides its numbers. */
interface CommonMembers {
  /** Key id. */
  readonly kid?: string;
  /** Algorithm that the key is meant for. */
  readonly alg?: string;
  /** `sig` or `enc`. */
  readonly use?: string;
  /** What the key may do, such as `verify`. */
  readonly key_ops?: readonly string[];
}

/** RFC 7518 section 6.3: modulus and exponent as base64url of the fewest octets. */
export interface RsaJwk extends CommonMembers {
  readonly kty: "RSA";
  readonly n: string;
  readonly e: string;
}

/** RFC 7518 section 6.2, RFC 8812: coordinates as base64url of the curve's full width. */
export interface EcJwk extends CommonMembers {
  readonly kty: "EC";
  readonly crv: "P-256" | "P-384" | "P-521" | "secp256k1";
  readonly x: string;
  readonly y: string;
}

/** RFC 8037 section 2: the 32 octets of RFC 8032. */
export interface OkpJwk extends CommonMembers {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
}

/** A public key as `parseJwk` returns it, told apart by `kty`. */
export type PublicJwk = RsaJwk | EcJwk | OkpJwk;
