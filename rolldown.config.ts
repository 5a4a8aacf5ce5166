import { defineConfig, type Plugin } from 'rolldown';

/**
 * Writes every character outside of ASCII as an escape: one of them makes V8 keep a whole file in two bytes a character.
 * They stand in texts and patterns alone, where an escape means the same.
 */
const ascii: Plugin = {
  name: 'ascii',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === 'chunk') file.code = file.code.replace(/[^\0-\x7f]/g, escaped);
    }
  },
};

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * The bundle that the container runs: Node's own modules stay outside, everything else is inside, and what is loaded
 * with `import()` stays a file of its own, so that an adapter nobody configured costs nothing.
 */
export default defineConfig({
  input: { keywarden: 'src/keywarden.js', main: 'src/main.ts', 'main-agent': 'src/main-agent.ts' },
  platform: 'node',
  plugins: [ascii],
  // node-fetch, which comes with PagerDuty's client, requires it and then takes Node's own URL.
  resolve: { alias: { 'whatwg-url': false } },
  output: {
    dir: 'dist/bundle',
    format: 'esm',
    cleanDir: true,
    chunkFileNames: '[name]-[hash].js',
    comments: false,
    minify: true,
  },
});
