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
for process in scheduler worker flower; do once "broker_${process}_password" "$(random 24)"; done
once database_superuser_password "$(random 24)"
once api_token "$(random 32)"
once flower_password "$(random 24)"
once message_keys "k1:$(random 32)"
once hub_key "$(random 32)"
once flower_auth "flotilla:$(cat "$folder/flower_password")"
once flower_url "http://flotilla:$(cat "$folder/flower_password")@flower:5555"

# The broker's access list, made anew each time from the passwords: a user for each process, who may do what that process
# does. Workers reach the queues of their own pool ("??[369]" is how a queue's priorities are called), take part in
# inspection and tell events. Flower hears events, asks workers to be inspected and counts queues; it reads no message
# and writes none. A further pool has a user of its own, whose name and queues are the pool's.
digest() { printf %s "$(cat "$folder/$1")" | openssl dgst -sha256 -r | cut -d' ' -f1; }
connect='-@all +auth +hello +ping +select +quit +client|setname +multi +exec +discard +watch +unwatch'
queues='~default ~default??[369] ~default.now ~default.now??[369] ~unacked ~unacked_index ~unacked_mutex'
inspected='~_kombu.binding.* ~_kombu.binding_deadlines ~_kombu.binding_permanent.* ~*.celery.pidbox ~*.celery.pidbox??[369] &/0.celery.pidbox &/0.celeryev/*'
bound='+evalsha +script|load +script|exists +time +exists +del +sadd +srem +smembers +zadd +zrem +zrangebyscore +pexpire'
work='+brpop +lpush +rpush +llen +get +set +hset +hget +hdel +zrange +subscribe +psubscribe +unsubscribe +punsubscribe +publish'
watched='~_kombu.binding.*celeryev ~_kombu.binding.*celery.pidbox ~_kombu.binding_deadlines ~_kombu.binding_permanent.*celeryev ~_kombu.binding_permanent.*celery.pidbox ~*.reply.celery.pidbox ~*.reply.celery.pidbox??[369] ~celeryev.*'
printf '%s\n' > "$folder/broker_acl" \
  'user default off resetkeys resetchannels -@all' \
  "user scheduler on #$(digest broker_scheduler_password) ~* resetchannels $connect +lpush +llen +lrange +lrem +exists +get +set +sadd +smembers" \
  "user worker on #$(digest broker_worker_password) resetkeys resetchannels $queues $inspected $connect $bound $work" \
  "user flower on #$(digest broker_flower_password) resetkeys resetchannels $watched $connect $bound +brpop +llen (-@all +llen ~*) (-@all +subscribe +psubscribe +unsubscribe +punsubscribe &/0.celeryev/*) (-@all +publish &/0.celery.pidbox)"

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
