// What the cases make on the OpenBao server beforehand, with its root token and without our client.
import { createVaultKms } from "../../lib/built.mjs";
import { expect } from "../../lib/cases.mjs";

/** Every type that Transit signs with, in the contract suite's words. */
export const TRANSIT_TYPES = {
  "RSA-2048": "rsa-2048",
  "RSA-3072": "rsa-3072",
  "RSA-4096": "rsa-4096",
  "P-256": "ecdsa-p256",
  "P-384": "ecdsa-p384",
  "P-521": "ecdsa-p521",
  Ed25519: "ed25519",
};

export async function mount(bao, path, namespace) {
  await done(bao, "POST", `sys/mounts/${path}`, { type: "transit" }, namespace);
}

export async function createKey(bao, name, type, { mountPath = "transit", namespace, ...options } = {}) {
  await done(bao, "POST", `${mountPath}/keys/${name}`, { type, ...options }, namespace);
}

/** A change that must work, or the case means nothing. */
export async function done(bao, method, path, body, namespace) {
  const answer = await bao.call(method, path, body, namespace === undefined ? {} : { "x-vault-namespace": namespace });
  expect(answer.status < 300, `${method} ${path} to work, and it is ${answer.status} ${answer.text.slice(0, 200)}`);
  return answer.body;
}

/** A manager of a key on the server; without retries, so that what the server says is what comes back. */
export function connect({ address, token }, keyName, options = {}) {
  return createVaultKms({ address, mountPath: "transit", keyName, credentials: { token }, allowInsecureHttp: true, env: {}, retry: { attempts: 1 }, ...options });
}

/** A token of its own with a policy of its own. */
export async function tokenWith(bao, name, policy, options = {}, namespace) {
  await done(bao, "POST", `sys/policies/acl/${name}`, { policy }, namespace);
  const { auth } = await done(bao, "POST", "auth/token/create", { policies: [name], ttl: "1h", ...options }, namespace);
  return auth.client_token;
}
