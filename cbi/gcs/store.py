"""Cloud Storage: reads of one generation, and writes that may be repeated."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud.storage import Blob, Client

from cbi.clients import REQUEST_TIMEOUT, STORAGE_RETRY
from cbi.errors import InvalidFile, Reason, Transient
from cbi.gcs.faults import storage_faults, superseded
from cbi.gcs.identity import StagedFile, StagedObject
from cbi.gcs.media_types import PARQUET
from cbi.gcs.writer import ObjectWriter, upload


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing shows it."""

    file: StagedFile
    finalized_at: datetime


class ObjectStore:
    """The buckets. All methods raise Transient, and Misconfigured where a bucket may not be used."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def newest(self, bucket: str, name: str) -> StagedFile:
        """The live generation of an object. Raises InvalidFile when there is none."""
        found = self.find(bucket, name)
        if found is None:
            raise InvalidFile(Reason.UNREADABLE_FILE, f"gs://{bucket}/{name} does not exist")
        return found

    def find(self, bucket: str, name: str) -> StagedFile | None:
        """The live generation of an object, or None."""
        blob = self._get(bucket, name)
        return None if blob is None else StagedFile(bucket, name, int(blob.generation))

    def stat(self, file: StagedFile) -> StagedObject:
        """What the bucket says of a generation. Raises InvalidFile when it is not the live one any more, or
        encrypted with a key that only its writer has.

        In a bucket with versions an overwritten generation could still be read; but whoever overwrote it
        meant the newer one.
        """
        blob = self._get(file.bucket, file.name)
        if blob is None or int(blob.generation) != file.generation:
            raise superseded(file)
        # Who has not the key is told no checksum, and is refused the bytes:
        # https://cloud.google.com/storage/docs/encryption/customer-supplied-keys
        if blob.crc32c is None:
            message = f"{file.uri} is encrypted with a key of its writer's own; write it again without one"
            raise InvalidFile(Reason.UNREADABLE_FILE, message)
        md5 = _hexadecimal(blob.md5_hash) if blob.md5_hash else None
        return StagedObject(file, int(blob.size), blob.time_created, _hexadecimal(blob.crc32c), md5)

    def read_range(self, file: StagedFile, start: int, length: int) -> bytes:
        """Just these bytes of a generation; threads may ask side by side.

        Raises InvalidFile where it was overwritten meanwhile, and never mixes.
        """
        blob = self._client.bucket(file.bucket).blob(file.name, generation=file.generation)
        with storage_faults(f"reading {file.uri}"):
            try:
                content: bytes = blob.download_as_bytes(
                    start=start,
                    end=start + length - 1,
                    raw_download=True,
                    retry=STORAGE_RETRY,
                    timeout=REQUEST_TIMEOUT,
                )
            except NotFound as error:
                raise superseded(file) from error
        return content

    def read(self, bucket: str, name: str) -> tuple[bytes, int] | None:
        """An object's content and generation, or None where there is no such object."""
        blob = self._blob(bucket, name)
        with storage_faults(f"reading gs://{bucket}/{name}"):
            try:
                content: bytes = blob.download_as_bytes(retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT)
            except NotFound:
                return None
        return content, int(blob.generation)

    def create(self, bucket: str, name: str, content: bytes, content_type: str) -> bool:
        """Write an object unless there is one of this name, and say whether it was written.

        A lost answer makes the retry meet the object of the first try: False may also mean that.
        """
        return self.replace(bucket, name, content, content_type, generation=0) is not None

    def replace(
        self, bucket: str, name: str, content: bytes, content_type: str, generation: int
    ) -> int | None:
        """Write an object over just that generation of it (0: none), and return the one this made, if it
        did."""
        return upload(self._blob(bucket, name), content, content_type, generation)

    def list(self, bucket: str, prefix: str) -> Iterator[ListedObject]:
        """The live objects under a prefix, in order of their names."""
        with storage_faults(f"listing gs://{bucket}/{prefix}"):
            for blob in self._client.list_blobs(
                bucket,
                prefix=prefix,
                fields="items(name,generation,timeCreated),nextPageToken",
                retry=STORAGE_RETRY,
                timeout=REQUEST_TIMEOUT,
            ):
                yield ListedObject(StagedFile(bucket, blob.name, int(blob.generation)), blob.time_created)

    def delete(self, bucket: str, name: str) -> None:
        """Remove an object, if it is there."""
        with storage_faults(f"deleting gs://{bucket}/{name}"), suppress(NotFound):
            self._blob(bucket, name).delete(retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT)

    def create_stream(self, bucket: str, name: str, content_type: str) -> ObjectWriter:
        """Open an object for writing, in pieces of any size."""
        return ObjectWriter(self._blob(bucket, name), content_type)

    def put(self, bucket: str, name: str, content: BinaryIO, size: int) -> StagedFile:
        """Write an object, over another if there is one, and return the generation this made."""
        blob = self._blob(bucket, name)
        with storage_faults(f"writing gs://{bucket}/{name}"):
            blob.upload_from_file(
                content, size=size, content_type=PARQUET, retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT
            )
        return StagedFile(bucket, name, int(blob.generation))

    def copy(self, bucket: str, source: str, target_bucket: str, target: str, generation: int = 0) -> None:
        """Copy an object over just that generation of the target (0: none); over any other it stays.

        Raises InvalidFile when there is no such object.
        """
        blob = self._blob(target_bucket, target)
        with storage_faults(f"copying gs://{bucket}/{source}"):
            token = None
            while True:
                try:
                    token, _, _ = blob.rewrite(
                        self._blob(bucket, source),
                        token=token,
                        if_generation_match=generation,
                        retry=STORAGE_RETRY,
                        timeout=REQUEST_TIMEOUT,
                    )
                except PreconditionFailed:
                    return
                except NotFound as error:
                    message = f"gs://{bucket}/{source} does not exist"
                    raise InvalidFile(Reason.UNREADABLE_FILE, message) from error
                if token is None:
                    return

    def copy_within(self, file: StagedFile, bucket: str, name: str) -> bool:
        """Copy a generation to an object, unless there is one of its name, if the bucket can by itself.

        Buckets of one location and storage class share an object's bytes; in any other case they would have
        to be moved, and False is returned. Raises InvalidFile when the generation is not there any more.
        """
        source = self._client.bucket(file.bucket).blob(file.name, generation=file.generation)
        with storage_faults(f"copying {file.uri}"):
            try:
                token, _, _ = self._blob(bucket, name).rewrite(
                    source, if_generation_match=0, retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT
                )
            except PreconditionFailed:
                return True
            except NotFound as error:
                raise superseded(file) from error
        return token is None

    def compose(self, bucket: str, sources: Sequence[str], name: str) -> None:
        """Join objects of a bucket to another, unless there is one of its name."""
        with storage_faults(f"joining gs://{bucket}/{name}"), suppress(PreconditionFailed):
            try:
                self._blob(bucket, name).compose(
                    [self._blob(bucket, source) for source in sources],
                    if_generation_match=0,
                    retry=STORAGE_RETRY,
                    timeout=REQUEST_TIMEOUT,
                )
            except NotFound as error:  # another delivery has ended the run and tidied up
                raise Transient(f"what gs://{bucket}/{name} is joined of is there no more") from error

    def _get(self, bucket: str, name: str) -> Blob | None:
        with storage_faults(f"looking at gs://{bucket}/{name}"):
            return self._client.bucket(bucket).get_blob(name, retry=STORAGE_RETRY, timeout=REQUEST_TIMEOUT)

    def _blob(self, bucket: str, name: str) -> Blob:
        return self._client.bucket(bucket).blob(name)


def _hexadecimal(base64_text: str) -> str:
    return base64.b64decode(base64_text).hex()
