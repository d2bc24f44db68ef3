"""Errors that end fathom-report, with the exit codes of the fathom command."""


class ReportError(Exception):
    """Something that the user can mend; the message names the file and says what is wrong."""

    exit_code = 74  # reading or writing failed


class RunFileError(ReportError):
    """A run file that is missing, incomplete, damaged, or not fathom's."""

    exit_code = 66  # input missing or corrupt
