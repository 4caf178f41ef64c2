/** Routes of the token store: create, and what a token can ask about itself (OpenBao `internal/vault/token_store.go`). */
import { dataAnswer, NO_CONTENT, plainError } from "./answer.js";
import type { Answer } from "./answer.js";
import { isAnswer } from "./engine.js";
import { durationProblem, Fields, parseDuration, readFields } from "./fields.js";
import type { Schema } from "./fields.js";
import { capabilitiesAt } from "./grants.js";
import type { SysCall } from "./sys.js";
import { authOf, cappedWarning, MAX_TTL_SECONDS } from "./tokens.js";

const MOUNT_TYPE = "token";

export function lookUpSelf({ tokens, token }: SysCall): Answer {
  return { ...dataAnswer(tokens.describe(token)), mountType: MOUNT_TYPE };
}

export function revokeSelf({ tokens, token }: SysCall): Answer {
  if (token.type === "batch") return plainError(400, "batch tokens cannot be revoked");
  tokens.revoke(token.token);
  return NO_CONTENT;
}

export function renewSelf({ tokens, token, members }: SysCall): Answer {
  const fields = readFields({ increment: "duration", token: "string" }, members, {});
  if (!(fields instanceof Fields)) return fields;
  const renewed = tokens.renew(token, fields.number("increment"));
  if ("refused" in renewed) return plainError(400, renewed.refused);
  return { status: 200, auth: authOf(token, renewed.seconds), warnings: [...renewed.warnings, ...fields.warnings], mountType: MOUNT_TYPE };
}

const CREATE_SCHEMA: Schema = {
  id: "string",
  policies: "any",
  meta: "any",
  no_parent: "bool",
  no_default_policy: "bool",
  renewable: "bool",
  ttl: "string",
  type: "string",
  explicit_max_ttl: "string",
  display_name: "string",
  num_uses: "int",
  period: "string",
  entity_alias: "string",
};

type Times = Record<"ttl" | "explicit_max_ttl" | "period", number>;

/** Durations in seconds. The store reads them itself, so that its refusals are not those of the framework. */
function readTimes(fields: Fields): Times | Answer {
  const times: Times = { ttl: 0, explicit_max_ttl: 0, period: 0 };
  for (const name of ["explicit_max_ttl", "period", "ttl"] as const) {
    const text = fields.string(name) || "0";
    const seconds = parseDuration(text);
    if (seconds === undefined) return plainError(400, durationProblem(text));
    if (seconds < 0) return plainError(400, `${name} must be positive`);
    times[name] = seconds;
  }
  return times;
}

export function createToken(call: SysCall): Answer {
  const { members, product, tokens, token, namespace } = call;
  const fields = readFields(CREATE_SCHEMA, members, {});
  if (!(fields instanceof Fields)) return fields;
  const policies = readNames(fields.any("policies")) ?? token.policies;
  const isRoot = token.policies.includes("root");
  if (!isRoot && policies.some((name) => !token.policies.includes(name))) return plainError(400, "child policies must be subset of parent");
  const [type, id] = [fields.string("type") || "service", fields.string("id") ?? ""];
  if (type !== "service" && type !== "batch") return plainError(400, "invalid 'token_type' value");
  if (/^[sb]\./.test(id)) return plainError(400, `custom token ID cannot have the '${id.slice(0, 2)}' prefix`);
  const times = readTimes(fields);
  if (isAnswer(times)) return times;
  const wanted = times.ttl || (policies.includes("root") ? 0 : MAX_TTL_SECONDS);
  const explicit = times.explicit_max_ttl;
  const limit = Math.min(MAX_TTL_SECONDS, explicit || MAX_TTL_SECONDS);
  const displayName = fields.string("display_name");
  const made = tokens.create({
    ...(id === "" ? {} : { token: id }),
    policies,
    grants: {},
    namespace,
    ttlSeconds: Math.min(wanted, limit),
    renewable: fields.boolean("renewable") ?? true,
    explicitMaxTtlSeconds: explicit,
    periodSeconds: times.period,
    type,
    uses: fields.number("num_uses") ?? 0,
    defaultPolicy: fields.boolean("no_default_policy") !== true,
    displayName: displayName ? `token-${displayName}` : "token",
    meta: (fields.any("meta") as Record<string, string> | undefined) ?? null,
    orphan: fields.boolean("no_parent") === true,
    parent: token.token,
  });
  const warnings = [
    ...(wanted > limit ? [cappedWarning(wanted, limit, product)] : []),
    ...policies.filter((name) => !call.policies.has(name)).map((name) => `Policy ${JSON.stringify(name)} does not exist`),
    ...fields.warnings,
  ];
  return { status: 200, auth: authOf(made), warnings, mountType: MOUNT_TYPE };
}

/** A list of names, or a text of names with commas between them. */
export function readNames(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const list = Array.isArray(value) ? value.map(String) : String(value).split(",");
  return list.map((name) => name.trim()).filter((name) => name !== "");
}

/** `sys/capabilities-self`: members by path, at the top level too and there in the order asked; of one path also under a name of their own. */
export function capabilitiesSelf({ members, token, namespace }: SysCall): Answer {
  const paths = [...(readNames(members["paths"]) ?? []), ...(readNames(members["path"]) ?? [])];
  const entries = paths.map((path): [string, readonly string[]] => {
    const found = capabilitiesAt(token, { namespace, path });
    if (found === "all") return [path, ["root"]];
    return [path, found.length === 0 || found.includes("deny") ? ["deny"] : [...found].sort()];
  });
  const [first] = entries;
  const all = entries.length === 1 && first !== undefined ? [first, ["capabilities", first[1]] as const] : entries;
  const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...dataAnswer(Object.fromEntries(sorted)), top: Object.fromEntries(all), mountType: "system" };
}
