#!/bin/sh
# Runs once, when the cluster is new: the four roles and the database. What each role may touch is granted by the
# migrations. Passwords come from secret files and reach psql as variables, never as arguments that `ps` shows.
set -eu

secret() { cat "/run/secrets/$1"; }
OWNER="$(secret owner_password)" APP="$(secret app_password)" \
    SEALER="$(secret sealer_password)" READ="$(secret read_password)"
export OWNER APP SEALER READ

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner OWNER
\getenv app APP
\getenv sealer SEALER
\getenv read READ
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
CREATE ROLE simward_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT PASSWORD :'owner';
CREATE ROLE simward_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT PASSWORD :'app';
CREATE ROLE simward_sealer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT PASSWORD :'sealer';
CREATE ROLE simward_read LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT PASSWORD :'read';
CREATE DATABASE simward OWNER simward_owner;
REVOKE ALL ON DATABASE simward FROM PUBLIC;
GRANT CONNECT ON DATABASE simward TO simward_owner, simward_app, simward_sealer, simward_read;
SQL
