"""What foreign code said, without what differs from run to run."""

from __future__ import annotations

from pathlib import Path

from generators.repeatable import repeatable

FOLDERS = {Path("/tmp/a1/package"): "", Path("/data/raw"): "raw", Path("/tmp/a1"): "scratch"}


def test_folders_have_their_names_in_the_order_given():
    said = "/tmp/a1/package/public/x.csv, /data/raw/y.csv, /tmp/a1/z, '/tmp/a1/package', '/data/raw', '/tmp/a1'"
    assert repeatable(said, FOLDERS) == "public/x.csv, raw/y.csv, scratch/z, '.', 'raw', 'scratch'"


def test_places_in_memory_are_left_out_and_other_numbers_stay():
    assert repeatable(str(object())) == "<object object at 0x...>"
    assert repeatable("0x1f of 12345678") == "0x1f of 12345678"


def test_a_folder_that_merely_begins_alike_is_another_one():
    assert repeatable("/data/rawest/y.csv, /data/raw.zip", FOLDERS) == "/data/rawest/y.csv, /data/raw.zip"
