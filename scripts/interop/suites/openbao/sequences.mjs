// Sequences of calls for the differential test with OpenBao: the life of keys, and the server around them.
import { createPublicKey, verify } from "node:crypto";

const post = (path, body, more) => ({
  name: `POST ${path} ${brief(body)}${brief(more)}`,
  ask: (known) => ({ path, body: typeof body === "function" ? body(known) : body, ...more }),
});
const get = (path, more) => ({ name: `GET ${path}${brief(more)}`, ask: () => ({ method: "GET", path, ...more }) });
const remove = (path) => ({ name: `DELETE ${path}`, ask: () => ({ method: "DELETE", path }) });
const because = (why, step) => ({ ...step, name: `${why}: ${step.name}` });
export const brief = (value) => (value === undefined ? "" : typeof value === "function" ? "…" : JSON.stringify(value).slice(0, 90));

const INPUT = Buffer.from("a message of the differential test").toString("base64");
const TYPES = ["rsa-2048", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "aes256-gcm96", "aes128-gcm96", "chacha20-poly1305"];

const KEYS = [
  ...TYPES.flatMap((type) => [post(`transit/keys/k-${type}`, { type }), get(`transit/keys/k-${type}`)]),
  post("transit/keys/k-hmac", { type: "hmac", key_size: 40 }),
  get("transit/keys/k-hmac"),
  post("transit/keys/k-default", {}),
  { name: "POST transit/keys/k-nobody without a body", ask: () => ({ path: "transit/keys/k-nobody" }) },
  post("transit/keys/k-ecdsa-p256", { type: "ed25519" }),
  post("transit/keys/k-all", { type: "ed25519", exportable: true, allow_plaintext_backup: true, auto_rotate_period: "25h" }),
  post("transit/keys/k-numbers", { type: "ecdsa-p256", auto_rotate_period: 7200, exportable: "true" }),
  ...[{ type: "nothing" }, { type: "ml-dsa" }, { type: "managed_key" }, { type: 5 }, { type: null }, { type: "" }].map((body) => post("transit/keys/k-refused", body)),
  ...["59m", "-1h", "-2d", -5, "-0.1s", "+2h", "later", "-", "1.5h", "1h30m", "1h-1m", "1w", "1e3", 1.5, "2d", 3600, "3600", true, "", null, [], {}].map(
    (period, index) => post(`transit/keys/k-period-${index}`, { type: "ecdsa-p256", auto_rotate_period: period }),
  ),
  ...[undefined, 16, 31, 513, "32", 32.5].map((key_size, index) => post(`transit/keys/k-size-${index}`, { type: "hmac", key_size })),
  post("transit/keys/k-size-of-ec", { type: "ecdsa-p256", key_size: 32 }),
  post("transit/keys/k-derived", { type: "ed25519", derived: true }),
  get("transit/keys/k-derived"),
  get(`transit/keys/k-derived?context=${encodeURIComponent(INPUT)}`),
  get("transit/keys/k-derived?context=*"),
  post("transit/keys/k-derived-ec", { type: "ecdsa-p256", derived: true }),
  post("transit/keys/k-convergent", { type: "aes256-gcm96", convergent_encryption: true }),
  post("transit/keys/k-convergent-ed", { type: "ed25519", derived: true, convergent_encryption: true }),
  post("transit/keys/k-unknown", { type: "ecdsa-p256", nothing: 1, zzz: {} }),
  post("transit/keys/k-named", { type: "ecdsa-p256", name: "another" }),
  ...["a", "_", "a.b-c", "A1"].map((name) => post(`transit/keys/${name}`, { type: "ecdsa-p256" })),
  ...["-a", "a-", ".a", "a.", "a b", "a%2Fb", "ä", "a/b", "a%00"].map((name) => post(`transit/keys/${name}`, { type: "ecdsa-p256" })),
  get("transit/keys/none"),
  get("transit/keys"),
  get("transit/keys?list=maybe"),
  ...["b", "a", "C", "d"].map((name) => post(`team/transit/keys/${name}`, { type: "ecdsa-p256" })),
  ...["?list=true", "?list=1&after=a", "?list=1&limit=2", "?list=1&after=C&limit=1", "?list=1&after=none", "?list=1&limit=0", "?list=1&limit=x", "/?list=true"].map(
    (query) => get(`team/transit/keys${query}`),
  ),
  get("deep/er/transit/keys?list=true"),
];

const config = (body) => post("transit/keys/c/config", body);

const CONFIG = [
  post("transit/keys/c", { type: "ecdsa-p256" }),
  ...[1, 2, 3].map(() => post("transit/keys/c/rotate", {})),
  ...[
    {},
    { min_decryption_version: 0 },
    { min_decryption_version: 2 },
    { min_decryption_version: 9 },
    { min_decryption_version: -1 },
    { min_decryption_version: "3" },
  ].map(config),
  ...[{ min_encryption_version: 1 }, { min_encryption_version: 3 }, { min_encryption_version: 9 }, { min_encryption_version: -1 }, { min_encryption_version: 0 }].map(
    config,
  ),
  ...[{ min_encryption_version: 4, min_decryption_version: 4 }, { min_decryption_version: 1 }, { min_decryption_version: 1.5 }, { min_decryption_version: "x" }].map(
    config,
  ),
  ...[
    { exportable: true },
    { exportable: false },
    { allow_plaintext_backup: true },
    { deletion_allowed: "yes" },
    { auto_rotate_period: "1h" },
    { auto_rotate_period: "1m" },
    { auto_rotate_period: 0 },
  ].map(config),
  config({ nothing: true }),
  get("transit/keys/c"),
  post("transit/keys/none/config", { deletion_allowed: true }),
  post("transit/keys/none/rotate", {}),
  post("transit/keys/c/trim", { min_available_version: 2 }),
  config({ min_encryption_version: 3, min_decryption_version: 2 }),
  ...[{ min_available_version: 3 }, {}, { min_available_version: -1 }, { min_available_version: 2 }, { min_available_version: 1 }, { min_available_version: "2" }].map(
    (body) => post("transit/keys/c/trim", body),
  ),
  config({ min_decryption_version: 1 }),
  get("transit/keys/c"),
  post("transit/keys/none/trim", { min_available_version: 1 }),
  post("transit/sign/c", { input: INPUT, key_version: 1 }),
  post("transit/sign/c", { input: INPUT, key_version: 2 }),
  remove("transit/keys/c"),
  remove("transit/keys/none"),
  config({ deletion_allowed: true }),
  remove("transit/keys/c"),
  get("transit/keys/c"),
  post("transit/keys/soft", { type: "ecdsa-p256" }),
  remove("transit/keys/soft/soft-delete"),
  get("transit/keys/soft"),
  post("transit/sign/soft", { input: INPUT }),
  post("transit/sign/soft", { batch_input: [{ input: INPUT }] }),
  post("transit/verify/soft", { input: INPUT, signature: "vault:v1:AAAA" }),
  post("transit/hmac/soft", { input: INPUT }),
  post("transit/keys/soft/rotate", {}),
  post("transit/keys/soft", { type: "ecdsa-p256" }),
  post("transit/keys/soft/soft-delete-restore", {}),
  post("transit/sign/soft", { input: INPUT }),
  remove("transit/keys/none/soft-delete"),
  post("transit/keys/none/soft-delete-restore", {}),
];

/** Signs, and verifies the answer with node:crypto and then with the server. */
function signAndVerify(key, body, hash, encoding = "base64") {
  const sign = {
    ...post(`transit/sign/${key}`, body),
    facts: ({ body: answer }, known) => {
      const { signature } = answer.data;
      known.signature = signature;
      const bytes = Buffer.from(signature.split(":")[2], encoding);
      return {
        valid: verify(hash, Buffer.from(body.input, "base64"), { key: createPublicKey(known[key]), dsaEncoding: encoding === "base64" ? "der" : "ieee-p1363" }, bytes),
        plain: bytes.toString(encoding) === signature.split(":")[2],
      };
    },
  };
  return [
    sign,
    post(`transit/verify/${key}`, (known) => ({ ...body, signature: known.signature })),
    because(
      "other input",
      post(`transit/verify/${key}`, (known) => ({ ...body, input: "AAAA", signature: known.signature })),
    ),
  ];
}

const readPem = (key) => ({ ...get(`transit/keys/${key}`), facts: ({ body }, known) => ({ pem: (known[key] = body.data.keys["1"].public_key) }) });

const SIGNATURES = [
  ...["shared-p256", "shared-p384", "shared-p521"].flatMap((key) => [
    readPem(key),
    ...signAndVerify(key, { input: INPUT, hash_algorithm: "sha2-256" }, "sha256"),
    ...signAndVerify(key, { input: INPUT, hash_algorithm: "sha2-512", marshaling_algorithm: "jws" }, "sha512", "base64url"),
    ...signAndVerify(key, { input: "", hash_algorithm: "sha1" }, "sha1"),
  ]),
  readPem("shared-rsa"),
  ...["256", "384", "512"].map((bits) => exact("shared-rsa", { input: INPUT, hash_algorithm: `sha2-${bits}`, signature_algorithm: "pkcs1v15" })),
  exact("shared-rsa", { input: INPUT, hash_algorithm: "sha1", signature_algorithm: "pkcs1v15" }),
  exact("shared-rsa", { input: INPUT, hash_algorithm: "none", prehashed: true, signature_algorithm: "pkcs1v15" }),
  exact("shared-ed", { input: INPUT }),
  exact("shared-ed", { input: "", marshaling_algorithm: "jws" }),
  exact("shared-ed", { input: INPUT, prehashed: true, hash_algorithm: "sha2-512" }),
  ...[
    "none",
    "missing",
    "*",
    "vault:v1",
    "vault:v1:",
    "vault:v1:*",
    "vault:v1:AAAA",
    "vault:v0:AAAA",
    "vault:v9:AAAA",
    "vault:vx:AAAA",
    "vault:v1:AAAA:AAAA",
    "bao:v1:AAAA",
    "",
    null,
    5,
  ].flatMap((signature) => ["shared-p256", "shared-rsa", "shared-ed"].map((key) => post(`transit/verify/${key}`, { input: INPUT, signature }))),
  post("transit/verify/shared-p256", { input: INPUT }),
  post("transit/verify/shared-p256", { input: INPUT, signature: "vault:v1:AAAA", hmac: "vault:v1:AAAA" }),
  post("transit/verify/none", { input: INPUT, signature: "vault:v1:AAAA" }),
  post("transit/sign/none", { input: INPUT }),
  post("transit/sign/none", { input: INPUT, hash_algorithm: "sha256" }),
  post("transit/sign/k-aes256-gcm96", { input: INPUT }),
  post("transit/verify/k-aes256-gcm96", { input: INPUT, signature: "vault:v1:AAAA" }),
  post("transit/sign/k-hmac", { input: INPUT }),
  post("transit/sign/k-derived", { input: INPUT }),
  post("transit/sign/k-derived", { input: INPUT, context: "*" }),
  post("transit/sign/shared-p256/sha2-384", { input: INPUT }),
  post("transit/sign/shared-p256/sha2-384", { input: INPUT, hash_algorithm: "sha2-512" }),
  post("transit/sign/shared-p256/a/b", { input: INPUT }),
];

/** A signature that has only one value for a key and an input. */
function exact(key, body) {
  return { ...post(`transit/sign/${key}`, body), facts: ({ body: answer }) => ({ signature: answer.data.signature }) };
}

const BATCHES = [
  [{ input: INPUT }],
  [{ input: INPUT, reference: "one" }, { input: "*" }, {}, null, { input: "" }],
  [{ input: 5 }],
  [{ input: INPUT, reference: 5 }],
  [{ input: true }],
  [{ input: INPUT, key_version: 9 }],
  ["text"],
  [],
  null,
  {},
  "text",
].flatMap((batch_input) => ["shared-ed", "shared-p256"].map((key) => post(`transit/sign/${key}`, { batch_input })));

const BATCH_OPTIONS = [
  post("transit/sign/shared-rsa", { batch_input: [{ input: INPUT }], key_version: 9 }),
  post("transit/sign/shared-rsa", { batch_input: [{ input: INPUT }], salt_length: 223, signature_algorithm: "pss" }),
  post("transit/sign/shared-rsa", { batch_input: [{ input: INPUT }], signature_algorithm: "unknown" }),
  post("transit/sign/shared-rsa", { batch_input: [{ input: INPUT }], hash_algorithm: "unknown" }),
  post("transit/sign/shared-rsa", { batch_input: [{ input: INPUT }], input: "AAAA", partial_failure_response_code: 202 }),
  post("transit/sign/none", { batch_input: [{ input: INPUT }] }),
  post("transit/verify/shared-ed", {
    batch_input: [{ input: INPUT, signature: "vault:v1:AAAA" }, { input: INPUT, signature: "none" }, { input: "*", signature: "vault:v1:AAAA" }, { input: INPUT }, {}],
  }),
  post("transit/verify/shared-ed", {
    batch_input: [
      { input: INPUT, signature: "vault:v1:AAAA", reference: "r" },
      { input: INPUT, hmac: "vault:v1:AAAA" },
    ],
  }),
  because("499 items", post("transit/sign/shared-ed", { batch_input: Array(499).fill({ input: "AAAA" }) })),
  because("500 items", post("transit/sign/shared-ed", { batch_input: Array(500).fill({ input: "AAAA" }) })),
];

const HMACS = [
  ...[
    {},
    { algorithm: "sha2-256" },
    { algorithm: "sha2-384" },
    { algorithm: "sha2-512" },
    { algorithm: "sha1" },
    { algorithm: "none" },
    { algorithm: "unknown" },
    { hash_algorithm: "sha2-512" },
    { key_version: 9 },
    { key_version: -1 },
  ].map((more) => post("transit/hmac/shared-p256", { input: INPUT, ...more })),
  post("transit/hmac/shared-p256", {}),
  post("transit/hmac/shared-p256", { input: "" }),
  post("transit/hmac/shared-p256", { input: "*" }),
  post("transit/hmac/shared-p256/sha2-384", { input: INPUT }),
  post("transit/hmac/none", { input: INPUT }),
  post("transit/hmac/shared-p256", { batch_input: [{ input: INPUT }, { input: "*" }, {}] }),
  { ...post("transit/hmac/k-aes256-gcm96", { input: INPUT }), facts: ({ body }, known) => void (known.hmac = body.data.hmac) },
  post("transit/verify/k-aes256-gcm96", (known) => ({ input: INPUT, hmac: known.hmac })),
  post("transit/verify/k-aes256-gcm96", (known) => ({ input: "AAAA", hmac: known.hmac })),
  post("transit/verify/k-aes256-gcm96", (known) => ({
    batch_input: [
      { input: INPUT, hmac: known.hmac },
      { input: "AAAA", hmac: known.hmac },
    ],
  })),
  post("transit/verify/k-aes256-gcm96", { input: INPUT, hmac: "none" }),
];

const bare = { bare: true };
const raw = (body, headers) => ({
  name: `POST transit/sign/shared-p256 ${body.slice(0, 60)}${brief(headers)}`,
  ask: () => ({ path: "transit/sign/shared-p256", body, headers }),
});

const CORE = [
  get("sys/health", bare),
  get("sys/seal-status", bare),
  get("sys/init", bare),
  get("sys/health?standbyok=maybe", bare),
  get("transit/keys/shared-p256", bare),
  get("transit/keys/shared-p256", { bare: true, headers: { authorization: "Bearer interop-root-token" } }),
  get("transit/keys/shared-p256", { bare: true, headers: { authorization: "Basic interop-root-token" } }),
  get("transit/keys/shared-p256", { headers: { "x-vault-token": "s.unknown" } }),
  get("auth/token/lookup-self"),
  get("auth/token/lookup-self", { headers: { "x-vault-token": "s.unknown" } }),
  get("nowhere/keys/k"),
  get("nowhere"),
  get("transit"),
  get("transit/nothing"),
  post("transit/nothing", {}),
  get("/"),
  get("/nothing"),
  get("/v1"),
  get("/v1/"),
  get("/v1//transit/keys/shared-p256"),
  post("/v1//transit/sign/shared-p256", { input: INPUT }),
  get("transit/keys/shared-p256/"),
  post("transit/sign/shared-p256/", { input: INPUT }),
  get("transit/keys%2Fshared-p256"),
  get("transit/keys/shared-p256", { headers: { "x-vault-namespace": "team" } }),
  get("transit/keys/shared-p256", { headers: { "x-vault-namespace": "nobody" } }),
  get("transit/keys/shared-p256", { headers: { "x-vault-namespace": "root" } }),
  get("team/transit/keys/none"),
  post("transit/keys/inside", { type: "ecdsa-p256" }, { headers: { "x-vault-namespace": "team/kms/" } }),
  get("team/kms/transit/keys/inside"),
  get("kms/transit/keys/inside", { headers: { "x-vault-namespace": "team" } }),
  get("sys/health", { headers: { "x-vault-namespace": "team" } }),
  ...["PUT", "PATCH", "HEAD", "OPTIONS", "DELETE"].map((method) => ({
    name: `${method} transit/sign/shared-p256`,
    ask: () => ({ method, path: "transit/sign/shared-p256", body: method === "HEAD" ? undefined : { input: INPUT } }),
  })),
  ...[
    "{",
    "[]",
    '"text"',
    "null",
    "5",
    "",
    "\ufeff{}",
    '{"input":"AAAA"} x',
    '{"input":"AAAA","input":"BBBB"}',
    '{"input":1234}',
    '{"input":true}',
    '{"input":["AAAA"]}',
    '{"Input":"AAAA"}',
    '{"input":"AAA"}',
    '{"input":"AA=="}',
    '{"input":"AB=="}',
    '{"input":"A\\nAAA"}',
    '{"input":"__8="}',
  ].map((body) => raw(body)),
  raw('{"input":"AAAA"}', { "content-type": "text/plain" }),
  raw("input=AAAA", { "content-type": "application/x-www-form-urlencoded" }),
  raw('{"input":"AAAA"}', { "content-type": "application/x-www-form-urlencoded" }),
  raw('{"input":"AAAA"}', { "x-vault-wrap-ttl": "later" }),
  raw('{"input":"AAAA"}', { "x-vault-index": "*" }),
  raw('{"input":"AAAA"}', { "x-vault-inconsistent": "maybe" }),
];

/** The order counts: later ones use the keys of earlier ones. */
export const SEQUENCES = { keys: KEYS, config: CONFIG, signatures: SIGNATURES, batches: [...BATCHES, ...BATCH_OPTIONS], hmacs: HMACS, core: CORE };
