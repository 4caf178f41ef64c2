// Users and roles on the moto server, made without our client, and what its STS says of a caller.
import { signedHeaders } from "../../lib/sigv4.mjs";
import { expect } from "../../lib/cases.mjs";
import { request } from "../../lib/http.mjs";
import { iamUser, query, REGION } from "./setup.mjs";

/** moto's own account. */
export const roleArn = (name) => `arn:aws:iam::123456789012:role/${name}`;
const ANYTHING = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["kms:*", "sts:*"], Resource: "*" }] };

/** A role that the principal of `trusted` may take; `may` false: one without any rights. */
async function createRole(moto, name, trusted, { condition, may = true } = {}) {
  const statement = { Effect: "Allow", Principal: { AWS: trusted }, Action: "sts:AssumeRole", ...(condition === undefined ? {} : { Condition: condition }) };
  const document = encodeURIComponent(JSON.stringify({ Version: "2012-10-17", Statement: [statement] }));
  await query(moto, `Action=CreateRole&RoleName=${name}&AssumeRolePolicyDocument=${document}`);
  if (may) await query(moto, `Action=PutRolePolicy&RoleName=${name}&PolicyName=all&PolicyDocument=${encodeURIComponent(JSON.stringify(ANYTHING))}`);
}

/** The user who takes roles: `outer` for itself, `inner` behind `outer` only. */
export async function prepareRoles(moto) {
  const user = await iamUser(moto);
  const arn = "arn:aws:iam::123456789012:user/interop";
  await createRole(moto, "outer", arn);
  await createRole(moto, "inner", "arn:aws:sts::123456789012:assumed-role/outer/first");
  await createRole(moto, "guarded", arn, { condition: { StringEquals: { "sts:ExternalId": "e-1" } } });
  await createRole(moto, "foreign", "arn:aws:iam::123456789012:user/somebody-else");
  await createRole(moto, "powerless", arn, { may: false });
  await createRole(moto, "web", arn);
  return user;
}

/** Whom STS takes the holder of credentials for. */
export async function callerOf({ endpoint }, credentials) {
  const body = "Action=GetCallerIdentity&Version=2011-06-15";
  const token = credentials.sessionToken === undefined ? {} : { "x-amz-security-token": credentials.sessionToken };
  const headers = signedHeaders({ host: new URL(endpoint).host, headers: { "content-type": "application/x-www-form-urlencoded", ...token }, body, region: REGION, service: "sts", credentials });
  const { status, text } = await request(endpoint, { method: "POST", headers, body });
  expect(status === 200, `GetCallerIdentity to work, and it is ${status} ${text.slice(0, 300)}`);
  return /<Arn>([^<]+)<\/Arn>/.exec(text)[1];
}
