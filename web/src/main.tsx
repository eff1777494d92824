import { createDOMRenderer, FluentProvider, RendererProvider } from "@fluentui/react-components";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router/dom";
import { queries } from "./api/queries";
import "./base.css";
import { ToastsProvider } from "./parts/Toasts";
import { router } from "./routes";
import { useTheme } from "./shell/theme";

// The policy of the server takes the styles that have the number of this answer. The
// number is of no use to anything else, and does not stay where it can be read.
const meta = document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]");
const nonce = meta?.content ?? "";
meta?.remove();
const renderer = createDOMRenderer(document, { styleElementAttributes: { nonce } });

function App() {
  return (
    <RendererProvider renderer={renderer} targetDocument={document}>
      <FluentProvider theme={useTheme()} style={{ minHeight: "100%" }}>
        <QueryClientProvider client={queries}>
          <ToastsProvider>
            <RouterProvider router={router} />
          </ToastsProvider>
        </QueryClientProvider>
      </FluentProvider>
    </RendererProvider>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
