cp .env.example .env

test "$(sublet -- ./hello.sh)" = 'Hello, wide world! The password has 11 characters.'
test "$(sublet --set WHO=you -- ./hello.sh)" = 'Hello, you! The password has 11 characters.'
test "$(sublet -- printenv PASSWORD)" = 'p@ss$word#1'
sublet check
