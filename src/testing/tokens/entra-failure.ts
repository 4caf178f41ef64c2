/** Refusals of the emulated Entra token endpoint: an AADSTS number, the OAuth error it comes with, and the usual body (Azure wire sheet 5.2). */
import { randomUuid } from "../aws/arn.js";

/** Thrown while a token request is judged. */
export class EntraFailure extends Error {
  readonly number: number;

  constructor(number: number, text: string) {
    super(text);
    this.number = number;
  }
}

/** OAuth error and status of each number; seen in reports, such as Azure/azure-workload-identity#340 and #1200. */
const ERRORS: Readonly<Record<number, readonly [error: string, status: number] | undefined>> = {
  70011: ["invalid_scope", 400],
  70003: ["unsupported_grant_type", 400],
  90002: ["invalid_request", 400],
  90014: ["invalid_request", 400],
  90023: ["invalid_request", 400],
  500011: ["invalid_resource", 400],
  700016: ["unauthorized_client", 400],
};

/** The body and status; everything about credentials is `invalid_client` with 401. */
export function entraBody({ number, message }: EntraFailure, now: number, correlationId: string | undefined): { status: number; body: unknown } {
  const [error, status] = ERRORS[number] ?? ["invalid_client", 401];
  const timestamp = new Date(now).toISOString().replace("T", " ").replace(/\.\d{3}Z$/, "Z");
  const trace_id = randomUuid();
  const correlation_id = correlationId ?? randomUuid();
  const error_description = `AADSTS${number}: ${message} Trace ID: ${trace_id} Correlation ID: ${correlation_id} Timestamp: ${timestamp}`;
  return { status, body: { error, error_description, error_codes: [number], timestamp, trace_id, correlation_id } };
}
