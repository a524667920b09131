"""The device side of the older platform: waits for a notice, downloads what it names, ends.

usage: subscriber.py BROKER_HOST BROKER_PORT OUT_FILE
"""
import json
import sys

import paho.mqtt.client as mqtt
import requests

host, port, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def on_connect(client, userdata, flags, rc):
    print("connected", rc, flush=True)
    client.subscribe("pushnotification")


def on_subscribe(client, userdata, mid, granted_qos):
    print("subscribed", flush=True)


def on_message(client, userdata, message):
    notice = json.loads(message.payload.decode())
    print("notice", json.dumps(notice), flush=True)
    answer = requests.get(notice["Download"], timeout=60)
    with open(out, "wb") as file:
        file.write(answer.content)
    print("downloaded", answer.status_code, len(answer.content), flush=True)
    client.disconnect()


client = mqtt.Client()
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect(host, port, 60)
client.loop_forever()
