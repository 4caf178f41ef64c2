/** Contract: events have the members that their types promise, and neither they nor errors hold a secret. */
import { isKmsError, type KmsError } from "../../errors.js";
import type { KmsEvent } from "../../kms/events.js";
import type { ContractCase } from "../contract.js";
import { messageOf, type Bench } from "./bench.js";
import { expect, expectEqual } from "./expect.js";
import { defaultFor } from "./facts.js";

export function eventCases(bench: Bench): ContractCase[] {
  return [
    { name: "events tell of requests and results", run: () => tells(bench) },
    { name: "a hook that throws, rejects or never settles changes nothing", run: () => survivesHooks(bench) },
    { name: "every event had the members of its type", run: async () => bench.events.forEach(expectShape) },
    { name: "no event and no error held a secret", run: async () => keepsSecrets(bench) },
  ];
}

/** Members of each type besides `type`, `provider` and `operation`; those with a question mark can be absent. */
const MEMBERS: Readonly<Record<KmsEvent["type"], readonly string[]>> = {
  attempt: ["attempt", "durationMs", "outcome", "status?", "requestId?"],
  retry: ["attempt", "delayMs", "reason"],
  token: ["durationMs", "outcome", "expiresAt?"],
  cache: ["keyId", "keyVersion?", "outcome"],
  rotation: ["keyId", "status", "previousVersion?", "newVersion?"],
  result: ["keyId", "durationMs", "outcome"],
};

const TYPES: Readonly<Record<string, string>> = { attempt: "number", durationMs: "number", delayMs: "number", status: "number", expiresAt: "object" };

function expectShape(event: KmsEvent): void {
  const known = MEMBERS[event.type] as readonly string[] | undefined;
  expect(known !== undefined, `a known type of event, not ${JSON.stringify(event.type)}`);
  const all = ["type", "provider", "operation", ...known];
  const members = event as unknown as Record<string, unknown>;
  for (const name of Object.keys(members)) {
    if (members[name] === undefined) continue;
    expect(all.some((member) => member.replace("?", "") === name), `an event of type ${event.type} to have no ${name}`);
    const type = event.type === "rotation" && name === "status" ? "string" : (TYPES[name] ?? "string");
    expect(typeof members[name] === type, `${name} of an event of type ${event.type} to be a ${type}`);
  }
  for (const name of all) expect(name.endsWith("?") || members[name] !== undefined, `an event of type ${event.type} to have ${name}`);
}

async function tells(bench: Bench): Promise<void> {
  const events: KmsEvent[] = [];
  const kms = await bench.openShared(bench.quick, { onEvent: (event) => events.push(event) });
  const requests = await bench.requestsOf(() => kms.sign(messageOf(1), { algorithm: defaultFor(bench.quick) }));
  const attempts = events.filter(({ type }) => type === "attempt");
  if (bench.subject.emulator !== undefined) expectEqual(attempts.length, requests.length, "events for requests");
  expectEqual(resultOf(events), { type: "result", provider: kms.provider, operation: "sign", keyId: kms.keyId, outcome: "ok" }, "the event for a result");
  events.length = 0;
  await bench.refused(() => kms.sign("text" as never), "ERR_KMS_INVALID_ARGUMENT", "signing a text");
  expectEqual(resultOf(events)?.outcome, "ERR_KMS_INVALID_ARGUMENT", "the outcome of a failed call");
  events.length = 0;
  await kms.getPublicKey();
  await kms.getPublicKey();
  expectEqual(events.flatMap((event) => (event.type === "cache" ? [event.outcome] : [])).at(-1), "hit", "the event for a key that is known");
  events.forEach(expectShape);
}

/** The only one of a call, without its duration. */
function resultOf(events: readonly KmsEvent[]): Record<string, unknown> | undefined {
  const results = events.filter(({ type }) => type === "result");
  expectEqual(results.length, 1, "events for the result of one call");
  const { durationMs, ...rest } = results[0] as KmsEvent & { durationMs: number };
  expect(durationMs >= 0, "a duration");
  return rest as unknown as Record<string, unknown>;
}

async function survivesHooks(bench: Bench): Promise<void> {
  const hooks: readonly (() => unknown)[] = [
    () => {
      throw new Error("of the hook");
    },
    () => Promise.reject(new Error("of the hook")),
    () => new Promise(() => {}),
    () => ({
      get then(): never {
        throw new Error("of the hook");
      },
    }),
  ];
  for (const onEvent of hooks) {
    const kms = await bench.openShared(bench.quick, { onEvent });
    const data = messageOf(2);
    expect(await kms.verify(data, await kms.sign(data)), "a signature to verify, whatever the hook does");
  }
}

/** Texts of the messages that the cases sign, as they are and in base64, and what the subject adds. */
function keepsSecrets({ subject, events, errors }: Bench): void {
  const message = "message 1 of the contract suite";
  const secrets = [...(subject.secrets ?? []), message, btoa(message).slice(0, 20), "the caller's own reason", "of the hook"];
  const texts = [...errors.flatMap(textsOf), ...events.map((event) => JSON.stringify(event))];
  expect(errors.length > 0 && events.length > 0, "errors and events to look at: run this case after the others");
  for (const secret of secrets) {
    const at = texts.findIndex((text) => text.includes(secret));
    expect(at < 0, `no secret in ${texts[at]?.slice(0, 60)}…`);
  }
}

function textsOf(error: KmsError): string[] {
  const own = [error.message, error.stack ?? "", JSON.stringify(error), String(error), ...Object.values(error).map(String)];
  const { cause } = error;
  expect(cause === undefined || isKmsError(cause), "the cause of an error to be one of this library's own, or none");
  return isKmsError(cause) ? [...own, ...textsOf(cause)] : own;
}
