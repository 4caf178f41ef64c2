/** What a manager and its calls are given, checked before anything is sent. */
import { findAlgorithm } from "../algorithms.js";
import { optionProblems, readOptions, type ReadOptions } from "../options.js";
import { invalidArgument } from "./context.js";
import type { KmsProvider } from "./provider.js";

/** Reads named members of an object of arguments: own ones, once, and nothing unknown. The result has no prototype: hand it on as it is, for the rest of a destructuring has one. */
export function readArguments<T extends object>(value: unknown, names: readonly string[]): T {
  const problems: string[] = [];
  const read = readOptions(value, names, problems);
  throwInvalid([...problems, ...optionProblems(read)]);
  return read as T;
}

/** Throws one error for all problems of arguments, if there are any. */
export function throwInvalid(problems: readonly string[]): void {
  if (problems.length > 0) throw invalidArgument(problems.join("; "));
}

export function checkInclude<P extends string>(include: unknown, known: readonly P[]): readonly P[] {
  if (include === undefined) return [];
  if (!Array.isArray(include) || !include.every((part) => known.includes(part as P))) throw invalidArgument(`include must be a list of: ${known.join(", ")}`);
  return include as readonly P[];
}

/** Everything that is wrong with the options of a manager. Without a provider, which had problems of its own, what only it knows is left out. */
export function managerProblems(provider: KmsProvider | undefined, read: ReadOptions): string[] {
  const { keyId = null, keyVersion, algorithm } = read;
  const problems = optionProblems({ ...read, keyId });
  if (provider === undefined) return problems;
  if (typeof keyId === "string" && (keyVersion === undefined || typeof keyVersion === "string")) problems.push(...provider.keyProblems({ keyId, keyVersion }));
  const name = findAlgorithm(algorithm)?.name;
  if (name !== undefined && provider.inputRule(name) === undefined) problems.push(`algorithm ${name} is not offered by ${provider.name}`);
  return problems;
}

const PROVIDER_METHODS = ["inputRule", "keyProblems", "sign", "getPublicKey", "getKeyMetadata", "listKeyVersions", "ownsVersion"] as const;

/** What a value lacks to be a provider; one that a user wrote may be incomplete. */
export function providerProblems(provider: unknown): string[] {
  const candidate = (provider ?? {}) as Record<string, unknown>;
  if (typeof candidate.name === "string" && PROVIDER_METHODS.every((name) => typeof candidate[name] === "function")) return [];
  return [`provider must be a KmsProvider, with a name and the methods ${PROVIDER_METHODS.join(", ")}`];
}
