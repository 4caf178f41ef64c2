/** What the auth methods of the Vault emulator share: their routes, what a login comes to, and how tokens of a role are. */
import { plainError } from "../answer.js";
import type { Answer, VaultProduct } from "../answer.js";
import type { Operation } from "../engine.js";
import type { Fields, Schema } from "../fields.js";
import type { Grants } from "../grants.js";
import { readNames } from "../token-routes.js";

/** How the tokens are that a login with this role gives. */
export interface VaultRoleTokens {
  /** Policies besides `default`; what they allow is said with the emulator's option `policies`. */
  readonly policies?: readonly string[];
  /** What a token may do besides what its policies allow; nothing by default. */
  readonly grants?: Grants | "all";
  /** Seconds that a token lives; 32 days by default. */
  readonly ttlSeconds?: number;
  /** Seconds after which it ends however often it is renewed; 32 days by default. */
  readonly maxTtlSeconds?: number;
  readonly explicitMaxTtlSeconds?: number;
  /** What every renewal gives it, without a maximum; none by default. */
  readonly periodSeconds?: number;
  /** Requests it is good for; unlimited by default. */
  readonly uses?: number;
  /** `service` by default. */
  readonly type?: "service" | "batch";
  /** Whether it has the policy `default`; true by default. */
  readonly defaultPolicy?: boolean;
}

/** A login that was right. */
export interface Login {
  readonly role: VaultRoleTokens;
  /** Who it is at this mount; the same entity every time. */
  readonly alias: string;
  /** What follows the name of the mount in `display_name`; may be empty. */
  readonly displayName: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether a second factor is asked for first: the answer then has no token. */
  readonly mfa?: boolean;
}

/** A refusal that may count as a guess, which locks a user out in the end; one for somebody who is not there does not. */
export interface Refusal extends Answer {
  readonly isGuess?: boolean;
}

export interface AuthCall {
  readonly product: VaultProduct;
  readonly fields: Fields;
  readonly now: number;
}

export type AuthHandler = (call: AuthCall) => Answer | Refusal | Login | Promise<Answer | Refusal | Login>;

export interface AuthRoute {
  readonly pattern: RegExp;
  readonly schema: Schema;
  readonly handlers: Readonly<Partial<Record<Operation, AuthHandler>>>;
  /** Whether it needs no token, as a login. */
  readonly open?: boolean;
}

export interface AuthMethod {
  readonly type: string;
  readonly routes: readonly AuthRoute[];
  /** Everything below needs no token, what is no route too. */
  readonly openFolder?: string;
  /** Who a login is for, where the servers look that up first and lock users out; an answer where it is not said. */
  aliasOf?(fields: Fields): string | Answer;
}

/** Names of roles and users (OpenBao `sdk/framework/path.go`, GenericNameRegex). */
export const NAME = "(?<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)";

/** The parameters that every role has (OpenBao `sdk/helper/tokenutil`). */
export const TOKEN_SCHEMA: Schema = {
  token_policies: "any",
  token_ttl: "duration",
  token_max_ttl: "duration",
  token_explicit_max_ttl: "duration",
  token_period: "duration",
  token_num_uses: "int",
  token_type: "string",
  token_no_default_policy: "bool",
};

export function readRoleTokens(fields: Fields): VaultRoleTokens | Answer {
  const ttlSeconds = fields.number("token_ttl") ?? 0;
  const maxTtlSeconds = fields.number("token_max_ttl") ?? 0;
  if (maxTtlSeconds > 0 && ttlSeconds > maxTtlSeconds) return plainError(400, "'token_ttl' cannot be greater than 'token_max_ttl'");
  return {
    policies: readNames(fields.any("token_policies")) ?? [],
    ttlSeconds,
    maxTtlSeconds,
    explicitMaxTtlSeconds: fields.number("token_explicit_max_ttl") ?? 0,
    periodSeconds: fields.number("token_period") ?? 0,
    uses: fields.number("token_num_uses") ?? 0,
    type: fields.string("token_type") === "batch" ? "batch" : "service",
    defaultPolicy: fields.boolean("token_no_default_policy") !== true,
  };
}
