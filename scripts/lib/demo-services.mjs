// The three emulated services on loopback ports, reached over real HTTP by the real clients, with a key of each kind.
const { createAwsKms } = await import("../../dist/aws/index.js");
const { createAzureKms } = await import("../../dist/azure/index.js");
const { createVaultKms } = await import("../../dist/vault/index.js");
const { serve } = await import("../../dist/node/index.js");
const { createAwsEmulator, createAzureEmulator, createVaultEmulator } = await import("../../dist/testing/index.js");

const KEYS = {
  aws: { "RSA-2048": "RS256", "RSA-3072": "PS384", "P-256": "ES256", "P-384": "ES384", secp256k1: "ES256K", Ed25519: "Ed25519" },
  azure: { "RSA-2048": "RS256", "RSA-3072": "PS384", "P-256": "ES256", "P-521": "ES512", secp256k1: "ES256K" },
  vault: { "RSA-2048": "RS256", "RSA-3072": "PS384", "P-256": "ES256", "P-384": "ES384", Ed25519: "Ed25519" },
};
const TRANSIT_TYPES = { "RSA-2048": "rsa-2048", "RSA-3072": "rsa-3072", "P-256": "ecdsa-p256", "P-384": "ecdsa-p384", Ed25519: "ed25519" };

export async function demoServices() {
  const parts = [await demoAws(), await demoAzure(), await demoVault()];
  return { keys: parts.flatMap(({ keys }) => keys), close: () => Promise.all(parts.map(({ served }) => served.close())) };
}

async function demoAws() {
  const region = "eu-central-1";
  const emulator = createAwsEmulator({ region });
  const served = await serve((request) => emulator.fetch(request));
  const keys = [];
  for (const [keyType, algorithm] of Object.entries(KEYS.aws)) {
    const alias = `alias/quickstart-${keyType}`;
    await emulator.createKey({ keyType, alias });
    const kms = createAwsKms({ region, keyId: alias, endpoint: served.origin, credentials: emulator.credentials, allowInsecureHttp: true, env: {} });
    keys.push({ service: "AWS KMS", key: keyType, algorithm, kms });
  }
  return { keys, served };
}

async function demoAzure() {
  const vaultUrl = "https://quickstart.vault.azure.net";
  const token = "quickstart-token";
  const emulator = createAzureEmulator({ vaultUrl, token });
  const served = await serve((request) => emulator.fetch(request));
  const keys = [];
  for (const [keyType, algorithm] of Object.entries(KEYS.azure)) {
    await emulator.createKey({ name: keyType, keyType });
    const kms = createAzureKms({ vaultUrl, keyName: keyType, endpoint: served.origin, credentials: { token }, allowInsecureHttp: true, env: {} });
    keys.push({ service: "Azure Key Vault", key: keyType, algorithm, kms });
  }
  return { keys, served };
}

async function demoVault() {
  const token = "quickstart-token";
  let emulator;
  const served = await serve((request) => emulator.fetch(request));
  emulator = createVaultEmulator({ address: served.origin, token });
  const keys = [];
  for (const [keyType, algorithm] of Object.entries(KEYS.vault)) {
    await emulator.createKey({ name: keyType, type: TRANSIT_TYPES[keyType] });
    const kms = createVaultKms({ address: served.origin, mountPath: "transit", keyName: keyType, credentials: { token }, allowInsecureHttp: true, env: {} });
    keys.push({ service: "Vault Transit", key: keyType, algorithm, kms });
  }
  return { keys, served };
}
