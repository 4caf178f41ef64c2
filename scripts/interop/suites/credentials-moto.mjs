// Our roles against moto's STS, which checks signatures, trust policies and rights here.
import { inspect } from "node:util";
import { createIdentityIssuer, fromAssumeRole, fromWebIdentity, isKmsError } from "../lib/built.mjs";
import { expect, expectEqual, expectFailure, runCases } from "../lib/cases.mjs";
import { startMoto } from "../lib/servers.mjs";
import { callerOf, prepareRoles, roleArn } from "./moto/roles.mjs";
import { connect, createKey, REGION, resetAuth } from "./moto/setup.mjs";

export const suite = {
  counterpart: "moto",
  needs: ["python"],
  async run(kit, report) {
    const moto = await startMoto(kit);
    kit.closing(() => moto.close());
    const scene = { moto, user: await prepareRoles(moto), keyId: await createKey(moto, undefined, "ECC_NIST_P256") };
    await runCases(cases(scene), report);
    return moto.version;
  },
};

function cases(scene) {
  return [
    { name: "assume role: signs, under the session's name", run: () => takesRole(scene) },
    { name: "assume role: a role behind a role", run: () => takesSecondRole(scene) },
    { name: "assume role: an external id", run: () => takesGuarded(scene) },
    { name: "assume role: all options at once", run: () => takesAllOptions(scene) },
    { name: "assume role: a space in a tag", run: () => checked(scene, () => sign(scene, outer(scene, { tags: { "a b": "c d" } }))) },
    { name: "assume role: a new session before the end of the old one", run: () => refreshes(scene) },
    { name: "assume role: 100 cold calls are one session", run: () => takesOnce(scene) },
    { name: "assume role: the source is asked again when its key is refused", run: () => asksSourceAgain(scene) },
    { name: "web identity: signs, under the session's name", run: () => takesByToken(scene) },
    { name: "web identity: a role behind it", run: () => takesBehindToken(scene) },
    { name: "web identity: names of the environment", run: () => readsEnvironment(scene) },
    ...[
      ["a secret that is not the access key's", "SignatureDoesNotMatch", ({ user }) => ({ credentials: { ...user, secretAccessKey: "pl4nted-wrong" } })],
      ["an access key that does not exist", "InvalidClientTokenId", () => ({ credentials: { accessKeyId: "AKIANOBODY", secretAccessKey: "pl4nted-wrong" } })],
      ["a role that trusts somebody else", "AccessDenied", () => ({ roleArn: roleArn("foreign") })],
      ["a wrong external id", "AccessDenied", () => ({ roleArn: roleArn("guarded"), externalId: "e-2" })],
      ["a session name that the second role does not trust", "AccessDenied", (here) => ({ roleArn: roleArn("inner"), credentials: outer(here, { sessionName: "second" }) })],
    ].map(([name, code, changes]) => ({ name: `refused: ${name} is ${code}`, run: () => refuses(scene, code, changes(scene)) })),
    { name: "refused: a role without rights is taken, and the key is denied", run: () => isPowerless(scene) },
  ];
}

/** Signatures, trust and rights are checked while `run` is under way. */
async function checked({ moto }, run) {
  await resetAuth(moto, "0");
  try {
    return await run();
  } finally {
    await resetAuth(moto, "inf");
  }
}

const options = ({ moto, user }) => ({ region: REGION, endpoint: moto.endpoint, env: {}, credentials: user });
const outer = (scene, more = {}) => fromAssumeRole({ ...options(scene), roleArn: roleArn("outer"), sessionName: "first", ...more });
const sign = ({ moto, keyId }, credentials, more = {}) => connect(moto, keyId, { credentials, ...more }).sign(new Uint8Array(10), { algorithm: "ES256" });
const ask = (source) => source({ signal: new AbortController().signal, refused: false });

/** Counts what a source gives. */
function counted(source) {
  const given = [];
  return Object.assign(async (question) => (given.push(await source(question)), given.at(-1)), { given });
}

async function takesRole(scene) {
  await checked(scene, async () => {
    const source = outer(scene);
    await sign(scene, source);
    expectEqual(await callerOf(scene.moto, await ask(source)), "arn:aws:sts::123456789012:assumed-role/outer/first", "the caller");
  });
}

async function takesSecondRole(scene) {
  await checked(scene, async () => {
    const inner = fromAssumeRole({ ...options(scene), roleArn: roleArn("inner"), sessionName: "last", credentials: outer(scene) });
    await sign(scene, inner);
    expectEqual(await callerOf(scene.moto, await ask(inner)), "arn:aws:sts::123456789012:assumed-role/inner/last", "the caller");
  });
}

async function takesGuarded(scene) {
  await checked(scene, () => sign(scene, outer(scene, { roleArn: roleArn("guarded"), externalId: "e-1" })));
}

async function takesAllOptions(scene) {
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "kms:Sign", Resource: "*", Sid: "Größe" }] });
  const more = { policy, policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"], tags: { "a:b": "c&d=ü+" }, transitiveTagKeys: ["a:b"], sourceIdentity: "ci", durationSeconds: 900 };
  await checked(scene, async () => {
    const source = outer(scene, more);
    const { expiresAt } = await ask(source);
    const seconds = (expiresAt.getTime() - Date.now()) / 1000;
    expect(seconds > 840 && seconds <= 901, `a session of 900 seconds, and it is ${seconds}`);
    await sign(scene, source);
  });
}

/** The least that a session lives is 15 minutes, so its end is put earlier on the way. */
async function refreshes(scene) {
  const source = outer(scene);
  const short = counted(async (question) => ({ ...(await source(question)), expiresAt: new Date(Date.now() + 1_000) }));
  await checked(scene, async () => {
    const kms = connect(scene.moto, scene.keyId, { credentials: short });
    for (const end = Date.now() + 1_500; Date.now() < end; ) await kms.sign(new Uint8Array(10), { algorithm: "ES256" });
  });
  expectEqual([short.given.length, short.given[0].accessKeyId === short.given[1]?.accessKeyId], [2, false], "sessions, and whether they are the same");
}

async function takesOnce(scene) {
  const source = counted(outer(scene));
  await checked(scene, async () => {
    const kms = connect(scene.moto, scene.keyId, { credentials: source });
    await Promise.all(Array.from({ length: 100 }, () => kms.sign(new Uint8Array(10), { algorithm: "ES256" })));
  });
  expectEqual(source.given.length, 1, "sessions");
}

async function asksSourceAgain(scene) {
  const refusals = [];
  const source = ({ refused }) => (refusals.push(refused), refused ? scene.user : { ...scene.user, accessKeyId: "AKIAROTATED" });
  await checked(scene, () => sign(scene, outer(scene, { credentials: source })));
  expectEqual(refusals, [false, true], "what the source was told");
}

/** moto takes any identity token, but no request without a signature while it checks them; so only the use of the session is checked. */
const byToken = ({ moto }, more = {}) => fromWebIdentity({ region: REGION, endpoint: moto.endpoint, env: {}, roleArn: roleArn("web"), sessionName: "ci", identityToken: token, ...more });
const token = async () => (await createIdentityIssuer()).token({ sub: "repo:a", aud: "sts.amazonaws.com" });

async function takesByToken(scene) {
  const session = await ask(byToken(scene));
  expect(session.expiresAt.getTime() > Date.now() + 3_500_000, "a session of an hour");
  await checked(scene, async () => {
    await sign(scene, () => session);
    expectEqual(await callerOf(scene.moto, session), "arn:aws:sts::123456789012:assumed-role/web/ci", "the caller");
  });
  await sign(scene, byToken(scene));
}

async function takesBehindToken(scene) {
  const session = await ask(byToken(scene, { roleArn: roleArn("outer"), sessionName: "first" }));
  await checked(scene, () => sign(scene, fromAssumeRole({ ...options(scene), roleArn: roleArn("inner"), credentials: () => session })));
}

async function readsEnvironment(scene) {
  const env = { AWS_ROLE_ARN: roleArn("web"), AWS_ROLE_SESSION_NAME: "by-name", AWS_WEB_IDENTITY_TOKEN_FILE: "/token", AWS_REGION: REGION };
  const source = fromWebIdentity({ endpoint: scene.moto.endpoint, env, readFile: token });
  const session = await ask(source);
  await checked(scene, async () => expectEqual(await callerOf(scene.moto, session), "arn:aws:sts::123456789012:assumed-role/web/by-name", "the caller"));
}

async function refuses(scene, code, changes) {
  await checked(scene, async () => {
    const error = await expectFailure(() => sign(scene, outer(scene, changes)), "ERR_KMS_CREDENTIALS");
    expectEqual([isKmsError(error), error.providerCode, error.retryable], [true, code, false], "what the error says");
    const text = [error.message, error.stack, error.hint, JSON.stringify(error), inspect(error, { depth: Infinity, showHidden: true })].join("\n");
    expect(!text.includes("pl4nted") && !text.includes(scene.user.secretAccessKey), "no secret in the error");
  });
}

async function isPowerless(scene) {
  await checked(scene, () => expectFailure(() => sign(scene, outer(scene, { roleArn: roleArn("powerless") })), "ERR_KMS_ACCESS_DENIED"));
}
