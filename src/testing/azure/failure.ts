/**
 * The refusals of the service, with its own words where they are known. "Seen" marks a text from a recorded exchange or a
 * published error report; the other texts are ours, with the documented status and code.
 */

interface FailureParts {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly innerCode?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly empty?: boolean | undefined;
}

/** Thrown by a handler, answered as the service answers: never seen by a caller. */
export class AzureFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly innerCode: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the answer has no body at all. */
  readonly empty: boolean;

  constructor({ status, code, message, innerCode, headers, empty }: FailureParts) {
    super(message);
    this.status = status;
    this.code = code;
    this.innerCode = innerCode;
    this.headers = headers ?? {};
    this.empty = empty ?? false;
  }
}

/** 400; most texts are ours. */
export function badParameter(message: string, innerCode?: string): AzureFailure {
  return new AzureFailure({ status: 400, code: "BadParameter", message, innerCode });
}

export function unauthorized(message: string, challenge: string, empty = false): AzureFailure {
  return new AzureFailure({ status: 401, code: "Unauthorized", message, headers: { "WWW-Authenticate": challenge }, empty });
}

export function forbidden(message: string, innerCode?: string): AzureFailure {
  return new AzureFailure({ status: 403, code: "Forbidden", message, innerCode });
}

export function conflict(message: string, innerCode: string): AzureFailure {
  return new AzureFailure({ status: 409, code: "Conflict", message, innerCode });
}

/** 404, seen, for a name or a version that is unknown, and for a name that is soft-deleted. */
export function keyNotFound(id: string): AzureFailure {
  return notFound(
    `A key with (name/id) ${id} was not found in this key vault. If you recently deleted this key you may be able to recover it using ` +
      "the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182",
  );
}

/** 404, seen, also for some seconds after a key was deleted. */
export function deletedKeyNotFound(name: string): AzureFailure {
  return notFound(`Deleted Key not found: ${name}`);
}

function notFound(message: string): AzureFailure {
  return new AzureFailure({ status: 404, code: "KeyNotFound", message });
}

/** 400, seen (in two SDK issues): the name of the property is really missing, and the text ends in a line break. */
export function invalidProperty(): AzureFailure {
  return badParameter("Property  has invalid value\r\n");
}

/** 429, seen, without `Retry-After` (AzureSignTool issue 219). */
export function throttled(): AzureFailure {
  const message = "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached";
  return new AzureFailure({ status: 429, code: "Throttled", message });
}
