import { defineConfig } from 'rolldown';

/**
 * The bundle that the container runs: Node's own modules stay outside, everything else is inside, and what is loaded
 * with `import()` stays a file of its own, so that an adapter nobody configured costs nothing.
 */
export default defineConfig({
  input: { keywarden: 'src/keywarden.js', main: 'src/main.ts' },
  platform: 'node',
  // node-fetch, which comes with PagerDuty's client, requires it and then takes Node's own URL.
  resolve: { alias: { 'whatwg-url': false } },
  output: {
    dir: 'dist/bundle',
    format: 'esm',
    cleanDir: true,
    chunkFileNames: '[name]-[hash].js',
    comments: false,
  },
});
