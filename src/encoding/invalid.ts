/** The one error of the decoders. */
import { ValidationError } from "../errors.js";

/** The reason is a text of ours, with a position at most: what is decoded may be a secret. */
export function invalidEncoding(reason: string): ValidationError {
  return new ValidationError("ERR_KMS_INVALID_ENCODING", reason);
}
