/** The one door for changes: seen before, asked for once, and followed until they are carried out. */

import { useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import type { components } from '@/api/schema';

type Schemas = components['schemas'];
export type Wish = Pick<Schemas['NewRequest'], 'kind'> & { selection: Partial<Schemas['Selection']> };
export type Preview = Schemas['Preview'];
export type Intent = Schemas['IntentView'];

function body(wish: Wish, reason = ''): Schemas['NewRequest'] {
  return { kind: wish.kind, selection: wish.selection as Schemas['Selection'], reason };
}

/** Return a word that no other request has; `crypto.randomUUID` is there on pages with TLS only. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, '0')).join('');
}

/** Return what a wish would do. */
export async function preview(wish: Wish, signal: AbortSignal): Promise<Preview> {
  return read(api.POST('/api/v1/intents', { params: { query: { preview: true } }, body: body(wish), signal })) as Promise<Preview>;
}

/** Ask for it, as it was seen; returns the number of the request. A key that comes twice is carried out once. */
export async function ask(wish: Wish, reason: string, seen: Preview, key: string): Promise<number> {
  const header = { 'If-Match': seen.etag, 'Idempotency-Key': key };
  const stored = await read(api.POST('/api/v1/intents', { params: { header }, body: body(wish, reason) }));
  return (stored as Schemas['Wanted']).intent;
}

/** Return what came of a request so far; asked again until it is carried out. */
export function useIntent(id: number | null) {
  return useQuery({
    queryKey: ['intent', id],
    queryFn: ({ signal }) => read(api.GET('/api/v1/intents/{intent_id}', { params: { path: { intent_id: id ?? 0 } }, signal })),
    enabled: id !== null,
    refetchInterval: (query) => (query.state.data?.handled_at ? false : 700),
  });
}
