"""azure-keyvault-keys against the Azure emulator. Connections to the vault's host lead to the emulator's port; names,
certificates and the check of the challenge's resource stay as they are."""
import hashlib
import socket
import time

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.keys import KeyClient, KeyCurveName, KeyRotationLifetimeAction, KeyRotationPolicy, KeyRotationPolicyAction, __version__
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from cases import case, equal, refused, say, settings

MESSAGE = b"a message of the interop kit"
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}

look_up = socket.getaddrinfo


def to_emulator(host, port, *rest, **more):
    if host.endswith(".vault.azure.net"):
        host, port = "127.0.0.1", settings["port"]
    return look_up(host, port, *rest, **more)


socket.getaddrinfo = to_emulator


class Credential:
    def __init__(self, token):
        self.token = token
        self.asked = []

    def get_token(self, *scopes, **more):
        self.asked.append((scopes, more.get("claims")))
        return AccessToken(self.token, int(time.time()) + 3600)


def opened(token=settings["token"], url=settings["vaultUrl"], **more):
    return KeyClient(url, Credential(token), connection_verify=settings["ca"], retry_total=0, **more)


def crypto(key):
    return CryptographyClient(key, Credential(settings["token"]), connection_verify=settings["ca"], retry_total=0)


keys = opened()


def code(error):
    inner = getattr(error.error, "innererror", None) or {}
    return inner.get("code", getattr(error.error, "code", None))


def number(value):
    return int.from_bytes(value, "big")


def public_key(jwk):
    if jwk.kty.startswith("RSA"):
        return rsa.RSAPublicNumbers(number(jwk.e), number(jwk.n)).public_key()
    curve = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1, "P-256K": ec.SECP256K1}[jwk.crv]()
    return ec.EllipticCurvePublicNumbers(number(jwk.x), number(jwk.y), curve).public_key()


def accepts(key, algorithm, signature):
    kind = HASHES[algorithm[2:5]]()
    if algorithm.startswith("ES"):
        half = len(signature) // 2
        der = utils.encode_dss_signature(number(signature[:half]), number(signature[half:]))
        return key.verify(der, MESSAGE, ec.ECDSA(kind))
    scheme = padding.PSS(padding.MGF1(kind), kind.digest_size) if algorithm.startswith("PS") else padding.PKCS1v15()
    return key.verify(signature, MESSAGE, scheme, kind)


def signs(key, algorithms):
    for algorithm in algorithms:
        digest = hashlib.new(f"sha{algorithm[2:5]}", MESSAGE).digest()
        other = hashlib.new(f"sha{algorithm[2:5]}", b"other").digest()
        # By id the client has no key at first, and asks the service; a key lets it work by itself.
        signed = crypto(key.id).sign(SignatureAlgorithm(algorithm), digest)
        equal(signed.key_id, key.id, "the key that signed")
        accepts(public_key(key.key), algorithm, signed.signature)
        for client in [crypto(key), CryptographyClient.from_jwk(key.key)]:
            equal(client.verify(SignatureAlgorithm(algorithm), digest, signed.signature).is_valid, True, f"the local verdict on {algorithm}")
            equal(client.verify(SignatureAlgorithm(algorithm), other, signed.signature).is_valid, False, "the local verdict on another digest")
        equal(remote(key).verify(SignatureAlgorithm(algorithm), digest, signed.signature).is_valid, True, f"the service's verdict on {algorithm}")
        equal(remote(key).verify(SignatureAlgorithm(algorithm), other, signed.signature).is_valid, False, "the service's verdict on another digest")


def remote(key):
    """A client that has not got the key, and cannot get it: its token may sign and verify only."""
    client = crypto(key.id)
    client._keys_get_forbidden = True
    return client


@case("RSA: create, sign, verify here and there")
def _():
    signs(keys.create_rsa_key("py-rsa", size=2048), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])


def signs_curve(curve, algorithm):
    signs(keys.create_ec_key(f"py-{curve}", curve=KeyCurveName(curve)), [algorithm])


for curve, algorithm in {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K"}.items():
    case(f"{curve}: create, sign, verify here and there")(lambda: signs_curve(curve, algorithm))


@case("versions: rotate, read, list")
def _():
    first, second = keys.create_ec_key("py-rotated", curve="P-256"), keys.rotate_key("py-rotated")
    equal(keys.get_key("py-rotated").id, second.id, "the current version")
    equal(keys.get_key("py-rotated", first.properties.version).id, first.id, "the old version")
    listed = list(keys.list_properties_of_key_versions("py-rotated", max_page_size=1))
    equal(sorted(properties.id for properties in listed), sorted([first.id, second.id]), "the versions")
    equal("py-rotated" in [properties.name for properties in keys.list_properties_of_keys()], True, "the list of keys to have it")


@case("rotation policy")
def _():
    keys.create_ec_key("py-policy", curve="P-256")
    actions = [KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_after_create="P90D")]
    keys.update_key_rotation_policy("py-policy", KeyRotationPolicy(expires_in="P180D", lifetime_actions=actions))
    policy = keys.get_key_rotation_policy("py-policy")
    equal((policy.expires_in, policy.created_on is not None), ("P180D", True), "the policy")


@case("properties: disable, tag")
def _():
    key = keys.create_ec_key("py-updated", curve="P-256", tags={"a": "1"})
    changed = keys.update_key_properties("py-updated", enabled=False, tags={"b": "2"})
    equal((changed.properties.enabled, changed.properties.tags), (False, {"b": "2"}), "properties")
    refused(HttpResponseError, lambda: remote(key).sign(SignatureAlgorithm.es256, bytes(32)), code, "KeyDisabled")


@case("delete, recover, purge")
def _():
    keys.create_ec_key("py-deleted", curve="P-256")
    deleting = keys.begin_delete_key("py-deleted", _polling_interval=0.05)
    deleting.wait()
    equal((deleting.result().name, deleting.result().recovery_id is not None), ("py-deleted", True), "the deleted key")
    refused(ResourceNotFoundError, lambda: keys.get_key("py-deleted"), code, "KeyNotFound")
    refused(ResourceExistsError, lambda: keys.create_ec_key("py-deleted", curve="P-256"), code, "ObjectIsDeletedButRecoverable")
    equal([key.name for key in keys.list_deleted_keys()], ["py-deleted"], "deleted keys")
    keys.begin_recover_deleted_key("py-deleted", _polling_interval=0.05).wait()
    equal(keys.get_key("py-deleted").name, "py-deleted", "the recovered key")
    keys.begin_delete_key("py-deleted", _polling_interval=0.05).wait()
    keys.purge_deleted_key("py-deleted")


@case("errors have their own classes")
def _():
    key = keys.create_ec_key("py-failing", curve="P-256")
    error = refused(ResourceNotFoundError, lambda: keys.get_key("py-missing"), code, "KeyNotFound")
    equal(error.status_code, 404, "the status")
    refused(HttpResponseError, lambda: keys.create_key("py-failing", "oct"), code, "KeyTypeNotSupported")
    refused(HttpResponseError, lambda: keys.create_rsa_key("py_failing"), code, "BadParameter")
    refused(HttpResponseError, lambda: remote(key).sign(SignatureAlgorithm.es256, bytes(31)), code, "BadParameter")
    refused(HttpResponseError, lambda: opened("reader").rotate_key("py-failing"), code, "ForbiddenByRbac")
    refused(ClientAuthenticationError, lambda: opened("nobody").get_key("py-failing"), lambda error: error.status_code, 401)


@case("challenge: the scope is the vault's")
def _():
    credential = Credential(settings["token"])
    client = KeyClient(settings["vaultUrl"], credential, connection_verify=settings["ca"])
    list(client.list_properties_of_keys())
    equal(credential.asked[0][0], ("https://vault.azure.net/.default",), "the scope")


for api_version in ["7.2", "7.3", "7.4", "7.5", "7.6"]:
    case(f"api-version {api_version}")(lambda: opened(api_version=api_version).create_ec_key(f"py-v{api_version.replace('.', '-')}", curve="P-256"))

say(version=__version__)
