// What the cases make on the moto server beforehand, without our client. moto checks no signatures unless told to.
import { createAwsKms } from "../../lib/built.mjs";
import { expect } from "../../lib/cases.mjs";
import { request } from "../../lib/http.mjs";

export const REGION = "eu-central-1";
export const CREDENTIALS = { accessKeyId: "AKIAINTEROP", secretAccessKey: "interop/secret" };

/** Every type of key that moto signs with, in the contract suite's words. */
export const KEY_SPECS = {
  "RSA-2048": "RSA_2048",
  "RSA-3072": "RSA_3072",
  "RSA-4096": "RSA_4096",
  "P-256": "ECC_NIST_P256",
  "P-384": "ECC_NIST_P384",
  "P-521": "ECC_NIST_P521",
  secp256k1: "ECC_SECG_P256K1",
};

/** One operation, signed in form only: moto routes by the scope in `authorization`. */
export function operate({ endpoint }, operation, members, { region = REGION } = {}) {
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `TrentService.${operation}`,
    "x-amz-date": "20260115T080910Z",
    authorization: `AWS4-HMAC-SHA256 Credential=${CREDENTIALS.accessKeyId}/20260115/${region}/kms/aws4_request, SignedHeaders=host;x-amz-date, Signature=${"0".repeat(64)}`,
  };
  return request(endpoint, { method: "POST", headers, body: members });
}

/** A change that must work, or the case means nothing. */
export async function done(moto, operation, members) {
  const { status, body, text } = await operate(moto, operation, members);
  expect(status === 200, `${operation} to work, and it is ${status} ${text.slice(0, 200)}`);
  return body;
}

/** A key with the name of an alias; returns its id. */
export async function createKey(moto, alias, keySpec, members = {}) {
  const { KeyMetadata } = await done(moto, "CreateKey", { KeySpec: keySpec, KeyUsage: "SIGN_VERIFY", ...members });
  if (alias !== undefined) await done(moto, "CreateAlias", { AliasName: alias, TargetKeyId: KeyMetadata.KeyId });
  return KeyMetadata.KeyId;
}

/** A manager of a key on the server; without retries, so that what the server says is what comes back. */
export function connect({ endpoint }, keyId, options = {}) {
  return createAwsKms({ region: REGION, endpoint, keyId, credentials: CREDENTIALS, allowInsecureHttp: true, env: {}, retry: { attempts: 1 }, ...options });
}

/** An access key of a user who may do everything: what moto needs before it can check signatures. Once a run. */
export async function iamUser(moto) {
  moto.user ??= makeUser(moto);
  return moto.user;
}

async function makeUser(moto) {
  const user = "UserName=interop";
  await query(moto, `Action=CreateUser&${user}`);
  const text = await query(moto, `Action=CreateAccessKey&${user}`);
  const policy = encodeURIComponent('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:*","sts:*"],"Resource":"*"}]}');
  await query(moto, `Action=PutUserPolicy&${user}&PolicyName=all&PolicyDocument=${policy}`);
  const element = (name) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)[1];
  return { accessKeyId: element("AccessKeyId"), secretAccessKey: element("SecretAccessKey") };
}

export async function query({ endpoint }, form) {
  const headers = {
    "content-type": "application/x-www-form-urlencoded",
    authorization: `AWS4-HMAC-SHA256 Credential=none/20260115/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`,
  };
  const { status, text } = await request(endpoint, { method: "POST", headers, body: `${form}&Version=2010-05-08` });
  expect(status === 200, `IAM to take ${form.slice(0, 40)}, and it is ${status} ${text.slice(0, 200)}`);
  return text;
}

/** How many calls pass before signatures are checked: `0` or `inf`. */
export function resetAuth({ endpoint }, calls) {
  return request(`${endpoint}/moto-api/reset-auth`, { method: "POST", body: calls });
}
