/** The emulated credentials endpoint of ECS and of EKS Pod Identity (AWS wire sheet 5.8). */
import type { RecordedRequest } from "../faults.js";
import { RotatingCredentials } from "./rotating.js";
import type { RotationOptions } from "./rotating.js";
import { isoSeconds, isReachedOver, jsonAnswer } from "./service.js";
import type { Place, TokenScene, TokenService } from "./service.js";
import { parseRoleArn } from "./sessions.js";
import type { AwsSessions, IssuedAwsCredentials } from "./sessions.js";

/** The container credential endpoint of ECS and EKS. */
export interface ContainerCredentialsOptions extends RotationOptions {
  /** `/v2/credentials/emulated` by default, the form of ECS; that of EKS Pod Identity is `/v1/credentials`. Credentials live six hours by default. */
  readonly path?: string;
  /** What `Authorization` must be, exactly; not looked at by default. */
  readonly authorization?: string;
  /** `arn:aws:iam::111122223333:role/emulated-task` by default. */
  readonly roleArn?: string;
}

/** ECS, and EKS Pod Identity in both versions of IP. */
const HOSTS = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

export class ContainerCredentials implements TokenService {
  readonly #scene: TokenScene;
  readonly #options: ContainerCredentialsOptions;
  readonly #credentials: RotatingCredentials<IssuedAwsCredentials>;

  constructor(scene: TokenScene, sessions: AwsSessions, accountId: string, options: ContainerCredentialsOptions) {
    this.#scene = scene;
    this.#options = options;
    const { roleArn = `arn:aws:iam::${accountId}:role/emulated-task` } = options;
    this.#credentials = new RotatingCredentials(options, 21_600, (_name, expiresAt) =>
      sessions.issue({ source: "container", roleArn, sessionName: "emulated", expiresAt }),
    );
  }

  owns(place: Place): boolean {
    return isReachedOver("http", place) && HOSTS.includes(place.host);
  }

  operationOf(_request: unknown, place: Place): string | undefined {
    const { path = "/v2/credentials/emulated" } = this.#options;
    return (this.owns(place) || place.local) && place.url.pathname === path ? "container.credentials" : undefined;
  }

  throttled(): Response {
    return this.#fail(429, "TooManyRequests", "Rate exceeded");
  }

  rotate(): void {
    this.#credentials.rotate();
  }

  async handle({ method, operation, headers }: RecordedRequest): Promise<Response> {
    const { authorization } = this.#options;
    if (operation !== "container.credentials") return this.#fail(404, "NotFound", "No such path");
    if (method !== "GET") return this.#fail(405, "MethodNotAllowed", "Only GET is allowed");
    if (authorization !== undefined && headers["authorization"] !== authorization) {
      return headers["authorization"] === undefined
        ? this.#fail(400, "InvalidRequest", "Service account token cannot be empty")
        : this.#fail(401, "AccessDenied", "The token is not valid");
    }
    const { accessKeyId, secretAccessKey, sessionToken, expiresAt, roleArn } = this.#credentials.get("role", this.#scene.now());
    const members = {
      RoleArn: roleArn,
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      AccountId: parseRoleArn(roleArn)?.accountId,
      Expiration: isoSeconds(expiresAt.getTime()),
    };
    return jsonAnswer(this.#scene, 200, this.#scene.alter("container.credentials", members), { "content-type": "application/json" });
  }

  #fail(status: number, code: string, message: string): Response {
    return jsonAnswer(this.#scene, status, { Code: code, Message: message }, { "content-type": "application/json" });
  }
}
