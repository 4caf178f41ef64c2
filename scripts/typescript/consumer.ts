// What a user writes, with a name out of each entry; the whole of each entry is in entries.ts, which the run writes.
import { createKms, isKmsError, KmsConfig, type Bytes, type KmsManager, type KmsProvider, type SignResult } from "knhk-kms";
import { createAwsKms, createAwsProvider, createSigV4Signer, type AwsCredentials } from "knhk-kms/aws";
import { createAzureKms, createAzureProvider } from "knhk-kms/azure";
import { decodeBase64Url, encodeBase64Url } from "knhk-kms/encoding";
import type { KmsErrorCode } from "knhk-kms/errors";
import { jwkThumbprint, parseJwk, type PublicJwk } from "knhk-kms/jwk";
import { createVaultKms, createVaultProvider } from "knhk-kms/vault";
import { verifySignature } from "knhk-kms/verify";

declare const data: Bytes;
declare function readCredentials(): Promise<AwsCredentials>;

/** A class with private fields is of its own file, and each vendored file has a copy of the class; what it does is of one shape. */
type Manager = Pick<KmsManager, "sign" | "getPublicKey" | "listKeyVersions">;

const managers: Manager[] = [
  createKms(KmsConfig.aws("eu-central-1", "alias/k"), { timeoutMs: 1_000, onEvent: (event) => event.type }),
  createKms("hashivault://k"),
  createAwsKms({ region: "eu-central-1", keyId: "alias/k", algorithm: "ES256", credentials: readCredentials }),
  createAzureKms({ vaultUrl: "https://v.vault.azure.net", keyName: "k", credentials: { token: "t" } }),
  createVaultKms({ address: "https://vault.example", mountPath: "transit", keyName: "k" }),
];
export const providers: KmsProvider[] = [
  createAwsProvider({ region: "eu-central-1" }),
  createAzureProvider({ vaultUrl: "https://v.vault.azure.net" }),
  createVaultProvider({ address: "https://vault.example", mountPath: "transit" }),
];

export async function use(signal: AbortSignal): Promise<string[]> {
  const found: string[] = [];
  for (const kms of managers) {
    const signed: SignResult = await kms.sign(data, { signal });
    const { jwk, spki }: { jwk: PublicJwk; spki: Uint8Array } = await kms.getPublicKey({ keyVersion: signed.keyVersion });
    const valid: boolean = await verifySignature({ publicKey: jwk, algorithm: signed.algorithm, data, signature: signed.signature });
    for await (const { keyVersion, current } of kms.listKeyVersions()) found.push(`${keyVersion} ${current} ${valid} ${spki.length}`);
    found.push(await jwkThumbprint(parseJwk(jwk)), encodeBase64Url(decodeBase64Url("AA")));
  }
  return found;
}

export function explain(error: unknown): KmsErrorCode | undefined {
  if (isKmsError(error, "ERR_KMS_THROTTLED")) return error.code;
  return isKmsError(error) ? error.code : undefined;
}

export async function signRequest(): Promise<Record<string, string>> {
  const signer = createSigV4Signer({ region: "eu-central-1", service: "kms", credentials: readCredentials });
  return (await signer.sign({ method: "POST", url: "https://kms.eu-central-1.amazonaws.com/", headers: {}, body: data })).headers;
}
