// What the examples of the doc comments take for granted; names that they declare themselves come before these.
import type { Bytes, KmsError, KmsManager, KmsProvider } from "knhk-kms";
import type { PublicJwk } from "knhk-kms/jwk";

declare global {
  const kms: KmsManager;
  const data: Bytes;
  const body: Bytes;
  const signature: Bytes;
  const spki: Bytes;
  const jwk: PublicJwk;
  const text: string;
  const request: Request;
  const bindings: Record<string, string>;
  const token: string;
  const accessKeyId: string;
  const secretAccessKey: string;
  const roleArn: string;
  const externalId: string;
  const ROLE: string;
  const vaultUrl: string;
  const address: string;
  const tenantId: string;
  const clientId: string;
  const clientSecret: string;
  const certificate: string;
  const companyRoot: string;
  const shared: KmsError;
  const roleId: string;
  const wrappingToken: string;
  const subscriptionId: string;
  const resourceGroupName: string;
  const vmName: string;
  const service: { fetch: typeof fetch; makeKey(): Promise<string> };
  function readSecretId(): Promise<string>;
  function askForPassword(): Promise<string>;
  function createMyProvider(options: { fetch: typeof fetch }): KmsProvider;
  function parseAnswer(body: Bytes): unknown;
  function retryLater(retryAfterMs: number | undefined): void;
  function test(name: string, run: () => Promise<void>): void;
}
