/** The token from the environment, and the address it was set for. */
import { readSecret } from "../../credentials/cached.js";
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

const VARIABLES = "VAULT_TOKEN or BAO_TOKEN";
const PRODUCTS = ["vault", "openbao"] as const;

/**
 * The token of the product whose address this is. To another address, one that was written in code, goes `VAULT_TOKEN`, else
 * `BAO_TOKEN`; to one that came from a URI or from JSON goes none, for it was not made for that one. Trimmed, for a file read
 * into a variable ends in a line end.
 */
export function environmentToken(place: EnvironmentPlace): string | undefined {
  const named = productsAt(place);
  return tokenOf(place, place.trust.customEndpoint ? [...named, ...PRODUCTS] : named);
}

/** The products whose address in the environment this is. */
export function productsAt({ env, origin }: EnvironmentPlace): readonly ("vault" | "openbao")[] {
  return PRODUCTS.filter((product) => {
    const endpoint = parseEndpoint(vaultVariable(env, "ADDR", product) ?? "", { insecure: true, path: true });
    return "origin" in endpoint && endpoint.origin === origin;
  });
}

/**
 * `VAULT_TOKEN` or `BAO_TOKEN`, read for each attempt, since nothing says when it ends.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`
 */
export function loadToken(place: EnvironmentPlace): VaultToken {
  const token = environmentToken(place);
  if (token !== undefined) return { token: readSecret({ [VARIABLES]: token }, VARIABLES) };
  throw new NotConfiguredError(
    tokenOf(place, PRODUCTS) === undefined
      ? `${VARIABLES} must be set`
      : "VAULT_ADDR or BAO_ADDR must have this address's origin; allowCustomEndpoint: true permits others",
  );
}

/** The same as a source of a chain. */
export function environmentSource(place: EnvironmentPlace): CredentialSource<VaultToken> {
  return { name: "environment", load: () => loadToken(place) };
}

function tokenOf({ env }: EnvironmentPlace, products: readonly ("vault" | "openbao")[]): string | undefined {
  return products.map((product) => vaultVariable(env, "TOKEN", product)?.trim()).find((token) => token);
}
