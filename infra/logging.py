"""How processes log: lines for people at a terminal, JSON lines for machines elsewhere."""

import logging
import sys

import structlog
from structlog.typing import Processor


def configure_logging(level: int = logging.INFO) -> None:
    """Send our logs and the libraries' through structlog to stderr. Once a process."""
    people = sys.stderr.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([] if people else [structlog.processors.format_exc_info]),
                _for_people() if people else structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for quiet in ("aiokafka", "asyncio", "httpx"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
    # It tells of each migration as a warning.
    logging.getLogger("pogo_core").setLevel(logging.ERROR)


def _for_people() -> structlog.dev.ConsoleRenderer:
    # rich's tracebacks show the values of all variables, and take a second each.
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
