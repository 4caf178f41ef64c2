/** `assert.throws` of uvu is synchronous only; this one awaits, and insists on an error of the library. */
import * as assert from "uvu/assert";
import { isKmsError, type KmsError, type KmsErrorCode } from "../../src/errors.js";

/** Asserts that a promise, or what a function returns or throws, fails with that code; returns the error. */
export async function rejects(
  attempt: PromiseLike<unknown> | (() => unknown),
  code: KmsErrorCode,
  check?: (error: KmsError) => void,
): Promise<KmsError> {
  let value: unknown;
  try {
    value = await (typeof attempt === "function" ? attempt() : attempt);
  } catch (error) {
    if (!isKmsError(error)) throw error;
    assert.is(error.code, code, `${error.code} "${error.message}", expected ${code}`);
    check?.(error);
    return error;
  }
  assert.unreachable(`expected ${code}, got a value of type ${typeof value}`);
  throw new Error("unreachable");
}
