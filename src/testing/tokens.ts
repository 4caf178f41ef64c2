/** The emulated services that give out credentials: AWS STS, Identity Center and metadata, Microsoft Entra and managed identities. */
import type { AwsEmulatorCredentials } from "./aws/identities.js";
import { createEmulator } from "./emulator.js";
import type { Emulator } from "./emulator.js";
import { AzureTokenBook } from "./tokens/azure-tokens.js";
import type { IssuedAzureToken } from "./tokens/azure-tokens.js";
import { ContainerCredentials } from "./tokens/container.js";
import type { ContainerCredentialsOptions } from "./tokens/container.js";
import { Ec2Metadata } from "./tokens/ec2.js";
import type { Ec2MetadataOptions } from "./tokens/ec2.js";
import { Entra } from "./tokens/entra.js";
import type { EntraOptions } from "./tokens/entra.js";
import { APP_SERVICE, APP_SERVICE_LEGACY, AZURE_ARC, AZURE_ML, CLOUD_SHELL, IMDS, SERVICE_FABRIC } from "./tokens/managed-endpoints.js";
import type { EndpointKind } from "./tokens/managed-endpoints.js";
import { ManagedIdentity } from "./tokens/managed-identity.js";
import type { ArcOptions, HostedIdentityOptions, ManagedIdentityOptions } from "./tokens/managed-identity.js";
import { TokenRouter } from "./tokens/router.js";
import type { TokenScene, TokenService } from "./tokens/service.js";
import { AwsSessions } from "./tokens/sessions.js";
import type { IssuedAwsCredentials } from "./tokens/sessions.js";
import { Sso } from "./tokens/sso.js";
import type { SsoOptions } from "./tokens/sso.js";
import { Sts } from "./tokens/sts.js";
import type { StsOptions } from "./tokens/sts.js";
import { Tampering } from "./tokens/tampering.js";
import type { TamperOptions, TokenChange } from "./tokens/tampering.js";

export type { AzureTokenSource, IssuedAzureToken } from "./tokens/azure-tokens.js";
export type { AzureCloud } from "./tokens/clouds.js";
export type { ContainerCredentialsOptions } from "./tokens/container.js";
export type { Ec2MetadataOptions } from "./tokens/ec2.js";
export type { EntraApp } from "./tokens/entra-clients.js";
export type { EntraOptions } from "./tokens/entra.js";
export type { ArcOptions, HostedIdentityOptions, ManagedIdentityOptions, UserAssignedIdentity } from "./tokens/managed-identity.js";
export type { XmlStyle } from "./tokens/query-xml.js";
export type { RotationOptions } from "./tokens/rotating.js";
export type { AwsCredentialSource, IssuedAwsCredentials } from "./tokens/sessions.js";
export type { SsoOptions } from "./tokens/sso.js";
export type { StsOptions, StsRole } from "./tokens/sts.js";
export type { TamperOptions, TokenChange } from "./tokens/tampering.js";

/** The services, each there when it has options, `{}` for its defaults. */
export interface TokenServices {
  /** AWS Security Token Service, in every region, the FIPS hosts too: AssumeRole, AssumeRoleWithWebIdentity, GetCallerIdentity. */
  readonly sts?: StsOptions | undefined;
  /** AWS IAM Identity Center: role credentials from the portal, token refresh from its OIDC service. */
  readonly sso?: SsoOptions | undefined;
  /** EC2 instance metadata, version 2, at 169.254.169.254 and `[fd00:ec2::254]`. */
  readonly ec2Metadata?: Ec2MetadataOptions | undefined;
  /** ECS at 169.254.170.2, and EKS Pod Identity at 169.254.170.23 and `[fd00:ec2::23]`. */
  readonly container?: ContainerCredentialsOptions | undefined;
  /** Microsoft Entra, one tenant in one cloud. */
  readonly entra?: EntraOptions | undefined;
  /** Azure instance metadata at 169.254.169.254. */
  readonly azureMetadata?: ManagedIdentityOptions | undefined;
  /** App Service, Functions and Container Apps; `IDENTITY_ENDPOINT` is `http://127.0.0.1:41234/msi/token` by default. */
  readonly appService?: HostedIdentityOptions | undefined;
  /** Their version before; `MSI_ENDPOINT` is `http://127.0.0.1:41235/msi/token` by default. */
  readonly appServiceLegacy?: HostedIdentityOptions | undefined;
  /** `MSI_ENDPOINT` is `http://127.0.0.1:46808/MSI/auth` by default. */
  readonly azureMl?: HostedIdentityOptions | undefined;
  /** `MSI_ENDPOINT` is `http://localhost:50342/oauth2/token` by default. */
  readonly cloudShell?: HostedIdentityOptions | undefined;
  /** `IDENTITY_ENDPOINT` is `https://10.0.0.4:2377/metadata/identity/oauth2/token` by default. */
  readonly serviceFabric?: HostedIdentityOptions | undefined;
  /** `IDENTITY_ENDPOINT` is `http://127.0.0.1:40342/metadata/identity/oauth2/token` by default. */
  readonly azureArc?: ArcOptions | undefined;
}

/** Options of {@link createTokenEmulator}: the services it has, each by its own option. */
export interface TokenEmulatorOptions extends TokenServices {
  /** Twelve digits; `111122223333` by default. */
  readonly accountId?: string | undefined;
  /** Further hosts at which the path decides which service is meant, as it does at loopback addresses; none by default. */
  readonly hosts?: readonly string[] | undefined;
  /** Told of all AWS credentials that are handed out: `aws.addCredentials` of an AWS emulator makes them good there. */
  readonly onCredentials?: ((credentials: IssuedAwsCredentials) => void) | undefined;
  /** Told of all Azure tokens that are handed out: `(issued) => vault.tokens.add(issued.token, issued)` makes them good at an Azure emulator. */
  readonly onToken?: ((issued: IssuedAzureToken) => void) | undefined;
  /** The clock, in milliseconds since 1970; the real one by default. */
  readonly now?: (() => number) | undefined;
}

/** The token services. The `operation` of a recorded request is such as `sts.AssumeRole`, `ec2.token` or `entra.token`. */
export interface TokenEmulator extends Emulator {
  /** AWS credentials that were handed out, oldest first. */
  readonly credentials: readonly IssuedAwsCredentials[];
  /** Azure tokens that were handed out, oldest first. */
  readonly tokens: readonly IssuedAzureToken[];
  /**
   * Starts the named services anew with other options; `undefined` takes one away. What was handed out stays good.
   *
   * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`: as when the emulator is made
   */
  configure(changes: TokenServices): void;
  /** What a platform keeps for a workload, of metadata, container and managed identity, is new at the next request. */
  rotate(): void;
  /** From now on STS answers that credentials have expired: one, or all that were handed out. */
  expireCredentials(accessKeyId?: string): void;
  /** Alters answers that hand out a credential: the next one, unless the options say otherwise. */
  tamper(change: TokenChange, options?: TamperOptions): void;
}

/** The credentials that AWS's own signing tests use, which the AWS emulator takes too. */
const TEST_CREDENTIALS: AwsEmulatorCredentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

/**
 * Emulated token services behind one fetch function. A request goes to the service whose host it names; at a loopback address the
 * path decides. Where no service is the request fails as for an unknown host, which is what happens outside a cloud.
 *
 * @throws {ValidationError} `ERR_KMS_INVALID_ARGUMENT`: the endpoint of a managed identity is no URL
 * @see AWS STS API Reference; EC2 User Guide, "Use the Instance Metadata Service"; Microsoft identity platform, "OAuth 2.0 client credentials flow"
 * @example
 * ```ts
 * const aws = createAwsEmulator();
 * const tokens = createTokenEmulator({ ec2Metadata: { role: "app" }, onCredentials: aws.addCredentials });
 * // A client of the metadata service that is given tokens.fetch gets credentials that aws accepts.
 * ```
 */
export function createTokenEmulator(options: TokenEmulatorOptions = {}): TokenEmulator {
  const { accountId = "111122223333", hosts = [], onCredentials, onToken, now = Date.now, ...initial } = options;
  const tampering = new Tampering();
  const scene: TokenScene = { now: () => now(), alter: (operation, members) => tampering.apply(operation, members) };
  const sessions = new AwsSessions(onCredentials);
  const book = new AzureTokenBook(onToken);
  const services = new ServiceSet({ scene, sessions, book, accountId });
  services.configure(initial);
  const router = new TokenRouter(() => services.all, hosts);
  const emulator = createEmulator({
    now: scene.now,
    operationOf: (request) => router.operationOf(request),
    handle: (request) => router.handle(request),
    throttled: (request) => router.throttled(request),
  });
  return {
    ...emulator,
    credentials: sessions.issued,
    tokens: book.issued,
    configure: (changes) => services.configure(changes),
    rotate: () => services.rotate(),
    expireCredentials: (accessKeyId) => sessions.expire(accessKeyId),
    tamper: (change, tamperOptions = {}) => tampering.add(change, tamperOptions),
  };
}

interface ServiceGround {
  readonly scene: TokenScene;
  readonly sessions: AwsSessions;
  readonly book: AzureTokenBook;
  readonly accountId: string;
}

type ServiceName = keyof TokenServices;
type Running = TokenService & { rotate?(): void };
type Make<Name extends ServiceName> = (ground: ServiceGround, options: NonNullable<TokenServices[Name]>) => Running;

const managed =
  (kind: EndpointKind) =>
  ({ scene, book }: ServiceGround, options: HostedIdentityOptions & ArcOptions): Running =>
    new ManagedIdentity(scene, book, kind, options);

/** In the order in which they are asked; at the one address that two clouds share Azure's single path comes first. */
const SERVICES: { readonly [Name in ServiceName]-?: Make<Name> } = {
  azureMetadata: managed(IMDS),
  ec2Metadata: ({ scene, sessions, accountId }, options) => new Ec2Metadata(scene, sessions, accountId, options),
  container: ({ scene, sessions, accountId }, options) => new ContainerCredentials(scene, sessions, accountId, options),
  sso: ({ scene, sessions }, options) => new Sso(scene, sessions, options),
  appService: managed(APP_SERVICE),
  appServiceLegacy: managed(APP_SERVICE_LEGACY),
  azureMl: managed(AZURE_ML),
  cloudShell: managed(CLOUD_SHELL),
  serviceFabric: managed(SERVICE_FABRIC),
  azureArc: managed(AZURE_ARC),
  entra: ({ scene, book }, options) => new Entra(scene, book, options),
  sts({ scene, sessions, accountId }, options) {
    for (const credentials of options.credentials ?? [TEST_CREDENTIALS]) sessions.addUser(credentials, accountId);
    return new Sts(scene, sessions, options);
  },
};

/** The services that are there. */
class ServiceSet {
  readonly #ground: ServiceGround;
  readonly #running = new Map<ServiceName, Running>();

  constructor(ground: ServiceGround) {
    this.#ground = ground;
  }

  get all(): Running[] {
    return (Object.keys(SERVICES) as ServiceName[]).flatMap((name) => this.#running.get(name) ?? []);
  }

  configure(changes: TokenServices): void {
    for (const name of Object.keys(SERVICES) as ServiceName[]) {
      if (!Object.hasOwn(changes, name)) continue;
      const options = changes[name];
      if (options === undefined) this.#running.delete(name);
      else this.#running.set(name, (SERVICES[name] as Make<ServiceName>)(this.#ground, options as never));
    }
  }

  rotate(): void {
    for (const service of this.all) service.rotate?.();
  }
}
