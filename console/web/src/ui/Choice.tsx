import { Link } from '@tanstack/react-router';

export interface Option {
  title: string;
  /** Whether it is what is shown. */
  on: boolean;
  /** What it changes in the address. */
  search: Readonly<Record<string, string | undefined>>;
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
        >
          {one.title}
        </Link>
      ))}
    </span>
  );
}
