// Random lives of keys: each case is a run of changes and uses of two keys, the same in every run.
import { seededRandom } from "../../lib/seeded-random.mjs";

const NAMES = ["life-a", "life-b"];
const CASES = 12;
const STEPS = 60;

export function randomSteps() {
  const random = seededRandom(2);
  const cases = Array.from({ length: CASES }, (_, index) => ({
    name: `life ${index + 1} of two keys`,
    steps: Array.from({ length: STEPS }, () => step(random, `${random.pick(NAMES)}-${index}`)),
  }));
  return { random: cases };
}

const ACTIONS = [
  ...[1, 2].map(
    () =>
      (key, { pick }) =>
        post(`keys/${key}`, { type: pick(["ecdsa-p256", "ecdsa-p256", "ed25519", "aes256-gcm96", "hmac"]), key_size: pick([undefined, undefined, 32]) }),
  ),
  ...[1, 2, 3, 4].map(() => (key) => post(`keys/${key}/rotate`, {})),
  ...[1, 2, 3].map(
    () =>
      (key, { below }) =>
        post(`keys/${key}/config`, { min_decryption_version: below(5) }),
  ),
  ...[1, 2, 3].map(
    () =>
      (key, { below }) =>
        post(`keys/${key}/config`, { min_encryption_version: below(5) }),
  ),
  (key, { pick }) => post(`keys/${key}/config`, { deletion_allowed: pick([true, true, false]) }),
  (key, { below }) => post(`keys/${key}/trim`, { min_available_version: below(5) }),
  (key) => ({ method: "DELETE", path: `transit/keys/${key}` }),
  (key) => ({ method: "DELETE", path: `transit/keys/${key}/soft-delete` }),
  ...[1, 2].map(() => (key) => post(`keys/${key}/soft-delete-restore`, {})),
  ...[1, 2, 3].map(() => (key) => ({ method: "GET", path: `transit/keys/${key}` })),
  ...[1, 2, 3, 4].map(
    () =>
      (key, { below }) =>
        post(`sign/${key}`, { input: "AAAA", key_version: below(6) }),
  ),
  (key) => post(`sign/${key}`, { batch_input: [{ input: "AAAA" }, { input: "" }] }),
  (key, { below }) => post(`hmac/${key}`, { input: "AAAA", key_version: below(6) }),
  ...[1, 2].map(() => (key) => (known) => post(`verify/${key}`, { input: "AAAA", signature: known[key] ?? "vault:v1:AAAA" })),
  (key, { below }) => post(`verify/${key}`, { input: "AAAA", signature: `vault:v${below(5)}:MEUCIQ==` }),
];

const post = (path, body) => ({ path: `transit/${path}`, body });

function step(random, key) {
  const action = random.pick(ACTIONS)(key, random);
  const ask = typeof action === "function" ? action : () => action;
  const { method = "POST", path, body } = ask({});
  const keep = ({ body: answer }, known) => {
    const signature = answer?.data?.signature;
    if (signature !== undefined) known[key] = signature;
  };
  return { name: `${method} ${path} ${JSON.stringify(body) ?? ""}`, ask, facts: keep };
}
