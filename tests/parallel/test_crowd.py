"""Two hundred processes on one sheet, half of them killed: every acknowledged row is there, exactly once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from parallel.program import acked, judge, run

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked, so that two hundred start in seconds"),
]

PROCESSES = int(os.environ.get("EXPERIMENT_SHEET_CROWD", "200"))
ROWS = 50

CROWD = """
sheet, processes, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
es.log_run(f"warm{Path(sheet).suffix}", {"acc": 0})      # imports what is imported late

def work(number):
    for row in range(rows):
        ack(es.log_run(sheet, {"worker": number, "row": row, "acc": row / rows}))

pids = []
for number in range(processes):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work(number)
            code = 0
        finally:
            os._exit(code)
    pids.append(pid)

def killed():
    doomed = random.sample(pids, processes // 2)
    while doomed:
        time.sleep(random.uniform(0, 0.02 * rows / 10))
        try:
            os.kill(doomed.pop(), signal.SIGKILL)
        except ProcessLookupError:
            pass

threading.Thread(target=killed, daemon=True).start()
print(*(os.waitpid(pid, 0)[1] for pid in pids))
"""


@pytest.mark.parametrize("name", ["runs.xlsx", "runs.csv"])
def test_every_acknowledged_row_of_a_crowd_is_there_once(name: str, tmp_path: Path) -> None:
    """Processes log rows at once, half of them are killed at random; the others succeed, and no row is lost."""
    statuses = [*map(int, run(CROWD, tmp_path, name, PROCESSES, ROWS, seconds=900).split())]
    assert set(statuses) <= {0, 9}
    assert statuses.count(9) > PROCESSES // 10, "too few were killed for this to mean anything"
    assert len(acked(tmp_path)) >= statuses.count(0) * ROWS
    rows = judge(tmp_path, tmp_path / name)
    whole = {(str(row["worker"]), str(row["row"])) for row in rows.values()}
    assert len(whole) == len(rows), "a row stands there under two run_ids"
    journal = [path.name for path in tmp_path.glob("runs*_files/journal/*.jsonl*")]
    assert len(journal) <= 4, "journals of the dead are archived, and their locks are gone"
