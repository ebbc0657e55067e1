"""The Faust app: membership, batches and lifecycle; what it feeds is the projection's business."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import faust
from faust.types import StreamT

from stream.batches import Projection, RecordBatch, RecordBatchApp, RecordBatchSchema
from stream.settings import KafkaSettings, WorkerSettings, client_options

APP_ID = "dawalog-projector"

HEARTBEAT_SHARE = 0.25
"""How much of a session passes between two signs of life."""


def create_app(
    projection: Projection, kafka: KafkaSettings, worker: WorkerSettings, topics: Sequence[str]
) -> RecordBatchApp:
    """A Faust app with one agent that hands each record batch to the projection.

    Args:
        topics: must exist; a topic that is absent at the start would not be consumed.
    """
    app = RecordBatchApp(
        APP_ID,
        projection=projection,
        broker=[f"kafka://{server}" for server in kafka.kafka_bootstrap_servers.split(",")],
        broker_credentials=_credentials(kafka),
        broker_session_timeout=worker.worker_session_timeout_seconds,
        broker_heartbeat_interval=worker.worker_session_timeout_seconds * HEARTBEAT_SHARE,
        broker_rebalance_timeout=worker.worker_session_timeout_seconds,
        broker_max_poll_records=worker.worker_fetch_records,
        consumer_group_instance_id=worker.worker_instance_id,
        # A position beyond the log's end must stop the worker, not start it over.
        consumer_auto_offset_reset="none",
        # Topics that vanished for a moment left the worker without partitions; by default it
        # would ask for them again after five minutes.
        consumer_metadata_max_age_ms=5_000,
        agent_supervisor="mode.CrashingSupervisor",
        # Batches wait in the projector, which says when there is room; a full Faust buffer
        # would stop fetching for a second at a time.
        stream_buffer_maxsize=100_000,
        stream_wait_empty=False,
        stream_recovery_delay=0,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    # Without acks Faust neither tracks offsets nor commits them: positions are the projection's.
    topic = app.topic(*topics, schema=RecordBatchSchema(), acks=False)

    @app.agent(topic, name="project")
    async def project(batches: StreamT[RecordBatch]) -> AsyncIterator[None]:
        async for event in batches.events():
            await projection.submit(event.value)
            yield

    return app


def _credentials(kafka: KafkaSettings) -> Any:
    """Faust's form of the TLS and SASL settings, None for a plain connection."""
    options = client_options(kafka)
    context = options.get("ssl_context")
    if kafka.kafka_security_protocol.startswith("SASL_"):
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)
