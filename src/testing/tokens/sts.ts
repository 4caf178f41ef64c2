/** The emulated AWS Security Token Service: who calls, by signature or identity token, and which role is given (AWS wire sheet 5.6). */
import { AwsFailure } from "../aws/failure.js";
import type { AwsEmulatorCredentials } from "../aws/identities.js";
import { checkSignature } from "../aws/signature.js";
import type { RecordedRequest } from "../faults.js";
import type { TrustedIssuer } from "../jwt.js";
import { StsFailure, xmlAnswer, xmlFailure, xmlText } from "./query-xml.js";
import type { XmlStyle } from "./query-xml.js";
import { isReachedOver, isRecord } from "./service.js";
import type { Place, TokenScene, TokenService } from "./service.js";
import type { AwsCaller, AwsSessions } from "./sessions.js";
import { STS_ACTIONS } from "./sts-actions.js";

/** A role that callers may take. */
export interface StsRole {
  readonly arn: string;
  /** ARNs or access key ids of those who may take it with `AssumeRole`; every caller that STS knows by default. */
  readonly principals?: readonly string[];
  /** What `ExternalId` must be; not looked at by default. */
  readonly externalId?: string;
  /** Longest session, in seconds; 3,600 by default, as at the service. */
  readonly maxDurationSeconds?: number;
  /** Whose identity tokens give it with `AssumeRoleWithWebIdentity`: an issuer (audience `sts.amazonaws.com` by default), or one token, whatever it is. */
  readonly webIdentities?: readonly (TrustedIssuer | { readonly token: string })[];
}

/** AWS STS. */
export interface StsOptions {
  /** Long-lived credentials of the account; the well-known ones of AWS's signing tests by default. */
  readonly credentials?: readonly AwsEmulatorCredentials[];
  /** None by default: then every role is refused. */
  readonly roles?: readonly StsRole[];
  /** Regions whose endpoint answers `RegionDisabledException`. */
  readonly disabledRegions?: readonly string[];
  readonly xml?: XmlStyle;
}

/** One call of an action. */
export interface StsCall {
  readonly parameters: URLSearchParams;
  /** Who signed it; undefined when the action takes no signature. */
  readonly caller: AwsCaller | undefined;
  readonly accessKeyId: string;
  readonly roles: readonly StsRole[];
  readonly sessions: AwsSessions;
  readonly now: number;
}

/** STS takes a signature for 15 minutes (Vault wire sheet 3.6; AWS Common Errors, RequestExpired). */
const TOLERANCE_MINUTES = 15;
const HOST = /^sts(?:-fips)?(?:\.([a-z0-9-]+))?\.(?:amazonaws\.(?:com(?:\.cn)?|eu)|api\.aws)$/;

export class Sts implements TokenService {
  readonly #scene: TokenScene;
  readonly #sessions: AwsSessions;
  readonly #options: StsOptions;

  constructor(scene: TokenScene, sessions: AwsSessions, options: StsOptions) {
    this.#scene = scene;
    this.#sessions = sessions;
    this.#options = options;
  }

  owns(place: Place): boolean {
    return isReachedOver("https", place) && HOST.test(place.host);
  }

  operationOf(request: Pick<RecordedRequest, "method" | "url" | "body">, place: Place): string | undefined {
    if (!this.owns(place) && !(place.local && place.url.pathname === "/")) return undefined;
    const action = parametersOf(request).get("Action");
    return action === null && !this.owns(place) ? undefined : `sts.${action ?? "unknown"}`;
  }

  throttled(): Response {
    return xmlFailure(this.#scene, new StsFailure("Throttling", 400, "Rate exceeded"), this.#style);
  }

  get #style(): XmlStyle {
    return this.#options.xml ?? {};
  }

  async handle(request: RecordedRequest, place: Place): Promise<Response> {
    try {
      return await this.#answer(request, place);
    } catch (error) {
      if (error instanceof StsFailure) return xmlFailure(this.#scene, error, this.#style);
      throw error;
    }
  }

  async #answer(request: RecordedRequest, place: Place): Promise<Response> {
    const isForm = /^application\/x-www-form-urlencoded(?:;|$)/i.test(request.headers["content-type"] ?? "");
    if (place.url.pathname !== "/" || !(isForm || request.method === "GET")) return xmlText(this.#scene, 404, "<UnknownOperationException/>\n");
    const parameters = parametersOf(request);
    const name = parameters.get("Action") ?? "";
    const version = parameters.get("Version");
    const action = STS_ACTIONS[name];
    if (action === undefined || version !== "2011-06-15") {
      throw new StsFailure("InvalidAction", 400, `Could not find operation ${name} for version ${version ?? "NO_VERSION_SPECIFIED"}`);
    }
    const region = regionOf(request, place);
    const { caller, accessKeyId } = action.signed ? await this.#authenticate(request, region) : { caller: undefined, accessKeyId: "" };
    if (this.#options.disabledRegions?.includes(region) === true) {
      const text = `STS is not activated in this region for account:${caller?.accountId ?? ""}.`;
      throw new StsFailure("RegionDisabledException", 403, `${text} Your account administrator can activate STS in this region using the IAM Console.`);
    }
    const { roles = [] } = this.#options;
    const result = await action.run({ parameters, caller, accessKeyId, roles, sessions: this.#sessions, now: this.#scene.now() });
    if (result.Credentials === undefined) return xmlAnswer(this.#scene, name, result, this.#style);
    const altered = this.#scene.alter(`sts.${name}`, result.Credentials);
    if (!isRecord(altered)) return xmlText(this.#scene, 200, typeof altered === "string" ? altered : JSON.stringify(altered));
    return xmlAnswer(this.#scene, name, { ...result, Credentials: altered }, this.#style);
  }

  async #authenticate(request: RecordedRequest, region: string): Promise<{ caller: AwsCaller; accessKeyId: string }> {
    const { identities } = this.#sessions;
    try {
      await checkSignature(request, { region, service: "sts", identities, now: this.#scene.now(), toleranceMinutes: TOLERANCE_MINUTES });
    } catch (error) {
      throw error instanceof AwsFailure ? signatureFailure(error) : error;
    }
    const accessKeyId = credentialOf(request)[0] ?? "";
    return { caller: this.#sessions.caller(accessKeyId) as AwsCaller, accessKeyId };
  }
}

function parametersOf({ method, url, body }: Pick<RecordedRequest, "method" | "url" | "body">): URLSearchParams {
  return method === "GET" ? new URL(url).searchParams : new URLSearchParams(body);
}

/** Access key id, date, region, service and terminator of the scope that the request was signed for. */
function credentialOf({ headers }: RecordedRequest): string[] {
  return /Credential=([^,\s]*)/.exec(headers["authorization"] ?? "")?.[1]?.split("/") ?? [];
}

/** Of the host; the global one is in us-east-1, and a loopback address in the region that the request was signed for. */
function regionOf(request: RecordedRequest, { host, local }: Place): string {
  return HOST.exec(host)?.[1] ?? (local ? credentialOf(request)[2] : undefined) ?? "us-east-1";
}

/** What STS calls the failures that KMS has other names for. */
const SIGNATURE_FAILURES: Readonly<Record<string, readonly [code: string, status: number]>> = {
  InvalidSignatureException: ["SignatureDoesNotMatch", 403],
  UnrecognizedClientException: ["InvalidClientTokenId", 403],
  ExpiredTokenException: ["ExpiredToken", 403],
  MissingAuthenticationTokenException: ["MissingAuthenticationToken", 403],
};

function signatureFailure({ type, text = "" }: AwsFailure): StsFailure {
  const [code, status] = SIGNATURE_FAILURES[type] ?? ["IncompleteSignature", 400];
  const message = code === "MissingAuthenticationToken" ? "Request is missing Authentication Token" : text;
  return new StsFailure(code, status, message);
}
