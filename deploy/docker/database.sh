#!/bin/bash
# Run once by the PostgreSQL image: the hub's user owns its one database; neither it nor the workers' is a superuser, and
# neither may make users. Passwords are in the environment, since arguments are for everybody to read.
set -euo pipefail
psql --username "$POSTGRES_USER" --dbname postgres --set ON_ERROR_STOP=1 --quiet <<'SQL'
\getenv owner OWNER_PASSWORD
\getenv worker WORKER_PASSWORD
SELECT 'CREATE ROLE ' || name FROM (VALUES ('flotilla'), ('flotilla_worker')) AS wanted (name)
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE flotilla LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner';
ALTER ROLE flotilla_worker LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'worker';
CREATE DATABASE flotilla OWNER flotilla;
REVOKE ALL ON DATABASE flotilla FROM PUBLIC;
GRANT CONNECT ON DATABASE flotilla TO flotilla_worker;
\connect flotilla
ALTER SCHEMA public OWNER TO flotilla;
SQL
