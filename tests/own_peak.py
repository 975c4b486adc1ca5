"""How a child process of a test tells its own peak memory.

`ru_maxrss` does not: across `exec` a child inherits the peak of its parent, here of whatever tests ran before.
"""

OWN_PEAK = r"""
import re
from pathlib import Path

def own_peak_kib():
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])

"""
"""Source that goes before that of the child."""
