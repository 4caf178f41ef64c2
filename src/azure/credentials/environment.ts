/** What the environment gives by itself: a token, read for each attempt. */
import { NotConfiguredError, type CredentialSource } from "../../credentials/chain.js";
import { readVariable, type Environment } from "../../environment.js";
import type { AzureToken } from "../authorization.js";

/** A convention of this library: no client of the vendor reads it. */
export const TOKEN_VARIABLE = "AZURE_AUTH_TOKEN";

/** Trimmed, for a file read into a variable ends in a line end. */
export function environmentToken(env: Environment | undefined): string | undefined {
  const token = readVariable(env, TOKEN_VARIABLE)?.trim();
  return token === "" ? undefined : token;
}

/** `AZURE_AUTH_TOKEN`, read for each attempt, since nothing says when it ends. */
export function environmentSource(env: Environment | undefined, check: (value: unknown) => AzureToken): CredentialSource<AzureToken> {
  return {
    name: TOKEN_VARIABLE,
    load() {
      const token = environmentToken(env);
      if (token === undefined) throw new NotConfiguredError("not set");
      return check({ token });
    },
  };
}
