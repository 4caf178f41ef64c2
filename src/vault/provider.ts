/** HashiCorp Vault and OpenBao, engine Transit, as a `KmsProvider`. */
import type { CredentialOption } from "../credentials/cached.js";
import type { Environment } from "../environment.js";
import { send, type Answer, type Effect, type WireRequest } from "../http/send.js";
import { addressTrust, createTransport, transportProblems, TRANSPORT_OPTIONS, type TransportOptions } from "../http/transport.js";
import type { CallContext, KeyRef, KmsProvider, ProviderRotation, RotateInput } from "../kms/provider.js";
import { readOptions, throwProblems } from "../options.js";
import { inputRule } from "./algorithms.js";
import { createVaultService, type VaultToken } from "./authorization.js";
import { isKeyVersion, keyProblems, vaultAddress, addressProblems } from "./config.js";
import { buildReadKey, buildRotate, buildSign, buildVerify } from "./requests.js";
import { metadataOf, parseKey, parseSign, parseVerify, publicKeyOf, rotationOf, versionsOf, type TransitKey } from "./responses.js";

/** Where the engine is, and who asks. */
export interface VaultProviderOptions extends TransportOptions {
  /** `https://host[:port][/prefix]`. */
  readonly address: string;
  /** Where the Transit engine is mounted, slashes allowed. */
  readonly mountPath: string;
  /** Vault Enterprise, HCP and OpenBao: `team-a/sub`. Default: none. */
  readonly namespace?: string;
  /** A token, or a function that returns one. Default: `VAULT_TOKEN` or `BAO_TOKEN`, by the address that each is set for. */
  readonly credentials?: CredentialOption<VaultToken>;
  /** Instead of the process's environment; `{}` forbids it. */
  readonly env?: Environment;
}

export const VAULT_OPTIONS = ["address", "mountPath", "namespace", "credentials", "env", ...TRANSPORT_OPTIONS] as const;

/**
 * A provider for one Transit mount with one token. Sends nothing until it is used.
 *
 * @throws {ConfigError} `ERR_KMS_CONFIG` with every problem of the options; `ERR_KMS_CREDENTIALS` for a credential value that cannot be one
 * @example
 * ```ts
 * const provider = createVaultProvider({ address: "https://vault.example:8200", mountPath: "transit", credentials: { token } });
 * const kms = new KmsManager(provider, { keyId: "signer" });
 * ```
 */
export function createVaultProvider(options: VaultProviderOptions): KmsProvider {
  const problems: string[] = [];
  const read = readOptions(options, VAULT_OPTIONS, problems);
  const trust = addressTrust(read);
  throwProblems([...problems, ...transportProblems(read), ...addressProblems(read, trust)]);
  const given = read as unknown as VaultProviderOptions; // without a prototype, which a rest of it would have
  const address = vaultAddress(given, trust);
  const { base, origin } = address;
  const transport = createTransport("vault", origin, read);
  const service = createVaultService(transport, { ...address, trust, env: given.env }, given.credentials);
  const ask = (context: CallContext, effect: Effect, request: WireRequest): Promise<Answer> => send(service, transport, context, effect, request);
  const readKey = async (key: KeyRef, context: CallContext): Promise<TransitKey> =>
    parseKey(await ask(context, "read", buildReadKey(base, key)), key.keyId);

  return {
    name: "vault",
    verifiesByVersion: true,
    inputRule,
    keyProblems,
    async sign(input, context) {
      return parseSign(await ask(context, "compute", buildSign(base, input)), input);
    },
    async verify(input, context) {
      const request = buildVerify(base, input);
      return request !== undefined && parseVerify(await ask(context, "compute", request));
    },
    async getPublicKey(key, context) {
      return publicKeyOf(await readKey(key, context), key.keyVersion);
    },
    async getKeyMetadata(key, _include, context) {
      return metadataOf(await readKey(key, context), key.keyVersion);
    },
    async *listKeyVersions(key, _include, newContext) {
      yield* versionsOf(await readKey(key, newContext()));
    },
    // Versions are numbers; one that the key does not have is found out when it is read.
    ownsVersion: async (_key, keyVersion) => isKeyVersion(keyVersion),
    async rotateKey({ key }: RotateInput, context): Promise<ProviderRotation> {
      const answer = await ask(context, "change", buildRotate(base, key));
      // Vault before 1.14 answers without a body. The rotation is done, so that a failed look at its result is no failure of it.
      const rotated = answer.body === undefined ? await readKey(key, context).catch(() => undefined) : parseKey(answer, key.keyId);
      return { status: "done", rotatedAt: new Date(transport.now()), ...(rotated && rotationOf(rotated)) };
    },
  };
}
