/** The credentials that the emulated KMS knows. */
import { AwsFailure } from "./failure.js";

/** What signs requests; `expiresAt` is when the service stops taking it. */
export interface AwsEmulatorCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** With one, requests must carry it in `x-amz-security-token`. */
  readonly sessionToken?: string | undefined;
  readonly expiresAt?: Date | undefined;
}

export class Identities {
  readonly #known = new Map<string, AwsEmulatorCredentials>();

  add(credentials: AwsEmulatorCredentials): void {
    this.#known.set(credentials.accessKeyId, { ...credentials });
  }

  expire(accessKeyId: string): void {
    const known = this.#known.get(accessKeyId);
    if (known !== undefined) this.#known.set(accessKeyId, { ...known, expiresAt: new Date(0) });
  }

  /**
   * The credentials of an access key that came with this token.
   *
   * @throws {AwsFailure} `UnrecognizedClientException` for an unknown key, a missing or a foreign token; `ExpiredTokenException`
   */
  find(accessKeyId: string, sessionToken: string | undefined, now: number): AwsEmulatorCredentials {
    const known = this.#known.get(accessKeyId);
    if (known === undefined || known.sessionToken !== sessionToken) {
      throw new AwsFailure("UnrecognizedClientException", "The security token included in the request is invalid.");
    }
    if (known.expiresAt !== undefined && known.expiresAt.getTime() <= now) {
      throw new AwsFailure("ExpiredTokenException", "The security token included in the request is expired");
    }
    return known;
  }
}
