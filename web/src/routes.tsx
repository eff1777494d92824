import { createBrowserRouter, type RouteObject } from "react-router";
import { Crash } from "./shell/Crash";
import { Shell } from "./shell/Shell";
import { NotFound } from "./shell/NotFound";

type Module = { default: React.ComponentType };

/** A page that is loaded when it is first gone to. */
function page(path: string, load: () => Promise<Module>): RouteObject {
  return { path, lazy: async () => ({ Component: (await load()).default }) };
}

export const router = createBrowserRouter([
  {
    errorElement: <Crash />,
    hydrateFallbackElement: <></>,
    children: [
      page("/sign-in", () => import("./pages/SignIn")),
      page("/setup", () => import("./pages/Setup")),
      {
        element: <Shell />,
        children: [
          {
            errorElement: <Crash />,
            children: [
              page("/", () => import("./pages/Dashboard")),
              page("/batches", () => import("./pages/Batches")),
              page("/batches/new", () => import("./pages/NewBatch")),
              page("/batches/:batch/mailboxes/:address", () => import("./pages/Mailbox")),
              page("/batches/:batch/:tab?", () => import("./pages/Batch")),
              page("/endpoints", () => import("./pages/Endpoints")),
              page("/endpoints/new", () => import("./pages/NewEndpoint")),
              page("/endpoints/:endpoint", () => import("./pages/Endpoint")),
              page("/cut-over", () => import("./pages/CutOver")),
              page("/nodes", () => import("./pages/Nodes")),
              page("/operators", () => import("./pages/Operators")),
              page("/account", () => import("./pages/Account")),
              page("/audit", () => import("./pages/Audit")),
              page("/settings", () => import("./pages/Settings")),
              { path: "*", element: <NotFound /> },
            ],
          },
        ],
      },
    ],
  },
]);
