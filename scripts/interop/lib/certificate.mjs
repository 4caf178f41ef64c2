// A certificate authority for this run alone, and a certificate of it for the names that the emulators stand for.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./processes.mjs";

const NAMES = [
  "localhost",
  "*.vault.azure.net",
  "*.managedhsm.azure.net",
  "login.microsoftonline.com",
  "*.eu-central-1.amazonaws.com",
  "portal.sso.eu-central-1.amazonaws.com",
];

/** Makes it, with openssl or else with Python's `cryptography`; returns why that failed. `preparePython` is asked when it is needed. */
export async function prepareCertificate(scratch, preparePython) {
  const problem = await withOpenssl(scratch);
  if (problem === undefined) return { ready: scratch };
  const { ready } = await preparePython();
  if (ready !== undefined && (await withPython(ready, scratch)) === 0) return { ready: scratch };
  return { skipped: `a certificate: ${problem}, and no Python to make one with` };
}

/** `{ ca, key, cert }` as PEM texts, and `caFile`. */
export function readCertificate(scratch) {
  const read = (name) => readFileSync(join(scratch, name), "utf8");
  return { ca: read("ca.pem"), key: read("key.pem"), cert: read("cert.pem"), caFile: join(scratch, "ca.pem") };
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

async function withOpenssl(scratch) {
  const names = [...NAMES.map((name) => `DNS:${name}`), "IP:127.0.0.1"].join(",");
  writeFileSync(join(scratch, "extensions"), `subjectAltName=${names}\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n`);
  const usage = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
  const commands = [
    ["req", "-x509", ...NEW_KEY, "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2", "-subj", "/CN=interop run", ...usage],
    ["req", "-new", ...NEW_KEY, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=interop emulators"],
    ["x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "extensions", "-out", "cert.pem"],
  ];
  for (const args of commands) {
    const { code, output } = await run("openssl", args, { cwd: scratch, env: { HOME: scratch } });
    if (code !== 0) return `openssl ${args[0]}: ${output.trim().split("\n").at(-1)}`;
  }
  return undefined;
}

async function withPython(python, scratch) {
  const { code } = await run(join(python, "python"), [join(import.meta.dirname, "certificate.py"), scratch, ...NAMES]);
  return code;
}
