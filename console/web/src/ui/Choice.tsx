import { Link } from '@tanstack/react-router';

export interface Option {
  title: string;
  /** Whether it is what is shown. */
  on: boolean;
  /** What it changes in the address. */
  search: Readonly<Record<string, string | undefined>>;
  /** A key that chooses it, wherever somebody is on the page. */
  keys?: string;
}

/** One of a few ways to see a page; which one stands in the address. */
export function Choice({ label, options }: { label: string; options: readonly Option[] }) {
  return (
    <span className="choice" role="group" aria-label={label}>
      {options.map((one) => (
        <Link
          key={one.title}
          to="."
          search={(old: object) => ({ ...old, ...one.search })}
          replace
          preload={false}
          activeOptions={{ exact: true, explicitUndefined: true }}
          data-on={one.on || undefined}
          aria-keyshortcuts={one.keys}
          title={one.keys && `Key: ${one.keys}`}
        >
          {one.title}
        </Link>
      ))}
    </span>
  );
}
