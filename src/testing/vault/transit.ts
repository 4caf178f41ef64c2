/** The routes of the transit engine that the emulator has. */
import { framedError } from "./answer.js";
import type { Answer, VaultProduct } from "./answer.js";
import type { EngineRoute, Operation } from "./engine.js";
import type { Schema } from "./fields.js";
import { hmac, HMAC_SCHEMA } from "./hmac-routes.js";
import {
  CONFIG_SCHEMA,
  configureKey,
  CREATE_SCHEMA,
  createKey,
  deleteKey,
  LIST_SCHEMA,
  listKeys,
  readKey,
  rotateKey,
  softDelete,
  softDeleteRestore,
  TRIM_SCHEMA,
  trimKey,
} from "./key-routes.js";
import { sign, SIGN_SCHEMA, verify, VERIFY_SCHEMA } from "./sign-routes.js";

/** OpenBao `sdk/framework/path.go`, GenericNameRegex: word characters at both ends. */
const NAME = "(?<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)";
const HASH = "(?:/(?<urlalgorithm>.+))?";

function routesOf(product: VaultProduct): readonly EngineRoute[] {
  const path = (text: string): RegExp => new RegExp(`^${text}$`);
  const change = (text: string, handler: EngineRoute["handlers"]["update"] & object, schema: Schema = {}): EngineRoute => ({
    pattern: path(text),
    schema,
    handlers: { update: handler },
  });
  return [
    { pattern: path("keys/?"), schema: product === "openbao" ? LIST_SCHEMA : {}, handlers: { list: listKeys }, readOnly: true },
    { pattern: path(`keys/${NAME}`), schema: CREATE_SCHEMA, handlers: { update: createKey, read: readKey, delete: deleteKey } },
    change(`keys/${NAME}/config`, configureKey, CONFIG_SCHEMA),
    change(`keys/${NAME}/rotate`, rotateKey, product === "openbao" ? { external_key_ref: "string" } : {}),
    change(`keys/${NAME}/trim`, trimKey, TRIM_SCHEMA),
    { pattern: path(`keys/${NAME}/soft-delete`), schema: {}, handlers: { delete: softDelete }, only: "openbao" },
    { ...change(`keys/${NAME}/soft-delete-restore`, softDeleteRestore), only: "openbao" },
    { ...change(`sign/${NAME}${HASH}`, sign, SIGN_SCHEMA[product]), readOnly: true },
    { ...change(`verify/${NAME}${HASH}`, verify, VERIFY_SCHEMA[product]), readOnly: true },
    { ...change(`hmac/${NAME}${HASH}`, hmac, HMAC_SCHEMA), readOnly: true },
  ];
}

/** The routes of each product; the emulator picks by path. */
export const TRANSIT_ROUTES: Readonly<Record<VaultProduct, readonly EngineRoute[]>> = {
  openbao: routesOf("openbao"),
  vault: routesOf("vault").filter(({ only }) => only === undefined || only === "vault"),
};

export interface FoundRoute {
  readonly route: EngineRoute;
  readonly captured: Readonly<Record<string, string>>;
}

/** The route of a path below the mount, or the answer to one that leads nowhere. */
export function findRoute(product: VaultProduct, path: string, operation: Operation): FoundRoute | Answer {
  // The servers list folders: they end the path with a slash.
  const folder = operation === "list" || operation === "scan" ? path.replace(/\/?$/, "/") : path;
  for (const route of TRANSIT_ROUTES[product]) {
    const match = route.pattern.exec(folder);
    if (match === null) continue;
    if (route.handlers[operation] === undefined) return framedError(405, "unsupported operation");
    const captured = Object.entries(match.groups ?? {}).map(([name, value]) => [name, (value as string | undefined) ?? ""]);
    return { route, captured: Object.fromEntries(captured) as Record<string, string> };
  }
  return framedError(404, "unsupported path");
}

/** Whether nothing is stored, so that a standby can answer by itself. */
export function isReadOnly(route: EngineRoute, operation: Operation): boolean {
  return route.readOnly === true || operation === "read" || operation === "list";
}
