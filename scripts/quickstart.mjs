// The main job: signs a real file with keys in all three services and checks every signature with node:crypto.
//
//   npm start                                emulated services on loopback ports, real clients over real HTTP
//   npm start -- FILE                        the same, with a file of yours
//   npm start -- --key URI [FILE] [--rotate] a key of yours in the real service, with your credentials
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { demoServices } from "./lib/demo-services.mjs";
import { independentVerify } from "./lib/independent-verify.mjs";
import { printTable } from "./lib/table.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { createKms, isKmsError, KmsConfig } = await import("../dist/index.js");
const { awsDefaultChain, awsRegion, azureDefaultChain, vaultDefaultChain } = await import("../dist/node/index.js");

/** Where the vendors' own command lines find credentials on this machine, by the provider of a configuration. */
const CHAINS = {
  aws: ({ region }) => awsDefaultChain({ region }),
  azure: () => azureDefaultChain(),
  // An address that only a URI names gets no token, unless VAULT_ADDR or BAO_ADDR says the same.
  vault: ({ address }) => vaultDefaultChain({ address, allowCustomEndpoint: false, allowInsecureHttp: true }),
};

try {
  const { uri, file, rotate } = readArguments(process.argv.slice(2));
  const data = new Uint8Array(readFileSync(file));
  console.log(`signing ${file} (${data.length} bytes)\n`);
  const rows = uri === undefined ? await signEverywhere(data) : [await signWith(await ownKms(uri), data, undefined, rotate)];
  printTable(rows);
  const bad = rows.filter(({ problem }) => problem !== undefined);
  for (const row of bad) console.error(`\n${row.service} ${row.key}: ${row.problem}`);
  console.log(bad.length === 0 ? "\nall signatures verify with node:crypto" : `\n${bad.length} of ${rows.length} failed`);
  process.exitCode = bad.length === 0 ? 0 : 1;
} catch (error) {
  console.error(describe(error));
  process.exitCode = 1;
}

function readArguments(words) {
  const read = { uri: undefined, file: join(root, "README.md"), rotate: false };
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index];
    if (word === "--rotate") read.rotate = true;
    else if (word === "--key") read.uri = words[++index] ?? fail("--key needs a URI, such as awskms:///alias/signing?region=eu-central-1");
    else if (word.startsWith("-")) fail(`unknown option ${word}; known are --key URI and --rotate`);
    else read.file = resolve(process.env.INIT_CWD ?? ".", word);
  }
  if (read.rotate && read.uri === undefined) fail("--rotate goes with --key: the emulated keys are rotated anyway");
  return read;
}

function fail(reason) {
  throw new Error(reason);
}

/** A manager for a URI. Plain http is for a server on this machine only: its address must be a loopback literal. */
async function ownKms(uri) {
  const config = KmsConfig.fromUri(uri, await environmentFor(uri));
  const data = config.toJSON();
  const address = data.address ?? data.endpoint ?? "";
  const loopback = /^http:\/\/(127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?(\/|$)/.test(address);
  config.validate({ allowInsecureHttp: loopback });
  const credentials = CHAINS[data.provider]?.(data);
  // Time enough for a program or a sign-in that has to be renewed.
  return createKms(config, { allowInsecureHttp: loopback, timeoutMs: 60_000, ...(credentials === undefined ? {} : { credentials }) });
}

/** The region of an AWS key may come from the profile in the shared files. */
async function environmentFor(uri) {
  const region = uri.startsWith("awskms:") ? await awsRegion() : undefined;
  return region === undefined ? process.env : { ...process.env, AWS_REGION: region };
}

async function signEverywhere(data) {
  const services = await demoServices();
  try {
    const rows = [];
    for (const { service, key, algorithm, kms } of services.keys) rows.push(await signWith(kms, data, algorithm, true, { service, key }));
    return rows;
  } finally {
    await services.close();
  }
}

/** Signs, verifies outside this library, and with `rotate` shows that the old signature holds and that new ones name the new version. */
async function signWith(kms, data, algorithm, rotate, names = { service: kms.provider, key: kms.keyId }) {
  const row = { ...names, algorithm: algorithm ?? "", bytes: "", version: "", "node:crypto": "", "own verify": "", rotated: rotate ? "" : "-", "old still good": rotate ? "" : "-" };
  try {
    const message = await fitting(kms, data, algorithm);
    const signed = await kms.sign(message, algorithm === undefined ? {} : { algorithm });
    const published = await kms.getPublicKey({ keyVersion: signed.keyVersion });
    Object.assign(row, { algorithm: signed.algorithm, bytes: signed.signature.length, version: short(signed.keyVersion) });
    row["node:crypto"] = yes(independentVerify(published.pem, signed, message), "node:crypto rejects the signature");
    row["own verify"] = yes(await kms.verify(message, signed), "verify() rejects the signature");
    if (rotate) await rotateAndLook(kms, message, signed, row);
  } catch (error) {
    row.problem = describe(error);
  }
  return row;
}

async function rotateAndLook(kms, message, before, row) {
  if (!kms.supports("rotateKey")) return;
  const rotation = await kms.rotateKey();
  row.rotated = `${short(rotation.previousVersion)} → ${short(rotation.newVersion)}`;
  const after = await kms.sign(message, { algorithm: before.algorithm });
  if (after.keyVersion !== rotation.newVersion) fail(`signed with ${after.keyVersion} after a rotation to ${rotation.newVersion}`);
  if (after.keyVersion === before.keyVersion) fail("the rotation made no new version");
  const published = await kms.getPublicKey({ keyVersion: after.keyVersion });
  yes(independentVerify(published.pem, after, message), "node:crypto rejects the signature of the new version");
  row["old still good"] = yes(await kms.verify(message, before), "the old signature no longer verifies");
}

/** AWS takes at most 4,096 bytes with Ed25519, which signs no digest: then the message is the file's SHA-256. */
async function fitting(kms, data, algorithm) {
  if (algorithm !== "Ed25519" || kms.provider !== "aws" || data.length <= 4096) return data;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

function yes(verdict, problem) {
  return verdict ? "valid" : fail(problem);
}

function short(version) {
  return version === undefined ? "?" : version.length > 8 ? `${version.slice(0, 8)}…` : version;
}

function describe(error) {
  if (!isKmsError(error)) return error instanceof Error ? error.message : String(error);
  const problems = error.problems?.length > 1 ? `\n  - ${error.problems.join("\n  - ")}` : "";
  return `${error.code}: ${error.message}${problems}${error.hint === undefined ? "" : `\n  ${error.hint}`}`;
}
