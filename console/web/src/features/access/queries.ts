import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import type { TokenWanted } from '@/api/types';

const SESSIONS = ['access', 'sessions'];
const TOKENS = ['access', 'tokens'];

export function useSessions(all: boolean) {
  return useQuery({
    queryKey: [...SESSIONS, all],
    queryFn: ({ signal }) => read(api.GET('/api/v1/sessions', { params: { query: { all } }, signal })),
  });
}

export function useTokens(all: boolean) {
  return useQuery({
    queryKey: [...TOKENS, all],
    queryFn: ({ signal }) => read(api.GET('/api/v1/tokens', { params: { query: { all } }, signal })),
  });
}

/** Everybody who may sign in or has; asked for by who may administer. */
export function useUsers() {
  return useQuery({ queryKey: ['access', 'users'], queryFn: ({ signal }) => read(api.GET('/api/v1/users', { signal })) });
}

/** End a session by its number. */
export function useEndSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => read(api.DELETE('/api/v1/sessions/{session_id}', { params: { path: { session_id: id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: SESSIONS }),
  });
}

/** Revoke a token by its number. */
export function useRevoke() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => read(api.DELETE('/api/v1/tokens/{token_id}', { params: { path: { token_id: id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: TOKENS }),
  });
}

/** Make a token; its secret is told this once. */
export function useMake() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: TokenWanted) => read(api.POST('/api/v1/tokens', { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: TOKENS }),
  });
}
