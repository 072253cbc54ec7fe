"""Whoever waits for a bucket to change is told at once, whichever kind of write changes it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import pytest
from google.cloud import storage

from cbi.local.stack import Stack
from cbi.local.storage.changes import wait_for_change


@pytest.fixture
def quiet(storage_client: storage.Client) -> storage.Bucket:
    """A bucket that no other test writes to, with one object."""
    bucket = storage_client.create_bucket(f"quiet-{uuid4().hex}")
    bucket.blob("one").upload_from_string("1")
    return bucket


def write(bucket: storage.Bucket) -> None:
    bucket.blob("two").upload_from_string("2")


def write_in_chunks(bucket: storage.Bucket) -> None:
    with bucket.blob("chunks").open("wb", chunk_size=256 << 10) as sink:
        sink.write(b"x" * (600 << 10))


def compose(bucket: storage.Bucket) -> None:
    bucket.blob("twice").compose([bucket.blob("one"), bucket.blob("one")])


def copy(bucket: storage.Bucket) -> None:
    bucket.copy_blob(bucket.blob("one"), bucket, "copy")


def delete(bucket: storage.Bucket) -> None:
    bucket.blob("one").delete()


@pytest.mark.parametrize("change", [write, write_in_chunks, compose, copy, delete])
def test_a_waiting_request_is_answered_when_the_bucket_changes(
    stack: Stack, quiet: storage.Bucket, change: Callable[[storage.Bucket], None]
) -> None:
    known = wait_for_change(stack.storage, quiet.name)
    wait = partial(wait_for_change, stack.storage, quiet.name, known, timeout=30)
    with ThreadPoolExecutor() as pool:
        start = time.monotonic()
        answer = pool.submit(wait)
        change(quiet)
        assert answer.result() > known
        assert time.monotonic() - start < 25


def test_what_changed_before_is_told_at_once(stack: Stack, quiet: storage.Bucket) -> None:
    known = wait_for_change(stack.storage, quiet.name)
    write(quiet)
    assert wait_for_change(stack.storage, quiet.name, known, timeout=0) > known


def test_without_a_change_the_wait_ends_with_what_was_known(
    stack: Stack, quiet: storage.Bucket, bucket: storage.Bucket
) -> None:
    known = wait_for_change(stack.storage, quiet.name)
    bucket.copy_blob(quiet.blob("one"), bucket, f"copies/{uuid4().hex}")  # changes the other bucket
    assert wait_for_change(stack.storage, quiet.name, known, timeout=0.1) == known
