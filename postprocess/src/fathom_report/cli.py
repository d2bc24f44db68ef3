"""fathom-report RUN… [-o DIR]"""

import argparse
import sys
from pathlib import Path
from typing import List, Optional

from . import __version__
from .errors import ReportError

USAGE = 64


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # argparse would exit with 2; fathom's code for usage is 64
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fathom-report",
        description="Draws the report of complete runs: one self-contained HTML page a run, and beside it every plot "
                    "as PNG, SVG and CSV.",
        epilog="exit codes: 0 all reports written; 64 usage; 66 a run is missing, incomplete or damaged; "
               "74 a report cannot be written",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run folder, or its run.h5")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path,
                        help="folder of the report (default: RUN/report; with several runs: DIR/<name of the run>)")
    parser.add_argument("--no-verify", action="store_true", help="do not compare stored checksums with the data")
    parser.add_argument("--version", action="version", version=f"fathom-report {__version__}")
    return parser


def main(arguments: Optional[List[str]] = None) -> int:
    options = _parser().parse_args(arguments)
    from .reader import open_run  # after the arguments: --help must not wait for matplotlib
    from .report import write_report

    status = 0
    for name in options.runs:
        try:
            run = open_run(name, verify=not options.no_verify)
            folder = run.path.resolve().parent
            target = folder / "report"
            if options.output is not None:
                target = options.output if len(options.runs) == 1 else options.output / folder.name
            print(f"report: {write_report(run, target)}", flush=True)
        except ReportError as error:
            print(f"fathom-report: {error}", file=sys.stderr)
            status = status or error.exit_code
    return status


if __name__ == "__main__":
    sys.exit(main())
