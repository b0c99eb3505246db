export STORE_LOGIN=me
sublet -- env > out
grep -qx 'DB_USER=reader' out
grep -qx 'DB_PASSWORD=p@ss' out
grep -qx 'OLD_KEY=key-1' out
grep -qx 'API_TOKEN=token-for-api' out
if grep -q STORE_LOGIN out; then exit 1; fi

# No provider runs for `--offline`.
sublet check --offline | grep -q 'not asked'

# A denied secret starts nothing.
unset STORE_LOGIN
if sublet -- touch started 2> errors; then exit 1; fi
grep -q 'it denies this secret' errors
test ! -e started
