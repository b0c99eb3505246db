#!/bin/sh
# Lays out `mounted/` as a Kubernetes secret volume is: the files are links into a folder with a date for a
# name, which is swapped as a whole when the secret changes.
set -e
version=mounted/db/..2026_01_01
mkdir -p "$version"
printf 'shop\n' > "$version/username"
printf 'p@ss/word' > "$version/password"
ln -sfn ..2026_01_01 mounted/db/..data
ln -sf ..data/username mounted/db/username
ln -sf ..data/password mounted/db/password
printf 'key-1\n' > mounted/api_key
