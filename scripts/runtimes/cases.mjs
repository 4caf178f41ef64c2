// One set of cases for every runtime. It takes the library as an argument and uses web globals only.
//
// A case is { name, run } and may resolve to "unsupported: …" when the runtime cannot do it and the library said so by a
// typed ERR_KMS_UNSUPPORTED; anything else that it throws is a failure.

/** All cases. `target` is the origin of the loopback services of run.mjs, or undefined where there is no network. */
export function allCases(library, data, target) {
  return [
    ...codecCases(library, data),
    ...jwkCases(library, data),
    ...verifyCases(library, data),
    ...contractCasesOf(library),
    ...(target === undefined ? [] : networkCases(library, target)),
  ];
}

/** Runs cases one after another; never rejects. */
export async function runCases(cases) {
  const results = [];
  for (const { name, run } of cases) {
    try {
      const said = await run();
      results.push({ name, outcome: typeof said === "string" ? said : "passed" });
    } catch (error) {
      results.push({ name, outcome: `failed: ${error?.code ?? ""} ${error?.message ?? error}` });
    }
  }
  return results;
}

function check(condition, message) {
  if (!condition) throw new Error(message);
}

async function codeOf(promise) {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return error?.code ?? String(error);
  }
}

function codecCases({ decodeBase64, decodeBase64Url, encodeHex, ecdsaDerToP1363, decodeHex }, { base64, der }) {
  const profiles = {
    base64: (text) => decodeBase64(text),
    "base64-nopad": (text) => decodeBase64(text, { padding: "forbidden" }),
    "base64url-pad": (text) => decodeBase64Url(text, { padding: "required" }),
    base64url: (text) => decodeBase64Url(text),
  };
  const attempt = (decode) => {
    try {
      return encodeHex(decode());
    } catch (error) {
      if (error?.code !== "ERR_KMS_INVALID_ENCODING") throw error;
      return null;
    }
  };
  return [
    {
      name: "codecs: base64 vectors",
      run() {
        for (const { in: text, expect } of base64) {
          for (const [profile, decode] of Object.entries(profiles)) {
            check(attempt(() => decode(text)) === expect[profile], `${profile} of ${JSON.stringify(text)}`);
          }
        }
      },
    },
    {
      name: "codecs: ECDSA DER vectors",
      run() {
        for (const { der: text, curve, p1363, cat } of der) {
          if (!cat.startsWith("range-")) check(attempt(() => ecdsaDerToP1363(decodeHex(text), curve)) === p1363, `${cat} ${text}`);
        }
      },
    },
  ];
}

function jwkCases({ parseJwk, jwkThumbprint, jwkToSpki, encodeHex }, { jwk }) {
  return [
    {
      name: "jwk: parse, SPKI and thumbprint vectors",
      async run() {
        for (const { json, expect, spki, thumbprint, strength, cat } of jwk) {
          if (strength !== "required" || expect === "either") continue;
          const text = json.replace(/@REPEAT\((.*?),(\d+)\)@/gs, (_, part, count) => part.repeat(Number(count)));
          let parsed;
          try {
            parsed = parseJwk(text);
          } catch (error) {
            check(error?.code === "ERR_KMS_INVALID_JWK", `${cat}: ${error?.code ?? error}`);
          }
          check((parsed !== undefined) === (expect === "accept"), `${cat}: ${expect}`);
          if (parsed === undefined) continue;
          if (spki !== undefined) check(encodeHex(jwkToSpki(parsed)) === spki, `${cat}: SPKI`);
          if (thumbprint !== undefined) check((await jwkThumbprint(parsed)) === thumbprint, `${cat}: thumbprint`);
        }
      },
    },
  ];
}

function verifyCases({ verifySignature, decodeHex, isKmsError }, { wycheproof }) {
  return wycheproof.map(({ suite, algorithm, encoding, keys, cases, strictSalt }) => ({
    name: `verify: ${suite}`,
    async run() {
      for (const { k, msg, sig, valid, id } of cases) {
        let verdict;
        try {
          verdict = await verifySignature({ publicKey: keys[k], algorithm, data: decodeHex(msg), signature: decodeHex(sig), encoding });
        } catch (error) {
          if (isKmsError(error, "ERR_KMS_UNSUPPORTED")) return `unsupported: ${algorithm}`;
          throw error;
        }
        check(verdict === (strictSalt ? false : valid), `case ${id}: ${verdict}`);
      }
    },
  }));
}

const TRANSIT = { "RSA-2048": "rsa-2048", "P-256": "ecdsa-p256", "P-384": "ecdsa-p384", "P-521": "ecdsa-p521", Ed25519: "ed25519" };
const EVERY = ["RSA-2048", "P-256", "P-384", "P-521", "secp256k1", "Ed25519"];

/** The contract suite on the emulators inside this runtime, faults included. */
function contractCasesOf(library) {
  return [vaultSubject, awsSubject, azureSubject].flatMap((make) => {
    const subject = make(library);
    return library.contractCases(subject).map(({ name, run }) => ({ name: `${subject.name}: ${name}`, run }));
  });
}

function clock() {
  let added = 0;
  return { now: () => Date.now() + added, advance: (ms) => void (added += ms) };
}

function vaultSubject({ createVaultEmulator, createVaultKms }) {
  const { now, advance } = clock();
  const emulator = createVaultEmulator({ token: "t0ken", now });
  let count = 0;
  const base = { address: emulator.address, mountPath: "transit", credentials: { token: "t0ken" }, now, fetch: emulator.fetch };
  return {
    name: "vault",
    keyTypes: Object.keys(TRANSIT),
    rotates: Object.keys(TRANSIT),
    async createKey(keyType) {
      const name = `key-${String(++count).padStart(4, "0")}`;
      await emulator.createKey({ name, type: TRANSIT[keyType] });
      return name;
    },
    connect: (keyName, options) => createVaultKms({ ...base, keyName, ...options }),
    missingKeyId: "missing",
    advance,
    emulator,
    changes: ["rotate"],
  };
}

function awsSubject({ createAwsEmulator, createAwsKms }) {
  const { now, advance } = clock();
  const emulator = createAwsEmulator({ now });
  let count = 0;
  const base = { region: emulator.region, credentials: emulator.credentials, now, fetch: emulator.fetch };
  return {
    name: "aws",
    keyTypes: EVERY,
    rotates: EVERY,
    async createKey(keyType) {
      const alias = `alias/key-${String(++count).padStart(4, "0")}`;
      await emulator.createKey({ keyType, alias });
      return alias;
    },
    connect: (keyId, options) => createAwsKms({ ...base, keyId, ...options }),
    missingKeyId: "alias/missing",
    confusesES256: true,
    advance,
    emulator,
    changes: ["TrentService.CreateAlias", "TrentService.CreateKey", "TrentService.UpdateAlias"],
  };
}

function azureSubject({ createAzureEmulator, createAzureKms }) {
  const { now, advance } = clock();
  const emulator = createAzureEmulator({ token: "t0ken", now });
  let count = 0;
  const keyTypes = EVERY.filter((keyType) => keyType !== "Ed25519");
  const base = { vaultUrl: emulator.vaultUrl, credentials: { token: "t0ken" }, now, fetch: emulator.fetch };
  return {
    name: "azure",
    keyTypes,
    rotates: keyTypes,
    async createKey(keyType) {
      const name = `key-${String(++count).padStart(4, "0")}`;
      await emulator.createKey({ name, keyType });
      return name;
    },
    connect: (keyName, options) => createAzureKms({ ...base, keyName, ...options }),
    missingKeyId: "missing",
    signsByVersion: true,
    advance,
    emulator,
    changes: ["RotateKey"],
  };
}

/** Over the runtime's own fetch, to loopback services in another process. */
function networkCases({ createVaultKms, createAwsKms, createAzureKms }, target) {
  const data = new TextEncoder().encode("hello");
  const vault = (path, options = {}) =>
    createVaultKms({ address: `${target}${path}`, mountPath: "transit", keyName: "k", algorithm: "ES256", credentials: { token: "t0ken" }, allowInsecureHttp: true, ...options });
  const arrivals = async (name) => (await (await fetch(`${target}/count/${name}`)).json()).count;
  const once = { retry: { attempts: 1 } };
  const signs = async (kms) => {
    const signed = await kms.sign(data);
    check(await kms.verify(data, signed), "the signature does not verify");
  };
  return [
    { name: "network: vault signs and verifies", run: () => signs(vault("/vault")) },
    {
      name: "network: aws signs and verifies",
      run: async () => {
        const { credentials, region } = await (await fetch(`${target}/aws-credentials`)).json();
        await signs(createAwsKms({ region, keyId: "alias/k", algorithm: "ES256", endpoint: `${target}/aws`, credentials, allowInsecureHttp: true }));
      },
    },
    {
      name: "network: azure signs and verifies",
      run: () =>
        signs(createAzureKms({ vaultUrl: "https://example-vault.vault.azure.net", keyName: "k", algorithm: "ES256", endpoint: target, credentials: { token: "t0ken" }, allowInsecureHttp: true })),
    },
    {
      name: "network: a redirect is an error, and nothing reaches its target",
      async run() {
        const code = await codeOf(vault("/redirect", once).sign(data));
        check(code === "ERR_KMS_REDIRECT", code);
        check((await arrivals("redirected")) === 0, "the target was asked");
      },
    },
    { name: "network: a stalled answer ends at the deadline", run: async () => check((await codeOf(vault("/stall", { timeoutMs: 300 }).sign(data))) === "ERR_KMS_TIMEOUT", "no timeout") },
    { name: "network: a stalled body ends at the deadline", run: async () => check((await codeOf(vault("/stall-body", { timeoutMs: 300 }).sign(data))) === "ERR_KMS_TIMEOUT", "no timeout") },
    {
      name: "network: an abort in flight",
      async run() {
        const controller = new AbortController();
        const pending = codeOf(vault("/stall").sign(data, { signal: controller.signal }));
        setTimeout(() => controller.abort(), 50);
        const code = await pending;
        check(code === "ERR_KMS_ABORTED", code);
      },
    },
    ...["oversize", "oversize-chunked"].map((path) => ({
      name: `network: an answer over the bound (${path})`,
      async run() {
        const code = await codeOf(vault(`/${path}`, once).sign(data));
        check(code === "ERR_KMS_TOO_LARGE", code);
      },
    })),
    ...["gzip", "garbage", "cut-json"].map((path) => ({
      name: `network: an answer that is none (${path})`,
      async run() {
        const code = await codeOf(vault(`/${path}`, once).sign(data));
        check(code === "ERR_KMS_RESPONSE_INVALID" || code === "ERR_KMS_NETWORK", code);
      },
    })),
    {
      name: "network: a lost answer is repeated for a signature",
      async run() {
        await vault("/cut-once").sign(data);
      },
    },
    {
      name: "network: a lost answer to a rotation is unknown, and sent once by us",
      async run() {
        const kms = vault("/cut-rotate");
        await kms.getKeyMetadata(); // so that the connection is a reused one
        let outcome;
        await kms.rotateKey().catch((error) => (outcome = error.outcome));
        check(outcome === "unknown", `outcome ${outcome}`);
        const count = await arrivals("rotate");
        if (count !== 1) return `known difference: the runtime sent it ${count} times`;
      },
    },
    {
      name: "network: 503 is retried, 403 is not",
      async run() {
        await vault("/busy-once").sign(data);
        const code = await codeOf(vault("/forbidden").sign(data));
        check(code === "ERR_KMS_ACCESS_DENIED", code);
        check((await arrivals("forbidden")) === 1, "403 was repeated");
      },
    },
  ];
}
