/** The emulated KMS as a request handler: protocol, signature, shape, operation, answer (AWS wire sheet 2.1 and 4.1). */
import type { RecordedRequest } from "../faults.js";
import { buildResponse } from "../response.js";
import { ALIAS_OPERATIONS } from "./alias-operations.js";
import { randomUuid } from "./arn.js";
import { CRYPTO_OPERATIONS } from "./crypto-operations.js";
import { AwsFailure } from "./failure.js";
import type { Identities } from "./identities.js";
import { KEY_OPERATIONS } from "./key-operations.js";
import { readMembers } from "./members.js";
import type { Answer, AwsOperation, AwsOperations } from "./operation.js";
import { RESOURCE_OPERATIONS } from "./resource-operations.js";
import { ROTATION_OPERATIONS } from "./rotation-operations.js";
import { checkSignature } from "./signature.js";
import type { AwsStore } from "./store.js";

const OPERATIONS: AwsOperations = Object.assign(
  Object.create(null) as object,
  KEY_OPERATIONS,
  ALIAS_OPERATIONS,
  ROTATION_OPERATIONS,
  RESOURCE_OPERATIONS,
  CRYPTO_OPERATIONS,
);

const TARGET_PREFIX = "TrentService.";
const CONTENT_TYPE = "application/x-amz-json-1.1";

/** What a request is handled against. */
export interface AwsScene {
  readonly store: AwsStore;
  readonly identities: Identities;
  /** Where the service is: `/`, or the path of a custom endpoint. */
  readonly path: string;
}

export function operationOf(request: Pick<RecordedRequest, "headers">): string {
  return request.headers["x-amz-target"] ?? "";
}

export async function handleRequest(scene: AwsScene, request: RecordedRequest): Promise<Response> {
  try {
    return respond(scene.store, 200, (await answer(scene, request)) ?? "");
  } catch (error) {
    if (!(error instanceof AwsFailure)) throw error;
    return respond(scene.store, error.status, error.toBody());
  }
}

/** Throttling is 400 here: a client that goes by the status takes it for its own mistake. */
export function throttledResponse(store: AwsStore): Response {
  const text = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";
  return respond(store, 400, new AwsFailure("ThrottlingException", text).toBody());
}

function respond(store: AwsStore, status: number, body: unknown): Response {
  const date = new Date(store.now()).toUTCString();
  return buildResponse(status, { "content-type": CONTENT_TYPE, date, "x-amzn-requestid": randomUuid() }, body);
}

async function answer({ store, identities, path }: AwsScene, request: RecordedRequest): Promise<Answer> {
  const operation = findOperation(request, path);
  const json = readJson(request.body);
  await checkSignature(request, { region: store.region, service: "kms", identities, now: store.now() });
  const input = readMembers(operation.members, json);
  store.settle();
  return operation.run(store, input);
}

function findOperation({ method, url, headers }: RecordedRequest, path: string): AwsOperation {
  const target = headers["x-amz-target"] ?? "";
  const type = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  const operation = target.startsWith(TARGET_PREFIX) ? OPERATIONS[target.slice(TARGET_PREFIX.length)] : undefined;
  const arrived = method === "POST" && new URL(url).pathname.replace(/\/*$/, "/") === path && type === CONTENT_TYPE;
  if (operation === undefined || !arrived) throw new AwsFailure("UnknownOperationException");
  return operation;
}

/** A body that is no JSON at all is refused before the signature is looked at, and without a message. */
function readJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new AwsFailure("SerializationException");
  }
}
