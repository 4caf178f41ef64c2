/** Azure Key Vault and Managed HSM as a `KmsProvider`: what is sent for each operation, and in which order. */
import type { Environment } from "../environment.js";
import { addErrorContext, isKmsError } from "../errors.js";
import { invalidAnswer } from "../http/fields.js";
import { send, type Answer, type Effect, type WireRequest } from "../http/send.js";
import { addressTrust, createTransport, TRANSPORT_OPTIONS, transportProblems, type TransportOptions } from "../http/transport.js";
import type { CallContext, KeyRef, KmsProvider, ProviderKeyMetadata, ProviderKeyVersion, ProviderRotation } from "../kms/provider.js";
import type { MetadataPart } from "../kms/results.js";
import { readOptions, throwProblems } from "../options.js";
import { inputRule } from "./algorithms.js";
import { createAzureService, type AzureCredentials } from "./authorization.js";
import { addressProblems, azureAddress, isKeyVersion, keyProblems, type AzureAddress } from "./config.js";
import { buildGetKey, buildGetRotationPolicy, buildListVersions, buildRotate, buildSign, buildVerify } from "./requests.js";
import { parseKeyBundle, parseKeyMetadata, parsePublicKey, parseSign, parseVerify, parseVersionPage, versionDates, type KeyBundle } from "./responses.js";
import { parseNextRotation } from "./rotation-policy.js";

/** Options of {@link createAzureProvider}: one vault or Managed HSM, and who asks. */
export interface AzureProviderOptions extends TransportOptions {
  /** Such as `https://my-vault.vault.azure.net`. Identity: every answer must name it, and it decides on the scope of the token. */
  readonly vaultUrl: string;
  /** Scope of the token, ending in `/.default`. Follows from a host of Azure's; required for any other host, and for a port. */
  readonly scope?: string;
  /** `api-version` of every request. Default `7.4`. */
  readonly apiVersion?: string;
  /** Where requests are sent instead, such as `https://127.0.0.1:8443`. Answers must name `vaultUrl` all the same. */
  readonly endpoint?: string;
  /** A token, or a function that returns one. Default: `AZURE_AUTH_TOKEN`. */
  readonly credentials?: AzureCredentials;
  /** Instead of the process's environment; `{}` forbids it. */
  readonly env?: Environment;
}

/** Names of the options of the provider. */
export const AZURE_OPTIONS = ["vaultUrl", "scope", "apiVersion", "endpoint", "credentials", "env", ...TRANSPORT_OPTIONS] as const;

/** Of 25 versions: more than a key can well have (a Managed HSM takes 100), and an end to links that go in circles. */
const MAX_PAGES = 1_000;

const HSM_ROTATION_HINT = "a Managed HSM rotates a key only if it has a rotation policy";

/** The provider's door to the network. */
interface Client {
  readonly address: AzureAddress;
  now(): number;
  send(context: CallContext, effect: Effect, request: WireRequest): Promise<Answer>;
}

/**
 * A provider for one vault or Managed HSM. Sends nothing until it is used, and then one request for each operation, but
 * for `listKeyVersions` (one, and one a page), `rotateKey` (two) and `getKeyMetadata` with `rotation` (two).
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options
 * @throws {ConfigError} `ERR_KMS_CREDENTIALS` for credentials that are a value and no token
 * @example
 * ```ts
 * const provider = createAzureProvider({ vaultUrl: "https://my-vault.vault.azure.net", credentials: { token } });
 * const kms = new KmsManager(provider, { keyId: "signer" });
 * ```
 */
export function createAzureProvider(options: AzureProviderOptions): KmsProvider {
  const client = createClient(options);
  const { address } = client;
  return {
    name: "azure",
    signsByVersion: true,
    verifiesByVersion: true,
    inputRule,
    keyProblems,
    async sign(input, context) {
      return parseSign(await client.send(context, "compute", buildSign(address, input)), input.algorithm, { address, key: input.key });
    },
    async verify(input, context) {
      return parseVerify(await client.send(context, "compute", buildVerify(address, input)));
    },
    async getPublicKey(key, context) {
      return parsePublicKey(await client.send(context, "read", buildGetKey(address, key)), { address, key });
    },
    getKeyMetadata: (key, include, context) => getKeyMetadata(client, key, include, context),
    listKeyVersions: ({ keyId }, _include, newContext) => listKeyVersions(client, { keyId }, newContext),
    // A version is a segment of a path under this key's name, so it can name no other key's; one that does not exist is
    // found out when it is read.
    ownsVersion: async (_key, keyVersion) => isKeyVersion(keyVersion),
    rotateKey: ({ key: { keyId } }, context) => rotateKey(client, { keyId }, context),
  };
}

function createClient(options: AzureProviderOptions): Client {
  const problems: string[] = [];
  const read = readOptions(options, AZURE_OPTIONS, problems);
  throwProblems([...problems, ...transportProblems(read), ...addressProblems(read, addressTrust(read))]);
  const given = read as unknown as AzureProviderOptions; // without a prototype, which a rest of it would have
  const { credentials, env } = given;
  const address = azureAddress(given);
  const transport = createTransport("azure", address.origin, read);
  const service = createAzureService(transport, { scope: address.scope, credentials, env });
  return { address, now: transport.now, send: (context, effect, request) => send(service, transport, context, effect, request) };
}

/** GetKey: the version named, or the current one. */
async function getKey(client: Client, key: KeyRef, context: CallContext): Promise<KeyBundle> {
  const { address } = client;
  return parseKeyBundle(await client.send(context, "read", buildGetKey(address, key)), { address, key });
}

/** Tags come with the key. The rotation policy is a request, and one more for a pinned version, since it counts from the newest. */
async function getKeyMetadata(client: Client, key: KeyRef, include: readonly MetadataPart[], context: CallContext): Promise<ProviderKeyMetadata> {
  const { address } = client;
  const bundle = await getKey(client, key, context);
  const metadata = parseKeyMetadata(bundle, client.now());
  if (!include.includes("rotation")) return metadata;
  const newest = key.keyVersion === undefined ? bundle : await getKey(client, { keyId: key.keyId }, context);
  const answer = await client.send(context, "read", buildGetRotationPolicy(address, key));
  const nextRotationAt = parseNextRotation(answer, { address, key }, versionDates(newest));
  return nextRotationAt === undefined ? metadata : { ...metadata, nextRotationAt };
}

/** GetKey says which version is current, for no page does; then all pages. */
async function* listKeyVersions(client: Client, key: KeyRef, newContext: () => CallContext): AsyncIterableIterator<ProviderKeyVersion> {
  const { address } = client;
  const current = (await getKey(client, key, newContext())).version;
  let skipToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await client.send(newContext(), "read", buildListVersions(address, key, skipToken));
    const { versions, ...next } = parseVersionPage(answer, { address, key }, current, client.now());
    yield* versions;
    if (next.skipToken === undefined) return;
    if (next.skipToken === skipToken) throw invalidAnswer("nextLink leads to the same page");
    skipToken = next.skipToken;
  }
  throw invalidAnswer("nextLink leads on for ever");
}

/** The current version is read first, so that the result can name it and a rotation that changed nothing shows. */
async function rotateKey(client: Client, key: KeyRef, context: CallContext): Promise<ProviderRotation> {
  const { address } = client;
  const { version: previousVersion } = await getKey(client, key, context);
  const rotated = parseKeyBundle(await sendRotate(client, key, context), { address, key });
  if (rotated.version === previousVersion) throw invalidAnswer("kid names the version before the rotation");
  return { status: "done", previousVersion, newVersion: rotated.version, rotatedAt: versionDates(rotated).createdAt ?? new Date(client.now()) };
}

async function sendRotate({ address, send: sendTo }: Client, key: KeyRef, context: CallContext): Promise<Answer> {
  try {
    return await sendTo(context, "change", buildRotate(address, key));
  } catch (error) {
    const refused = isKmsError(error, "ERR_KMS_REJECTED") || isKmsError(error, "ERR_KMS_CONFLICT");
    throw refused && address.managedHsm ? addErrorContext(error, { hint: HSM_ROTATION_HINT }) : error;
  }
}
