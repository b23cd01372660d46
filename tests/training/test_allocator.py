"""Memory that is kept between updates, and given back when asked: in processes of their own, as it belongs to one."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")

FAULTS = """
import resource

def faults(blocks):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(blocks):
        b"x" * (64 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(1)
print(faults(4))
"""

GIVEN_BACK = """
import threading
import psutil
import lrlab.training
from lrlab.c_library import give_back

held = psutil.Process().memory_info().rss
give_back()
print((held - psutil.Process().memory_info().rss) >> 20)
found = []
thread = threading.Thread(target=lambda: found.append(len(b"x" * (300 << 20)) >> 20))
thread.start()
thread.join()
print(found[0])
"""


def printed(program: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [int(line) for line in done.stdout.split()]


def test_freed_blocks_stay_until_they_are_given_back() -> None:
    (handed_out_anew,) = printed(FAULTS)
    kept, given_back, of_a_thread = printed("import lrlab.training" + FAULTS + GIVEN_BACK)
    assert kept < handed_out_anew / 20
    assert given_back >= 60
    assert of_a_thread == 300, "a block larger than a thread's own heap may be"
