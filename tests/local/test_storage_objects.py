"""Names, large and chunked bodies, and many requests at once."""

import http.client
import socket
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import google_crc32c
import pytest
import requests
from google.api_core.exceptions import NotFound
from google.cloud import storage

from cbi.local.stack import Stack


@pytest.mark.parametrize("bad", ["../escape", "a//b", "/a", "a/", "a/./b", "a" * 1025, "a\nb"])
def test_names_the_stand_in_would_lose_are_refused(stack: Stack, bad: str) -> None:
    url = f"{stack.storage}/upload/storage/v1/b/{stack.staging_bucket}/o"
    parameters = {"uploadType": "media", "name": bad}
    assert requests.post(url, params=parameters, data=b"x", timeout=30).status_code == 400


def test_such_names_are_refused_as_the_target_of_a_copy_too(objects_url: str, bucket: storage.Bucket) -> None:
    bucket.blob("copied").upload_from_string("x")
    url = f"{objects_url}/copied/rewriteTo/b/{bucket.name}/o/{quote('../escape', safe='')}"
    assert requests.post(url, timeout=30).status_code == 400
    assert (
        requests.post(f"{objects_url}/{quote('a//b', safe='')}/compose", json={}, timeout=30).status_code
        == 400
    )


def test_an_object_below_another_is_refused_at_once_and_not_repeated(
    stack: Stack, bucket: storage.Bucket, name: str
) -> None:
    bucket.blob(name).upload_from_string("x")
    url = f"{stack.storage}/upload/storage/v1/b/{stack.staging_bucket}/o"
    parameters = {"uploadType": "media", "name": f"{name}/below"}
    assert requests.post(url, params=parameters, data=b"x", timeout=30).status_code == 400


@pytest.mark.parametrize(
    "name", ["staged/São Paulo 100%.parquet", "staged/a+b&c=d.parquet", "staged/日本.parquet"]
)
def test_unusual_names_are_kept(bucket: storage.Bucket, name: str) -> None:
    bucket.blob(name).upload_from_string("x", if_generation_match=0)
    assert bucket.blob(name).download_as_bytes() == b"x"
    assert name in {blob.name for blob in bucket.list_blobs(prefix="staged/")}


def test_large_objects_come_back_whole(bucket: storage.Bucket, name: str) -> None:
    content = bytes(range(256)) * (40 << 12)
    bucket.blob(name).upload_from_string(content, if_generation_match=0)
    found = bucket.get_blob(name)
    assert found is not None
    assert found.size == len(content)
    assert found.download_as_bytes() == content


def test_reads_can_be_ranged_and_pinned(bucket: storage.Bucket, name: str) -> None:
    blob = bucket.blob(name)
    blob.upload_from_string("0123456789")
    pinned = bucket.blob(name, generation=blob.generation)
    assert pinned.download_as_bytes(start=2, end=4, if_generation_match=blob.generation) == b"234"


def test_an_old_generation_is_gone(bucket: storage.Bucket, name: str) -> None:
    blob = bucket.blob(name)
    blob.upload_from_string("old")
    old = blob.generation
    blob.upload_from_string("new")
    with pytest.raises(NotFound):
        bucket.blob(name, generation=old).download_as_bytes()
    with pytest.raises(NotFound):
        bucket.blob(name, generation=old).download_as_bytes(if_generation_match=old)


def test_bodies_may_be_chunked(stack: Stack, bucket: storage.Bucket, name: str) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(100):
            yield str(number).encode() * 1000

    url = f"{stack.storage}/upload/storage/v1/b/{stack.staging_bucket}/o"
    requests.post(url, params={"uploadType": "media", "name": name}, data=pieces(), timeout=30)
    assert bucket.blob(name).download_as_bytes() == b"".join(pieces())


@pytest.mark.parametrize(
    "body", [b"Content-Length: 100\r\n\r\nonly this", b"Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n"]
)
def test_a_client_that_dies_while_sending_leaves_no_object(
    stack: Stack, bucket: storage.Bucket, name: str, body: bytes
) -> None:
    server = urlsplit(stack.storage)
    target = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name={quote(name)}"
    with socket.create_connection((server.hostname, server.port), timeout=30) as connection:
        connection.sendall(f"POST {target} HTTP/1.1\r\nHost: {server.netloc}\r\n".encode() + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert not bucket.blob(name).exists()


def test_a_connection_serves_on_after_a_refusal(stack: Stack, objects_url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(stack.storage).netloc, timeout=30)
    statuses = []
    for target in ("bad%2F%2Fname/compose", "missing/compose?ifGenerationMatch=1"):
        connection.request("POST", f"{urlsplit(objects_url).path}/{target}", b'{"sourceObjects": []}')
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    assert statuses == [400, 412]


def test_many_requests_at_once_do_not_mix(
    bucket: storage.Bucket, name: str, race: Callable[..., list[Any]]
) -> None:
    def roundtrip(number: int) -> bool:
        content = str(number).encode() * 100_000
        blob = bucket.blob(f"{name}-{number}")
        blob.upload_from_string(content, if_generation_match=0)
        return bool(bucket.blob(blob.name).download_as_bytes() == content)

    assert all(race(roundtrip))


def test_a_composed_object_has_the_checksum_of_the_whole(bucket: storage.Bucket, name: str) -> None:
    parts = [bucket.blob(f"{name}-{number}") for number in range(3)]
    for part in parts:
        part.upload_from_string(part.name)
    whole = bucket.blob(name)
    whole.compose(parts, if_generation_match=0)
    checksum = google_crc32c.value(whole.download_as_bytes())
    assert int.from_bytes(b64decode(whole.crc32c), "big") == checksum


def test_writes_the_proxy_does_not_know_are_refused(stack: Stack) -> None:
    assert requests.post(f"{stack.storage}/batch/storage/v1", timeout=30).status_code == 501
