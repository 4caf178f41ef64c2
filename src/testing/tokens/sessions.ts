/** The temporary AWS credentials that the emulated services hand out, and whom STS takes their holder for. */
import { Identities } from "../aws/identities.js";
import type { AwsEmulatorCredentials } from "../aws/identities.js";
import { randomText } from "./service.js";

/** Where credentials came from. */
export type AwsCredentialSource = "sts" | "sso" | "ec2" | "container";

/** Credentials that were handed out; they fit the `addCredentials` of the AWS emulator. */
export interface IssuedAwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: Date;
  readonly source: AwsCredentialSource;
  /** The role that they are of. */
  readonly roleArn: string;
}

/** Whom STS takes the holder of an access key for. */
export interface AwsCaller {
  readonly accountId: string;
  readonly arn: string;
  readonly userId: string;
  /** Whether it holds credentials of a role: then a further role is given to it for an hour at most. */
  readonly isSession: boolean;
}

export interface NewSession {
  readonly source: AwsCredentialSource;
  readonly roleArn: string;
  readonly sessionName: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

const ACCESS_KEY_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ROLE_ARN = /^arn:(aws[a-z-]*):iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]+)$/;

/** The account and the name of a role; undefined when the text is no ARN of one. */
export function parseRoleArn(arn: string): { partition: string; accountId: string; name: string } | undefined {
  const match = ROLE_ARN.exec(arn);
  return match === null ? undefined : { partition: match[1] as string, accountId: match[2] as string, name: match[3] as string };
}

export class AwsSessions {
  readonly identities = new Identities();
  readonly issued: IssuedAwsCredentials[] = [];
  readonly #callers = new Map<string, AwsCaller>();
  readonly #roleIds = new Map<string, string>();
  readonly #onCredentials: ((credentials: IssuedAwsCredentials) => void) | undefined;

  constructor(onCredentials: ((credentials: IssuedAwsCredentials) => void) | undefined) {
    this.#onCredentials = onCredentials;
  }

  /** Credentials that were there before, of a user of the account. */
  addUser(credentials: AwsEmulatorCredentials, accountId: string): void {
    this.identities.add(credentials);
    const arn = `arn:aws:iam::${accountId}:user/emulated`;
    this.#callers.set(credentials.accessKeyId, { accountId, arn, userId: "AIDAEMULATEDEMULATED", isSession: false });
  }

  caller(accessKeyId: string): AwsCaller | undefined {
    return this.#callers.get(accessKeyId);
  }

  /** New credentials of a role, which STS takes from now on. */
  issue({ source, roleArn, sessionName, expiresAt }: NewSession): IssuedAwsCredentials {
    const credentials: IssuedAwsCredentials = {
      accessKeyId: `ASIA${randomText(16, ACCESS_KEY_LETTERS)}`,
      secretAccessKey: randomText(40),
      sessionToken: `${randomText(120)}/+${randomText(118)}==`,
      expiresAt: new Date(expiresAt),
      source,
      roleArn,
    };
    this.identities.add(credentials);
    this.#callers.set(credentials.accessKeyId, this.sessionOf(roleArn, sessionName));
    this.issued.push(credentials);
    this.#onCredentials?.(credentials);
    return credentials;
  }

  /** Whom the holder of a session is taken for; the id of a role stays. */
  sessionOf(roleArn: string, sessionName: string): AwsCaller {
    const { partition = "aws", accountId = "", name = "" } = parseRoleArn(roleArn) ?? {};
    let roleId = this.#roleIds.get(roleArn);
    if (roleId === undefined) this.#roleIds.set(roleArn, (roleId = `AROA${randomText(16, ACCESS_KEY_LETTERS)}`));
    const arn = `arn:${partition}:sts::${accountId}:assumed-role/${name}/${sessionName}`;
    return { accountId, arn, userId: `${roleId}:${sessionName}`, isSession: true };
  }

  /** From now on STS answers that these credentials have expired; all that were handed out by default. */
  expire(accessKeyId?: string): void {
    const ids = accessKeyId === undefined ? this.issued.map((credentials) => credentials.accessKeyId) : [accessKeyId];
    for (const id of ids) this.identities.expire(id);
  }
}
