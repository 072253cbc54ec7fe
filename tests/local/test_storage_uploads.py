"""Resumable uploads can be asked how far they are, and repeated chunks do no harm."""

from collections.abc import Callable

import pytest
import requests
from google.cloud import storage

StartUpload = Callable[..., requests.Response]
MIB = 1 << 20


@pytest.fixture
def session(start_upload: StartUpload, name: str) -> str:
    return start_upload(name).headers["Location"]


def put(session: str, body: bytes, content_range: str) -> requests.Response:
    return requests.put(session, data=body, headers={"Content-Range": content_range}, timeout=30)


def test_a_status_query_tells_how_many_bytes_are_there(session: str) -> None:
    before = put(session, b"", "bytes */*")
    put(session, b"a" * MIB, f"bytes 0-{MIB - 1}/*")
    after = put(session, b"", f"bytes */{2 * MIB}")
    assert (before.status_code, before.headers.get("Range")) == (308, None)
    assert (after.status_code, after.headers["Range"]) == (308, f"bytes=0-{MIB - 1}")


def test_a_status_query_does_not_finish_the_upload(session: str, bucket: storage.Bucket, name: str) -> None:
    put(session, b"a" * MIB, f"bytes 0-{MIB - 1}/*")
    put(session, b"", "bytes */*")
    assert not bucket.blob(name).exists()


def test_a_repeated_chunk_is_not_written_twice(session: str, bucket: storage.Bucket, name: str) -> None:
    for _ in range(2):
        put(session, b"a" * MIB, f"bytes 0-{MIB - 1}/{2 * MIB}")
    put(session, b"b" * MIB, f"bytes {MIB}-{2 * MIB - 1}/{2 * MIB}")
    assert bucket.blob(name).download_as_bytes() == b"a" * MIB + b"b" * MIB


def test_asking_after_the_last_chunk_gives_the_object(session: str, name: str) -> None:
    finished = put(session, b"all", "bytes 0-2/3")
    asked = put(session, b"", "bytes */3")
    assert asked.status_code == 200
    assert asked.json()["generation"] == finished.json()["generation"]


def test_an_empty_object_can_be_uploaded(session: str, bucket: storage.Bucket, name: str) -> None:
    assert put(session, b"", "bytes */0").status_code == 200
    assert bucket.blob(name).download_as_bytes() == b""


def test_the_client_uploads_many_chunks(bucket: storage.Bucket, name: str) -> None:
    content = bytes(range(256)) * 8192
    with bucket.blob(name, chunk_size=MIB // 4).open("wb", if_generation_match=0) as writer:
        writer.write(content)
    assert bucket.blob(name).download_as_bytes() == content


def test_an_unknown_upload_is_not_found(session: str) -> None:
    assert put(f"{session}0", b"a", "bytes 0-0/1").status_code == 404
