cp .env.example .env
unset SENTRY_DSN SUBLET_PROFILE

sublet -- ./app.sh > out
cat > expected <<'END'
log:      text
database: postgres://localhost/shop
token:    test-token
sentry:   (not set)
key:      not a real key: development
END
diff expected out

SENTRY_DSN=stale sublet -p staging -- ./app.sh > out
cat > expected <<'END'
log:      json
database: postgres://shop:p%40ss%2Fword@db.internal/shop
token:    staging-token
sentry:   (not set)
key:      not a real key: staging
END
diff expected out

SUBLET_PROFILE=production sublet -- ./app.sh > out
cat > expected <<'END'
log:      json
database: postgres://shop_live:100%25%20secret@db.internal/shop
token:    staging-token
sentry:   https://public@sentry.internal/1
key:      not a real key: staging
END
diff expected out

sublet explain DATABASE_URL | grep -q 'wins *\.env'
sublet check -p production

# Without `.env`, development lacks two values, and nothing is started.
rm .env
if sublet -- touch started 2> errors; then exit 1; fi
grep -q '2 required values are missing' errors
test ! -e started
