/** Azure Key Vault and Managed HSM as a `KmsProvider`: what is sent for each operation, and in which order. */
import type { Environment } from "../environment.js";
import { invalidAnswer } from "../http/fields.js";
import { send, type Answer, type Effect, type WireRequest } from "../http/send.js";
import { addressTrust, createTransport, TRANSPORT_OPTIONS, transportProblems, type TransportOptions } from "../http/transport.js";
import type { CallContext, KeyRef, KmsProvider } from "../kms/provider.js";
import { readOptions, throwProblems } from "../options.js";
import { inputRule } from "./algorithms.js";
import { createAzureService, type AzureCredentials } from "./authorization.js";
import { addressProblems, azureAddress, keyIdentifier, keyProblems } from "./config.js";
import { buildGetKey, buildGetRotationPolicy, buildListVersions, buildRotate, buildSign, buildVerify } from "./requests.js";
import { parseKeyBundle, parseKeyMetadata, parseNextRotation, parsePublicKey, parseSign, parseVerify, parseVersionPage, readDates, type KeyBundle } from "./responses.js";

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

/** Of 25 versions: more than a key can well have (a Managed HSM takes 100), and an end to links that lead on for ever. */
const MAX_PAGES = 1_000;

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
  const problems: string[] = [];
  const read = readOptions(options, AZURE_OPTIONS, problems);
  throwProblems([...problems, ...transportProblems(read), ...addressProblems(read, addressTrust(read))]);
  const given = read as unknown as AzureProviderOptions; // without a prototype, which a rest of it would have
  const address = azureAddress(given);
  const transport = createTransport("azure", address.origin, read);
  const { now } = transport;
  const service = createAzureService(transport, address.scope, given);
  const ask = (context: CallContext, effect: Effect, request: WireRequest): Promise<Answer> => send(service, transport, context, effect, request);
  const identify = (key: KeyRef): string => keyIdentifier(address, key);
  /** GetKey: the version named, or the current one. */
  const getKey = async (key: KeyRef, context: CallContext): Promise<KeyBundle> => parseKeyBundle(await ask(context, "read", buildGetKey(address, key)), identify(key));

  return {
    name: "azure",
    signsByVersion: true,
    verifiesByVersion: true,
    inputRule,
    keyProblems,
    async sign(input, context) {
      return parseSign(await ask(context, "compute", buildSign(address, input)), input.algorithm, identify(input.key));
    },
    async verify(input, context) {
      return parseVerify(await ask(context, "compute", buildVerify(address, input)));
    },
    async getPublicKey(key, context) {
      return parsePublicKey(await getKey(key, context));
    },
    /** Tags come with the key. The rotation policy is a request, and one more for a pinned version, since it counts from the newest. */
    async getKeyMetadata(key, include, context) {
      const bundle = await getKey(key, context);
      const metadata = parseKeyMetadata(bundle, now());
      if (!include.includes("rotation")) return metadata;
      const current = { keyId: key.keyId };
      const newest = key.keyVersion === undefined ? bundle : await getKey(current, context);
      const answer = await ask(context, "read", buildGetRotationPolicy(address, current));
      const nextRotationAt = parseNextRotation(answer, identify(current), newest);
      return { ...metadata, ...(nextRotationAt && { nextRotationAt }) };
    },
    /** GetKey says which version is current, for no page does; then all pages. */
    async *listKeyVersions({ keyId }, _include, newContext) {
      const key = { keyId };
      const { version: current } = await getKey(key, newContext());
      const seen = new Set<string | undefined>();
      let skipToken: string | undefined;
      do {
        if (seen.has(skipToken) || seen.size === MAX_PAGES) throw invalidAnswer("nextLink has no end");
        seen.add(skipToken);
        const page = parseVersionPage(await ask(newContext(), "read", buildListVersions(address, key, skipToken)), identify(key), current, now());
        yield* page.versions;
        ({ skipToken } = page);
      } while (skipToken !== undefined);
    },
    // A version is a segment of a path under this key's name, so it can name no other key's; one that does not exist is
    // found out when it is read.
    ownsVersion: async (key, keyVersion) => keyProblems({ ...key, keyVersion: keyVersion.toLowerCase() }).length === 0,
    /** The current version is read first, so that the result can name it and a rotation that changed nothing shows. */
    async rotateKey({ key: { keyId } }, context) {
      const key = { keyId };
      const { version: previousVersion } = await getKey(key, context);
      const { version: newVersion, body } = parseKeyBundle(await ask(context, "change", buildRotate(address, key)), identify(key));
      if (newVersion === previousVersion) throw invalidAnswer("kid names the previous version");
      return { status: "done", previousVersion, newVersion, rotatedAt: readDates(body).createdAt ?? new Date(now()) };
    },
  };
}
