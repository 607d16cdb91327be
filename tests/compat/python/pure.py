"""The two clients that are Python all the way down: kafka-python and aiokafka, each writing and reading a topic."""
import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

bootstrap, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def with_kafka_python():
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, 3, 1)])
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type="gzip", acks="all")
    for n in range(count):
        producer.send(topic, key=str(n).encode(), value=str(n).encode())
    producer.flush()
    consumer = KafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=topic, auto_offset_reset="earliest", consumer_timeout_ms=20_000)
    seen = set()
    while len(seen) < count:
        seen.add(next(consumer).value)
    consumer.commit()
    partitions = [TopicPartition(topic, partition) for partition in range(3)]
    committed = sum(consumer.committed(partition) for partition in partitions)
    ends = sum(consumer.end_offsets(partitions).values())
    consumer.close()
    return {"seen": len(seen), "committed": committed, "ends": ends}


async def with_aiokafka():
    name = f"{topic}-async"
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    await asyncio.gather(*[await producer.send(name, str(n).encode()) for n in range(count)])
    await producer.stop()
    consumer = AIOKafkaConsumer(name, bootstrap_servers=bootstrap, group_id=name, auto_offset_reset="earliest")
    await consumer.start()
    seen = set()
    while len(seen) < count:
        seen.add((await asyncio.wait_for(consumer.getone(), 20)).value)
    await consumer.commit()
    committed = await consumer.committed(TopicPartition(name, 0))
    await consumer.stop()
    return {"seen": len(seen), "committed": committed, "ends": count}


print(json.dumps({"kafka-python": with_kafka_python(), "aiokafka": asyncio.run(with_aiokafka())}))
