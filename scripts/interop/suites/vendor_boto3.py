"""boto3 against the AWS emulator: keys, aliases, signatures, rotation, paging and errors."""
import hashlib

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from cases import case, equal, refused, say, settings

MESSAGE = b"a message of the interop kit"
MISSING = "99999999-8888-4777-8666-555555555555"
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


def client(**more):
    options = {
        "region_name": settings["region"],
        "endpoint_url": settings["endpoint"],
        "verify": settings["ca"],
        "aws_access_key_id": settings["accessKeyId"],
        "aws_secret_access_key": settings["secretAccessKey"],
        "config": Config(retries={"total_max_attempts": 1}),
    }
    return boto3.client("kms", **{**options, **more})


kms = client()


def create(spec, usage="SIGN_VERIFY", **more):
    return kms.create_key(KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]


def code(error):
    return error.response["Error"]["Code"]


def accepts(key, algorithm, signature):
    if algorithm.startswith("ED25519"):
        return key.verify(signature, MESSAGE)
    kind = HASHES[algorithm[-3:]]()
    if algorithm.startswith("ECDSA"):
        return key.verify(signature, MESSAGE, ec.ECDSA(kind))
    scheme = padding.PSS(padding.MGF1(kind), kind.digest_size) if "PSS" in algorithm else padding.PKCS1v15()
    return key.verify(signature, MESSAGE, scheme, kind)


def signs(spec):
    made = create(spec)
    key = serialization.load_der_public_key(kms.get_public_key(KeyId=made["KeyId"])["PublicKey"])
    for algorithm in made["SigningAlgorithms"]:
        if algorithm == "ED25519_PH_SHA_512":
            continue
        asked = {"KeyId": made["Arn"], "SigningAlgorithm": algorithm}
        signed = kms.sign(Message=MESSAGE, **asked)
        equal(signed["KeyId"], made["Arn"], "KeyId")
        accepts(key, algorithm, signed["Signature"])
        equal(kms.verify(Message=MESSAGE, Signature=signed["Signature"], **asked)["SignatureValid"], True, "SignatureValid")
        refused(ClientError, lambda: kms.verify(Message=b"other", Signature=signed["Signature"], **asked), code, "KMSInvalidSignatureException")
        if algorithm.startswith("ED25519"):
            continue
        digest = hashlib.new(f"sha{algorithm[-3:]}", MESSAGE).digest()
        accepts(key, algorithm, kms.sign(Message=digest, MessageType="DIGEST", **asked)["Signature"])


for spec in ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"]:
    case(f"{spec}: create, public key, sign, verify")(lambda: signs(spec))


@case("aliases: create, move, list, delete")
def _():
    first, second = create("ECC_NIST_P256"), create("ECC_NIST_P256")
    kms.create_alias(AliasName="alias/boto", TargetKeyId=first["KeyId"])
    equal(kms.describe_key(KeyId="alias/boto")["KeyMetadata"]["KeyId"], first["KeyId"], "the alias's key")
    kms.update_alias(AliasName="alias/boto", TargetKeyId=second["KeyId"])
    listed = kms.list_aliases(KeyId=second["KeyId"])["Aliases"]
    equal([alias["AliasName"] for alias in listed], ["alias/boto"], "the list")
    equal(listed[0]["LastUpdatedDate"] >= listed[0]["CreationDate"], True, "dates of the alias")
    kms.delete_alias(AliasName="alias/boto")
    refused(ClientError, lambda: kms.describe_key(KeyId="alias/boto"), code, "NotFoundException")


@case("paging: keys and aliases, one a page")
def _():
    key = create("ECC_NIST_P256")["KeyId"]
    for letter in "xyz":
        kms.create_alias(AliasName=f"alias/boto-{letter}", TargetKeyId=key)
    config = {"PageSize": 1}
    keys = [entry["KeyId"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig=config) for entry in page["Keys"]]
    equal(len(set(keys)) == len(keys) > 3, True, "every key once")
    pages = list(kms.get_paginator("list_aliases").paginate(KeyId=key, PaginationConfig=config))
    equal([len(page["Aliases"]) for page in pages], [1, 1, 1], "aliases a page")


@case("states: disable, enable, schedule and cancel deletion")
def _():
    key = create("ECC_NIST_P256")["KeyId"]
    asked = {"KeyId": key, "Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_256"}
    kms.disable_key(KeyId=key)
    refused(ClientError, lambda: kms.sign(**asked), code, "DisabledException")
    kms.enable_key(KeyId=key)
    kms.sign(**asked)
    equal(kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)["KeyState"], "PendingDeletion", "the state")
    refused(ClientError, lambda: kms.sign(**asked), code, "KMSInvalidStateException")
    kms.cancel_key_deletion(KeyId=key)
    equal(kms.describe_key(KeyId=key)["KeyMetadata"]["Enabled"], False, "Enabled")


@case("rotation of a symmetric key, and refused for a signing key")
def _():
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key)
    equal(kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"], 365, "the period")
    kms.rotate_key_on_demand(KeyId=key)
    refused(ClientError, lambda: kms.rotate_key_on_demand(KeyId=create("ECC_NIST_P256")["KeyId"]), code, "UnsupportedOperationException")


@case("tags, policy and description")
def _():
    key = create("ECC_NIST_P256", Description="of boto3", Tags=[{"TagKey": "a", "TagValue": "1"}])
    equal(key["Description"], "of boto3", "the description")
    kms.tag_resource(KeyId=key["KeyId"], Tags=[{"TagKey": "b", "TagValue": ""}])
    equal(kms.list_resource_tags(KeyId=key["KeyId"])["Tags"], [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": ""}], "tags")
    equal(kms.get_key_policy(KeyId=key["KeyId"])["PolicyName"], "default", "the policy's name")


@case("MAC: make and verify")
def _():
    key = create("HMAC_256", "GENERATE_VERIFY_MAC")["KeyId"]
    asked = {"KeyId": key, "Message": MESSAGE, "MacAlgorithm": "HMAC_SHA_256"}
    mac = kms.generate_mac(**asked)["Mac"]
    equal((len(mac), kms.verify_mac(Mac=mac, **asked)["MacValid"]), (32, True), "the MAC")
    refused(ClientError, lambda: kms.verify_mac(Mac=bytes(32), **asked), code, "KMSInvalidMacException")


@case("errors have their own classes")
def _():
    refused(kms.exceptions.NotFoundException, lambda: kms.describe_key(KeyId=MISSING), code, "NotFoundException")
    key = create("ECC_NIST_P256")["KeyId"]
    wrong = {"KeyId": key, "Message": MESSAGE, "SigningAlgorithm": "ECDSA_SHA_512"}
    error = refused(kms.exceptions.InvalidKeyUsageException, lambda: kms.sign(**wrong), code, "InvalidKeyUsageException")
    equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 400, "the status")
    refused(kms.exceptions.InvalidMarkerException, lambda: kms.list_keys(Marker="none"), code, "InvalidMarkerException")
    kms.create_alias(AliasName="alias/boto-twice", TargetKeyId=key)
    refused(kms.exceptions.AlreadyExistsException, lambda: kms.create_alias(AliasName="alias/boto-twice", TargetKeyId=key), code, "AlreadyExistsException")


@case("a signature that is none does not verify with cryptography either")
def _():
    key = create("ECC_NIST_P256")["KeyId"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    refused(InvalidSignature, lambda: public.verify(utils.encode_dss_signature(1, 1), MESSAGE, ec.ECDSA(hashes.SHA256())), type, InvalidSignature)


@case("credentials: an unknown access key, a wrong secret")
def _():
    refused(ClientError, lambda: client(aws_access_key_id="AKIANOBODY").list_keys(), code, "UnrecognizedClientException")
    refused(ClientError, lambda: client(aws_secret_access_key="x").list_keys(), code, "InvalidSignatureException")


say(version=boto3.__version__)
