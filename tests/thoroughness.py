"""How far random histories are searched: each run of the tests tries others.

`DAWALOG_TEST_FACTOR=10 pytest tests/integration/test_fold.py` searches ten times as far.
"""

import os

_FACTOR = int(os.environ.get("DAWALOG_TEST_FACTOR", "1"))


def examples(usual: int) -> int:
    """So many, times the factor."""
    return usual * _FACTOR
