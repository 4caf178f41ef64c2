/** Tokens in files, as Kubernetes and its like project them: read anew each time, for the platform replaces them. */
import { open } from "node:fs/promises";
import type { IdentityTokenReader } from "../credentials/identity-tokens.js";
import { tokenError } from "../credentials/token-request.js";
import { printable } from "../options.js";

/** The content of a file, or why there is none. */
export type FileContent = { readonly text: string } | { readonly problem: string; readonly isMissing: boolean };

const PROBLEMS: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null) as object, {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EACCES: "may not be read",
  EPERM: "may not be read",
  EISDIR: "is a folder",
});

/** Reads at most so many bytes of UTF-8; more, or something else, is a problem. */
export async function readFileBounded(path: string, maxBytes: number): Promise<FileContent> {
  try {
    const file = await open(path, "r");
    try {
      const bytes = new Uint8Array(maxBytes + 1);
      let total = 0;
      for (;;) {
        const { bytesRead } = await file.read(bytes, total, bytes.length - total);
        total += bytesRead;
        if (bytesRead === 0 || total > maxBytes) break;
      }
      if (total > maxBytes) return { problem: `is larger than ${maxBytes} bytes`, isMissing: false };
      return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, total)) };
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return { problem: "is not UTF-8", isMissing: false };
    return { problem: PROBLEMS[String(code)] ?? "cannot be read", isMissing: code === "ENOENT" || code === "ENOTDIR" };
  }
}

/** A token has some kilobytes at most. */
const MAX_BYTES = 65_536;

/**
 * Reads a token file: at most 65,536 bytes, without the white space at its end. It is what `fromContainer` and
 * `fromWebIdentity` of `knhk-kms/aws` take as `readFile`.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` when the file cannot be read, is too large, or empty
 * @example
 * ```ts
 * const credentials = fromContainer({ readFile: readTokenFile });
 * ```
 */
export async function readTokenFile(path: string): Promise<string> {
  const read = await readFileBounded(path, MAX_BYTES);
  if ("problem" in read) throw tokenError("token file", `${printable(path)} ${read.problem}`, { retryable: read.isMissing });
  const token = read.text.trimEnd();
  if (token === "") throw tokenError("token file", `${printable(path)} is empty`, { retryable: true });
  return token;
}

/**
 * An identity token out of a file, for the option `identityToken`; read for each exchange.
 *
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS`, from the returned function
 * @example
 * ```ts
 * const identityToken = fileToken("/var/run/secrets/kubernetes.io/serviceaccount/token");
 * ```
 */
export function fileToken(path: string): IdentityTokenReader {
  return async () => readTokenFile(path);
}
