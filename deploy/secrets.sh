#!/usr/bin/env bash
# Makes what docker-compose.yml needs and nobody should choose by hand: passwords, keys and certificates.
# What exists is kept, so that running it again changes nothing.
set -euo pipefail
umask 077
folder=${1:-$(dirname "${BASH_SOURCE[0]}")/secrets}
mkdir -p "$folder"

random() { openssl rand -hex "$1"; }
once() { [ -s "$folder/$1" ] || printf '%s\n' "$2" > "$folder/$1"; }

once worker_database_password "$(random 24)"
once database_password "$(random 24)"
once broker_password "$(random 24)"
once api_token "$(random 32)"
once flower_password "$(random 24)"
once message_keys "k1:$(random 32)"
once hub_key "$(random 32)"
once flower_auth "flotilla:$(cat "$folder/flower_password")"
once flower_url "http://flotilla:$(cat "$folder/flower_password")@flower:5555"

# The broker's access list: one user, who may do what a queue needs and nothing that changes the server.
once broker_acl "user default off
user flotilla on #$(printf %s "$(cat "$folder/broker_password")" | openssl dgst -sha256 -r | cut -d' ' -f1) ~* &* +@all -@admin -@dangerous +info +keys"

certificate() { # name, subject alternative names
  [ -s "$folder/$1.crt" ] && return
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$folder/$1.key" -subj "/CN=$1" -out "$folder/$1.csr" 2>/dev/null
  openssl x509 -req -in "$folder/$1.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial -days 825 \
    -extfile <(printf 'subjectAltName=%s\n' "$2") -out "$folder/$1.crt" 2>/dev/null
  rm "$folder/$1.csr"
}

if [ ! -s "$folder/ca.crt" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj '/CN=flotilla-ca' \
    -keyout "$folder/ca.key" -out "$folder/ca.crt" 2>/dev/null
fi
certificate redis 'DNS:redis,DNS:localhost,IP:127.0.0.1'
certificate api 'DNS:api,DNS:localhost,IP:127.0.0.1'

# The containers run as whoever owns these files, so that they may stay readable by their owner alone.
printf 'FLOTILLA_UID=%s\nFLOTILLA_GID=%s\n' "$(id -u)" "$(id -g)" > "$folder/.env"
echo "Secrets are in $folder. Start with: docker compose --env-file $folder/.env up"
