/**
 * Corners of the routes, each with what OpenBao 2.7.2 answered to the same request: order of checks, weak conversion of
 * fields, lax base64, malformed batches, signatures and bodies.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createVaultEmulator } from "../../../src/testing/index.js";
import type { VaultEmulator } from "../../../src/testing/index.js";

/** Path, body (text is sent as it stands), status, and the first error or what `valid` says. */
type Corner = readonly [string, unknown, number, (string | boolean)?];

const CORNERS: readonly Corner[] = [
  ["sign/absent", {"marshaling_algorithm": "x"}, 400, "invalid marshaling type \"x\""],
  ["sign/absent", {"salt_length": "x"}, 400, "salt length neither 'auto', 'hash', nor an int: x"],
  ["sign/absent", {"hash_algorithm": "x"}, 400, "signing key not found"],
  ["sign/aes", {"hash_algorithm": "x"}, 400, "key type aes256-gcm96 does not support signing"],
  ["sign/ec", {"hash_algorithm": "x", "salt_length": "y"}, 400, "salt length neither 'auto', 'hash', nor an int: y"],
  ["sign/ec", {"hash_algorithm": "x"}, 400, "invalid hash algorithm \"x\""],
  ["sign/ec", {"marshaling_algorithm": ""}, 400, "invalid marshaling type \"\""],
  ["sign/ec", {"marshaling_algorithm": null}, 400, "invalid marshaling type \"\""],
  ["sign/ec", {"salt_length": null}, 400, "salt length neither 'auto', 'hash', nor an int: "],
  ["sign/ec", {"salt_length": "5.0"}, 400, "salt length neither 'auto', 'hash', nor an int: 5.0"],
  ["sign/ec", {"hash_algorithm": "none", "batch_input": []}, 400, "hash_algorithm=none requires both prehashed=true and signature_algorithm=pkcs1v15"],
  ["sign/ec", {"input": "!", "key_version": 9}, 400, "unable to decode input as base64: illegal base64 data at input byte 0"],
  ["sign/ec", {"context": "!", "key_version": 9}, 400, "failed to base64-decode context"],
  ["sign/ec", {"prehashed": true}, 500, "1 error occurred:\n\t* ecdsa: hash cannot be empty\n\n"],
  ["sign/ec", {"input": "AA="}, 400, "unable to decode input as base64: illegal base64 data at input byte 3"],
  ["sign/ec", {"input": "A\nA"}, 400, "unable to decode input as base64: illegal base64 data at input byte 1"],
  ["sign/ec", {"input": "AA==A"}, 400, "unable to decode input as base64: illegal base64 data at input byte 4"],
  ["sign/ec", {"input": "AA=A"}, 400, "unable to decode input as base64: illegal base64 data at input byte 2"],
  ["sign/ec", {"input": "===="}, 400, "unable to decode input as base64: illegal base64 data at input byte 0"],
  ["sign/ec", {"input": "ä"}, 400, "unable to decode input as base64: illegal base64 data at input byte 0"],
  ["sign/ec", {"input": {}}, 400, "Field validation failed: error converting input for field \"input\": '' expected type 'string', got unconvertible type 'map[string]interface {}'"],
  ["sign/ec", {"input": 1.5}, 400, "unable to decode input as base64: illegal base64 data at input byte 1"],
  ["sign/ec", {"key_version": 1.5}, 400, "Field validation failed: error converting input for field \"key_version\": '' cannot parse value as 'int': strconv.ParseInt: invalid syntax"],
  ["sign/ec", {"key_version": []}, 400, "Field validation failed: error converting input for field \"key_version\": '' expected type 'int', got unconvertible type '[]interface {}'"],
  ["sign/ec", {"key_version": 100000000000000000000}, 400, "Field validation failed: error converting input for field \"key_version\": '' cannot parse value as 'int': strconv.ParseInt: value out of range"],
  ["sign/ec", {"prehashed": 2}, 400, "Field validation failed: error converting input for field \"prehashed\": '' cannot parse value as 'bool': strconv.ParseBool: invalid syntax"],
  ["sign/ec", {"prehashed": []}, 400, "Field validation failed: error converting input for field \"prehashed\": '' expected type 'bool', got unconvertible type '[]interface {}'"],
  ["sign/ec", "{\"input\":", 400, "failed to decode JSON input: unexpected EOF"],
  ["sign/ec", "\"x\"", 400, "failed to decode JSON input: json: cannot unmarshal string into Go value of type map[string]interface {}"],
  ["sign/ec", "{} []", 200],
  ["sign/ec", "{} {}", 200],
  ["sign/ec", "\ufeff{}", 400, "failed to decode JSON input: invalid character '\\ufeff' looking for beginning of value"],
  ["sign/ed", {"key_version": true}, 200],
  ["sign/ed", {"key_version": "0x1"}, 200],
  ["sign/ed", {"key_version": null}, 200],
  ["sign/ed", {"prehashed": "T"}, 200],
  ["sign/ed", {"input": "AB=="}, 200],
  ["sign/ed", {"input": "AA\r\n=="}, 200],
  ["sign/ed", {"batch_input": {}}, 500, "1 error occurred:\n\t* failed to parse batch input: '' source data must be an array or slice, got map\n\n"],
  ["sign/ed", {"batch_input": true}, 500, "1 error occurred:\n\t* failed to parse batch input: '' source data must be an array or slice, got bool\n\n"],
  ["sign/ed", {"batch_input": ["x", [], 1]}, 500, "1 error occurred:\n\t* failed to parse batch input: decoding failed due to the following error(s):\n\n'[0]' expected type 'transit.batchRequestSignItem', got unconvertible type 'string'\n'[1]' expected type 'transit.batchRequestSignItem', got unconvertible type '[]interface {}'\n'[2]' expected type 'transit.batchRequestSignItem', got unconvertible type 'json.Number'\n\n"],
  ["sign/ed", {"batch_input": [{"b": {}}]}, 500, "1 error occurred:\n\t* failed to parse batch input: decoding failed due to the following error(s):\n\n'[0][b]' expected type 'string', got unconvertible type 'map[string]interface {}'\n\n"],
  ["sign/rsa", {"salt_length": "222"}, 200],
  ["sign/rsa", {"salt_length": "HASH"}, 200],
  ["sign/rsa", {"salt_length": "223", "signature_algorithm": "pkcs1v15"}, 200],
  ["sign/rsa", {"salt_length": "300", "signature_algorithm": "x"}, 500, "1 error occurred:\n\t* unsupported rsa signature algorithm x\n\n"],
  ["sign/rsa", {"salt_length": 223}, 500, "1 error occurred:\n\t* requested salt length 223 is invalid\n\n"],
  ["verify/absent", {}, 400, "neither a 'signature' nor an 'hmac' were given to verify"],
  ["verify/absent", {"batch_input": [{"signature": "a"}, {}]}, 400, "some elements of batch_input are missing 'signature'"],
  ["verify/absent", {"hmac": "a", "hash_algorithm": "x"}, 400, "invalid hash algorithm \"x\""],
  ["verify/absent", {"hmac": "a"}, 400, "encryption key not found"],
  ["verify/ec", {"input": "", "signature": ""}, 400, "invalid signature: no prefix"],
  ["verify/ec", {"input": "", "signature": "vault:v1:"}, 400, "supplied signature is invalid"],
  ["verify/ec", {"input": "", "signature": "vault:v1:MAYCAQECAQE="}, 200, false],
  ["verify/ec", {"input": "", "signature": "vault:v1:MAYCAQECAQEA"}, 400, "supplied signature contains extra data"],
  ["verify/ec", {"input": "", "signature": "vault:v1:MAkCAQECAQECAQE="}, 200, false],
  ["verify/ec", {"input": "", "signature": "vault:v1:MAYCAf8CAQE="}, 200, false],
  ["verify/ec", {"input": "", "signature": "vault:v1:MAcCAgABAgEB"}, 400, "supplied signature is invalid"],
  ["verify/ec", {"input": "", "signature": "vault:v1:AAAA", "marshaling_algorithm": "jws"}, 200, false],
  ["verify/ec", {"input": "", "signature": "vault:v-1:AAAA"}, 400, "ciphertext or signature version is disallowed by policy (too old)"],
  ["verify/ec", {"input": "", "signature": "vault:v99999999999999999999:AAAA"}, 400, "invalid signature: version number could not be decoded"],
  ["verify/ec", {"input": "", "signature": "vault:v1:AAAA:B"}, 400, "invalid base64 signature value"],
  ["verify/rsa", {"input": "", "signature": "vault:v1:AAAA", "salt_length": "300"}, 400, "requested salt length 300 is invalid"],
  ["verify/rsa", {"input": "", "signature": "vault:v1:AAAA", "salt_length": "300", "signature_algorithm": "x"}, 500, "1 error occurred:\n\t* unsupported rsa signature algorithm x\n\n"],
  ["verify/hm", {"input": "", "hmac": "a", "hash_algorithm": "none"}, 400, "algorithm cannot be none"],
  ["verify/hm", {"input": "", "hmac": "vault:v1"}, 400, "invalid HMAC: wrong number of fields"],
  ["verify/hm", {"input": "", "hmac": "vault:vx:AAAA"}, 400, "invalid HMAC: version number could not be decoded"],
  ["verify/hm", {"input": "", "hmac": "vault:v1:A-"}, 400, "unable to decode verification HMAC as base64: illegal base64 data at input byte 1"],
  ["verify/hm", {"input": "", "hmac": "vault:v0:AAAA"}, 400, "cannot verify HMAC: version is too old (disallowed by policy)"],
  ["hmac/absent", {"algorithm": "x"}, 400, "encryption key not found"],
  ["hmac/hm", {"algorithm": ""}, 400, "unsupported algorithm '\\x00'"],
  ["hmac/hm", {"key_version": -1}, 400, "key version does not exist (cannot be negative)"],
  ["hmac/hm", {"algorithm": "x", "key_version": 9}, 400, "key version does not exist; latest key version is 1"],
  ["hmac/hm", {"algorithm": "none", "batch_input": []}, 400, "algorithm cannot be none"],
  ["hmac/hm", {"input": null}, 200],
  ["hmac/hm", {"batch_input": ["x"]}, 500, "1 error occurred:\n\t* failed to parse batch input: decoding failed due to the following error(s):\n\n'[0]' expected type 'transit.batchRequestHMACItem', got unconvertible type 'string'\n\n"],
  ["keys/new", {"auto_rotate_period": -1}, 400, "Field validation failed: error converting input for field \"auto_rotate_period\": cannot provide negative value '-1'"],
  ["keys/new", {"auto_rotate_period": true}, 400, "Field validation failed: error converting input for field \"auto_rotate_period\": could not parse duration from input"],
  ["keys/new", {"auto_rotate_period": 3600.7}, 400, "Field validation failed: error converting input for field \"auto_rotate_period\": time: missing unit in duration \"3600.7\""],
  ["keys/new", {"auto_rotate_period": "1.5m"}, 400, "auto rotate period must be 0 to disable or at least an hour"],
  ["keys/new", {"type": "hmac", "key_size": 513}, 400, "invalid key_size 513"],
  ["keys/new", {"type": "ed25519", "key_size": 32}, 400, "key_size is not valid for algorithm ed25519"],
  ["keys/new", {"type": "ed25519", "derived": true, "convergent_encryption": true}, 500, "1 error occurred:\n\t* convergent encryption not supported for keys of type ed25519\n\n"],
  ["keys/new", {"type": ""}, 400, "unknown key type "],
  ["keys/ed/config", {"min_decryption_version": 9, "min_encryption_version": 9}, 400, "cannot set min decryption version of 9, latest key version is 1"],
  ["keys/ed/config", {"min_decryption_version": null, "min_encryption_version": -1}, 400, "min encryption version cannot be negative"],
  ["keys/ed/config", {"deletion_allowed": "x"}, 400, "Field validation failed: error converting input for field \"deletion_allowed\": '' cannot parse value as 'bool': strconv.ParseBool: invalid syntax"],
  ["keys/ed/config", "[]", 400, "failed to decode JSON input: json: cannot unmarshal array into Go value of type map[string]interface {}"],
  ["keys/ed/rotate", {"external_key_ref": "x"}, 400, "cannot use external_key_ref on key of type ed25519"],
  ["keys/ed/trim", {"min_available_version": -1}, 400, "minimum available version cannot be decremented"],
  ["keys/ed/", {}, 400, "cannot write to a path ending in '/'"],
  ["sign/-x", {}, 404, "1 error occurred:\n\t* unsupported path\n\n"],
  ["keys", {}, 405, "1 error occurred:\n\t* unsupported operation\n\n"],
  ["", {}, 400, "cannot write to a path ending in '/'"],
];

async function setUp(): Promise<VaultEmulator> {
  const vault = createVaultEmulator();
  await vault.createKey({ name: "ec", type: "ecdsa-p256" });
  await vault.createKey({ name: "ed", type: "ed25519" });
  await vault.createKey({ name: "rsa", type: "rsa-2048" });
  await vault.createKey({ name: "aes", type: "aes256-gcm96" });
  await vault.createKey({ name: "hm", type: "hmac" });
  return vault;
}

let made: Promise<VaultEmulator> | undefined;
for (const [path, sent, status, outcome] of CORNERS) {
  const body = typeof sent === "string" ? sent : JSON.stringify(sent);
  test(`${path} ${JSON.stringify(body)}`, async () => {
    made ??= setUp();
    const vault = await made;
    const headers = { "x-vault-token": vault.token };
    const response = await vault.fetch(`${vault.address}/v1/transit/${path}`, { method: "POST", headers, body });
    const answer = (await response.json()) as { errors?: readonly string[]; data?: { valid?: boolean } };
    assert.equal([response.status, answer.errors?.[0] ?? answer.data?.valid], [status, outcome]);
  });
}

test.run();
