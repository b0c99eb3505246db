#!/bin/sh
# A program that takes its configuration from its environment.
echo "$GREETING, $WHO! The password has ${#PASSWORD} characters."
