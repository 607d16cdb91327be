"""confluent-kafka (librdkafka 2.16): transactions that commit, abort, pipe with offsets, and fence each other."""
import json
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

bootstrap, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
SECONDS = 30


def producer(transactional_id):
    made = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id})
    made.init_transactions(SECONDS)
    return made


def consumer(group, isolation):
    return Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "isolation.level": isolation})


def counts(topic, isolation):
    """How often each value is read, up to the end that the isolation level shows."""
    reader = consumer(f"{topic}-{isolation}", isolation)
    ends = [reader.get_watermark_offsets(TopicPartition(topic, n), SECONDS)[1] for n in range(2)]
    reader.assign([TopicPartition(topic, n, 0) for n in range(2)])
    found, until = {}, time.monotonic() + SECONDS
    while time.monotonic() < until:
        for message in reader.consume(1000, 0.2):
            value = message.value().decode()
            found[value] = found.get(value, 0) + 1
        if all(position.offset >= end for position, end in zip(reader.position(reader.assignment()), ends)):
            break
    reader.close()
    return found


def send(to, topic, value, how_many):
    for n in range(how_many):
        to.produce(topic, value=value, partition=n % 2)


admin = AdminClient({"bootstrap.servers": bootstrap})
for future in admin.create_topics([NewTopic(name, 2, 1), NewTopic(f"{name}-out", 2, 1)]).values():
    future.result(SECONDS)

first = producer(f"{name}-tx")
for value, commit in [("a", True), ("b", False), ("c", True)]:
    first.begin_transaction()
    send(first, name, value, count)
    if commit:
        first.commit_transaction(SECONDS)
    else:
        first.flush(SECONDS)
        first.abort_transaction(SECONDS)
result = {"uncommitted": counts(name, "read_uncommitted"), "committed": counts(name, "read_committed")}

pipe, source = producer(f"{name}-pipe"), consumer(f"{name}-group", "read_committed")
source.subscribe([name])
seen, aborted, until = 0, 0, time.monotonic() + 2 * SECONDS
while seen < 2 * count and time.monotonic() < until:
    batch = source.consume(500, 0.5)
    if not batch:
        continue
    pipe.begin_transaction()
    for message in batch:
        pipe.produce(f"{name}-out", value=message.value().upper(), partition=message.partition())
    pipe.send_offsets_to_transaction(source.position(source.assignment()), source.consumer_group_metadata(), SECONDS)
    if aborted == 0:
        aborted = 1
        pipe.abort_transaction(SECONDS)
        for position in source.committed(source.assignment(), SECONDS):
            source.seek(TopicPartition(position.topic, position.partition, max(position.offset, 0)))
        continue
    pipe.commit_transaction(SECONDS)
    seen += len(batch)
positions = source.position(source.assignment())
result["piped"] = counts(f"{name}-out", "read_committed")
result["offsets"] = [p.offset for p in source.committed(positions, SECONDS)] == [p.offset for p in positions]
source.close()

zombie = producer(f"{name}-fenced")
zombie.begin_transaction()
send(zombie, name, "zombie", 2)
zombie.flush(SECONDS)
producer(f"{name}-fenced")
try:
    zombie.commit_transaction(SECONDS)
    result["fenced"] = "no"
except KafkaException as error:
    result["fenced"] = [error.args[0].name(), error.args[0].fatal()]
result["after fencing"] = counts(name, "read_committed")
print(json.dumps(result))
