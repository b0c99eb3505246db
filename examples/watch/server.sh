#!/bin/sh
# Says what it has, at its start and whenever its key was replaced.
say() { echo "$GREETING, the key is $(cat "$KEY_FILE")" >> said; }
trap say HUP
say
while :; do sleep 0.1; done
