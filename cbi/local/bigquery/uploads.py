"""Load jobs that bring their file along, over the resumable upload protocol."""

from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from bqemulator.domain.errors import NotFoundError

from cbi.local.bigquery.loads import Json
from cbi.local.content_range import ContentRange


@dataclass
class Upload:
    """A job and what has come of its file."""

    job: Json
    content: bytearray = field(default_factory=bytearray)
    is_complete: bool = False

    def add(self, chunk: ContentRange, body: bytes) -> None:
        """Take a chunk; one that does not continue the content, a repeated one, is left aside."""
        if chunk.continues(len(self.content)):
            self.content += body
            self.is_complete = chunk.is_final

    def keep(self, folder: Path) -> str:
        """Write the content into `folder` and return the URI for the job's source."""
        folder.mkdir(exist_ok=True)
        name = f"{uuid4().hex}.parquet"
        (folder / name).write_bytes(self.content)
        return f"upload://{name}"


class Uploads:
    """The uploads that were started. They are lost when the server ends, as their clients then see."""

    def __init__(self) -> None:
        self._uploads: dict[str, Upload] = {}

    def start(self, job: Json) -> str:
        """Begin an upload for `job` and return its id."""
        upload_id = uuid4().hex
        self._uploads[upload_id] = Upload(job)
        return upload_id

    def get(self, upload_id: str) -> Upload:
        """The upload of that id. Raises NotFoundError."""
        try:
            return self._uploads[upload_id]
        except KeyError:
            raise NotFoundError(f"Not found: Upload {upload_id}") from None
