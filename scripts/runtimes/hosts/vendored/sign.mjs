// A user with the vendored files and nothing else: signs with each provider, and looks at each signature with another file.
import { createAwsKms } from "./aws.js";
import { createAzureKms } from "./azure.js";
import { createVaultKms } from "./vault.js";
import { verifySignature } from "./verify.js";

export async function signWithEach(origin) {
  const { credentials, region } = await (await fetch(`${origin}/aws-credentials`)).json();
  const common = { algorithm: "ES256", allowInsecureHttp: true, env: {} };
  const managers = [
    createAwsKms({ region, keyId: "alias/k", endpoint: `${origin}/aws`, credentials, ...common }),
    createAzureKms({ vaultUrl: "https://example-vault.vault.azure.net", keyName: "k", endpoint: origin, credentials: { token: "t0ken" }, ...common }),
    createVaultKms({ address: `${origin}/vault`, mountPath: "transit", keyName: "k", credentials: { token: "t0ken" }, ...common }),
  ];
  const results = [];
  for (const kms of managers) results.push({ name: `vendored: ${kms.provider}`, outcome: await sign(kms).catch((error) => `failed: ${error.code} ${error.message}`) });
  return results;
}

async function sign(kms) {
  const data = new TextEncoder().encode("vendored");
  const { signature, algorithm, keyVersion } = await kms.sign(data);
  const { jwk: publicKey } = await kms.getPublicKey({ keyVersion });
  const valid = await verifySignature({ publicKey, algorithm, data, signature });
  const forged = await verifySignature({ publicKey, algorithm, data: new TextEncoder().encode("Vendored"), signature });
  return valid && !forged ? "passed" : `failed: valid ${valid}, forged ${forged}`;
}
