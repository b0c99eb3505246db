#!/bin/sh
# A stand-in for the program. A real one would not print these.
echo "log:      $LOG_FORMAT"
echo "database: $DATABASE_URL"
echo "token:    $API_TOKEN"
echo "sentry:   ${SENTRY_DSN-(not set)}"
echo "key:      $(cat "$TLS_KEY_FILE")"
