/** Builds the pages into `dist-web/`: one folder for each page, and what they share under hashed names in `assets/`. */

import { join } from "node:path";
import { defineConfig } from "vite";
import { landPlugin } from "./land.ts";

const pages = ["dashboard", "portal", "status", "docs"] as const;

export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  publicDir: false,
  plugins: [landPlugin()],
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: join(import.meta.dirname, "..", "dist-web"),
    emptyOutDir: true,
    // light-dark(), nesting and :has(): browsers of the last two years.
    target: ["chrome123", "firefox121", "safari17.5"],
    // The policy of the pages allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: Object.fromEntries(
        pages.map((page) => [page, join(import.meta.dirname, page, "index.html")]),
      ),
    },
  },
});
