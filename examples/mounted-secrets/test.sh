./mount.sh
sublet check
test "$(sublet -- printenv DATABASE_URL)" = 'postgres://shop:p%40ss%2Fword@db/shop'
test "$(sublet -- printenv API_KEY)" = key-1

# A file that is not there is named, and nothing is started.
rm mounted/api_key
if sublet -- touch started 2> errors; then exit 1; fi
grep -q 'API_KEY: `file:mounted/api_key`: cannot read' errors
test ! -e started
