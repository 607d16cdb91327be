"""confluent-kafka (librdkafka 2.16): admin, an idempotent producer in every codec, groups with every strategy."""
import json
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, ResourceType

bootstrap, topic, per_codec = sys.argv[1], sys.argv[2], int(sys.argv[3])
admin = AdminClient({"bootstrap.servers": bootstrap})


def settle(futures):
    return [future.result(20) for future in futures.values()]


settle(admin.create_topics([NewTopic(topic, 3, 1)]))
settle(admin.create_partitions([NewPartitions(topic, 4)]))

failures = []
codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
for codec in codecs:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": codec})
    for n in range(per_codec):
        producer.produce(
            topic, key=f"{codec}-{n}", value=f"{codec} {n}",
            on_delivery=lambda error, _: failures.append(str(error)) if error else None)
    failures += ["not flushed"] * producer.flush(30)


def read_as_group(strategy):
    """What two members of a group read until all is there, and what they commit."""
    members = [Consumer({
        "bootstrap.servers": bootstrap, "group.id": f"{topic}-{strategy}", "auto.offset.reset": "earliest",
        "partition.assignment.strategy": strategy, "enable.auto.commit": False}) for _ in range(2)]
    for member in members:
        member.subscribe([topic])
    seen = set()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for member in members:
            seen.update(message.value().decode() for message in member.consume(1000, 0.2))
        if len(seen) == per_codec * len(codecs) and all(len(member.assignment()) == 2 for member in members):
            break
    for member in members:
        member.commit(asynchronous=False)
    partitions = [TopicPartition(topic, partition) for partition in range(4)]
    committed = sum(position.offset for position in members[0].committed(partitions, 20))
    shares = [len(member.assignment()) for member in members]
    for member in members:
        member.close()
    return {"seen": len(seen), "committed": committed, "shares": shares}


groups = {strategy: read_as_group(strategy) for strategy in ["range", "roundrobin", "cooperative-sticky"]}
[description] = settle(admin.describe_consumer_groups([f"{topic}-range"]))
[configs] = settle(admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))
settle(admin.delete_consumer_groups([f"{topic}-range"]))
settle(admin.delete_topics([topic]))
print(json.dumps({
    "failures": failures, "groups": groups, "state": description.state.name,
    "retention": configs["retention.ms"].value}))
