/** The contract suite: what every provider has to do, as cases for any test framework, or none. */
import type { KmsManager } from "../kms/manager.js";
import type { ManagerOptions } from "../kms/options.js";
import { argumentCases } from "./contract/arguments.js";
import { Bench } from "./contract/bench.js";
import { callCases } from "./contract/calls.js";
import { eventCases } from "./contract/events.js";
import { faultCases } from "./contract/faults.js";
import { foreignVersionCases } from "./contract/foreign-versions.js";
import { keyCases } from "./contract/keys.js";
import { rotationCases } from "./contract/rotation.js";
import { rotationFaultCases } from "./contract/rotation-faults.js";
import { signingCases } from "./contract/signing.js";
import { verifyingCases } from "./contract/verifying.js";
import type { Emulator } from "./emulator.js";

/** Types of keys that the suite signs with. */
export type ContractKeyType = "RSA-2048" | "RSA-3072" | "RSA-4096" | "P-256" | "P-384" | "P-521" | "secp256k1" | "Ed25519";

/** What the suite gives a manager; hand it on as it is. */
export type ContractOptions = {
  readonly [name in "keyVersion" | "algorithm" | "rotation" | "timeoutMs" | "onEvent" | "sleep" | "random"]?: Exclude<ManagerOptions[name], undefined>;
};

/** The provider to be tested, and the service behind it. */
export interface ContractSubject {
  /** For your own titles; names of cases do not have it. */
  readonly name: string;
  /** The types that the service has. Cases that need just any key use the fastest of them. */
  readonly keyTypes: readonly ContractKeyType[];
  /** Those that `rotateKey` can rotate; of the others it must say `ERR_KMS_UNSUPPORTED`. */
  readonly rotates: readonly ContractKeyType[];
  /** Makes a new signing key at the service; the suite keeps one of each type, and takes new ones where it rotates. */
  createKey(keyType: ContractKeyType): Promise<string>;
  /** A new manager with nothing cached, as after a restart; also for a key that does not exist. */
  connect(keyId: string, options: ContractOptions): KmsManager;
  /** Well formed, and of no key. */
  readonly missingKeyId: string;
  /** Further texts that `verify` must not take for a version, such as a full name of another key. Some are built in. */
  readonly foreignVersions?: readonly string[];
  /** The service signs with a named version only, so that a manager without one reads the key once. Default false. */
  readonly signsByVersion?: boolean;
  /** The service has one name for ES256 and ES256K: the caller's word counts until the public key is known. Default false. */
  readonly confusesES256?: boolean;
  /** `digest`: no key signs a digest. `verify`: the service does not verify, or the provider does not ask it. Default none. */
  readonly lacks?: readonly ("digest" | "verify")[];
  /** Moves the clock of service and client by milliseconds; without it cases of age are left out. */
  advance?(ms: number): void;
  /** For what counts requests and injects faults. It must serve this subject only, and have no fault waiting. */
  readonly emulator?: Pick<Emulator, "requests" | "faults">;
  /** What the emulator calls the requests by which `rotateKey` changes state, in their order. */
  readonly changes?: readonly string[];
  /** Texts that must show up in no error and no event, such as the credential. */
  readonly secrets?: readonly string[];
}

/** One case. It rejects with an `Error` that says what was expected. */
export interface ContractCase {
  readonly name: string;
  /** It runs on a subject with an `emulator` only. */
  readonly needs?: "faults";
  run(): Promise<void>;
}

/**
 * All cases of the suite, in the order to run them in: one after another, for they share keys. Nothing is done until one
 * is run. They make keys and rotate them: use a place that is for tests.
 *
 * Never throws: a case that fails rejects when it is run.
 *
 * @example
 * ```ts
 * const provider = createMyProvider({ fetch: service.fetch });
 * const subject: ContractSubject = {
 *   name: "mine",
 *   keyTypes: ["P-256"],
 *   rotates: [],
 *   createKey: () => service.makeKey(),
 *   connect: (keyId, options) => new KmsManager(provider, { keyId, ...options }),
 *   missingKeyId: "no-such-key",
 * };
 * for (const { name, needs, run } of contractCases(subject)) {
 *   if (needs === undefined || subject.emulator !== undefined) test(name, run);
 * }
 * ```
 */
export function contractCases(subject: ContractSubject): ContractCase[] {
  const bench = new Bench(subject);
  const groups = [
    signingCases,
    verifyingCases,
    foreignVersionCases,
    keyCases,
    argumentCases,
    callCases,
    rotationCases,
    faultCases,
    rotationFaultCases,
    eventCases, // last, for it looks at what the others left
  ];
  return groups.flatMap((group) => group(bench));
}
