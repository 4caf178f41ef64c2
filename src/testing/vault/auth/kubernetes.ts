/** The auth method `kubernetes`: the token of a service account, which the cluster is asked about (hashicorp/vault-plugin-auth-kubernetes). */
import { audiencesOf, isSignedByOne, readJwt, timeOf } from "../../jwt.js";
import type { ReadJwt } from "../../jwt.js";
import { plainError } from "../answer.js";
import type { Answer } from "../answer.js";
import type { AuthCall, AuthMethod, Login, VaultRoleTokens } from "./method.js";

/** What a cluster says of a token. */
export interface VaultServiceAccount {
  readonly namespace: string;
  readonly name: string;
  /** One made of both names by default. */
  readonly uid?: string;
}

/** A role of the kubernetes method. */
export interface VaultKubernetesRole extends VaultRoleTokens {
  /** Service accounts that may log in; `*` at the end stands for any rest. All by default. */
  readonly serviceAccounts?: readonly string[];
  /** Their namespaces, likewise. */
  readonly namespaces?: readonly string[];
  /** One of `aud`; not looked at by default. */
  readonly audience?: string;
}

/** A kubernetes method to mount. */
export interface VaultKubernetesMount {
  readonly type: "kubernetes";
  /** Public JWKs of the cluster; a token signed by none of them is refused. Not looked at by default. */
  readonly keys?: readonly JsonWebKey[];
  /**
   * Stands for the cluster's review of a token: whose it is, undefined for one that it does not take. By default a token whose `sub`
   * is `system:serviceaccount:NAMESPACE:NAME` and that has not ended is taken.
   */
  readonly review?: (jwt: string) => VaultServiceAccount | undefined | Promise<VaultServiceAccount | undefined>;
  readonly roles?: Readonly<Record<string, VaultKubernetesRole>>;
}

const DENIED = plainError(403, "permission denied");

export function kubernetes(mount: VaultKubernetesMount): AuthMethod {
  return {
    type: "kubernetes",
    routes: [{ pattern: /^login$/, schema: { role: "string", jwt: "string" }, open: true, handlers: { update: (call) => logIn(mount, call) } }],
  };
}

async function logIn(mount: VaultKubernetesMount, { fields, now }: AuthCall): Promise<Login | Answer> {
  const [name, token] = [fields.string("role") ?? "", fields.string("jwt") ?? ""];
  if (name === "") return plainError(400, "missing role");
  if (token === "") return plainError(400, "missing jwt");
  const { roles = {}, keys = [], review } = mount;
  const role = Object.hasOwn(roles, name) ? roles[name] : undefined;
  if (role === undefined) return plainError(400, `invalid role name ${JSON.stringify(name)}`);
  const jwt = readJwt(token);
  if (keys.length > 0 && (jwt === undefined || !(await isSignedByOne(jwt, keys)))) return DENIED;
  if (review === undefined && jwt === undefined) return plainError(403, "go-jose/go-jose: compact JWS format must have three parts");
  const problem = jwt === undefined ? undefined : claimsProblem(jwt, role, now);
  if (problem !== undefined) return plainError(403, problem);
  const account = review === undefined ? accountOf(jwt as ReadJwt) : await review(token);
  return account === undefined ? DENIED : admit(account, name, role);
}

function claimsProblem(jwt: ReadJwt, { audience }: VaultKubernetesRole, now: number): string | undefined {
  if (audience !== undefined && !audiencesOf(jwt).includes(audience)) {
    return "invalid audience (aud) claim: audience claim does not match any expected audience";
  }
  const expires = timeOf(jwt, "exp");
  return expires !== undefined && expires < now - 60_000 ? "invalid expiration time (exp) claim: token is expired" : undefined;
}

function accountOf({ claims }: ReadJwt): VaultServiceAccount | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(String(claims["sub"])) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

function admit({ namespace, name, uid = `uid-of-${namespace}-${name}` }: VaultServiceAccount, roleName: string, role: VaultKubernetesRole): Login | Answer {
  if (!isListed(role.serviceAccounts, name)) return plainError(403, "service account name not authorized");
  if (!isListed(role.namespaces, namespace)) return plainError(403, "namespace not authorized");
  const metadata = {
    role: roleName,
    service_account_name: name,
    service_account_namespace: namespace,
    service_account_secret_name: "",
    service_account_uid: uid,
  };
  return { role, alias: uid, displayName: `${namespace}-${name}`, metadata };
}

function isListed(patterns: readonly string[] = ["*"], name: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}
