/** What the operations answer with. All of it is plain data. */
import type { KeyType, SignatureAlgorithm, SignatureEncoding } from "../algorithms.js";
import type { Bytes } from "../encoding/bytes.js";
import type { PublicJwk } from "../jwk/types.js";

/** A signature, and all that is needed to verify it later. */
export interface SignResult {
  readonly signature: Bytes;
  /** JOSE name. */
  readonly algorithm: SignatureAlgorithm;
  /** `raw` for RSA and Ed25519; `ieee-p1363` (r and s side by side, as in JOSE) or `der` for ECDSA. */
  readonly encoding: SignatureEncoding;
  readonly provider: string;
  /** As configured. */
  readonly keyId: string;
  /** The version that signed, as the service named it. On AWS the id of the key behind the alias. */
  readonly keyVersion: string;
  /** The service's id of the request. */
  readonly requestId?: string;
}

/** A public key in three forms. */
export interface PublicKey {
  /** `kid` is the RFC 7638 thumbprint. */
  readonly jwk: PublicJwk & { readonly kid: string };
  /** DER SubjectPublicKeyInfo (RFC 5280). */
  readonly spki: Bytes;
  /** The same in PEM (RFC 7468), label `PUBLIC KEY`. */
  readonly pem: string;
  /** As configured. */
  readonly keyId: string;
  readonly keyVersion: string;
  readonly keyType: KeyType;
  /** What it can sign with; the first is the default. */
  readonly algorithms: readonly SignatureAlgorithm[];
}

/** What costs requests of its own in `getKeyMetadata`. */
export type MetadataPart = "tags" | "rotation";

/** What a key can be asked for now; the word is the same for every service. */
export type KeyState = "enabled" | "disabled" | "pending-deletion" | "pending-import" | "creating" | "updating" | "unavailable" | "not-yet-valid" | "expired";

/** What a key is for. */
export type KeyUse = "sign" | "verify" | "encrypt" | "decrypt" | "wrapKey" | "unwrapKey" | "generateMac" | "verifyMac" | "deriveKey";

/** What the service says of a key; a field that it does not tell is absent, never invented. */
export interface KeyMetadata {
  readonly provider: string;
  /** As configured. */
  readonly keyId: string;
  readonly keyVersion?: string;
  readonly keyType: KeyType;
  /** Signature algorithms this key can be used with. */
  readonly algorithms: readonly SignatureAlgorithm[];
  readonly state: KeyState;
  /** What the service lets this key be used for, whatever its state. */
  readonly usableFor: readonly KeyUse[];
  /** When the version spoken of was made. */
  readonly createdAt?: Date;
  /** When its material last changed, where that is not its creation. */
  readonly rotatedAt?: Date;
  /** When the service will rotate it by itself. */
  readonly nextRotationAt?: Date;
  readonly expiresAt?: Date;
  /** Where the material comes from. */
  readonly origin?: "service" | "imported" | "external";
  /** What keeps the material. */
  readonly protection?: "software" | "hsm" | "external";
  readonly tags?: Readonly<Record<string, string>>;
}

/** One version of a key. What the service does not say is absent. */
export interface KeyVersion {
  /** As configured. */
  readonly keyId: string;
  readonly keyVersion: string;
  /** Whether a signature without a version would be made by it. */
  readonly current: boolean;
  readonly state?: KeyState;
  readonly createdAt?: Date;
  readonly expiresAt?: Date;
}

/** What a rotation did. `leftover` is what an earlier, interrupted one left behind and nobody uses. */
export interface RotationResult {
  /** `pending`: the service took it on and finishes later. */
  readonly status: "done" | "pending";
  readonly previousVersion?: string;
  readonly newVersion?: string;
  /** As configured. */
  readonly keyId: string;
  readonly rotatedAt: Date;
  /** A key that a lost race left behind, for you to delete. It never signed. */
  readonly leftover?: string;
}
