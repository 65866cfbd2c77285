/** What stands behind the `?` of a page's address: texts as they are, which people read and write too. */

/** Return the texts of a query by their names; of two with one name the last. */
export function parseSearch(query: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(query));
}

/** Return texts by their names as a query, with its `?`; empty for none. */
export function stringifySearch(search: Readonly<Record<string, unknown>>): string {
  const texts = Object.entries(search).filter((one): one is [string, string] => typeof one[1] === 'string');
  const query = new URLSearchParams(texts).toString();
  return query && `?${query}`;
}
