/** Who asks: the token, the namespace, and the state that a change of ours must be seen in. */
import { CredentialCache, readExpiresAt, readSecret, type CredentialOption } from "../credentials/cached.js";
import { chainCredentials } from "../credentials/chain.js";
import type { Environment } from "../environment.js";
import { asObject, optionalString } from "../http/fields.js";
import type { Answer, Authorized, Effect, Service, WireRequest } from "../http/send.js";
import type { Transport } from "../http/transport.js";
import type { AddressTrust } from "../options.js";
import type { CallContext } from "../kms/provider.js";
import type { VaultAddress } from "./config.js";
import { stateHeaders, WrittenState, type SentState } from "./consistency.js";
import { environmentSource, environmentToken } from "./credentials/environment.js";
import { describeVaultFailure } from "./errors.js";

/** A token of Vault or OpenBao. Any printable text: prefixes differ by product and release. */
export interface VaultToken {
  readonly token: string;
  readonly expiresAt?: Date | undefined;
  /** When to ask for another one, if earlier than usual; counts only with `expiresAt`. */
  readonly refreshAt?: Date | undefined;
}

export interface VaultServiceOptions {
  readonly address: VaultAddress;
  readonly trust: AddressTrust;
  readonly credentials: CredentialOption<VaultToken> | undefined;
  readonly env: Environment | undefined;
}

/** What one request carried. */
interface Sent {
  readonly token: VaultToken;
  readonly state: SentState;
}

/**
 * Puts token, namespace and known state on each request. A token that is refused is replaced and the request repeated once, if there
 * can be another one: a value stays what it is, and the environment's counts only when it holds another by now.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for a value that is no token
 */
export function createVaultService(transport: Transport, { address, trust, credentials, env }: VaultServiceOptions): Service<Sent> {
  const place = { env, origin: address.origin, trust };
  const source = credentials ?? chainCredentials([environmentSource(place, readToken)], "pass credentials");
  const { provider, now, random } = transport;
  const tokens = new CredentialCache<VaultToken>({ provider, source, check: readToken, now, random });
  const written = new WrittenState();
  const fixed: Record<string, string> = { "x-vault-request": "true", "content-type": "application/json" };
  if (address.namespace !== undefined) fixed["x-vault-namespace"] = address.namespace;

  return {
    async authorize(request: WireRequest, context: CallContext, signal: AbortSignal): Promise<Authorized<Sent>> {
      const token = await tokens.get(context, signal);
      const state = written.current();
      const headers = { ...request.headers, ...fixed, "x-vault-token": token.token, ...stateHeaders(state) };
      return { request: { ...request, headers }, credential: { token, state } };
    },
    describeFailure(answer: Answer) {
      const failure = describeVaultFailure(answer);
      // One without a known reason can be about the headers of the state; `recover` knows whether there were any.
      return answer.status === 400 && failure.code === "ERR_KMS_REJECTED" ? { ...failure, remedy: "credentials" } : failure;
    },
    recover(_remedy, answer: Answer, { token, state }: Sent): boolean {
      if (answer.status === 400) return written.drop(state);
      if (credentials === undefined && environmentToken(place) === token.token) return false;
      return tokens.refuse(token);
    },
    observe(answer: Answer, effect: Effect): void {
      if (effect === "change" && answer.status < 300) written.learn(answer);
    },
    requestIdOf(answer: Answer) {
      try {
        const id = optionalString(asObject(answer.body), "request_id");
        return id !== undefined && UUID.test(id) ? id : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Copies a credential with its own members checked. */
export function readToken(value: unknown): VaultToken {
  const token = readSecret(value, "token");
  const { expiresAt, refreshAt } = { __proto__: null, ...(value as object) } as Readonly<Record<string, unknown>>;
  return { token, expiresAt: readExpiresAt(expiresAt), refreshAt: readExpiresAt(refreshAt, "refreshAt") };
}
