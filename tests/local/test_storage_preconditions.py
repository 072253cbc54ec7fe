"""Every kind of write, and every read, holds to its preconditions."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

Race = Callable[..., list[Any]]
StartUpload = Callable[..., requests.Response]


def test_of_racing_multipart_creates_one_wins(bucket: storage.Bucket, name: str, race: Race) -> None:
    def create(number: int) -> int:
        try:
            bucket.blob(name).upload_from_string(str(number), if_generation_match=0)
        except PreconditionFailed:
            return 412
        return 200

    assert Counter(race(create)) == {200: 1, 412: 29}


def test_of_racing_resumable_creates_one_wins(
    bucket: storage.Bucket, name: str, race: Race, start_upload: StartUpload
) -> None:
    sessions = [start_upload(name, ifGenerationMatch="0").headers["Location"] for _ in range(30)]
    outcomes = race(lambda i: requests.put(sessions[i], data=b"attempt %d" % i, timeout=30).status_code)
    assert Counter(outcomes) == {200: 1, 412: 29}
    assert bucket.blob(name).download_as_bytes() == b"attempt %d" % outcomes.index(200)


def test_a_resumable_upload_is_refused_at_its_start_already(
    bucket: storage.Bucket, name: str, start_upload: StartUpload
) -> None:
    bucket.blob(name).upload_from_string("first")
    assert start_upload(name, ifGenerationMatch="0").status_code == 412


def test_composing_onto_a_changed_object_is_refused(bucket: storage.Bucket, name: str) -> None:
    part, whole = bucket.blob(f"{name}-part"), bucket.blob(name)
    part.upload_from_string("part")
    whole.compose([part], if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        whole.compose([part, part], if_generation_match=0)
    assert whole.download_as_bytes() == b"part"


def test_of_racing_composes_onto_one_generation_one_wins(
    bucket: storage.Bucket, name: str, race: Race
) -> None:
    whole, tick = bucket.blob(name), bucket.blob(f"{name}-tick")
    whole.upload_from_string("start")
    tick.upload_from_string(".")
    seen = whole.generation

    def append(_: int) -> int:
        try:
            bucket.blob(name).compose([bucket.blob(name), tick], if_generation_match=seen)
        except PreconditionFailed:
            return 412
        return 200

    assert Counter(race(append)) == {200: 1, 412: 29}
    assert whole.download_as_bytes() == b"start."


def test_composing_checks_the_generations_of_its_sources(bucket: storage.Bucket, name: str) -> None:
    part = bucket.blob(f"{name}-part")
    part.upload_from_string("old")
    old = part.generation
    part.upload_from_string("new")
    with pytest.raises(PreconditionFailed):
        bucket.blob(name).compose([part], if_source_generation_match=[old])
    with pytest.raises(NotFound):
        bucket.blob(name).compose([bucket.blob(part.name, generation=old)])
    assert not bucket.blob(name).exists()


def test_composing_a_missing_source_is_not_found(bucket: storage.Bucket, name: str) -> None:
    with pytest.raises(NotFound):
        bucket.blob(name).compose([bucket.blob(f"{name}-missing")])


def test_rewriting_onto_an_existing_object_is_refused(bucket: storage.Bucket, name: str) -> None:
    source, target = bucket.blob(name), bucket.blob(f"{name}-copy")
    source.upload_from_string("one")
    target.rewrite(source, if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        target.rewrite(source, if_generation_match=0)


def test_rewriting_checks_its_source(bucket: storage.Bucket, name: str) -> None:
    source, target = bucket.blob(name), bucket.blob(f"{name}-copy")
    source.upload_from_string("old")
    old = source.generation
    source.upload_from_string("new")
    with pytest.raises(PreconditionFailed):
        target.rewrite(source, if_source_generation_match=old)
    with pytest.raises(NotFound):
        target.rewrite(bucket.blob(name, generation=old))
    assert not target.exists()


def test_copying_checks_both_sides(bucket: storage.Bucket, name: str) -> None:
    source = bucket.blob(name)
    source.upload_from_string("one")
    bucket.copy_blob(source, bucket, f"{name}-copy", if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(source, bucket, f"{name}-copy", if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(source, bucket, f"{name}-other", if_source_generation_match=1)


def test_deleting_another_generation_is_refused(bucket: storage.Bucket, name: str) -> None:
    blob = bucket.blob(name)
    blob.upload_from_string("old")
    old = blob.generation
    blob.upload_from_string("new")
    with pytest.raises(PreconditionFailed):
        blob.delete(if_generation_match=old)
    with pytest.raises(NotFound):
        bucket.blob(name, generation=old).delete()
    blob.delete(if_generation_match=blob.generation)
    assert not blob.exists()


def test_patching_another_generation_is_refused(bucket: storage.Bucket, name: str) -> None:
    blob = bucket.blob(name)
    blob.upload_from_string("one")
    blob.metadata = {"note": "kept"}
    with pytest.raises(PreconditionFailed):
        blob.patch(if_generation_match=1)
    blob.patch(if_generation_match=blob.generation)
    found = bucket.get_blob(name)
    assert found is not None
    assert found.metadata == {"note": "kept"}


def test_downloading_another_generation_is_refused(bucket: storage.Bucket, name: str) -> None:
    blob = bucket.blob(name)
    blob.upload_from_string("one")
    with pytest.raises(PreconditionFailed):
        blob.download_as_bytes(if_generation_match=1)
    assert bucket.blob(name).download_as_bytes(if_generation_match=blob.generation) == b"one"


def test_an_unchanged_object_is_not_sent_again(bucket: storage.Bucket, name: str, objects_url: str) -> None:
    blob = bucket.blob(name)
    blob.upload_from_string("one")
    url = f"{objects_url}/{name.replace('/', '%2F')}"
    answer = requests.get(url, params={"ifGenerationNotMatch": str(blob.generation)}, timeout=30)
    assert (answer.status_code, answer.content) == (304, b"")
