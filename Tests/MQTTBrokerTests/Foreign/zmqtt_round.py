# This source file is part of swift-mqtt.
# SPDX-License-Identifier: Apache-2.0
# zmqtt against a broker: every QoS, retained, requests. usage: zmqtt_round.py HOST PORT
import asyncio
import sys

import zmqtt
from zmqtt import QoS

HOST, PORT, WAIT = sys.argv[1], int(sys.argv[2]), 60


async def expect(subscription, topic, payload, qos):
    message = await asyncio.wait_for(subscription.get_message(), WAIT)
    came = (message.topic, bytes(message.payload), message.qos)
    assert came == (topic, payload, qos), came
    return message


async def check(version):
    root = f"zmqtt/{version}"
    one = zmqtt.create_client(HOST, PORT, client_id=f"z-one-{version}", version=version)
    other = zmqtt.create_client(HOST, PORT, client_id=f"z-other-{version}", version=version)
    async with one, other:
        for granted in QoS:
            async with one.subscribe(f"{root}/at{int(granted)}", qos=granted) as messages:
                for sent in QoS:
                    await other.publish(f"{root}/at{int(granted)}", f"{int(sent)}", qos=sent)
                    await expect(messages, f"{root}/at{int(granted)}", b"%d" % int(sent), min(granted, sent))
        await other.publish(f"{root}/kept", b"k", qos=QoS.AT_LEAST_ONCE, retain=True)
        async with one.subscribe(f"{root}/+", qos=QoS.EXACTLY_ONCE) as messages:
            assert (await expect(messages, f"{root}/kept", b"k", QoS.AT_LEAST_ONCE)).retain
        assert await one.ping() < WAIT
        if version == "5.0":
            async with other.subscribe(f"{root}/service", qos=QoS.AT_LEAST_ONCE) as requests:

                async def serve():
                    request = await expect(requests, f"{root}/service", b"2+2", QoS.AT_LEAST_ONCE)
                    answer = zmqtt.PublishProperties(correlation_data=request.properties.correlation_data)
                    await other.publish(request.properties.response_topic, b"4", properties=answer)

                serving = asyncio.create_task(serve())
                reply = await one.request(f"{root}/service", b"2+2", qos=QoS.AT_LEAST_ONCE, timeout=WAIT)
                assert bytes(reply.payload) == b"4", reply
                await serving


for version in ("3.1.1", "5.0"):
    asyncio.run(check(version))
    print("version", version, "ok", flush=True)
