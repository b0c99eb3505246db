#!/usr/bin/env python3
"""A provider that speaks the JSON protocol, for a store that is a table in here."""

import json
import os
import sys

SECRETS = {
    ("database", None): {"fields": {"username": "reader", "password": "p@ss"}, "version": "7"},
    ("signing-key", None): {"value": "key-2", "version": "2"},
    ("signing-key", "previous"): {"value": "key-1", "version": "1"},
}


def answer(request):
    if not os.environ.get("STORE_LOGIN"):
        print("store.py: set STORE_LOGIN", file=sys.stderr)
        return {"error": "denied"}
    found = SECRETS.get((request["path"], request.get("version")))
    return found or {"error": "not-found"}


batch = json.load(sys.stdin)
if batch["protocol"] != 1:
    sys.exit("store.py: this provider speaks version 1 of the protocol")
json.dump({"protocol": 1, "answers": [answer(request) for request in batch["requests"]]}, sys.stdout)
