cp .env.example .env
echo first > key.txt
sublet run -- ./server.sh &
supervisor=$!
until grep -q 'hello, the key is first' said 2>/dev/null; do sleep 0.1; done

echo second > key.txt        # a file: replaced, and the program is told
until grep -q 'hello, the key is second' said; do sleep 0.1; done

echo GREETING=goodbye > .env # a variable: the program is restarted
until grep -q 'goodbye, the key is second' said; do sleep 0.1; done

kill "$supervisor"
wait "$supervisor" || test $? = 143
