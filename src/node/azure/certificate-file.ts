/** A client certificate out of a file. */
import { fromClientCertificate, type FromClientCertificateOptions } from "../../azure/credentials/client-credentials.js";
import type { AzureCredentialsFunction } from "../../azure/credentials/entra.js";
import { tokenError } from "../../credentials/token-request.js";
import { printable, throwProblems } from "../../options.js";
import { readFileBounded } from "../token-file.js";

/** Options of {@link azureFromCertificateFile}. */
export interface AzureFromCertificateFileOptions extends Omit<FromClientCertificateOptions, "certificate"> {
  /** A PEM file with the private key in PKCS#8 and the certificate or its chain, at most 65,536 bytes. */
  readonly path: string;
}

/**
 * `fromClientCertificate` of `knhk-kms/azure` with a file, which is read for each token request, so that it can be replaced.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` from the returned function
 * @example
 * ```ts
 * const credentials = azureFromCertificateFile({ tenantId, clientId, path: "/run/secrets/signer.pem" });
 * ```
 */
export function azureFromCertificateFile(options: AzureFromCertificateFileOptions): AzureCredentialsFunction {
  const { path, ...rest } = { __proto__: null, ...options } as Partial<AzureFromCertificateFileOptions>;
  if (typeof path !== "string" || path === "") throwProblems(["path must be the path of a PEM file"]);
  return fromClientCertificate({ ...rest, certificate: () => readPem(path as string) } as FromClientCertificateOptions);
}

async function readPem(path: string): Promise<string> {
  const read = await readFileBounded(path, 65_536);
  if ("problem" in read) throw tokenError("client certificate", `the file ${printable(path)} ${read.problem}`, { retryable: read.isMissing });
  return read.text;
}
