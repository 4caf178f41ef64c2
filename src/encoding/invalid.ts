/** The one error of the decoders. */
import { ValidationError } from "../errors.js";

/** `what` is a name of ours, and there is no position: what is decoded may be a secret. */
export function invalidEncoding(what: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ENCODING", `not valid ${what}`);
}
