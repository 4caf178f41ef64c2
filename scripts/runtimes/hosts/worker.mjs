// workerd: a Worker. What is made at global scope must need no time, randomness, timer or request.
import { allCases, library, runCases } from "bundle";

const made = [
  library.createVaultKms({ address: "https://vault.example", mountPath: "transit", keyName: "k", credentials: { token: "t" } }),
  library.createAwsKms({ region: "eu-central-1", keyId: "alias/k", credentials: { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" } }),
  library.createAzureKms({ vaultUrl: "https://example-vault.vault.azure.net", keyName: "k", credentials: { token: "t" } }),
];
let shared;

export default {
  async fetch(request) {
    const url = new URL(request.url);
    const origin = url.searchParams.get("origin");
    if (url.pathname === "/shared") return sharedInstance(origin, url.searchParams.get("part"));
    const data = await (await fetch(`${origin}/data.json`)).json();
    const results = await runCases(allCases(library, data, origin));
    results.push({ name: "workers: managers are made at global scope", outcome: made.every(({ keyId }) => keyId === "k" || keyId === "alias/k") ? "passed" : "failed" });
    return Response.json(results);
  },
};

/** One manager for all requests: the first request stalls and is given up by its client, the second must not hang on it. */
async function sharedInstance(origin, part) {
  let stalled = true;
  shared ??= library.createVaultKms({
    address: `${origin}/vault`,
    mountPath: "transit",
    keyName: "k",
    credentials: { token: "t0ken" },
    allowInsecureHttp: true,
    timeoutMs: 8_000,
    fetch: (input, init) => (stalled && part === "first" ? fetch(`${origin}/stall`, init) : fetch(input, init)),
  });
  const { keyVersion } = await shared.getPublicKey();
  stalled = false;
  return Response.json({ keyVersion });
}
