"""Reader and report of fathom's run files. It only reads HDF5; nothing here computes a spectrum.

>>> import fathom_report
>>> run = fathom_report.open_run("output/quickstart")
>>> fathom_report.trusted(run.spectrum(1)).eigenvalue
"""

from .errors import ReportError, RunFileError
from .reader import Run, open_run, trusted
from .routes import Route, routes_of
from .states import NULL_BY_RANK, TRUSTED, UNTRUSTED

__version__ = "0.1.0"
__all__ = ["NULL_BY_RANK", "ReportError", "Route", "Run", "RunFileError", "TRUSTED", "UNTRUSTED", "open_run",
           "routes_of", "trusted"]
