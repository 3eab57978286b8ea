"""Runs an emulator by hand: ``python -m experiment_sheet.testing.google [port]``."""

from __future__ import annotations

import argparse
import sys
import threading

from experiment_sheet.testing.google import GoogleSheets, Quota


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m experiment_sheet.testing.google", description=__doc__)
    parser.add_argument("port", nargs="?", type=int, default=8765, help="port on 127.0.0.1 (default: 8765)")
    parser.add_argument("--quota", action="store_true", help="answer 60 reads and 60 writes per minute and user only")
    options = parser.parse_args()
    with GoogleSheets(port=options.port, quota=Quota() if options.quota else None) as google:
        key = google.create("runs")
        sys.stdout.write(f"Google Sheets and Drive are emulated at {google.url}; Ctrl-C ends it.\n")
        sys.stdout.write(f"An empty spreadsheet: {google.url}/v4/spreadsheets/{key}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
