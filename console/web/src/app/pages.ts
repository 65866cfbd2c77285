/** The pages that the navigation leads to. */

export interface PageLink {
  to: string;
  title: string;
  /** Behind `g`. */
  letter: string;
  /** Whether it stands in the account's menu, and not among the pages. */
  aside?: boolean;
}

export const PAGES: readonly PageLink[] = [
  { to: '/', title: 'Fleet', letter: 'f' },
  { to: '/applications', title: 'Applications', letter: 'p' },
  { to: '/clusters', title: 'Clusters', letter: 'c' },
  { to: '/waiting', title: 'Waiting', letter: 'w' },
  { to: '/runs', title: 'Runs', letter: 'r' },
  { to: '/drift', title: 'Drift', letter: 'd' },
  { to: '/faults', title: 'Faults', letter: 'x' },
  { to: '/audit', title: 'Audit', letter: 'a' },
  { to: '/access', title: 'Access', letter: 'm', aside: true },
];
