/** What a token must allow for each operation, and how each kind of access control refuses it. */
import { AzureFailure, forbidden } from "./failure.js";
import type { AzureOperation } from "./routes.js";
import type { Site } from "./site.js";
import type { AzureTokenGrant } from "./tokens.js";

/** How the emulated vault controls access; a Managed HSM always has its own roles. */
export type AzureAuthorization = "rbac" | "policy";

interface Requirement {
  /** The permission of the specification, such as `keys/sign`. */
  readonly permission: string;
  /** Where an access policy has another one. */
  readonly policy?: string;
  /** Data actions of Azure RBAC, behind `Microsoft.KeyVault/vaults/` and `Microsoft.KeyVault/managedHsm/`. */
  readonly vaultAction: string;
  readonly hsmAction: string;
}

/** Microsoft Learn, "Azure RBAC guide" (vault) and "Local RBAC built-in roles" (Managed HSM). */
const REQUIREMENTS: Readonly<Record<Exclude<AzureOperation, "HealthStatus">, Requirement>> = {
  CreateKey: { permission: "keys/create", vaultAction: "keys/create/action", hsmAction: "keys/create" },
  ImportKey: { permission: "keys/import", vaultAction: "keys/import/action", hsmAction: "keys/import/action" },
  GetKey: { permission: "keys/get", vaultAction: "keys/read", hsmAction: "keys/read/action" },
  UpdateKey: { permission: "keys/update", vaultAction: "keys/update/action", hsmAction: "keys/write/action" },
  DeleteKey: { permission: "keys/delete", vaultAction: "keys/delete", hsmAction: "keys/delete" },
  GetKeys: { permission: "keys/list", vaultAction: "keys/read", hsmAction: "keys/read/action" },
  GetKeyVersions: { permission: "keys/list", vaultAction: "keys/read", hsmAction: "keys/read/action" },
  RotateKey: { permission: "keys/rotate", vaultAction: "keys/rotate/action", hsmAction: "keys/rotate/action" },
  GetKeyRotationPolicy: {
    permission: "keys/get",
    policy: "keys/getrotationpolicy",
    vaultAction: "keyrotationpolicies/read",
    hsmAction: "keys/read/action",
  },
  UpdateKeyRotationPolicy: {
    permission: "keys/update",
    policy: "keys/setrotationpolicy",
    vaultAction: "keyrotationpolicies/write",
    hsmAction: "keys/write/action",
  },
  sign: { permission: "keys/sign", vaultAction: "keys/sign/action", hsmAction: "keys/sign/action" },
  verify: { permission: "keys/verify", vaultAction: "keys/verify/action", hsmAction: "keys/verify/action" },
  GetDeletedKeys: { permission: "keys/list", vaultAction: "keys/read", hsmAction: "keys/deletedKeys/read/action" },
  GetDeletedKey: { permission: "keys/get", vaultAction: "keys/read", hsmAction: "keys/deletedKeys/read/action" },
  RecoverDeletedKey: { permission: "keys/recover", vaultAction: "keys/recover/action", hsmAction: "keys/deletedKeys/recover/action" },
  PurgeDeletedKey: { permission: "keys/purge", vaultAction: "keys/purge/action", hsmAction: "keys/deletedKeys/delete" },
};

interface Access {
  readonly site: Site;
  readonly authorization: AzureAuthorization;
  readonly grant: AzureTokenGrant;
  readonly operation: Exclude<AzureOperation, "HealthStatus">;
  readonly name: string;
}

/** Refuses with 403 what the token does not allow. */
export function assertPermitted({ site, authorization, grant, operation, name }: Access): void {
  const required = REQUIREMENTS[operation];
  const byPolicy = site.kind !== "hsm" && authorization === "policy";
  const permission = byPolicy ? (required.policy ?? required.permission) : required.permission;
  if (grant.permissions === undefined || grant.permissions.includes(permission)) return;
  if (site.kind === "hsm") throw hsmRefusal(required.hsmAction, name);
  throw byPolicy ? policyRefusal(site, permission) : roleRefusal(site, required.vaultAction, name);
}

/** Seen, `AccessDenied` in place of `Forbidden` included. */
function hsmRefusal(action: string, name: string): AzureFailure {
  const scope = name === "" ? "/keys" : `/keys/${name}`;
  const message = `Not authorized to access Microsoft.KeyVault/managedHsm/${action} on '${scope}'`;
  return new AzureFailure({ status: 403, code: "AccessDenied", message });
}

function policyRefusal(site: Site, permission: string): AzureFailure {
  const [, right] = permission.split("/");
  return forbidden(
    `The user, group or application '${caller(site)}' does not have keys ${right} permission on key vault '${site.name};location=${site.region}'. ` +
      "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
    "ForbiddenByPolicy",
  );
}

function roleRefusal(site: Site, action: string, name: string): AzureFailure {
  const vault = `/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/rg/providers/microsoft.keyvault/vaults/${site.name}`;
  const lines = [
    "Caller is not authorized to perform action on resource.",
    "If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.",
    `Caller: ${caller(site)}`,
    `Action: 'Microsoft.KeyVault/vaults/${action}'`,
    `Resource: '${vault}${name === "" ? "" : `/keys/${name}`}'`,
    "Assignment: (not found)",
    "DenyAssignmentId: null",
    "DecisionReason: null ",
    `Vault: ${site.name};location=${site.region}`,
    "",
  ];
  return forbidden(lines.join("\r\n"), "ForbiddenByRbac");
}

/** An application of the emulated tenant. Such ids are why error texts of this service are not for logs. */
function caller({ tenantId }: Site): string {
  return (
    "appid=aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee;oid=12121212-3434-4565-8787-909090909090;" + `iss=https://sts.windows.net/${tenantId}/`
  );
}
