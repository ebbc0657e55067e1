"""Connections to Kafka that somebody forgot: aiokafka warns of one when it is collected."""

import gc

from aiokafka.conn import AIOKafkaConnection


def open_connections() -> list[AIOKafkaConnection]:
    """Of this process, whether or not somebody still knows them."""
    return [
        thing
        for thing in gc.get_objects()
        if type(thing) is AIOKafkaConnection and thing.connected()
    ]
