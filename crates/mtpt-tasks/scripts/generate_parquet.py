"""Writes tests/fixtures/rows.parquet: a column of each type that is common on the hub, in three row groups.

Needs numpy and pyarrow. Run from anywhere:

    python generate_parquet.py
"""

import datetime
import decimal
import pathlib

import numpy
import pyarrow
import pyarrow.parquet

ROWS = 7

texts = ["plain", "", "a\tb \u00e9", 'quotes "here"', "two\nlines", "six", None]
table = pyarrow.table(
    {
        "text": pyarrow.array(texts, pyarrow.string()),
        "label": pyarrow.array([row % 3 for row in range(ROWS)], pyarrow.int64()),
        "small": pyarrow.array([-row for row in range(ROWS)], pyarrow.int8()),
        "score": pyarrow.array([2.5, 3.8, 5.0, float("nan"), 0.0, 1e-7, 4.0], pyarrow.float32()),
        "double": pyarrow.array([row / 3 for row in range(ROWS)], pyarrow.float64()),
        "yes": pyarrow.array([row % 2 == 0 for row in range(ROWS)]),
        "names": pyarrow.array([["a", 'b"'], [], ["c"], None, ["d"], ["e"], ["f"]], pyarrow.list_(pyarrow.string())),
        "spans": pyarrow.array([[row] for row in range(ROWS)], pyarrow.list_(pyarrow.int32())),
        "answers": pyarrow.array(
            [{"text": [str(row)], "start": [row], "by": f"p{row}"} for row in range(ROWS)],
            pyarrow.struct([("text", pyarrow.list_(pyarrow.string())), ("start", pyarrow.list_(pyarrow.int32())), ("by", pyarrow.string())]),
        ),
        "kind": pyarrow.array(["a", "b", "a", "c", "a", "b", "c"]).dictionary_encode(),
        "large": pyarrow.array([f"large {row}" for row in range(ROWS)], pyarrow.large_string()),
        "view": pyarrow.array([f"view {row}" for row in range(ROWS)], pyarrow.string_view()),
        "big": pyarrow.array([2**64 - 1 - row for row in range(ROWS)], pyarrow.uint64()),
        "half": pyarrow.array(numpy.array([0.5] * ROWS, numpy.float16)),
        "price": pyarrow.array([decimal.Decimal("1.50")] * ROWS),
        "mixed": pyarrow.array([[True, False]] * ROWS, pyarrow.list_(pyarrow.bool_())),
        "image": pyarrow.array([b"\xff"] * ROWS, pyarrow.binary()),
        "day": pyarrow.array([datetime.date(2020, 1, 1)] * ROWS),
    }
)
path = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "rows.parquet"
pyarrow.parquet.write_table(table, path, row_group_size=3, compression="snappy")
