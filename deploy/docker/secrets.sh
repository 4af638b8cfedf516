#!/bin/sh
# Makes the secrets of docker-compose.yml, once: sh deploy/docker/secrets.sh [FOLDER]
# What is there already stays. The folder is yours alone; its files can be read by the containers' users, whose ids are
# not yours. The signing key (clipmill token key) is no secret of a container: docs/operations.md.
set -eu
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

new() { # NAME: a file with the text on standard input, unless there is one
  if [ -s "$1" ]; then cat >/dev/null; else cat >"$1.new" && chmod 444 "$1.new" && mv "$1.new" "$1" && echo "$1"; fi
}
password() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

password | new postgres_password
password | new grafana_password
for service in ingest catalog scoring models; do
  password | new "${service}_password"
  printf 'postgresql+asyncpg://%s:%s@postgres/clipmill' "$service" "$(cat "${service}_password")" | new "${service}_sql_url"
done
