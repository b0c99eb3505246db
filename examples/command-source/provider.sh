#!/bin/sh
# A Summon provider: `provider.sh PATH` prints the value of PATH, or fails.
case $1 in
services/api) echo 'token-for-api' ;;
*) echo "provider.sh: nothing at $1" >&2; exit 1 ;;
esac
