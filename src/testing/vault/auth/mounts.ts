/** The auth mounts of the Vault emulator: which there are, what a login at one comes to, and who is locked out. */
import { framedError, plainError } from "../answer.js";
import type { Answer, VaultProduct } from "../answer.js";
import { isAnswer } from "../engine.js";
import type { Operation } from "../engine.js";
import { Fields, readFields } from "../fields.js";
import { trimSlashes } from "../store.js";
import { authOf, cappedWarning, MAX_TTL_SECONDS } from "../tokens.js";
import type { TokenStore } from "../tokens.js";
import { appRole } from "./approle.js";
import type { VaultAppRoleMount } from "./approle.js";
import { aws } from "./aws.js";
import type { VaultAwsMount } from "./aws.js";
import { azure } from "./azure.js";
import type { VaultAzureMount } from "./azure.js";
import { jwt } from "./jwt.js";
import type { VaultJwtMount } from "./jwt.js";
import { kubernetes } from "./kubernetes.js";
import type { VaultKubernetesMount } from "./kubernetes.js";
import { LockOut } from "./lock-out.js";
import type { AuthMethod, AuthRoute, Login, Refusal } from "./method.js";
import { userpass } from "./userpass.js";
import type { VaultUserpassMount } from "./userpass.js";

/** An auth method at a path. */
export type VaultAuthMount = (VaultAppRoleMount | VaultUserpassMount | VaultJwtMount | VaultKubernetesMount | VaultAwsMount | VaultAzureMount) & {
  /** Where below `auth/`; the type by default. */
  readonly path?: string;
  /** The root namespace by default. */
  readonly namespace?: string;
};

interface Mounted {
  readonly namespace: string;
  readonly path: string;
  readonly method: AuthMethod;
}

/** A request to a mount, the body already read. */
export interface AuthRequest {
  readonly namespace: string;
  /** With `auth/`. */
  readonly path: string;
  readonly operation: Operation;
  readonly members: Readonly<Record<string, unknown>>;
}

export interface FoundAuth {
  readonly mounted: Mounted;
  readonly route: AuthRoute;
  readonly captured: Readonly<Record<string, string>>;
}

/** The answer to a path that is no route; `isOpen` where it needs no token. */
export interface NoRoute extends Answer {
  readonly isOpen?: boolean;
}

/** Methods that a request can mount; `aws` and `azure` need functions, and are no part of OpenBao. */
const BY_REQUEST: Readonly<Record<string, VaultAuthMount | undefined>> = Object.assign(Object.create(null) as object, {
  approle: { type: "approle" },
  userpass: { type: "userpass" },
  jwt: { type: "jwt" },
  kubernetes: { type: "kubernetes" },
} as const);

export class AuthMounts {
  readonly #mounts: Mounted[] = [];
  readonly #lockOut: LockOut;
  readonly #entityIds = new Map<string, string>();
  readonly #product: VaultProduct;
  readonly #tokens: TokenStore;
  readonly #now: () => number;

  constructor({ product, tokens, now }: { product: VaultProduct; tokens: TokenStore; now: () => number }) {
    this.#product = product;
    this.#tokens = tokens;
    this.#now = now;
    this.#lockOut = new LockOut(now);
  }

  /** Puts a method at its path, in place of one that was there. */
  enable(mount: VaultAuthMount): void {
    const { path = mount.type, namespace = "" } = mount;
    const place = { namespace: trimSlashes(namespace), path: trimSlashes(path) };
    this.disable(place.namespace, place.path);
    this.#mounts.push({ ...place, method: this.#methodOf(mount) });
  }

  #methodOf(mount: VaultAuthMount): AuthMethod {
    switch (mount.type) {
      case "approle":
        return appRole(mount, this.#now);
      case "userpass":
        return userpass(mount);
      case "jwt":
        return jwt(mount);
      case "kubernetes":
        return kubernetes(mount);
      case "aws":
        return aws(mount);
      case "azure":
        return azure(mount);
    }
  }

  disable(namespace: string, path: string): void {
    const index = this.#mounts.findIndex((mounted) => mounted.namespace === namespace && mounted.path === trimSlashes(path));
    if (index >= 0) this.#mounts.splice(index, 1);
  }

  /** The answer to a request that mounts a method: undefined when it did. */
  enableByRequest(namespace: string, path: string, type: unknown): Answer | undefined {
    if (typeof type !== "string" || type === "") return plainError(400, "backend type must be specified as a string");
    const mount = BY_REQUEST[type];
    if (mount === undefined) return plainError(400, `plugin not found in the catalog: ${type}`);
    const place = trimSlashes(path);
    const taken = this.#mounts.find((other) => other.namespace === namespace && `${place}/`.startsWith(`${other.path}/`));
    if (taken !== undefined) return plainError(400, `path is already in use at ${taken.path}/`);
    this.enable({ ...mount, path: place, namespace });
    return undefined;
  }

  /** The route of a path, a refusal of one that is none of its mount's, or undefined where no method is. */
  find({ namespace, path }: Pick<AuthRequest, "namespace" | "path">): FoundAuth | NoRoute | undefined {
    const below = path.startsWith("auth/") ? path.slice("auth/".length) : "";
    const mounted = this.#mounts.find((entry) => entry.namespace === namespace && below.startsWith(`${entry.path}/`));
    if (mounted === undefined) return undefined;
    const rest = below.slice(mounted.path.length + 1);
    for (const route of mounted.method.routes) {
      const match = route.pattern.exec(rest);
      if (match !== null) return { mounted, route, captured: { ...match.groups } };
    }
    const { openFolder } = mounted.method;
    if (openFolder !== undefined && rest.startsWith(openFolder)) return { ...plainError(404, "unsupported path"), isOpen: true };
    return framedError(404, "unsupported path");
  }

  async answer({ operation, members, path }: AuthRequest, { mounted, route, captured }: FoundAuth): Promise<Answer> {
    const fields = readFields(route.schema, members, captured);
    const aliasOf = route.open === true ? mounted.method.aliasOf : undefined;
    // An error of the look-up before the login has no code.
    if (!(fields instanceof Fields)) return aliasOf === undefined ? fields : { ...fields, status: 500 };
    const alias = aliasOf?.(fields);
    if (isAnswer(alias)) return alias;
    const handler = route.handlers[operation];
    if (handler === undefined) return route.open === true ? plainError(405, "unsupported operation") : framedError(405, "unsupported operation");
    const user = alias === undefined ? undefined : `${mounted.namespace}\0${mounted.path}\0${alias}`;
    if (user !== undefined && this.#lockOut.isLocked(user)) return plainError(403, "permission denied");
    const result = await handler({ product: this.#product, fields, now: this.#now() });
    if (user !== undefined && isGuess(result)) this.#lockOut.guessed(user);
    if (isAnswer(result)) return { ...result, mountType: mounted.method.type };
    if (user !== undefined) this.#lockOut.forget(user);
    return this.#give(result, { mounted, path, fields });
  }

  #give(login: Login, { mounted, path, fields }: { mounted: Mounted; path: string; fields: Fields }): Answer {
    const entityId = this.#entityIdOf(`${mounted.namespace}\0${mounted.path}\0${login.alias}`);
    const mountType = mounted.method.type;
    if (login.mfa === true) return { status: 200, auth: mfaAuth(), warnings: fields.warnings, mountType };
    const { role, displayName, metadata } = login;
    const explicit = role.explicitMaxTtlSeconds || undefined;
    const maxTtl = Math.min(role.maxTtlSeconds || MAX_TTL_SECONDS, explicit ?? MAX_TTL_SECONDS);
    const wanted = role.ttlSeconds || Math.min(maxTtl, MAX_TTL_SECONDS);
    const entry = this.#tokens.create({
      policies: role.policies ?? [],
      grants: role.grants ?? {},
      ttlSeconds: Math.min(wanted, maxTtl),
      maxTtlSeconds: maxTtl,
      explicitMaxTtlSeconds: explicit ?? 0,
      periodSeconds: role.periodSeconds ?? 0,
      uses: role.uses ?? 0,
      type: role.type ?? "service",
      defaultPolicy: role.defaultPolicy ?? true,
      namespace: mounted.namespace,
      orphan: true,
      path,
      displayName: displayNameOf(mounted, displayName),
      meta: metadata,
      entityId,
    });
    const warnings = [...(wanted > maxTtl ? [cappedWarning(wanted, maxTtl, this.#product)] : []), ...fields.warnings];
    return { status: 200, auth: authOf(entry), warnings, mountType };
  }

  #entityIdOf(alias: string): string {
    const known = this.#entityIds.get(alias) ?? crypto.randomUUID();
    this.#entityIds.set(alias, known);
    return known;
  }
}

/** The path of the mount with hyphens, its namespace before it, and what the method says. */
function displayNameOf({ namespace, path }: Mounted, suffix: string): string {
  const place = namespace === "" ? path : `${namespace}/auth/${path}`;
  return [...place.split("/"), ...(suffix === "" ? [] : [suffix])].join("-");
}

function isGuess(result: Answer | Refusal | Login): boolean {
  return "isGuess" in result && result.isGuess === true;
}

/** A demand for a second factor: everything about the token is empty (documentation, "Login MFA"). */
function mfaAuth(): unknown {
  const constraint = { any: [{ type: "totp", id: crypto.randomUUID(), uses_passcode: true }] };
  return {
    client_token: "",
    accessor: "",
    policies: null,
    metadata: null,
    lease_duration: 0,
    renewable: false,
    entity_id: "",
    token_type: "default",
    orphan: false,
    mfa_requirement: { mfa_request_id: crypto.randomUUID(), mfa_constraints: { enforce: constraint } },
    num_uses: 0,
  };
}
