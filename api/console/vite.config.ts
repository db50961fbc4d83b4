import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// What the built files are made of. `tests/unit/test_console.py` makes the same digest.
const MADE_OF = [
  "index.html",
  "package-lock.json",
  "package.json",
  "tsconfig.json",
  "vite.config.ts",
];

function stamp(): Plugin {
  return {
    name: "stamp",
    apply: "build",
    closeBundle() {
      const sources = readdirSync("src", { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      const digest = createHash("sha256");
      for (const path of [...MADE_OF, ...sources].sort()) {
        digest.update(`${path}\0`).update(readFileSync(path)).update("\0");
      }
      writeFileSync("dist/made-of.sha256", digest.digest("hex") + "\n");
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [react(), stamp()],
  html: { cspNonce: "__NONCE__" }, // the server puts a fresh one into each page
  build: {
    assetsDir: "console",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8787", "/metrics": "http://127.0.0.1:8787" } },
});
