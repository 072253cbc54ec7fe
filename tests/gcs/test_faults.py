"""What storage refuses is told apart: the moment's fault, the operator's, the file's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.api_core.exceptions import Forbidden
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from support.cloud import Cloud
from support.faults import Fault, Faults, proxy

from cbi.errors import InvalidFile, Misconfigured, Reason, Transient
from cbi.gcs.faults import storage_faults
from cbi.gcs.outputs import Outputs
from cbi.gcs.store import ObjectStore
from cbi.local.stack import Stack
from cbi.runs.stored import StoredLog


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def store(stack: Stack, faults: Faults) -> Iterator[ObjectStore]:
    with proxy(stack.storage, faults) as url:
        credentials = AnonymousCredentials()
        yield ObjectStore(Client("test", credentials, client_options={"api_endpoint": url}))


@pytest.fixture
def outputs(store: ObjectStore, cloud: Cloud) -> Outputs:
    return Outputs(store, cloud.output_bucket)


def refusal(status: int, reason: str) -> Fault:
    error = {"code": status, "message": "no", "errors": [{"reason": reason, "message": "no"}]}
    return Fault(status=status, body=json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (403, "forbidden", Misconfigured),
        (400, "invalid", Misconfigured),
        (403, "rateLimitExceeded", Transient),
    ],
)
def test_who_must_act_is_told_apart(
    outputs: Outputs, faults: Faults, status: int, reason: str, kind: type[Exception]
) -> None:
    faults.plan(lambda _, request: refusal(status, reason))
    for attempt in (
        lambda: outputs.create("x.json", {}),
        lambda: outputs.read("x.json", dict),
        lambda: outputs.exists("x.json"),
        lambda: list(outputs.list("x")),
        lambda: outputs.delete("x.json"),
        lambda: outputs.compose(["x", "y"], "z"),
    ):
        with pytest.raises(kind):
            attempt()


def write(outputs: Outputs, name: str, content: bytes) -> None:
    with outputs.open_parquet(name) as sink:
        sink.write(content)
        sink.commit()


@pytest.mark.parametrize("size", [10, 9 << 20], ids=["at once", "in pieces"])
def test_a_bucket_that_is_not_there_is_the_operators(store: ObjectStore, size: int) -> None:
    nowhere = Outputs(store, "nowhere")
    with pytest.raises(Misconfigured, match="see that the bucket is there"):
        list(nowhere.list("reports/"))
    with pytest.raises(Misconfigured, match="writing gs://nowhere/x"):
        write(nowhere, "x", bytes(size))


def test_an_object_encrypted_with_its_writers_key_is_the_files_fault(
    store: ObjectStore, faults: Faults, cloud: Cloud, unique: str
) -> None:
    file = cloud.drop(b"x", f"staged/{unique}.parquet")
    blob = cloud.storage.bucket(file.bucket).get_blob(file.name)
    shown: dict[str, Any] = {
        key: value for key, value in blob._properties.items() if key not in ("crc32c", "md5Hash")
    }
    shown["customerEncryption"] = {"encryptionAlgorithm": "AES256", "keySha256": "x"}
    faults.plan(lambda _, request: Fault(status=200, body=json.dumps(shown).encode()))
    with pytest.raises(InvalidFile, match="encrypted with a key") as raised:
        store.stat(file)
    assert raised.value.reason is Reason.UNREADABLE_FILE


def test_an_object_that_is_not_there_is_no_fault(outputs: Outputs) -> None:
    assert outputs.read("nothing.json", dict) is None
    assert not outputs.exists("nothing.json")
    outputs.delete("nothing.json")
    assert not outputs.copy("nothing.parquet", "nothing else.parquet")


def test_what_cannot_be_read_says_which_object_it_is(outputs: Outputs, unique: str) -> None:
    outputs.create(f"runs/{unique}.json", {"entries": [{"type": "of a later version"}]})
    with pytest.raises(Misconfigured, match=rf"runs/{unique}.json is not what this version of cbi can read"):
        outputs.read(f"runs/{unique}.json", StoredLog)


def test_a_name_that_reads_like_a_reason_is_none() -> None:
    answer = requests.Response()
    answer.status_code = 403
    answer._content = (
        b'{"error": {"errors": [{"reason": "forbidden"}], "message": "quotaExceeded: no bucket"}}'
    )
    with pytest.raises(Misconfigured), storage_faults("reading gs://quotaExceeded/x"):
        raise Forbidden("no access", response=answer)


def test_a_refusal_without_an_answer_is_no_fault_of_the_moment() -> None:
    with pytest.raises(Misconfigured), storage_faults("reading gs://b/x"):
        raise Forbidden("no access")
