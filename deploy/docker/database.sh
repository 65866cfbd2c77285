#!/bin/bash
# Run once by the PostgreSQL image, and by hand once a pool has been added: the hub's user owns its one database; neither it
# nor a pool's workers are superusers, and none may make users. Passwords are in the environment, since arguments are for
# everybody to read.
set -euo pipefail
export OWNER_PASSWORD=${OWNER_PASSWORD:-$(cat /run/secrets/database_password)}
roles=${WORKER_ROLES:-$(cat /run/secrets/database_roles)}
run() { psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --quiet "$@"; }

run <<'SQL'
\getenv owner OWNER_PASSWORD
SELECT 'CREATE ROLE flotilla' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'flotilla') \gexec
ALTER ROLE flotilla LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner';
SELECT 'CREATE DATABASE flotilla OWNER flotilla' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'flotilla') \gexec
REVOKE ALL ON DATABASE flotilla FROM PUBLIC;
\connect flotilla
ALTER SCHEMA public OWNER TO flotilla;
SQL

while read -r role password; do
  WORKER_PASSWORD=$password run --set role="$role" <<'SQL'
\getenv password WORKER_PASSWORD
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
GRANT CONNECT ON DATABASE flotilla TO :"role";
SQL
done <<< "$roles"
