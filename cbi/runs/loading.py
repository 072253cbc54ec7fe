"""What there is to load of a record, as the warehouse takes it."""

from cbi.gcs.outputs import Outputs
from cbi.runs.record import RunRecord
from cbi.warehouse.part_load import LoadRequest


def load_requests(record: RunRecord, outputs: Outputs) -> list[LoadRequest]:
    """The parts of a run, one request each; none of a file that failed."""
    plan = record.plan
    if plan is None:
        return []
    return [
        LoadRequest(
            target=plan.target,
            run_id=record.file.run_id,
            number=number,
            uri=outputs.uri(part.name),
            part=part,
        )
        for number, part in enumerate(plan.parts)
    ]
