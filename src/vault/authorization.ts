/** Who asks: the token, the namespace, and the state that a change of ours must be seen in. */
import { CredentialCache, readExpiresAt, readSecret, type CredentialOption } from "../credentials/cached.js";
import type { Answer, Authorized, Effect, Service, WireRequest } from "../http/send.js";
import type { Transport } from "../http/transport.js";
import type { CallContext } from "../kms/provider.js";
import { vaultHeaders, type VaultAddress } from "./config.js";
import { environmentToken, loadToken, type EnvironmentPlace } from "./credentials/environment.js";
import { describeVaultFailure } from "./errors.js";

/** A token of Vault or OpenBao. Any printable text: prefixes differ by product and release. */
export interface VaultToken {
  readonly token: string;
  readonly expiresAt?: Date | undefined;
  /** When to ask for another one, if earlier than usual; counts only with `expiresAt`. */
  readonly refreshAt?: Date | undefined;
}

/** Where requests go, and whose environment counts for them. */
type VaultPlace = VaultAddress & EnvironmentPlace;

/** What one request carried. */
interface Sent {
  readonly token: VaultToken;
  readonly index: string | undefined;
  readonly forwarded: boolean;
}

const UUID = /^[0-9a-f-]{36}$/;

/**
 * Puts token, namespace and known state on each request. A token that is refused is replaced and the request repeated once, if there
 * can be another one: a value stays what it is, and the environment's counts only when it holds another by now.
 *
 * After a change of ours a node that lags would not know of it, and sign with the old version. So later requests carry the index
 * that the change was answered with, to the address that gave it and to no other.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for a value that is no token
 */
export function createVaultService({ provider, now, random }: Transport, place: VaultPlace, credentials: CredentialOption<VaultToken> | undefined): Service<Sent> {
  const tokens = new CredentialCache<VaultToken>({ provider, source: credentials ?? (() => loadToken(place)), check: readToken, now, random });
  let index: string | undefined;
  let forwarding = true;

  return {
    async authorize(request: WireRequest, context: CallContext, signal: AbortSignal): Promise<Authorized<Sent>> {
      const token = await tokens.get(context, signal);
      const headers = vaultHeaders(place.namespace, token.token);
      if (index !== undefined) {
        headers["x-vault-index"] = index;
        if (forwarding) headers["x-vault-inconsistent"] = "forward-active-node";
      }
      return { request: { ...request, headers }, credential: { token, index, forwarded: forwarding } };
    },
    describeFailure: describeVaultFailure,
    recover(_remedy, { status }: Answer, sent: Sent): boolean {
      if (status === 400) {
        // Vault Enterprise refuses the forwarding header unless it is configured; without it a node that lags says 412. An index
        // that cannot be read (another product answers at the address by now) goes next.
        if (sent.index === undefined) return false;
        if (sent.forwarded) forwarding = false;
        else if (sent.index === index) index = undefined;
        return true;
      }
      return (credentials !== undefined || environmentToken(place) !== sent.token.token) && tokens.refuse(sent.token);
    },
    observe(answer: Answer, effect: Effect): void {
      // One value of base64; anything else is passed over.
      const stated = effect === "change" && answer.status < 300 && answer.header("x-vault-index");
      if (stated && /^[\w+/=-]{1,2048}$/.test(stated)) index = stated;
    },
    requestIdOf({ body }: Answer) {
      const id = (body as { readonly request_id?: unknown } | null | undefined)?.request_id;
      return typeof id === "string" && UUID.test(id) ? id : undefined;
    },
  };
}

/** Copies a credential with its own members checked. */
export function readToken(value: unknown): VaultToken {
  const token = readSecret(value, "token");
  const { expiresAt, refreshAt } = { __proto__: null, ...(value as object) } as Readonly<Record<string, unknown>>;
  return { token, expiresAt: readExpiresAt(expiresAt), refreshAt: readExpiresAt(refreshAt, "refreshAt") };
}
