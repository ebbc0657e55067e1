"""`dawalog worker`: one projecting worker."""

from infra.cli.options import DataDir
from infra.environment import use_data_dir


def worker(data_dir: DataDir = None) -> None:
    """Project the log into the database, as one worker of a group, until told to stop.

    Kafka and Postgres by the environment (`dawalog settings` lists it). Exits with 1 when it must
    not go on, as when another worker took its partitions: start it again then.
    """
    use_data_dir(data_dir)
    from infra.worker import main

    main()
