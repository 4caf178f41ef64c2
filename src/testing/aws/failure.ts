/** Errors of the emulated KMS: a code, mostly a message, and how both look on the wire. */

/**
 * Thrown by an operation, answered as a bare `__type` (AWS wire sheet 4.1). Every error that a client caused is 400 at the real
 * service, whatever its model says.
 */
export class AwsFailure extends Error {
  readonly type: string;
  readonly text: string | undefined;
  readonly status: number;

  constructor(type: string, text?: string, status = 400) {
    super(type);
    this.name = "AwsFailure";
    this.type = type;
    this.text = text;
    this.status = status;
  }

  /** Errors without a message have no such member; two of the service's common errors spell it with a capital. */
  toBody(): Record<string, string> {
    if (this.text === undefined) return { __type: this.type };
    return { __type: this.type, [CAPITAL_MESSAGE.has(this.type) ? "Message" : "message"]: this.text };
  }
}

/** `AccessDeniedException`: aws/aws-nitro-enclaves-sdk-c#127; the other comes from the same layer in front of the service. */
const CAPITAL_MESSAGE = new Set(["AccessDeniedException", "SerializationException"]);

export function notFound(text: string): AwsFailure {
  return new AwsFailure("NotFoundException", text);
}

export function invalid(text: string): AwsFailure {
  return new AwsFailure("ValidationException", text);
}

/** The answer to a call that cannot work on this kind of key; the service sends no message with it. */
export function unsupported(text?: string): AwsFailure {
  return new AwsFailure("UnsupportedOperationException", text);
}
