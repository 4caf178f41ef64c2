/** The emulated instance metadata of EC2, version 2 only: a session token, the role of the instance, its credentials (AWS wire sheet 5.9). */
import type { RecordedRequest } from "../faults.js";
import { buildResponse } from "../response.js";
import { RotatingCredentials } from "./rotating.js";
import type { RotationOptions } from "./rotating.js";
import { isoSeconds, isReachedOver, isRecord, randomText, textAnswer } from "./service.js";
import type { Place, TokenScene, TokenService } from "./service.js";
import type { AwsSessions, IssuedAwsCredentials } from "./sessions.js";

/** The metadata service of an EC2 instance. */
export interface Ec2MetadataOptions extends RotationOptions {
  /** Name of the instance's role, `emulated-role` by default; `null` for an instance without one. Credentials live six hours by default. */
  readonly role?: string | null;
  /** `us-east-1` by default. */
  readonly region?: string;
  /** What a request for a session token comes to: `ok`, the default; `stalls`, as where the hop limit drops the answer; or a status such as 403. */
  readonly token?: "ok" | "stalls" | number;
  /** `Code` of the credentials, `Success` by default; with any other the answer has a message in place of credentials. */
  readonly code?: string;
  /** Whether it answers at `[fd00:ec2::254]` too; true by default. */
  readonly ipv6?: boolean;
}

const TOKEN_PATH = "/latest/api/token";
const ROLE_PATH = "/latest/meta-data/iam/security-credentials/";
const TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds";
const MAX_TTL_SECONDS = 21_600;

export class Ec2Metadata implements TokenService {
  readonly #scene: TokenScene;
  readonly #options: Ec2MetadataOptions;
  readonly #credentials: RotatingCredentials<IssuedAwsCredentials & { readonly updatedAt: number }>;
  /** Session tokens and when each ends. */
  readonly #tokens = new Map<string, number>();

  constructor(scene: TokenScene, sessions: AwsSessions, accountId: string, options: Ec2MetadataOptions) {
    this.#scene = scene;
    this.#options = options;
    this.#credentials = new RotatingCredentials(options, MAX_TTL_SECONDS, (role, expiresAt) => ({
      ...sessions.issue({ source: "ec2", roleArn: `arn:aws:iam::${accountId}:role/${role}`, sessionName: "i-0123456789abcdef0", expiresAt }),
      updatedAt: scene.now(),
    }));
  }

  owns(place: Place): boolean {
    const { host } = place;
    return isReachedOver("http", place) && (host === "169.254.169.254" || (host === "fd00:ec2::254" && this.#options.ipv6 !== false));
  }

  operationOf({ method }: Pick<RecordedRequest, "method">, place: Place): string | undefined {
    const path = place.url.pathname;
    if (!this.owns(place) && !place.local) return undefined;
    if (path === TOKEN_PATH) return "ec2.token";
    if (!path.startsWith("/latest/meta-data/") || method !== "GET") return undefined;
    if (path.startsWith(ROLE_PATH)) return path === ROLE_PATH ? "ec2.role" : "ec2.credentials";
    return path === ROLE_PATH.slice(0, -1) ? "ec2.role" : `ec2.${path.slice("/latest/meta-data/".length)}`;
  }

  throttled(): Response {
    return page(this.#scene, 503, "Service Unavailable");
  }

  rotate(): void {
    this.#credentials.rotate();
  }

  async handle(request: RecordedRequest, { url }: Place): Promise<Response> {
    if (request.operation === "ec2.token") return this.#token(request);
    const ends = this.#tokens.get(request.headers["x-aws-ec2-metadata-token"] ?? "");
    if (ends === undefined || ends <= this.#scene.now()) return page(this.#scene, 401, "Unauthorized");
    const { role = "emulated-role", region = "us-east-1" } = this.#options;
    if (request.operation === "ec2.placement/region") return textAnswer(this.#scene, 200, region);
    if (request.operation === "ec2.placement/availability-zone") return textAnswer(this.#scene, 200, `${region}a`);
    if (request.operation === "ec2.role" && role !== null) return textAnswer(this.#scene, 200, role);
    if (role !== null && url.pathname === ROLE_PATH + role) return this.#roleCredentials(role);
    return page(this.#scene, 404, "Not Found");
  }

  #token({ method, headers }: RecordedRequest): Response | Promise<Response> {
    const { token: mode = "ok" } = this.#options;
    if (mode === "stalls") return new Promise(() => undefined);
    if (typeof mode === "number") return page(this.#scene, mode, "Refused");
    // Version 1 knows no PUT, and a proxy in front is refused (EC2 User Guide, "How Instance Metadata Service Version 2 works").
    if (method !== "PUT") return page(this.#scene, 405, "Method Not Allowed", { allow: "OPTIONS, PUT" });
    if (headers["x-forwarded-for"] !== undefined) return page(this.#scene, 403, "Forbidden");
    const ttl = headers[TTL_HEADER] ?? "";
    if (!/^\d{1,5}$/.test(ttl) || Number(ttl) < 1 || Number(ttl) > MAX_TTL_SECONDS) return page(this.#scene, 400, "Bad Request");
    const token = `${randomText(54)}==`;
    this.#tokens.set(token, this.#scene.now() + Number(ttl) * 1000);
    return textAnswer(this.#scene, 200, token, { [TTL_HEADER]: ttl });
  }

  /** Its type is text although it is JSON, as at the service. */
  #roleCredentials(role: string): Response {
    const { code = "Success" } = this.#options;
    const now = this.#scene.now();
    if (code !== "Success") {
      const failed = { Code: code, Message: "EC2 cannot assume the role.", LastUpdated: isoSeconds(now) };
      return textAnswer(this.#scene, 200, JSON.stringify(failed, null, 2));
    }
    const { accessKeyId, secretAccessKey, sessionToken, expiresAt, updatedAt } = this.#credentials.get(role, now);
    const members = {
      Code: code,
      LastUpdated: isoSeconds(updatedAt),
      Type: "AWS-HMAC",
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      Expiration: isoSeconds(expiresAt.getTime()),
    };
    const altered = this.#scene.alter("ec2.credentials", members);
    return textAnswer(this.#scene, 200, isRecord(altered) ? JSON.stringify(altered, null, 2) : String(altered));
  }
}

/** Errors are pages of HTML. */
function page(scene: TokenScene, status: number, title: string, headers: Readonly<Record<string, string>> = {}): Response {
  const name = `${status} - ${title}`;
  const body = `<?xml version="1.0" encoding="iso-8859-1"?>\n<html><head><title>${name}</title></head><body><h1>${name}</h1></body></html>\n`;
  return buildResponse(status, { "content-type": "text/html", date: new Date(scene.now()).toUTCString(), ...headers }, body);
}
