import react from "@vitejs/plugin-react";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const dist = join(import.meta.dirname, "../internal/web/dist");

// The binary embeds what is in dist, so that old files must not stay; .gitkeep must,
// without which the folder is missing from a fresh checkout.
function emptied(): Plugin {
  return {
    name: "emptied",
    apply: "build",
    buildStart() {
      if (!existsSync(dist)) return;
      for (const name of readdirSync(dist)) {
        if (name !== ".gitkeep") rmSync(join(dist, name), { recursive: true });
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), emptied()],
  build: {
    outDir: dist,
    emptyOutDir: false,
    sourcemap: false,
    // Nothing is inline: the policy of the server takes no data: but images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // scripts/size.mjs has the limit.
    chunkSizeWarningLimit: 1_000,
    // What every page needs is one file: it packs better than many, and is asked for once.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [{ name: "base", test: /node_modules\/(react|react-dom|scheduler|react-router|openapi-fetch|use-sync-external-store|stylis|rtl-css-js|tabster|keyborg|@tanstack\/(query-core|react-query)|@griffel\/[^/]+|@floating-ui\/[^/]+|@fluentui\/(tokens|react-(utilities|theme|provider|shared-contexts|jsx-runtime|tabster|motion|context-selector|portal|positioning|aria)))\// }],
        },
      },
    },
    target: "es2022",
  },
  server: {
    // A test compares the states with those of the documents, which are outside this folder.
    fs: { allow: [".", "../docs"] },
    // A running server, as http://127.0.0.1:8080, answers what the console asks.
    proxy: process.env.MAILHAUL_SERVER ? { "/api": { target: process.env.MAILHAUL_SERVER, changeOrigin: false } } : undefined,
  },
  // One page for all tests: making one for each file takes eight times as long as they do.
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"], isolate: false },
} as Parameters<typeof defineConfig>[0]);
