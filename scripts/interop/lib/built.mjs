// The built package that is put to the proof: `../../dist`, or where KNHK_DIST says.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = process.env.KNHK_DIST === undefined ? new URL("../../../dist/", import.meta.url) : pathToFileURL(`${resolve(process.env.KNHK_DIST)}/`);
const load = (path) => import(new URL(path, folder));

export const { isKmsError } = await load("index.js");
export const { createAwsKms, fromAssumeRole, fromWebIdentity } = await load("aws/index.js");
export const { createVaultKms, fromAppRole, fromJwt, fromKubernetes, fromUserpass, fromWrappedToken } = await load("vault/index.js");
export const { contractCases, createAwsEmulator, createAzureEmulator, createIdentityIssuer, createTokenEmulator, createVaultEmulator } = await load("testing/index.js");
export const { awsDefaultChain, fileToken, serve, vaultDefaultChain } = await load("node/index.js");
