#!/bin/sh
# Make the secrets of docker-compose.yml in deploy/secrets/, once: random passwords, the URLs that hold them, and
# the master key that wraps the keysets. Nothing that exists is touched. Keep the folder out of backups that hold
# the `keys` volume.
#
# The folder is closed (0700); the files in it are readable, because each is mounted alone into containers whose
# processes have other user ids.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets
umask 022

hex() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }
put() { [ -e "$1" ] || printf '%s' "$2" >"$1"; }

put postgres_password "$(hex 24)"
for role in owner app sealer read; do put "${role}_password" "$(hex 24)"; done
put redis_password "$(hex 24)"
put simward_master_key "$(hex 32)"
put simward_metrics_token "$(hex 24)"

url() { printf 'postgresql+psycopg://simward_%s:%s@postgres:5432/simward' "$1" "$(cat "$1_password")"; }
put simward_database_url "$(url app)"
put simward_owner_database_url "$(url owner)"
put simward_sealer_database_url "$(url sealer)"
put simward_redis_url "redis://simward:$(cat redis_password)@redis:6379/0"
# The same rights as in the demo: no administration, nothing that touches every key.
put redis_acl "user default off
user health on nopass -@all +ping
user simward on >$(cat redis_password) ~* &* +@all -@admin -@dangerous +info
"
echo "deploy/secrets is complete."
