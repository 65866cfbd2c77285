import { Link } from '@tanstack/react-router';

/** Parts of a page; which one is open stands in the address. */
export function Tabs({ tabs, open }: { tabs: readonly (readonly [string, string])[]; open: string }) {
  return (
    <nav className="tabs" aria-label="Parts of this page">
      {tabs.map(([key, title]) => (
        <Link key={key} to="." search={(old: object) => ({ ...old, tab: key })} replace activeOptions={{ exact: true }} data-on={key === open || undefined}>
          {title}
        </Link>
      ))}
    </nav>
  );
}
