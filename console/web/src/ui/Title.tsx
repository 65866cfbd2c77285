import { useEffect } from 'react';

import { look } from '@/lib/state';

/** What the browser calls a page, by what it is about; the state that matters stands first, where a narrow tab shows it. */
export function Title({ of, word }: { of: string; word?: string | undefined }) {
  const title = `${word ? `${look(word).glyph} ` : ''}${of} · Flotilla`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  return null;
}
