"""What TensorBoard itself writes and reads.

    python scripts/tensorboard_events.py write              # tests/fixtures/tensorboard.tfevents
    python scripts/tensorboard_events.py read FOLDER        # {tag: [[step, value], ...]} of an event folder, as JSON

The first makes the bytes that `src/event_file.rs` is held to. The second is run by `tests/tensorboard.rs`, where the
environment variable `MTPT_TENSORBOARD_PYTHON` names a Python that has TensorBoard.
"""

import json
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

FIXTURE = pathlib.Path(__file__).resolve().parent / "../tests/fixtures/tensorboard.tfevents"


def write():
    values = [("loss", 0.75), ("loss/reviews/sst2", 0.0), ("learning_rate", -1e-30)]
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values])
    events = [
        Event(wall_time=1.5, step=0, file_version="brain.Event:2"),
        Event(wall_time=2.0, step=7, session_log=SessionLog(status=SessionLog.START)),
        Event(wall_time=1700000000.25, step=300000, summary=summary),
    ]
    with FIXTURE.open("wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString())
        writer.flush()


def value(event):
    """Newer versions turn plain values into tensors while they read."""
    if hasattr(event, "value"):
        return event.value
    [number] = event.tensor_proto.float_val or struct.unpack("<f", event.tensor_proto.tensor_content)
    return number


def read(folder):
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0}).Reload()
    tags = events.Tags()
    found = {tag: events.Scalars(tag) for tag in tags["scalars"]}
    found |= {tag: events.Tensors(tag) for tag in tags["tensors"]}
    print(json.dumps({tag: [[one.step, value(one)] for one in of] for tag, of in found.items()}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write"]:
            write()
        case ["read", folder]:
            read(folder)
        case _:
            sys.exit(__doc__)
