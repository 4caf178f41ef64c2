/** Assertions of the contract suite: they throw an `Error` that says what was expected. */
import { isKmsError, type KmsError, type KmsErrorCode } from "../../errors.js";

export function expect(holds: boolean, expected: string): asserts holds {
  if (!holds) throw new Error(`expected ${expected}`);
}

/** Compares plain data member by member; bytes and dates by their content. */
export function expectEqual(actual: unknown, wanted: unknown, what: string): void {
  expect(show(actual) === show(wanted), `${what} to be ${shorten(show(wanted))}, and it is ${shorten(show(actual))}`);
}

/** Expects a failure with one of these codes. A string is one code. */
export async function expectError(attempt: () => Promise<unknown>, codes: KmsErrorCode | readonly KmsErrorCode[], what: string): Promise<KmsError> {
  const wanted: readonly KmsErrorCode[] = typeof codes === "string" ? [codes] : codes;
  let value: unknown;
  try {
    value = await attempt();
  } catch (error) {
    if (!isKmsError(error)) throw new Error(`expected ${what} to fail with ${wanted.join(" or ")}, and it threw an error of another kind`, { cause: error });
    expect(wanted.includes(error.code), `${what} to fail with ${wanted.join(" or ")}, and it failed with ${error.code}: ${error.message}`);
    return error;
  }
  throw new Error(`expected ${what} to fail with ${wanted.join(" or ")}, and it returned ${shorten(show(value))}`);
}

/** Text of plain data, the same for the same content whatever the order of members. */
export function show(value: unknown): string {
  return JSON.stringify(plain(value)) ?? "undefined";
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (ArrayBuffer.isView(value)) return `bytes ${Array.from(value as Uint8Array, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, plain(member)]));
}

function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
