// Combinations of all parameters of sign and verify, for each type of key: one case a type, whose findings name the combination.
import { seededRandom } from "../../lib/seeded-random.mjs";

/** `undefined` leaves a parameter out. Values that no server takes are among them. */
const PARAMETERS = {
  input: [
    "",
    "AAAA",
    Buffer.alloc(32, 1).toString("base64"),
    Buffer.alloc(48, 2).toString("base64"),
    Buffer.alloc(64, 3).toString("base64"),
    Buffer.alloc(20, 4).toString("base64"),
    "*",
  ],
  hash_algorithm: [undefined, undefined, "sha1", "sha2-256", "sha2-256", "sha2-384", "sha2-512", "none", "sha256", ""],
  algorithm: [undefined, undefined, undefined, "sha2-384", "unknown"],
  prehashed: [undefined, undefined, true, false, "true", "maybe"],
  marshaling_algorithm: [undefined, undefined, "asn1", "jws", "", "unknown"],
  signature_algorithm: [undefined, "pss", "pkcs1v15", "pkcs1v15", "", "unknown"],
  salt_length: [undefined, undefined, "auto", "hash", "32", 20, "-1", -2, 0, 1000, "", "unknown"],
  key_version: [undefined, undefined, undefined, 0, 1, "1", 9, -1, 1.5, ""],
};

const KEYS = { "shared-rsa": 150, "shared-p256": 250, "shared-p384": 100, "shared-p521": 100, "shared-ed": 200 };

/** Sign; verify with the same parameters; and verify what the other side signed. */
export function matrixSteps() {
  const { pick } = seededRandom(1);
  const steps = Object.entries(KEYS).map(([key, count]) => ({
    name: `${count} combinations with ${key}`,
    steps: Array.from({ length: count }, () => combination(key, pick)).flat(),
  }));
  return { matrix: steps };
}

function combination(key, pick) {
  const body = Object.fromEntries(Object.entries(PARAMETERS).map(([name, values]) => [name, pick(values)]));
  // Of two parameters that cannot be read the server names either, by chance.
  if (body.prehashed === "maybe") body.key_version = undefined;
  const text = JSON.stringify(body);
  const keep = ({ body: answer }, known) => void (known.signature = answer?.data?.signature ?? "vault:v1:AAAA");
  const verify = (signature) => ({ path: `transit/verify/${key}`, body: { ...body, signature } });
  return [
    { name: `sign ${text}`, ask: () => ({ path: `transit/sign/${key}`, body }), facts: keep },
    { name: `verify ${text}`, ask: (known) => verify(known.signature) },
    { name: `verify the other's ${text}`, ask: (_known, other) => verify(other.signature) },
  ];
}
