/** What a manager and its calls are given, checked before anything is sent. */
import { findAlgorithm } from "../algorithms.js";
import type { Hasher } from "../hasher.js";
import { printable, readOptions, type ReadOptions } from "../options.js";
import { invalidArgument, isTimeout, type CallOptions } from "./context.js";
import type { KeyRef, KmsProvider } from "./provider.js";
import { rotationProblems } from "./rotation.js";

const CALL_OPTIONS = ["signal", "timeoutMs"] as const;

/** Reads the options of one call. The result has no prototype: hand it on as it is, for the rest of a destructuring has one. */
export function readCall<T extends object>(options: unknown, names: readonly string[]): T & CallOptions {
  const read = readArguments<T & CallOptions>(options, [...CALL_OPTIONS, ...names]);
  const { signal, timeoutMs } = read;
  if (timeoutMs !== undefined && !isTimeout(timeoutMs)) throw invalidArgument("timeoutMs must be milliseconds from 1 to 2147483647");
  if (signal !== undefined && typeof (signal as AbortSignal | null)?.addEventListener !== "function") throw invalidArgument("signal must be an AbortSignal");
  return read;
}

/** Reads named members of an object of arguments: own ones, once, and nothing unknown. */
export function readArguments<T extends object>(value: unknown, names: readonly string[]): T {
  const problems: string[] = [];
  const read = readOptions(value, names, problems);
  if (problems.length > 0) throw invalidArgument(problems.join("; "));
  return read as T;
}

export function checkInclude<P extends string>(include: unknown, known: readonly P[]): readonly P[] {
  if (include === undefined) return [];
  if (!Array.isArray(include) || !include.every((part) => known.includes(part as P))) throw invalidArgument(`include must be a list of: ${known.join(", ")}`);
  return include as readonly P[];
}

export function checkPolicy(policy: unknown): void {
  if (policy !== undefined && (typeof policy !== "string" || policy.length > 131_072)) throw invalidArgument("policy must be JSON text");
}

export function checkFlag(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean") throw invalidArgument(`${name} must be true or false`);
}

export function checkVersion(provider: KmsProvider, key: KeyRef): void {
  const problems = typeof key.keyVersion === "string" || key.keyVersion === undefined ? provider.keyProblems(key) : ["keyVersion must be a string"];
  if (problems.length > 0) throw invalidArgument(problems.join("; "));
}

/** Everything that is wrong with the options of a manager. Without a provider, which had problems of its own, what only it knows is left out. */
export function managerProblems(provider: KmsProvider | undefined, read: ReadOptions): string[] {
  const problems = [...rotationProblems(read.rotation)];
  const { keyId, keyVersion, algorithm, timeoutMs } = read;
  if (typeof keyId !== "string") problems.push("keyId must be a string");
  else if (keyVersion !== undefined && typeof keyVersion !== "string") problems.push("keyVersion must be a string");
  else if (provider !== undefined) problems.push(...provider.keyProblems({ keyId, keyVersion }));
  problems.push(...algorithmProblems(provider, algorithm));
  if (timeoutMs !== undefined && !isTimeout(timeoutMs)) problems.push("timeoutMs must be milliseconds from 1 to 2147483647");
  for (const name of ["onEvent", "now", "sleep", "random"]) {
    if (read[name] !== undefined && typeof read[name] !== "function") problems.push(`${name} must be a function`);
  }
  const hasher = read.hasher as Partial<Hasher> | null | undefined;
  if (hasher !== undefined && (typeof hasher?.digest !== "function" || typeof hasher.hmacSha256 !== "function")) problems.push("hasher must have digest and hmacSha256");
  return problems;
}

function algorithmProblems(provider: KmsProvider | undefined, algorithm: unknown): string[] {
  if (algorithm === undefined) return [];
  const facts = findAlgorithm(algorithm);
  if (facts === undefined) return [`algorithm ${printable(algorithm)} is no JOSE name of a signature algorithm, such as ES256 or RS256`];
  return provider === undefined || provider.inputRule(facts.name) !== undefined ? [] : [`algorithm ${facts.name} is not offered by ${provider.name}`];
}

const PROVIDER_METHODS = ["inputRule", "keyProblems", "sign", "getPublicKey", "getKeyMetadata", "listKeyVersions", "ownsVersion"] as const;

/** What a value lacks to be a provider; one that a user wrote may be incomplete. */
export function providerProblems(provider: unknown): string[] {
  if (typeof provider !== "object" || provider === null) return ["provider must be a KmsProvider, such as createVaultProvider makes"];
  const candidate = provider as Record<string, unknown>;
  const missing = PROVIDER_METHODS.filter((name) => typeof candidate[name] !== "function");
  if (typeof candidate.name === "string" && missing.length === 0) return [];
  return [`provider is no KmsProvider: it needs a name and the methods ${PROVIDER_METHODS.join(", ")}`];
}
