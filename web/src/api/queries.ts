import { queryOptions, QueryClient, useQuery } from "@tanstack/react-query";
import { api, ask, onSessionEnd, type Schema } from "./client";
import { ApiProblem } from "./problem";

/** Where answers are kept. What is the matter of one page asks again when it is shown. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // Refusals stay refusals; what did not get through is tried again.
      retry: (count, error) => count < 2 && !(error instanceof ApiProblem && error.status >= 400 && error.status < 500),
      refetchOnWindowFocus: true,
    },
    mutations: { retry: false },
  },
});

export type Me = Schema<"Myself">;

/** Who is signed in; null is nobody. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async (): Promise<Me | null> => {
    try {
      return await ask(api.GET("/session"));
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
});

onSessionEnd(() => queries.setQueryData(meQuery.queryKey, null));

export type Role = Me["role"];

const ranks: Role[] = ["viewer", "operator", "admin"];

/** Whether a role may do all that the other may. */
export function atLeast(role: Role | undefined, least: Role): boolean {
  return role !== undefined && ranks.indexOf(role) >= ranks.indexOf(least);
}

/** Who is signed in, within the pages that need somebody. */
export function useMe(): Me {
  const { data } = useQuery(meQuery);
  return data ?? { name: "", role: "viewer", created: "", disabled: false, version: 0, totp: false, recoveryCodes: 0 };
}

/** Whether who is signed in may do what this role may. */
export function useMay(least: Role): boolean {
  return atLeast(useMe().role, least);
}

export const batchesQuery = queryOptions({
  queryKey: ["batches"],
  queryFn: async () => (await ask(api.GET("/batches"))).items ?? [],
});

export const batchQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batch", batch],
    queryFn: (): Promise<Schema<"Batch">> => ask(api.GET("/batches/{batch}", { params: { path: { batch } } })),
  });

export const mailboxQuery = (batch: string, address: string) =>
  queryOptions({
    queryKey: ["mailbox", batch, address],
    queryFn: (): Promise<Schema<"Mailbox">> => ask(api.GET("/batches/{batch}/mailboxes/{address}", { params: { path: { batch, address } } })),
  });

export const endpointsQuery = queryOptions({
  queryKey: ["endpoints"],
  queryFn: async () => (await ask(api.GET("/endpoints"))).items ?? [],
});

export const endpointQuery = (endpoint: string) =>
  queryOptions({
    queryKey: ["endpoint", endpoint],
    queryFn: (): Promise<Schema<"Endpoint">> => ask(api.GET("/endpoints/{endpoint}", { params: { path: { endpoint } } })),
  });

export const settingsQuery = queryOptions({ queryKey: ["settings"], queryFn: ({ signal }) => ask(api.GET("/settings", { signal })) });

export const nodesQuery = queryOptions({
  queryKey: ["nodes"],
  queryFn: async () => (await ask(api.GET("/nodes"))).items ?? [],
});
