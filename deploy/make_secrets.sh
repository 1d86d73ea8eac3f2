#!/bin/sh
# Writes the passwords for compose.yaml into deploy/secrets, or into the folder that is named, once: nothing that is
# there is written over. Run it as root, so that each file belongs to the account that reads it (10001 the bot, 999
# PostgreSQL); as somebody else it says what is left to do.
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 711 "$folder" # each file is for one account only

password() {
    [ -e "$folder/$1" ] || od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$folder/$1"
}

password owner_password
password bot_password
for role in owner bot; do
    [ -e "$folder/${role}_pgpass" ] ||
        printf 'postgres:5432:*:%s:%s\n' "$role" "$(cat "$folder/${role}_password")" >"$folder/${role}_pgpass"
done
chmod 600 "$folder"/*

if [ "$(id -u)" = 0 ]; then
    chown 999:999 "$folder/owner_password"
    chown 10001:10001 "$folder/owner_pgpass" "$folder/bot_password" "$folder/bot_pgpass"
    [ ! -e "$folder/bot.pem" ] || chown 10001:10001 "$folder/bot.pem"
else
    echo "not root: give owner_password to 999:999 and all other files in $folder to 10001:10001" >&2
fi
[ -e "$folder/bot.pem" ] || echo "put key and certificate of the bot into $folder/bot.pem, then run this again" >&2
