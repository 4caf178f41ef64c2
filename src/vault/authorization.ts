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
import { environmentToken } from "./credentials/environment.js";
import { describeVaultFailure } from "./errors.js";

/** A token of Vault or OpenBao. Any printable text: prefixes differ by product and release. */
export interface VaultToken {
  readonly token: string;
  readonly expiresAt?: Date | undefined;
}

export interface VaultServiceOptions {
  readonly address: VaultAddress;
  readonly trust: AddressTrust;
  readonly credentials: CredentialOption<VaultToken> | undefined;
  readonly env: Environment | undefined;
}

/** A token with what its requests carried. */
interface Sent {
  readonly token: VaultToken;
  readonly forwarded: boolean;
}

export function createVaultService(transport: Transport, { address, trust, credentials, env }: VaultServiceOptions): Service<Sent> {
  const source = credentials ?? chainCredentials([environmentToken(env, address.origin, trust)], "pass credentials: { token }, or a function that returns one");
  const { provider, now, random } = transport;
  const tokens = new CredentialCache<VaultToken>({ provider, source, check: readToken, now, random });
  const fixed: Record<string, string> = { "x-vault-request": "true", "content-type": "application/json" };
  if (address.namespace !== undefined) fixed["x-vault-namespace"] = address.namespace;
  // After a change of ours a standby that lags would not know the new key, or would sign with the old version.
  let index: string | undefined;
  let forwarding = true;

  return {
    async authorize(request: WireRequest, context: CallContext, signal: AbortSignal): Promise<Authorized<Sent>> {
      const token = await tokens.get(context, signal);
      const headers: Record<string, string> = { ...request.headers, ...fixed, "x-vault-token": token.token };
      const forwarded = index !== undefined && forwarding;
      if (index !== undefined) headers["x-vault-index"] = index;
      if (forwarded) headers["x-vault-inconsistent"] = "forward-active-node";
      return { request: { ...request, headers }, credential: { token, forwarded } };
    },
    describeFailure(answer: Answer) {
      const failure = describeVaultFailure(answer);
      // Vault Enterprise refuses the forwarding header unless it is configured; without it a lagging node says 412.
      if (answer.status === 400 && index !== undefined && forwarding) return { ...failure, remedy: "credentials" };
      return failure;
    },
    recover(_remedy, answer: Answer, { token, forwarded }: Sent): boolean {
      if (answer.status !== 400) return tokens.refuse(token);
      if (forwarded) forwarding = false;
      return forwarded;
    },
    observe(answer: Answer, effect: Effect): void {
      if (effect !== "change" || answer.status >= 300) return;
      const stated = answer.header("x-vault-index");
      if (stated !== null && /^[A-Za-z0-9+/=_-]{1,2048}$/.test(stated)) index = stated;
    },
    requestIdOf(answer: Answer) {
      try {
        return optionalString(asObject(answer.body), "request_id");
      } catch {
        return undefined;
      }
    },
  };
}

function readToken(value: unknown): VaultToken {
  return { token: readSecret(value, "token"), expiresAt: readExpiresAt((value as VaultToken).expiresAt) };
}
