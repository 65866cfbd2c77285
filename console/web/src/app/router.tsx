import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';

import { lazy, loadAll } from '@/app/lazy';
import { NotFound } from '@/app/NotFound';
import { Shell } from '@/app/Shell';
import { parseSearch, stringifySearch } from '@/lib/address';
import { Problem } from '@/ui/Problem';

/** Return the texts of a search that a page knows; what it does not know is dropped. */
function texts<const K extends string>(...names: K[]) {
  return (search: Record<string, unknown>): Partial<Record<K, string>> => {
    const known: Partial<Record<K, string>> = {};
    for (const name of names) {
      const value = search[name];
      if (typeof value === 'string') known[name] = value;
    }
    return known;
  };
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const routes = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    validateSearch: texts('health', 'sync', 'cluster', 'application', 'paused', 'by', 'group', 'as', 'from', 'to'),
    component: lazy(() => import('@/features/fleet/FleetPage'), 'FleetPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/placements/$cluster/$application',
    validateSearch: texts('tab', 'live', 'object', 'view', 'previous'),
    component: lazy(() => import('@/features/placement/PlacementPage'), 'PlacementPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/applications',
    component: lazy(() => import('@/features/fleet/ApplicationsPage'), 'ApplicationsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/applications/$application',
    validateSearch: texts('tab', 'health'),
    component: lazy(() => import('@/features/application/ApplicationPage'), 'ApplicationPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/clusters',
    validateSearch: texts('show'),
    component: lazy(() => import('@/features/cluster/ClustersPage'), 'ClustersPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/clusters/$cluster',
    validateSearch: texts('tab', 'health'),
    component: lazy(() => import('@/features/cluster/ClusterPage'), 'ClusterPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/commits/$name',
    validateSearch: texts('repo'),
    component: lazy(() => import('@/features/commit/CommitPage'), 'CommitPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/access',
    validateSearch: texts('all'),
    component: lazy(() => import('@/features/access/AccessPage'), 'AccessPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/drift',
    validateSearch: texts('hours'),
    component: lazy(() => import('@/features/drift/DriftPage'), 'DriftPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/faults',
    component: lazy(() => import('@/features/fault/FaultsPage'), 'FaultsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audit',
    validateSearch: texts('actor', 'action', 'subject', 'project', 'outcome', 'since', 'until'),
    component: lazy(() => import('@/features/audit/AuditPage'), 'AuditPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/waiting',
    validateSearch: texts('tab'),
    component: lazy(() => import('@/features/waiting/WaitingPage'), 'WaitingPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/runs',
    validateSearch: texts('cluster', 'application', 'state', 'outcome'),
    component: lazy(() => import('@/features/run/RunsPage'), 'RunsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/runs/$run',
    component: lazy(() => import('@/features/run/RunPage'), 'RunPage'),
  }),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: 'intent',
  parseSearch,
  stringifySearch,
  defaultErrorComponent: ({ error }) => <Problem error={error} />,
  scrollRestoration: true,
});

const stop = router.subscribe('onRendered', () => {
  stop();
  setTimeout(() => void loadAll(), 3_000);
});
