/** Which operation a method and path mean. The names are those of the service's own specification. */

export type AzureOperation =
  | "HealthStatus"
  | "CreateKey"
  | "ImportKey"
  | "GetKey"
  | "UpdateKey"
  | "DeleteKey"
  | "GetKeys"
  | "GetKeyVersions"
  | "RotateKey"
  | "GetKeyRotationPolicy"
  | "UpdateKeyRotationPolicy"
  | "sign"
  | "verify"
  | "GetDeletedKeys"
  | "GetDeletedKey"
  | "RecoverDeletedKey"
  | "PurgeDeletedKey";

export interface Route {
  readonly operation: AzureOperation;
  /** Empty where the operation has none. */
  readonly name: string;
  /** Undefined for the current version. */
  readonly version: string | undefined;
}

const NAME = "(?<name>[^/]*)";
const VERSION = "(?:/(?<version>[^/]*))?";

/**
 * The vendor's clients leave the segment of a version empty where they mean the current one: `/keys/NAME/`, and
 * `/keys/NAME//sign`, whereas the documentation shows `/keys/NAME/sign`.
 */
const ROUTES: readonly [method: string, path: RegExp, operation: AzureOperation][] = [
  ["GET", route("/healthstatus"), "HealthStatus"],
  ["GET", route("/keys"), "GetKeys"],
  ["GET", route(`/keys/${NAME}/versions`), "GetKeyVersions"],
  ["GET", route(`/keys/${NAME}/rotationpolicy`), "GetKeyRotationPolicy"],
  ["PUT", route(`/keys/${NAME}/rotationpolicy`), "UpdateKeyRotationPolicy"],
  ["POST", route(`/keys/${NAME}/create`), "CreateKey"],
  ["POST", route(`/keys/${NAME}/rotate`), "RotateKey"],
  ["POST", route(`/keys/${NAME}${VERSION}/sign`), "sign"],
  ["POST", route(`/keys/${NAME}${VERSION}/verify`), "verify"],
  ["GET", route(`/keys/${NAME}${VERSION}`), "GetKey"],
  ["PATCH", route(`/keys/${NAME}${VERSION}`), "UpdateKey"],
  ["PUT", route(`/keys/${NAME}`), "ImportKey"],
  ["DELETE", route(`/keys/${NAME}`), "DeleteKey"],
  ["GET", route("/deletedkeys"), "GetDeletedKeys"],
  ["GET", route(`/deletedkeys/${NAME}`), "GetDeletedKey"],
  ["DELETE", route(`/deletedkeys/${NAME}`), "PurgeDeletedKey"],
  ["POST", route(`/deletedkeys/${NAME}/recover`), "RecoverDeletedKey"],
];

/** The route, or undefined for what the service, or this emulator, does not have. */
export function findRoute(method: string, pathname: string): Route | undefined {
  for (const [routeMethod, path, operation] of ROUTES) {
    const match = routeMethod === method ? path.exec(pathname) : null;
    if (match === null) continue;
    return { operation, name: match.groups?.["name"] ?? "", version: match.groups?.["version"] || undefined };
  }
  return undefined;
}

/** Paths do not depend on case, and may end in a slash. */
function route(path: string): RegExp {
  return new RegExp(`^${path}/?$`, "i");
}
