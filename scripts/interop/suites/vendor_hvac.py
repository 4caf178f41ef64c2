"""hvac against the Vault emulator: keys, signatures, versions, batches, namespaces and errors."""
import base64
import hashlib
from importlib.metadata import version

import hvac
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from cases import case, equal, refused, say, settings

MESSAGE = b"a message of the interop kit"
INPUT = base64.b64encode(MESSAGE).decode()


def client(**more):
    return hvac.Client(**{"url": settings["url"], "token": settings["token"], "verify": settings["ca"], **more})


vault = client()
transit = vault.secrets.transit


def message(error):
    return error.errors


def read_public(name, version="1"):
    text = transit.read_key(name)["data"]["keys"][version]["public_key"]
    if not text.startswith("-----"):
        return ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(text))
    return serialization.load_pem_public_key(text.encode())


def bytes_of(signed):
    return base64.b64decode(signed["data"]["signature"].split(":")[2])


def signs(kind, check, **asked):
    name = f"hvac-{kind}"
    transit.create_key(name, key_type=kind)
    equal(transit.read_key(name)["data"]["type"], kind, "the type")
    signed = transit.sign_data(name, hash_input=INPUT, **asked)
    check(read_public(name), bytes_of(signed))
    signature = signed["data"]["signature"]
    equal(transit.verify_signed_data(name, hash_input=INPUT, signature=signature, **asked)["data"]["valid"], True, "valid")
    other = base64.b64encode(b"other").decode()
    equal(transit.verify_signed_data(name, hash_input=other, signature=signature, **asked)["data"]["valid"], False, "valid of another input")


for kind in ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"]:
    case(f"{kind}: create, read, sign, verify")(lambda: signs(kind, lambda key, signature: key.verify(signature, MESSAGE, ec.ECDSA(hashes.SHA384())), hash_algorithm="sha2-384"))

case("ed25519: create, read, sign, verify")(lambda: signs("ed25519", lambda key, signature: key.verify(signature, MESSAGE)))


def pss(salt):
    return lambda key, signature: key.verify(signature, MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())


case("rsa-2048: PSS with the client's default, the longest salt")(lambda: signs("rsa-2048", pss(222), hash_algorithm="sha2-256"))
case("rsa-3072: PKCS #1 v1.5")(
    lambda: signs("rsa-3072", lambda key, signature: key.verify(signature, MESSAGE, padding.PKCS1v15(), hashes.SHA512()), hash_algorithm="sha2-512", signature_algorithm="pkcs1v15")
)


@case("a digest, and JWS form")
def _():
    transit.create_key("hvac-digest", key_type="ecdsa-p256")
    digest = base64.b64encode(hashlib.sha256(MESSAGE).digest()).decode()
    signed = transit.sign_data("hvac-digest", hash_input=digest, prehashed=True, hash_algorithm="sha2-256")
    read_public("hvac-digest").verify(bytes_of(signed), MESSAGE, ec.ECDSA(hashes.SHA256()))
    signed = transit.sign_data("hvac-digest", hash_input=INPUT, marshaling_algorithm="jws")
    text = signed["data"]["signature"].split(":")[2]
    equal((len(text), "=" in text), (86, False), "64 bytes as base64url")


@case("versions: rotate, list, sign with an old one")
def _():
    transit.create_key("hvac-rotated", key_type="ecdsa-p256")
    for _ in range(2):
        transit.rotate_key("hvac-rotated")
    data = transit.read_key("hvac-rotated")["data"]
    equal((list(data["keys"]), data["latest_version"]), (["1", "2", "3"], 3), "the versions")
    signed = transit.sign_data("hvac-rotated", hash_input=INPUT, key_version=2)["data"]
    equal((signed["key_version"], signed["signature"][:9]), (2, "vault:v2:"), "the version that signed")
    equal("hvac-rotated" in transit.list_keys()["data"]["keys"], True, "the list to have it")


@case("minimum versions and trimming")
def _():
    transit.create_key("hvac-trimmed", key_type="ecdsa-p256")
    signature = transit.sign_data("hvac-trimmed", hash_input=INPUT)["data"]["signature"]
    transit.rotate_key("hvac-trimmed")
    for minimum in ["min_encryption_version", "min_decryption_version"]:
        transit.update_key_configuration("hvac-trimmed", **{minimum: 2})
    asked = {"hash_input": INPUT, "signature": signature}
    refused(InvalidRequest, lambda: transit.verify_signed_data("hvac-trimmed", **asked), lambda error: "too old" in str(error), True)
    transit.trim_key("hvac-trimmed", min_version=2)
    equal(list(transit.read_key("hvac-trimmed")["data"]["keys"]), ["2"], "the versions that are left")


@case("HMAC")
def _():
    transit.create_key("hvac-hmac", key_type="ecdsa-p256")
    mac = transit.generate_hmac("hvac-hmac", hash_input=INPUT, algorithm="sha2-512")["data"]["hmac"]
    equal(len(base64.b64decode(mac.split(":")[2])), 64, "bytes of the HMAC")
    equal(transit.verify_signed_data("hvac-hmac", hash_input=INPUT, hmac=mac, hash_algorithm="sha2-512")["data"]["valid"], True, "valid")


@case("config, delete and what is gone")
def _():
    transit.create_key("hvac-deleted", key_type="ed25519")
    refused(InvalidRequest, lambda: transit.delete_key("hvac-deleted"), lambda error: "deletion is not allowed" in str(error), True)
    transit.update_key_configuration("hvac-deleted", deletion_allowed=True)
    transit.delete_key("hvac-deleted")
    refused(InvalidPath, lambda: transit.read_key("hvac-deleted"), message, [])


@case("a mount with slashes in its path")
def _():
    transit.create_key("k", key_type="ed25519", mount_point="deep/er/transit")
    equal(transit.list_keys(mount_point="deep/er/transit")["data"]["keys"], ["k"], "the list")


@case("a namespace")
def _():
    inside = client(namespace="team")
    inside.secrets.transit.create_key("inside", key_type="ed25519")
    equal(inside.secrets.transit.read_key("inside")["data"]["name"], "inside", "the name")
    refused(InvalidPath, lambda: transit.read_key("inside"), message, [])
    refused(InvalidPath, lambda: client(namespace="nobody").secrets.transit.read_key("inside"), message, ["namespace not found"])


@case("health, seal status and the token itself")
def _():
    equal(vault.sys.read_health_status(method="GET")["initialized"], True, "initialized")
    equal(vault.sys.read_health_status().status_code, 200, "the status of HEAD")
    equal((vault.sys.is_sealed(), vault.sys.is_initialized(), vault.is_authenticated()), (False, True, True), "the server")
    equal(vault.auth.token.lookup_self()["data"]["policies"], ["root"], "the token's policies")


@case("logins: approle and userpass")
def _():
    vault.sys.enable_auth_method("approle")
    role = vault.auth.approle
    role.create_or_update_approle("signer", token_policies=["default"], token_ttl="60s")
    ids = {"role_id": role.read_role_id("signer")["data"]["role_id"], "secret_id": role.generate_secret_id("signer")["data"]["secret_id"]}
    other = client(token=None)
    other.auth.approle.login(**ids)
    equal((other.is_authenticated(), other.auth.token.lookup_self()["data"]["path"]), (True, "auth/approle/login"), "the token")
    equal(other.auth.token.renew_self()["auth"]["renewable"], True, "renewable")
    other.auth.token.revoke_self()
    equal(other.is_authenticated(), False, "whether a revoked token is authenticated")
    refused(InvalidRequest, lambda: client(token=None).auth.approle.login("wrong", "wrong"), message, ["invalid role or secret ID"])
    vault.sys.enable_auth_method("userpass")
    vault.auth.userpass.create_or_update_user("app", "right")
    other.auth.userpass.login("app", "right")
    equal(other.auth.token.lookup_self()["data"]["meta"], {"username": "app"}, "the token's metadata")


@case("a wrapped answer is unwrapped once")
def _():
    wrapped = vault.auth.token.create(wrap_ttl="60s", ttl="1m")
    opened = vault.sys.unwrap(token=wrapped["wrap_info"]["token"])
    equal(opened["auth"]["client_token"] != "", True, "a token in it")
    refused(InvalidRequest, lambda: vault.sys.unwrap(token=wrapped["wrap_info"]["token"]), lambda error: "not valid" in str(error), True)


@case("errors have their own classes")
def _():
    refused(InvalidRequest, lambda: transit.sign_data("hvac-missing", hash_input=INPUT), message, ["signing key not found"])
    refused(InvalidPath, lambda: transit.read_key("hvac-missing"), message, [])
    refused(Forbidden, lambda: client(token="s.nobody").secrets.transit.read_key("k"), message, ["permission denied"])
    equal(client(token="s.nobody").is_authenticated(), False, "whether an unknown token is authenticated")
    transit.create_key("hvac-errors", key_type="ed25519")
    reader = client(token="s.reader")
    equal(reader.secrets.transit.read_key("hvac-errors")["data"]["name"], "hvac-errors", "what a reader may do")
    refused(Forbidden, lambda: reader.secrets.transit.rotate_key("hvac-errors"), lambda error: "permission denied" in str(error), True)


say(version=version("hvac"))
