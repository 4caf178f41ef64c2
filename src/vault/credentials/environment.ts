/** The token from the environment, and the address it was set for. */
import { NotConfiguredError, type CredentialSource } from "../../credentials/chain.js";
import { readVariable, type Environment } from "../../environment.js";
import { parseEndpoint } from "../../http/url.js";
import type { AddressTrust } from "../../options.js";
import type { VaultToken } from "../authorization.js";

/** Vault's client reads `VAULT_X`; OpenBao's reads `BAO_X` and, where that is unset, `VAULT_X`. */
export function vaultVariable(env: Environment | undefined, name: "ADDR" | "TOKEN" | "NAMESPACE", product: "vault" | "openbao"): string | undefined {
  const own = product === "openbao" ? readVariable(env, `BAO_${name}`) : undefined;
  return own ?? readVariable(env, `VAULT_${name}`);
}

/**
 * `VAULT_TOKEN` or `BAO_TOKEN`. To an address that came from a URI or from JSON it goes only if `VAULT_ADDR` or `BAO_ADDR`
 * names the same origin, for it was made for that one.
 */
export function environmentToken(env: Environment | undefined, origin: string, trust: AddressTrust): CredentialSource<VaultToken> {
  return {
    name: "environment",
    load: () => {
      const products = ["vault", "openbao"] as const;
      const token = products
        .filter((product) => trust.customEndpoint || originOf(vaultVariable(env, "ADDR", product)) === origin)
        .map((product) => vaultVariable(env, "TOKEN", product))
        .find((found) => found !== undefined);
      if (token !== undefined) return { token };
      const anywhere = products.some((product) => vaultVariable(env, "TOKEN", product) !== undefined);
      if (anywhere) throw new NotConfiguredError("the token is not used, for neither VAULT_ADDR nor BAO_ADDR has the origin of this address; allowCustomEndpoint: true permits it");
      throw new NotConfiguredError("neither VAULT_TOKEN nor BAO_TOKEN is set");
    },
  };
}

function originOf(address: string | undefined): string | undefined {
  const endpoint = address === undefined ? undefined : parseEndpoint(address, { insecure: true, path: true });
  return endpoint === undefined || "problem" in endpoint ? undefined : endpoint.origin;
}
