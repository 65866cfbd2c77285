import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';

import { api, read } from '@/api/client';
import { given } from '@/lib/given';

export interface Filter {
  health?: string | undefined;
  sync?: string | undefined;
  cluster?: string | undefined;
  application?: string | undefined;
  /** `true` for what is paused alone, as it stands in an address. */
  paused?: string | undefined;
}

/** Placements that are listed before somebody asks for more, and problems that are told. */
const FIRST = 50;
/** Placements of which a picture says the version and the reason. */
const DETAILED = 500;

/** How it is with a part of the fleet. */
export function useStatus(filter: Filter) {
  const query = part(filter);
  return useQuery({
    // Of the whole fleet it is what the header has asked for.
    queryKey: Object.keys(query).length > 0 ? ['status', query] : ['status'],
    queryFn: ({ signal }) => read(api.GET('/api/v1/status', { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });
}

/** Placements of a filter, by name. */
export function usePlacements(filter: Filter) {
  return useInfiniteQuery({
    queryKey: ['placements', filter],
    queryFn: ({ pageParam, signal }) =>
      read(api.GET('/api/v1/placements', { params: { query: { ...given({ ...filter, paused: filter.paused === 'true' || undefined }), limit: FIRST, after: pageParam } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.after || undefined,
    placeholderData: keepPreviousData,
  });
}

/** What is wrong with a part of the fleet, the worst first. */
export function useProblems(filter: Filter) {
  return useQuery({
    queryKey: ['problems', part(filter)],
    queryFn: ({ signal }) => read(api.GET('/api/v1/problems', { params: { query: { ...part(filter), limit: FIRST } }, signal })),
    placeholderData: keepPreviousData,
  });
}

function part({ cluster, application }: Filter) {
  return given({ cluster, application });
}

/** A part of the fleet as a picture. */
export function usePicture(filter: Filter) {
  return useQuery({
    queryKey: ['picture', part(filter)],
    queryFn: ({ signal }) => read(api.GET('/api/v1/fleet/picture', { params: { query: part(filter) }, signal })),
    placeholderData: keepPreviousData,
  });
}

/** Placements with their versions and reasons, which a picture does not have; as many as one page has. */
export function useDetails(filter: Filter) {
  return useQuery({
    queryKey: ['placements', 'details', part(filter)],
    queryFn: async ({ signal }) => {
      const page = await read(api.GET('/api/v1/placements', { params: { query: { ...part(filter), limit: DETAILED } }, signal }));
      return page.items;
    },
  });
}
