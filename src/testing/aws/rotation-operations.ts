/** Automatic and on-demand rotation, which symmetric keys alone have (AWS wire sheet 3). */
import { AwsFailure, unsupported } from "./failure.js";
import { KEY_ID, MARKER } from "./members.js";
import { operation, pageOf, seconds } from "./operation.js";
import type { Answer, AwsOperations, PageInput } from "./operation.js";
import { KEY_SPECS } from "./specs.js";
import { DAY_MS, PENDING_DELETION, refuseStates, UNUSABLE } from "./store.js";
import type { AwsKey, AwsStore } from "./store.js";

interface KeyInput {
  readonly KeyId: string;
}

interface EnableInput extends KeyInput {
  readonly RotationPeriodInDays?: number;
}

interface ListInput extends KeyInput, PageInput {
  readonly IncludeKeyMaterial?: "ALL_KEY_MATERIAL" | "ROTATIONS_ONLY";
}

/** In the life of a key; not adjustable. */
const MAX_ON_DEMAND_ROTATIONS = 25;

export const ROTATION_OPERATIONS: AwsOperations = {
  EnableKeyRotation: operation<EnableInput>({ KeyId: KEY_ID, RotationPeriodInDays: { kind: "integer", min: 90, max: 2560 } }, enableRotation),
  DisableKeyRotation: operation<KeyInput>({ KeyId: KEY_ID }, (store, { KeyId }) => {
    delete schedulable(store, KeyId).automatic;
    return undefined;
  }),
  GetKeyRotationStatus: operation<KeyInput>({ KeyId: KEY_ID }, (store, { KeyId }) => rotationStatus(store.find(KeyId, "key"))),
  RotateKeyOnDemand: operation<KeyInput>({ KeyId: KEY_ID }, rotateOnDemand),
  ListKeyRotations: operation<ListInput>(
    {
      KeyId: KEY_ID,
      IncludeKeyMaterial: { kind: "string", values: ["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"] },
      Limit: { kind: "integer", min: 1, max: 1000 },
      Marker: MARKER,
    },
    listRotations,
  ),
};

function rotatable(store: AwsStore, keyId: string): AwsKey {
  const key = store.findOwn(keyId);
  if (KEY_SPECS[key.spec].family !== "symmetric") throw unsupported();
  if (key.primaryRegion !== undefined) throw unsupported(`${key.arn} is not a multi-region primary key.`);
  refuseStates(key, UNUSABLE);
  return key;
}

/** Imported material and custom key stores rotate by no schedule. */
function schedulable(store: AwsStore, keyId: string): AwsKey {
  const key = rotatable(store, keyId);
  refuseOrigin(key, key.origin !== "AWS_KMS");
  return key;
}

function refuseOrigin({ arn, origin }: AwsKey, refused: boolean): void {
  if (refused) throw unsupported(`${arn} origin is ${origin} which is not valid for this operation.`);
}

/** Without a period: 365 days the first time, later the period it has. */
function enableRotation(store: AwsStore, { KeyId, RotationPeriodInDays }: EnableInput): Answer {
  const key = schedulable(store, KeyId);
  const days = RotationPeriodInDays ?? key.automatic?.days ?? 365;
  if (key.automatic?.days !== days) key.automatic = { days, nextAt: store.now() + days * DAY_MS };
  return undefined;
}

/**
 * Asymmetric and HMAC keys read as not rotating (KMS API reference, GetKeyRotationStatus), and so does a key pending deletion. In which
 * form `KeyId` comes is not recorded.
 */
function rotationStatus(key: AwsKey): Answer {
  const automatic = (PENDING_DELETION as readonly string[]).includes(key.state) ? undefined : key.automatic;
  return {
    KeyId: key.arn,
    KeyRotationEnabled: automatic !== undefined,
    ...(automatic === undefined ? {} : { NextRotationDate: seconds(automatic.nextAt) }),
    ...(key.onDemandSince === undefined ? {} : { OnDemandRotationStartDate: seconds(key.onDemandSince) }),
    ...(automatic === undefined ? {} : { RotationPeriodInDays: automatic.days }),
  };
}

/** A key with imported material needs new material first, and importing is not emulated. */
function rotateOnDemand(store: AwsStore, { KeyId }: KeyInput): Answer {
  const key = rotatable(store, KeyId);
  refuseOrigin(key, key.origin !== "AWS_KMS" && key.origin !== "EXTERNAL");
  if (key.origin === "EXTERNAL") {
    throw new AwsFailure("KMSInvalidStateException", `No available key material pending rotation for the key: ${key.arn}.`);
  }
  if (isRotating(store, key)) throw new AwsFailure("ConflictException", `A rotation of ${key.arn} is in progress or about to begin.`);
  if (key.onDemandRotations >= MAX_ON_DEMAND_ROTATIONS) {
    const text = "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ";
    throw new AwsFailure("LimitExceededException", text + key.arn);
  }
  key.onDemandRotations += 1;
  key.onDemandSince = store.now();
  return { KeyId: key.arn };
}

/** Also when an automatic rotation is to begin within 20 minutes (KMS API reference, ConflictException). */
function isRotating(store: AwsStore, { onDemandSince, automatic }: AwsKey): boolean {
  return onDemandSince !== undefined || (automatic !== undefined && automatic.nextAt - store.now() <= 20 * 60_000);
}

/** The first material has neither a date nor a type, and is shown on request only. */
function listRotations(store: AwsStore, { KeyId, IncludeKeyMaterial, ...page }: ListInput): Answer {
  const key = store.find(KeyId, "key");
  if (KEY_SPECS[key.spec].family !== "symmetric") throw unsupported();
  refuseStates(key, PENDING_DELETION);
  const entries = key.material.map(({ id, rotation }, index) => ({
    KeyId: key.arn,
    KeyMaterialId: id,
    KeyMaterialState: index === key.material.length - 1 ? "CURRENT" : "NON_CURRENT",
    ...(rotation === undefined ? {} : { RotationDate: seconds(rotation.at), RotationType: rotation.type }),
  }));
  const items = IncludeKeyMaterial === "ALL_KEY_MATERIAL" ? entries : entries.filter((entry) => entry.RotationDate !== undefined);
  const nameOf = (entry: (typeof entries)[number]): string => String(entries.indexOf(entry)).padStart(6, "0");
  const { shown, rest } = pageOf(store, { ...page, items, nameOf, defaultLimit: 100, list: `rotations/${key.id}` });
  return { Rotations: shown, ...rest };
}
