/** The auth method `azure`: an access token of a managed identity (hashicorp/vault-plugin-auth-azure). */
import { plainError } from "../answer.js";
import type { Answer } from "../answer.js";
import type { AuthCall, AuthMethod, Login, VaultRoleTokens } from "./method.js";

/** Whose a token is. */
export interface VaultAzurePrincipal {
  readonly objectId: string;
}

/** A role of the azure method. */
export interface VaultAzureRole extends VaultRoleTokens {
  /** Object ids that may log in; all by default. */
  readonly principals?: readonly string[];
  /** With either of these the request must say where the machine is, and what it is called. */
  readonly subscriptions?: readonly string[];
  readonly resourceGroups?: readonly string[];
}

/** An azure method to mount. */
export interface VaultAzureMount {
  readonly type: "azure";
  /** Stands for the check of a token: whose it is, undefined for one that is not good here. */
  readonly verify: (jwt: string) => VaultAzurePrincipal | undefined | Promise<VaultAzurePrincipal | undefined>;
  readonly roles?: Readonly<Record<string, VaultAzureRole>>;
}

const MACHINE = ["vm_name", "vmss_name", "resource_id"] as const;
const SCHEMA = {
  role: "string",
  jwt: "string",
  subscription_id: "string",
  resource_group_name: "string",
  vm_name: "string",
  vmss_name: "string",
  resource_id: "string",
} as const;

export function azure(mount: VaultAzureMount): AuthMethod {
  return { type: "azure", routes: [{ pattern: /^login$/, schema: SCHEMA, open: true, handlers: { update: (call) => logIn(mount, call) } }] };
}

async function logIn({ verify, roles = {} }: VaultAzureMount, call: AuthCall): Promise<Login | Answer> {
  const text = (name: keyof typeof SCHEMA): string => call.fields.string(name) ?? "";
  const name = text("role");
  if (text("jwt") === "") return plainError(400, "jwt is required");
  if (name === "") return plainError(400, "role is required");
  const role = Object.hasOwn(roles, name) ? roles[name] : undefined;
  if (role === undefined) return plainError(400, `invalid role name ${JSON.stringify(name)}`);
  const principal = await verify(text("jwt"));
  // What is wrong with a token, or with where it comes from, has no code there, and so is a 500.
  if (principal === undefined) return plainError(500, "failed to verify signature: failed to verify id token signature");
  const problem = problemOf(role, principal, text);
  if (problem !== undefined) return plainError(500, problem);
  const machine = MACHINE.filter((member) => text(member) !== "").map((member) => [member, text(member)] as const);
  const metadata = { role: name, subscription_id: text("subscription_id"), resource_group_name: text("resource_group_name"), ...Object.fromEntries(machine) };
  return { role, alias: principal.objectId, displayName: principal.objectId, metadata };
}

function problemOf(
  { principals, subscriptions = [], resourceGroups = [] }: VaultAzureRole,
  { objectId }: VaultAzurePrincipal,
  text: (name: keyof typeof SCHEMA) => string,
): string | undefined {
  if (principals !== undefined && !principals.includes(objectId)) return `service principal not authorized: ${objectId}`;
  if (subscriptions.length === 0 && resourceGroups.length === 0) return undefined;
  const [subscription, group] = [text("subscription_id"), text("resource_group_name")];
  if (subscription === "" || group === "") return "subscription_id and resource_group_name are required";
  if (MACHINE.every((member) => text(member) === "")) return "resource_id is required";
  if (subscriptions.length > 0 && !subscriptions.includes(subscription)) return "subscription not authorized";
  return resourceGroups.length > 0 && !resourceGroups.includes(group) ? "resource group not authorized" : undefined;
}
