/** The token from the environment, and the address it was set for. */
import { NotConfiguredError, type CredentialSource } from "../../credentials/chain.js";
import { isVariableSet, readVariable, type Environment } from "../../environment.js";
import { parseEndpoint } from "../../http/url.js";
import type { AddressTrust } from "../../options.js";
import type { VaultToken } from "../authorization.js";

/**
 * Vault's client reads `VAULT_X`; OpenBao's reads `BAO_X` and, only where that is unset, `VAULT_X`: a `BAO_X` that is set and empty
 * means none (openbao, api/env.go).
 */
export function vaultVariable(env: Environment | undefined, name: "ADDR" | "TOKEN" | "NAMESPACE", product: "vault" | "openbao"): string | undefined {
  const own = `BAO_${name}`;
  return product === "openbao" && isVariableSet(env, own) ? readVariable(env, own) : readVariable(env, `VAULT_${name}`);
}

/** Whose environment, and for which address. */
export interface EnvironmentPlace {
  readonly env: Environment | undefined;
  readonly origin: string;
  readonly trust: AddressTrust;
}

const PRODUCTS = ["vault", "openbao"] as const;

/**
 * The token of the product whose address this is. To another address, one that was written in code, goes `VAULT_TOKEN`, else
 * `BAO_TOKEN`; to one that came from a URI or from JSON goes none, for it was not made for that one. Trimmed, for a file read
 * into a variable ends in a line end.
 */
export function environmentToken(place: EnvironmentPlace): string | undefined {
  const { env, trust } = place;
  const named = productsAt(place);
  return (trust.customEndpoint ? [...named, ...PRODUCTS] : named).map((product) => tokenOf(env, product)).find((token) => token !== undefined);
}

/** The products whose address in the environment this is. */
export function productsAt({ env, origin }: EnvironmentPlace): readonly ("vault" | "openbao")[] {
  return PRODUCTS.filter((product) => originOf(vaultVariable(env, "ADDR", product)) === origin);
}

/** `VAULT_TOKEN` or `BAO_TOKEN`, read for each attempt, since nothing says when it ends. */
export function environmentSource(place: EnvironmentPlace, check: (value: unknown) => VaultToken): CredentialSource<VaultToken> {
  return {
    name: "environment",
    load() {
      const token = environmentToken(place);
      if (token !== undefined) return check({ token });
      if (PRODUCTS.every((product) => tokenOf(place.env, product) === undefined)) throw new NotConfiguredError("neither VAULT_TOKEN nor BAO_TOKEN is set");
      throw new NotConfiguredError("the token that is set is not for this address, whose origin VAULT_ADDR or BAO_ADDR must have; allowCustomEndpoint: true permits it");
    },
  };
}

function tokenOf(env: Environment | undefined, product: "vault" | "openbao"): string | undefined {
  return vaultVariable(env, "TOKEN", product)?.trim() || undefined;
}

function originOf(address: string | undefined): string | undefined {
  const endpoint = address === undefined ? undefined : parseEndpoint(address, { insecure: true, path: true });
  return endpoint === undefined || "problem" in endpoint ? undefined : endpoint.origin;
}
