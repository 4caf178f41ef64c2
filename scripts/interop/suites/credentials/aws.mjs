// `@aws-sdk/credential-providers` on our emulated STS, container endpoint, instance metadata and Identity Center; a key of the
// emulated KMS is used with each credential.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAwsEmulator, createIdentityIssuer, createTokenEmulator, serve } from "../../lib/built.mjs";
import { expect, expectEqual, expectFailure } from "../../lib/cases.mjs";
import { withEnvironment } from "../../lib/environment.mjs";
import { serveTls } from "../../lib/loopback.mjs";

const REGION = "eu-central-1";
const USER = { accessKeyId: "AKIAINTEROP", secretAccessKey: "interop/secret" };
const role = (name) => `arn:aws:iam::111122223333:role/${name}`;
const AUTHORIZATION = "Bearer interop-container";

export async function awsCases(kit) {
  const scene = await openScene(kit);
  const { providers, clientConfig, origin } = scene;
  const temporary = (name, more = {}) => providers.fromTemporaryCredentials({ masterCredentials: USER, params: { RoleArn: role(name), ...more }, clientConfig });
  const byToken = async (more = {}) => providers.fromWebToken({ roleArn: role("web"), webIdentityToken: await scene.token(), clientConfig, ...more });
  const home = (name, files) => ({ HOME: writeHome(join(kit.scratch, name), files), AWS_REGION: REGION });
  const container = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${origin}/v2/credentials/emulated`, AWS_CONTAINER_AUTHORIZATION_TOKEN: AUTHORIZATION };
  const metadata = { AWS_EC2_METADATA_SERVICE_ENDPOINT: origin };
  const profile = `[profile base]\naws_access_key_id = ${USER.accessKeyId}\naws_secret_access_key = ${USER.secretAccessKey}\n\n[profile signer]\nrole_arn = ${role("demo")}\nsource_profile = base\nexternal_id = e-1\n`;
  const tokenFile = join(kit.scratch, "web-identity-token");
  writeFileSync(tokenFile, await scene.token());
  const webNames = { AWS_ROLE_ARN: role("web"), AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_ROLE_SESSION_NAME: "ci" };
  const rows = [
    ["temporary credentials", home("none", {}), () => temporary("plain"), "sts", role("plain")],
    ["temporary credentials with an external id", home("none", {}), () => temporary("demo", { ExternalId: "e-1" }), "sts", role("demo")],
    ["temporary credentials, a role behind a role", home("none", {}), () => providers.fromTemporaryCredentials({ masterCredentials: temporary("plain"), params: { RoleArn: role("behind") }, clientConfig }), "sts", role("behind")],
    ["web token", home("none", {}), byToken, "sts", role("web")],
    ["web token from a file", { ...home("none", {}), ...webNames }, () => providers.fromTokenFile({ clientConfig }), "sts", role("web")],
    ["container metadata", { ...home("none", {}), ...container }, () => providers.fromContainerMetadata({ maxRetries: 0 }), "container", role("emulated-task")],
    ["HTTP, as the chain asks a container", { ...home("none", {}), ...container }, () => providers.fromHttp({}), "container", role("emulated-task")],
    ["instance metadata", { ...home("none", {}), ...metadata }, () => providers.fromInstanceMetadata({ maxRetries: 0 }), "ec2", role("emulated-role")],
    ["a profile with a role", home("ini", { config: profile }), () => providers.fromIni({ profile: "signer", clientConfig }), "sts", role("demo")],
    ["SSO, legacy", home("sso-legacy", legacySso()), () => providers.fromSSO({ profile: "person", clientConfig }), "sso", undefined],
    ["SSO, session", home("sso", ssoSession(3_600_000)), () => providers.fromSSO({ profile: "person", clientConfig }), "sso", undefined],
    ["SSO, session that has ended and is refreshed", home("sso-ended", ssoSession(-60_000)), () => providers.fromSSO({ profile: "person", clientConfig }), "sso", undefined],
  ];
  return [
    ...rows.map(([name, env, make, source, roleArn]) => ({ name: `aws: ${name}`, run: () => withEnvironment(env, async () => signs(scene, await make(), source, roleArn)) })),
    ...[
      ["a role that there is not", () => temporary("nobody"), "AccessDenied"],
      ["a wrong external id", () => temporary("demo", { ExternalId: "e-2" }), "AccessDenied"],
      ["a wrong secret", () => providers.fromTemporaryCredentials({ masterCredentials: { ...USER, secretAccessKey: "x" }, params: { RoleArn: role("plain") }, clientConfig }), "SignatureDoesNotMatch"],
      ["an identity token that has expired", async () => byToken({ webIdentityToken: await scene.token({ iat: 1, nbf: 1, exp: 3600 }) }), "ExpiredTokenException"],
      ["a text that is no identity token", () => byToken({ webIdentityToken: "no.identity.token" }), "InvalidIdentityTokenException"],
    ].map(([name, make, code]) => ({ name: `aws: ${name} is ${code}`, run: () => withEnvironment(home("none", {}), async () => isRefused(await make(), code)) })),
    { name: "aws: one session serves until near its end", run: () => withEnvironment(home("none", {}), () => keepsSession(scene, temporary("plain"))) },
  ];
}

async function openScene(kit) {
  const providers = await withEnvironment({}, () => import("@aws-sdk/credential-providers"));
  const sdk = await import("@aws-sdk/client-kms");
  const kms = createAwsEmulator({ region: REGION, credentials: { accessKeyId: "AKIAOTHER", secretAccessKey: "other" } });
  const issuer = await createIdentityIssuer();
  const roles = [{ arn: role("plain") }, { arn: role("behind") }, { arn: role("demo"), externalId: "e-1" }, { arn: role("web"), webIdentities: [issuer.trust()] }];
  const tokens = createTokenEmulator({
    sts: { credentials: [USER], roles },
    container: { authorization: AUTHORIZATION },
    ec2Metadata: {},
    sso: { region: REGION, roles: [{ accountId: "111122223333", roleName: "Signer" }] },
    onCredentials: kms.addCredentials,
  });
  const plain = await serve((request) => tokens.fetch(request));
  kit.closing(() => plain.close());
  const tokensTls = await serveTls(kit, (request) => tokens.fetch(request));
  const kmsTls = await serveTls(kit, (request) => kms.fetch(request));
  const clientConfig = { region: REGION, requestHandler: { httpsAgent: tokensTls.agent } };
  const token = (claims = {}) => issuer.token({ sub: "a", aud: "sts.amazonaws.com", ...claims });
  const open = (credentials) => {
    const client = new sdk.KMSClient({ region: REGION, credentials, requestHandler: { httpsAgent: kmsTls.agent } });
    kit.closing(() => client.destroy());
    return client;
  };
  return { providers, sdk, kms, tokens, clientConfig, token, open, origin: plain.origin };
}

/** A home folder with files below `.aws`. */
function writeHome(home, files) {
  mkdirSync(join(home, ".aws/sso/cache"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, ".aws", name), text);
  return home;
}

const START = "https://interop.awsapps.com/start";
const person = "sso_account_id = 111122223333\nsso_role_name = Signer\n";
const cacheFile = (key) => `sso/cache/${createHash("sha1").update(key).digest("hex")}.json`;

function legacySso() {
  const cached = { startUrl: START, region: REGION, accessToken: "emulated-sso-access-token", expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
  return { config: `[profile person]\nsso_start_url = ${START}\nsso_region = ${REGION}\n${person}`, [cacheFile(START)]: JSON.stringify(cached) };
}

/** `left`: milliseconds that the token of the session has. */
function ssoSession(left) {
  const cached = {
    startUrl: START,
    region: REGION,
    accessToken: left > 0 ? "emulated-sso-access-token" : "an-old-token",
    expiresAt: new Date(Date.now() + left).toISOString(),
    refreshToken: "emulated-sso-refresh-token",
    clientId: "emulated-client",
    clientSecret: "emulated-client-secret",
    registrationExpiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  };
  const config = `[sso-session work]\nsso_start_url = ${START}\nsso_region = ${REGION}\n\n[profile person]\nsso_session = work\n${person}`;
  return { config, [cacheFile("work")]: JSON.stringify(cached) };
}

async function signs({ sdk, tokens, open }, credentials, source, roleArn) {
  const { accessKeyId } = await credentials();
  const client = open(credentials);
  const { KeyMetadata } = await client.send(new sdk.CreateKeyCommand({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }));
  const input = { KeyId: KeyMetadata.KeyId, Message: Buffer.from("interop"), SigningAlgorithm: "ECDSA_SHA_256" };
  const { Signature } = await client.send(new sdk.SignCommand(input));
  expectEqual((await client.send(new sdk.VerifyCommand({ ...input, Signature }))).SignatureValid, true, "SignatureValid");
  const issued = tokens.credentials.find((entry) => entry.accessKeyId === accessKeyId);
  expect(issued !== undefined, "credentials that were handed out");
  expectEqual([issued.source, roleArn ?? issued.roleArn], [source, issued.roleArn], "where they are from, and the role");
}

async function isRefused(credentials, code) {
  await expectFailure(credentials, code, (error) => error.name);
}

/** The client asks anew in the last five minutes. */
async function keepsSession({ sdk, tokens, open }, credentials) {
  const sessions = async (calls) => {
    const client = open(credentials);
    const before = tokens.credentials.length;
    for (let call = 0; call < calls; call += 1) await client.send(new sdk.ListKeysCommand({}));
    return tokens.credentials.length - before;
  };
  expectEqual(await sessions(3), 1, "sessions of an hour for three calls");
  tokens.tamper((members) => ({ ...members, Expiration: new Date(Date.now() + 30_000).toISOString() }));
  expectEqual(await sessions(3), 2, "sessions for three calls, the first of 30 seconds");
}
