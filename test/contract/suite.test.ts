/** The suite itself: it must fail for a provider, or a client, that does one thing wrong. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KmsManager, type KmsProvider, type KeyRef } from "../../src/index.js";
import { contractCases, type ContractKeyType, type ContractSubject, type Emulator } from "../../src/testing/index.js";
import { createMemoryKms } from "./memory.js";
import { vaultSubject } from "./subjects.js";

/** A subject over a provider in memory with some methods replaced. */
function memorySubject(spoil: (provider: KmsProvider) => Partial<KmsProvider>, keyTypes: readonly ContractKeyType[]): ContractSubject {
  let added = 0;
  let count = 0;
  const now = (): number => Date.now() + added;
  const memory = createMemoryKms(now);
  const provider: KmsProvider = { ...memory.provider, ...spoil(memory.provider) };
  return {
    name: "spoilt",
    keyTypes,
    rotates: keyTypes,
    async createKey(keyType) {
      memory.createKey(`key-${++count}`, keyType);
      return `key-${count}`;
    },
    connect: (keyId, options) => new KmsManager(provider, { keyId, now, ...options }),
    missingKeyId: "key-missing",
    lacks: ["digest"],
    advance: (ms) => void (added += ms),
  };
}

const unversioned = ({ keyId }: KeyRef): KeyRef => ({ keyId });

/** What is done wrong, the provider that does it, and the cases that must notice. */
const SPOILT: readonly (readonly [what: string, cases: RegExp, spoil: (provider: KmsProvider) => Partial<KmsProvider>, keyType?: ContractKeyType])[] = [
  ["another hash", /RS384: signs a message/, (own) => ({ sign: (input, context) => own.sign({ ...input, algorithm: "RS256" }, context) }), "RSA-2048"],
  ["PKCS1 for PSS", /PS256: signs a message/, (own) => ({ sign: (input, context) => own.sign({ ...input, algorithm: "RS256" }, context) }), "RSA-2048"],
  ["the message cut at 4,096 bytes", /long messages/, (own) => ({ sign: (input, context) => own.sign({ ...input, input: input.input.slice(0, 4096) }, context) })],
  ["an encoding that it is not", /signs a message/, (own) => ({ sign: async (input, context) => ({ ...(await own.sign(input, context)), encoding: "der" }) })],
  ["a signature without a version", /signs a message/, (own) => ({ sign: async (input, context) => ({ ...(await own.sign(input, context)), keyVersion: "" }) })],
  ["always the first version in a signature", /: rotates|while the key rotates/, (own) => ({ sign: async (input, context) => ({ ...(await own.sign(input, context)), keyVersion: "1" }) })],
  ["a pinned version that is not used", /keeps to it/, (own) => ({ sign: (input, context) => own.sign({ ...input, key: unversioned(input.key) }, context) })],
  ["yes to every signature", /anything else than/, () => ({ verify: async () => true })],
  ["no to every signature", /signs a message/, () => ({ verify: async () => false })],
  ["every version taken for its own", /that no key has/, (own) => ({ ownsVersion: async () => true, getPublicKey: (key, context) => own.getPublicKey(unversioned(key), context) })],
  ["another version's public key", /: rotates/, (own) => ({ getPublicKey: (key, context) => own.getPublicKey(unversioned(key), context) })],
  ["an inexact version of a public key", /three forms/, (own) => ({ getPublicKey: async (key, context) => ({ ...(await own.getPublicKey(key, context)), keyVersion: "2" }) })],
  ["another key type in metadata", /: metadata/, (own) => ({ getKeyMetadata: async (key, include, context) => ({ ...(await own.getKeyMetadata(key, include, context)), keyType: "P-384" }) })],
  ["a date as text", /: metadata/, (own) => ({ getKeyMetadata: async (key, include, context) => ({ ...(await own.getKeyMetadata(key, include, context)), createdAt: "2020-01-01" as never }) })],
  ["an age that starts anew with each question", /by age/, (own) => ({ getKeyMetadata: async (key, include, context) => ({ ...(await own.getKeyMetadata(key, include, context)), createdAt: new Date() }) })],
  ["the age of the oldest version", /by age/, (own) => ({ getKeyMetadata: (key, include, context) => own.getKeyMetadata({ ...key, keyVersion: "1" }, include, context) })],
  [
    "every version current",
    /: rotates/,
    (own) => ({
      async *listKeyVersions(key, include, newContext) {
        for await (const version of own.listKeyVersions(key, include, newContext)) yield { ...version, current: true };
      },
    }),
  ],
  ["a rotation that does nothing", /: rotates/, () => ({ rotateKey: async () => ({ status: "done", previousVersion: "1", newVersion: "2", rotatedAt: new Date() }) })],
  ["two rotations for one", /: rotates/, (own) => ({ rotateKey: async (input, context) => (await own.rotateKey?.(input, context), own.rotateKey?.(input, context)) as never })],
  ["an error of another kind", /NOT_FOUND/, () => ({ getKeyMetadata: async () => Promise.reject(new Error("no such key")) })],
  ["a signal that is not heard", /in flight/, (own) => ({ getPublicKey: (key, context) => own.getPublicKey(key, Object.create(context, { signal: { value: undefined } })) })],
  ["no rotation at all", /supports/, () => ({ rotateKey: undefined as never })],
  ["hostile key ids", /hostile key id/, () => ({ keyProblems: () => [] })],
];

async function failuresOf(subject: ContractSubject, cases: RegExp): Promise<string[]> {
  const chosen = contractCases(subject).filter(({ name, needs }) => cases.test(name) && (needs === undefined || subject.emulator !== undefined));
  assert.ok(chosen.length > 0, `no case is called ${String(cases)}`);
  const failures: string[] = [];
  for (const { run } of chosen) await run().catch((error: unknown) => failures.push((error as Error).message));
  return failures;
}

const test = suite("contract suite");

for (const [what, cases, spoil, keyType = "P-256"] of SPOILT) {
  test(`notices ${what}`, async () => {
    assert.ok((await failuresOf(memorySubject(spoil, [keyType]), cases)).length > 0);
    assert.equal(await failuresOf(memorySubject(() => ({}), [keyType]), cases), [], "the provider as it was made");
  });
}

/** Clients in front of which something stands that they know nothing of. */
const MEDDLERS: readonly (readonly [what: string, cases: RegExp, meddle: (emulator: Emulator) => Emulator["fetch"]])[] = [
  ["every request sent twice", /one request a signature/, ({ fetch }) => async (input, init) => (await fetch(input, init), fetch(input, init))],
  [
    "a rotation repeated on its own",
    /is sent once/,
    ({ fetch }) =>
      (input, init) =>
        fetch(input, init).catch(() => fetch(input, init)),
  ],
  ["a redirect taken for an answer", /cannot be believed/, ({ fetch }) => async (input, init) => plain(await fetch(input, init))],
];

/** As a fetch that follows redirects to a page that says nothing. */
function plain(response: Response): Response {
  return response.status >= 300 && response.status < 400 ? new Response("{}", { status: 200 }) : response;
}

for (const [what, cases, meddle] of MEDDLERS) {
  test(`notices ${what}`, async () => {
    const own = vaultSubject();
    const fetch = meddle(own.emulator);
    const subject: ContractSubject = { ...own, keyTypes: ["P-256"], rotates: ["P-256"], connect: (keyId, options) => own.connectWith(keyId, { ...options, fetch }) };
    assert.ok((await failuresOf(subject, cases)).length > 0);
  });
}

test("cases have names of their own, and those that need an emulator say so", () => {
  const names = contractCases(vaultSubject()).map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  const { emulator, ...without } = vaultSubject();
  assert.ok(emulator.requests.length === 0, "nothing is done before a case is run");
  const needing = contractCases(without).filter(({ needs }) => needs === "faults");
  assert.ok(needing.length > 20);
});

test("a case that needs an emulator says so when there is none", async () => {
  const { emulator: _, ...without } = vaultSubject();
  const [first] = contractCases(without).filter(({ needs }) => needs === "faults");
  const message = await first?.run().then(
    () => "",
    (error: Error) => error.message,
  );
  assert.match(message ?? "", /expected a subject with an emulator/);
});

test.run();
