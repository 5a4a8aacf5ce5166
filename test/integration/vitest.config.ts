import { configDefaults, defineConfig } from 'vitest/config';
import { planned, SUITES } from './suites.ts';

const { leftOut, notes } = planned(process.env);

export default defineConfig({
  plugins: [{ name: 'left-out', configureVitest: () => void process.stdout.write(notes) }],
  test: {
    include: SUITES.map(({ file }) => file),
    exclude: [...configDefaults.exclude, ...leftOut],
    // What was left out has been said.
    passWithNoTests: true,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
});
