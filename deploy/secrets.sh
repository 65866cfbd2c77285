#!/usr/bin/env bash
# Makes what docker-compose.yml needs and nobody should choose by hand: passwords, keys and certificates.
# What exists is kept, so that running it again changes nothing. POOLS names the pools of workers besides "default"; each
# gets a folder of its own in pools/, with all that its workers are given. Pools that were made before stay.
set -euof pipefail
umask 077
folder=${1:-$(dirname "${BASH_SOURCE[0]}")/secrets}
mkdir -p "$folder/pools"
for pool in default ${POOLS:-}; do
  [[ $pool =~ ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$ ]] || { echo "$pool is no name of a pool: a-z, 0-9 and - within"; exit 1; }
  mkdir -p "$folder/pools/$pool/credentials"
done
pools=$(ls "$folder/pools")

random() { openssl rand -hex "$1"; }
once() { [ -s "$folder/$1" ] || printf '%s\n' "$2" > "$folder/$1"; }

moved() { # of a hub of 0.2.1 or older, which had one pool
  [ -s "$folder/$1" ] || return 0
  mkdir -p "$folder/pools/default/credentials"
  mv -n "$folder/$1" "$folder/pools/default/$2"
  echo "Moved $1 to pools/default/$2: only the workers of that pool have it now."
}
moved worker_database_password database_password
moved broker_worker_password broker_password
moved hub_key hub_key
once database_password "$(random 24)"
for process in scheduler flower; do once "broker_${process}_password" "$(random 24)"; done
once database_superuser_password "$(random 24)"
once api_token "$(random 32)"
# An identity provider gives it, where there is one: empty until then.
[ -e "$folder/oidc_client_secret" ] || : > "$folder/oidc_client_secret"
once flower_password "$(random 24)"
once message_keys "k1:$(random 32)"
once flower_auth "flotilla:$(cat "$folder/flower_password")"
once flower_url "http://flotilla:$(cat "$folder/flower_password")@flower:5555"

sha256() { openssl dgst -sha256 -r | cut -d' ' -f1; }
bytes() { printf "$(printf %s "$1" | sed 's/../\\x&/g')"; }
padded() { # a key of 32 bytes in hex, as HMAC's block: each byte by exclusive or with $2
  local i byte block=''
  for ((i = 0; i < 64; i++)); do byte=${1:2*i:2}; block+=$(printf %02x $((0x${byte:-00} ^ $2))); done
  bytes "$block"
}
# HMAC-SHA256 by its definition: openssl would take the key as an argument, which everybody on the machine may read.
hmac() { { padded "$1" 0x5c; bytes "$({ padded "$1" 0x36; printf %s "$2"; } | sha256)"; } | sha256; }

# What each pool's workers are given. The keys of its messages are derived from the scheduler's, as `flotilla keys` does it;
# its hub key is its own.
for pool in $pools; do
  once "pools/$pool/database_password" "$(random 24)"
  once "pools/$pool/broker_password" "$(random 24)"
  once "pools/$pool/hub_key" "$(random 32)"
  while IFS=: read -r id key; do
    printf '%s:%s\n' "$id" "$(hmac "$key" "flotilla messages of pool $pool")"
  done < "$folder/message_keys" > "$folder/pools/$pool/message_keys"
done
for pool in $pools; do
  printf 'flotilla_worker_%s %s\n' "${pool//-/_}" "$(cat "$folder/pools/$pool/database_password")"
done > "$folder/database_roles"

# The broker's access list, made anew each time from the passwords: a user for each process and pool, who may do what that
# process does. Workers reach the queues of their own pool, and what they have taken of them, answer to inspection and tell
# events. Flower hears events, asks workers to be inspected and counts queues; it reads no message and writes none.
digest() { printf %s "$(cat "$folder/$1")" | sha256; }
priorities=$'\x06\x16[369]' # how the other lists of a queue are called: exactly so, since eu??[369] would be a pool eu-13, too
connect='-@all +auth +hello +ping +select +quit +client|setname +multi +exec +discard +watch +unwatch'
queues() {
  local queue
  for queue in "$1" "$1.now"; do printf '%s ' "~$queue" "~$queue$priorities" "~_kombu.binding.$queue" "~_kombu.binding_permanent.$queue"; done
  printf '%s ' "~unacked:$1" "~unacked_index:$1" "~unacked_mutex:$1"
}
inspected="~_kombu.binding_deadlines ~*@*.celery.pidbox ~*@*.celery.pidbox$priorities &/0.celery.pidbox"
for exchange in celery.pidbox reply.celery.pidbox celeryev; do
  inspected+=" ~_kombu.binding.$exchange ~_kombu.binding_permanent.$exchange"
done
told='(-@all +lpush ~*.reply.celery.pidbox) (-@all +publish &/0.celeryev/*)'
bound='+evalsha +script|load +script|exists +time +exists +del +sadd +srem +smembers +zadd +zrem +zrangebyscore +pexpire'
work='+brpop +lpush +rpush +llen +get +set +hset +hget +hdel +zrange +subscribe +psubscribe +unsubscribe +punsubscribe'
watched='~_kombu.binding.*celeryev ~_kombu.binding.*celery.pidbox ~_kombu.binding_deadlines ~_kombu.binding_permanent.*celeryev ~_kombu.binding_permanent.*celery.pidbox ~*.reply.celery.pidbox ~*.reply.celery.pidbox??[369] ~celeryev.*'
workers=()
for pool in $pools; do
  workers+=("user worker-$pool on #$(digest "pools/$pool/broker_password") resetkeys resetchannels $(queues "$pool")$inspected $connect $bound $work $told")
done
printf '%s\n' > "$folder/broker_acl" \
  'user default off resetkeys resetchannels -@all' \
  "user scheduler on #$(digest broker_scheduler_password) ~* resetchannels $connect +lpush +llen +lrange +lrem +exists +get +set +sadd +smembers" \
  "${workers[@]}" \
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
