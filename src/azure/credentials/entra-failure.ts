/** What a refusal of the token endpoint means, by the number of the service's own error. */
import { refusedToken } from "../../credentials/token-request.js";
import type { ConfigError } from "../../errors.js";
import { asObject, optionalArray } from "../../http/fields.js";
import type { Answer } from "../../http/send.js";

/** "Microsoft Entra authentication and authorization error codes"; the numbers that a configuration can cause. */
const REASONS: Readonly<Record<string, string>> = {
  __proto__: null as never,
  7000215: "the client secret is wrong: it must be the secret's value, not its id",
  7000222: "the client secret has expired",
  700016: "the tenant has no application with this client id",
  90002: "the authority has no such tenant",
  700027: "the certificate is not one of the application's",
  700024: "the assertion is outside its time: check the clock",
  70021: "no federated credential of the application fits issuer, subject and audience of the identity token",
  70011: "the scope is not valid",
  500011: "the tenant does not know the resource of the scope",
  53003: "a conditional access policy forbids it",
};

/** The error for an answer that is no success. Its texts are never looked at, for they name tenant, application and request. */
export function entraFailure(source: string, answer: Answer): ConfigError {
  const number = errorNumber(answer.body);
  const reason = REASONS[number === 700211 || number === 700213 ? 70021 : (number ?? 0)] ?? "the token endpoint refuses";
  const providerCode = number === undefined ? undefined : `AADSTS${number}`;
  return refusedToken(source, answer, `${reason} (${providerCode ?? `status ${answer.status}`})`, { providerCode });
}

/** The first of `error_codes`. */
function errorNumber(body: unknown): number | undefined {
  try {
    const [number] = optionalArray(asObject(body), "error_codes") ?? [];
    return Number.isSafeInteger(number) && (number as number) > 0 && (number as number) < 1e10 ? (number as number) : undefined;
  } catch {
    return undefined;
  }
}
