#!/bin/sh
# A schema and a role a service, and nothing for anybody else. PostgreSQL's image runs it when its data folder is new.
set -eu
for service in ingest catalog scoring models; do
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
    --set=role="$service" --set=password="$(cat "${SECRETS:-/run/secrets}/${service}_password")" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password' CONNECTION LIMIT 40;
CREATE SCHEMA AUTHORIZATION :"role";
SQL
done
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SELECT format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO ingest, catalog, scoring, models', current_database()) \gexec
SQL
