"""Logs: loguru to stderr, JSON lines for machines or text for a terminal, secrets never.

Belongs here: sinks, format and redaction. Does not: what is worth saying (the edges say it).
"""

import re
import sys
from typing import TYPE_CHECKING, Final

from loguru import logger

from trading_assets.settings import Settings

if TYPE_CHECKING:
    from loguru import Record

HIDDEN: Final = "***"
_PASSWORD_IN_URL: Final = re.compile(r"(?<=://)([^:/@\s]*):[^@\s]+(?=@)")
_NAMED_SECRET: Final = re.compile(
    r"(?i)((?:api_?key|secret|token|password|passwd)[\"'\\]*\s*[=:]\s*[\"'\\]*)[^\s\"',}\\]+"
)
_TEXT: Final = "<green>{time:HH:mm:ss}</green> <level>{level: <8}</level> {message} <dim>{extra}</dim>{exception}"


def configure_logs(settings: Settings) -> None:
    """Send every log line to stderr in the configured form, redacted, tracebacks included."""
    logger.remove()
    logger.configure(patcher=_redact)
    as_json = settings.log.format == "json" or (settings.log.format == "auto" and not sys.stderr.isatty())
    if as_json:
        logger.add(_write, level=settings.log.level, serialize=True, diagnose=False)
    else:
        logger.add(_write, level=settings.log.level, format=_TEXT, diagnose=False, colorize=sys.stderr.isatty())


def _write(line: str) -> None:
    """Redact once more what goes out: a traceback quotes what no field holds."""
    sys.stderr.write(redacted(line))


def redacted(text: str) -> str:
    """Hide passwords in URLs and values that are named like secrets."""
    return _NAMED_SECRET.sub(rf"\g<1>{HIDDEN}", _PASSWORD_IN_URL.sub(rf"\g<1>:{HIDDEN}", text))


def _redact(record: "Record") -> None:
    record["message"] = redacted(record["message"])
    for key, value in record["extra"].items():
        if isinstance(value, str):
            record["extra"][key] = HIDDEN if _NAMED_SECRET.search(f"{key}=x") else redacted(value)
