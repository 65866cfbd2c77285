local k = import 'lib/k.libsonnet';
local cluster = std.extVar('cluster');

{
  store: [k.deployment('store', 'redis:7.4', port=6379), k.service('store', 6379)],
  front: [
    k.deployment('front', 'example.com/guestbook:v5', 2, 8080) + { metadata+: { annotations: { cluster: cluster.name } } },
    k.service('front', 8080),
  ],
}
