# This source file is part of swift-mqtt.
# SPDX-License-Identifier: Apache-2.0
# paho-mqtt against a broker: every QoS, retained, a will, a session that waits. usage: paho_round.py HOST PORT
import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST, PORT, WAIT = sys.argv[1], int(sys.argv[2]), 60


class Client:
    def __init__(self, name, version, clean=True, will=None):
        self.messages, self.answers, self.connections = queue.Queue(), queue.Queue(), queue.Queue()
        options = {} if version == mqtt.MQTTv5 else {"clean_session": clean}
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=version, **options)
        self.client.on_connect = lambda c, u, flags, reason, properties: self.connections.put((flags, reason))
        self.client.on_subscribe = lambda c, u, mid, reasons, properties: self.answers.put(reasons)
        self.client.on_unsubscribe = lambda c, u, mid, reasons, properties: self.answers.put(reasons)
        self.client.on_message = lambda c, u, message: self.messages.put(message)
        if will:
            self.client.will_set(*will)
        connecting = {}
        if version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 0 if clean else 3600
            connecting = {"clean_start": clean, "properties": properties}
        self.client.connect(HOST, PORT, **connecting)
        self.client.loop_start()
        self.flags, reason = self.connections.get(timeout=WAIT)
        assert not reason.is_failure, reason

    def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos=qos)
        reasons = self.answers.get(timeout=WAIT)
        assert [reason.value for reason in reasons] == [qos], reasons

    def unsubscribe(self, topic):
        self.client.unsubscribe(topic)
        self.answers.get(timeout=WAIT)

    def publish(self, topic, payload, qos, **more):
        self.client.publish(topic, payload, qos=qos, **more).wait_for_publish(WAIT)

    def expect(self, topic, payload, qos, retain=False):
        message = self.messages.get(timeout=WAIT)
        came = (message.topic, message.payload.decode(), message.qos, bool(message.retain))
        assert came == (topic, payload, qos, retain), came
        return message

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


def check(version):
    root = f"paho/{version}"
    one, other = Client(f"one-{version}", version), Client(f"other-{version}", version, will=(f"{root}/will", "gone", 1))
    for granted in (0, 1, 2):
        one.subscribe(f"{root}/at{granted}", granted)
        for sent in (0, 1, 2):
            other.publish(f"{root}/at{granted}", f"{sent}", sent)
            one.expect(f"{root}/at{granted}", f"{sent}", min(granted, sent))
    other.publish(f"{root}/kept", "old", 1, retain=True)
    other.publish(f"{root}/kept", "new", 1, retain=True)
    one.subscribe(f"{root}/+", 2)
    one.expect(f"{root}/kept", "new", 1, retain=True)
    large = "x" * 300_000
    other.publish(f"{root}/large", large, 2)
    one.expect(f"{root}/large", large, 2)
    # Without a DISCONNECT the will goes out.
    other.client._sock_close()
    one.expect(f"{root}/will", "gone", 1)
    other.leave()
    if version == mqtt.MQTTv5:
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [("a", "1"), ("a", "2")]
        properties.ResponseTopic, properties.CorrelationData = "reply", b"\x00\x01"
        properties.MessageExpiryInterval, properties.ContentType = 100, "text/plain"
        one.publish(f"{root}/properties", "p", 1, properties=properties)
        came = one.expect(f"{root}/properties", "p", 1).properties
        assert came.UserProperty == [("a", "1"), ("a", "2")] and came.ResponseTopic == "reply", came
        assert came.CorrelationData == b"\x00\x01" and came.ContentType == "text/plain", came
        assert 90 <= came.MessageExpiryInterval <= 100, came
    # What comes while a client is away waits for it.
    away = Client(f"away-{version}", version, clean=False)
    away.subscribe(f"{root}/away/#", 2)
    away.leave()
    for qos in (1, 2):
        one.publish(f"{root}/away/{qos}", f"{qos}", qos)
        one.messages.queue.clear()
    back = Client(f"away-{version}", version, clean=False)
    # 3.1 cannot say it.
    assert back.flags.session_present or version == mqtt.MQTTv31
    for qos in (1, 2):
        back.expect(f"{root}/away/{qos}", f"{qos}", qos)
    back.unsubscribe(f"{root}/away/#")
    back.leave()
    one.leave()


for version in (mqtt.MQTTv31, mqtt.MQTTv311, mqtt.MQTTv5):
    check(version)
    print("version", int(version), "ok", flush=True)
