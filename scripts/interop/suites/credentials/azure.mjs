// `@azure/identity` on our emulated Entra and managed identities; a key of the emulated vault is used with each credential.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAzureEmulator, createIdentityIssuer, createTokenEmulator, serve } from "../../lib/built.mjs";
import { expect, expectEqual, expectFailure } from "../../lib/cases.mjs";
import { withEnvironment } from "../../lib/environment.mjs";
import { serveTls } from "../../lib/loopback.mjs";
import { run } from "../../lib/processes.mjs";

const TENANT = "11111111-2222-4333-8444-555555555555";
const CLIENT = "66666666-7777-4888-8999-000000000000";
const IDENTITY = { clientId: "aaaaaaaa-7777-4888-8999-000000000000", objectId: "bbbbbbbb-7777-4888-8999-000000000000", resourceId: "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app" };
const SECRET = "interop~client-secret";
const SCOPE = "https://vault.azure.net/.default";

export async function azureCases(kit) {
  const scene = await openScene(kit);
  const { identity } = scene;
  const secret = (value = SECRET) => new identity.ClientSecretCredential(TENANT, CLIENT, value, scene.reach);
  const certificate = (more = {}) => new identity.ClientCertificateCredential(TENANT, CLIENT, { certificatePath: scene.pemFile, ...more }, scene.reach);
  const workload = () => new identity.WorkloadIdentityCredential({ tenantId: TENANT, clientId: CLIENT, tokenFilePath: scene.tokenFile, ...scene.reach });
  const names = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT };
  const imds = { AZURE_POD_IDENTITY_AUTHORITY_HOST: scene.origin };
  const appService = { IDENTITY_ENDPOINT: `${scene.origin}/msi/token`, IDENTITY_HEADER: "emulated-identity-header" };
  const rows = [
    ["client secret", {}, () => secret(), "entra", CLIENT],
    ["client certificate", {}, () => certificate(), "entra", CLIENT],
    ["client certificate with its chain", {}, () => new identity.ClientCertificateCredential(TENANT, CLIENT, { certificatePath: scene.pemFile }, { ...scene.reach, sendCertificateChain: true }), "entra", CLIENT],
    ["client assertion from a function", {}, () => new identity.ClientAssertionCredential(TENANT, CLIENT, () => scene.assertion(), scene.reach), "entra", CLIENT],
    ["workload identity", {}, workload, "entra", CLIENT],
    ["workload identity by the environment", { ...names, AZURE_FEDERATED_TOKEN_FILE: scene.tokenFile }, () => new identity.WorkloadIdentityCredential(scene.reach), "entra", CLIENT],
    ["client secret by the environment", { ...names, AZURE_CLIENT_SECRET: SECRET }, () => new identity.EnvironmentCredential(scene.reach), "entra", CLIENT],
    ["managed identity, instance metadata", {}, () => managed(kit, imds), "imds", undefined],
    ["managed identity, instance metadata, user-assigned by client id", {}, () => managed(kit, imds, { clientId: IDENTITY.clientId }), "imds", IDENTITY.clientId],
    ["managed identity, instance metadata, user-assigned by object id", {}, () => managed(kit, imds, { objectId: IDENTITY.objectId }), "imds", IDENTITY.clientId],
    ["managed identity, instance metadata, user-assigned by resource id", {}, () => managed(kit, imds, { resourceId: IDENTITY.resourceId }), "imds", IDENTITY.clientId],
    ["managed identity, App Service", {}, () => managed(kit, appService), "app-service", undefined, "hsm"],
    ["managed identity, App Service, user-assigned by client id", {}, () => managed(kit, appService, { clientId: IDENTITY.clientId }), "app-service", IDENTITY.clientId, "hsm"],
  ];
  return [
    ...rows.map(([name, env, make, source, clientId, place]) => ({ name: `azure: ${name}`, run: () => withEnvironment(env, () => signs(scene, make(), { source, clientId, place })) })),
    { name: "azure: one token serves until it ends", run: () => withEnvironment({}, () => keepsToken(scene, secret())) },
    { name: "azure: claims of the vault reach the token service", run: () => withEnvironment({}, () => answersClaims(scene, secret())) },
    { name: "azure: a wrong secret is refused", run: () => withEnvironment({}, () => isRefused(secret("wrong"), /AADSTS7000215/)) },
    { name: "azure: another tenant is refused", run: () => withEnvironment({}, () => isRefused(new identity.ClientSecretCredential(CLIENT, CLIENT, SECRET, scene.reach), /AADSTS90002|endpoints_resolution_error|openid_config_error/)) },
    { name: "azure: an identity that there is not is refused", run: () => withEnvironment({}, () => isRefused(managed(kit, imds, { clientId: CLIENT }), /Identity not found/)) },
  ];
}

/** A credential whose every question is a process: MSAL finds out once a process where it runs, and keeps tokens as long. */
function managed(kit, env, options = {}) {
  const script = join(kit.kit, "suites/credentials/azure_managed_identity.mjs");
  return {
    async getToken(scopes) {
      const { code, stdout, output } = await run(process.execPath, [script, [scopes].flat()[0], JSON.stringify(options)], { env: { HOME: kit.scratch, ...env } });
      const said = code === 0 ? JSON.parse(stdout) : { name: "Error", message: output };
      if (said.token === undefined) throw Object.assign(new Error(said.message), { name: said.name });
      return said;
    },
  };
}

async function openScene(kit) {
  const identity = await import("@azure/identity");
  const { KeyClient, CryptographyClient } = await import("@azure/keyvault-keys");
  const [vault, hsm] = ["vault", "managedhsm"].map((kind) => createAzureEmulator({ vaultUrl: `https://interop.${kind}.azure.net` }));
  const issuer = await createIdentityIssuer({ issuer: "https://cluster.interop.example" });
  const { pem, pemFile } = await makeCertificate(kit);
  const app = { clientId: CLIENT, secrets: [SECRET], certificates: [pem], federated: [issuer.trust({ subject: "system:serviceaccount:prod:app" })] };
  const tokens = createTokenEmulator({
    entra: { tenantId: TENANT, apps: [app] },
    azureMetadata: { userAssigned: [IDENTITY] },
    appService: { userAssigned: [IDENTITY] },
    onToken: (issued) => [vault, hsm].forEach((place) => place.tokens.add(issued.token, issued)),
  });
  const assertion = () => issuer.token({ sub: "system:serviceaccount:prod:app", aud: "api://AzureADTokenExchange" });
  const tokenFile = join(kit.scratch, "federated-token");
  writeFileSync(tokenFile, await assertion());
  const plain = await serve((request) => tokens.fetch(request));
  kit.closing(() => plain.close());
  const policyTo = ({ agent }) => ({ additionalPolicies: [{ policy: { name: "loopback", sendRequest: (request, next) => ((request.agent = agent), next(request)) }, position: "perRetry" }] });
  const reach = policyTo(await serveTls(kit, (request) => tokens.fetch(request)));
  const openPlace = async (emulator, resource) => {
    const options = policyTo(await serveTls(kit, (request) => emulator.fetch(request)));
    const open = (credential) => new KeyClient(emulator.vaultUrl, credential, options);
    return { resource, open, crypto: (key, credential) => new CryptographyClient(key, credential, options) };
  };
  const places = { vault: await openPlace(vault, "https://vault.azure.net"), hsm: await openPlace(hsm, "https://managedhsm.azure.net") };
  return { identity, tokens, pemFile, tokenFile, assertion, origin: plain.origin, reach, places };
}

/** A certificate of its own with its key, RSA as Entra wants it. */
async function makeCertificate(kit) {
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "app-key.pem", "-out", "app-cert.pem", "-days", "2", "-subj", "/CN=interop app"];
  const { code, output } = await run("openssl", args, { cwd: kit.scratch, env: { HOME: kit.scratch } });
  if (code !== 0) throw new Error(`openssl: ${output.slice(-200)}`);
  const [pem, key] = ["app-cert.pem", "app-key.pem"].map((name) => readFileSync(join(kit.scratch, name), "utf8"));
  const pemFile = join(kit.scratch, "app.pem");
  writeFileSync(pemFile, key + pem, { mode: 0o600 });
  return { pem, pemFile };
}

let count = 0;

async function signs({ tokens, places }, credential, { source, clientId, place = "vault" }) {
  const used = [];
  const watched = { getToken: async (...asked) => (used.push(await credential.getToken(...asked)), used.at(-1)) };
  const { open, crypto, resource } = places[place];
  const key = await open(watched).createEcKey(`credentials-${(count += 1)}`, { curve: "P-256", hsm: place === "hsm" });
  const { result } = await crypto(key.id, watched).sign("ES256", createHash("sha256").update("interop").digest());
  expectEqual(result.length, 64, "bytes of the signature");
  const issued = tokens.tokens.find(({ token }) => token === used.at(-1).token);
  expect(issued !== undefined, "a token that was handed out");
  expectEqual([issued.source, issued.audience, clientId ?? issued.clientId], [source, resource, issued.clientId], "where the token is from, what for, and whose");
}

async function keepsToken({ tokens }, credential) {
  const before = tokens.tokens.length;
  const [first, second] = [await credential.getToken(SCOPE), await credential.getToken(SCOPE)];
  expectEqual([first.token === second.token, tokens.tokens.length - before], [true, 1], "whether it is the same token, and how many there were");
  const seconds = (first.expiresOnTimestamp - Date.now()) / 1000;
  expect(seconds > 3_500 && seconds < 3_700, `an end in an hour, and it is in ${seconds} seconds`);
}

async function answersClaims({ tokens }, credential) {
  const first = await credential.getToken(SCOPE);
  const claims = JSON.stringify({ access_token: { nbf: { essential: true, value: "1" } } });
  const second = await credential.getToken(SCOPE, { claims });
  expect(first.token !== second.token && tokens.tokens.at(-1).claims?.access_token?.nbf?.value === "1", "a new token, made with the claims");
}

async function isRefused(credential, message) {
  const error = await expectFailure(
    () => credential.getToken(SCOPE),
    true,
    (thrown) => /Authentication|CredentialUnavailable/.test(thrown.name),
  );
  expect(message.test(error.message), `a message like ${message}, and it is ${error.message.slice(0, 300)}`);
}
