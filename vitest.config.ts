import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 24) {
  throw new Error(
    `Keywarden's tests need Node 24 or later; this is ${process.version}. ` +
      'Run them with `npm test` after `npm ci`: npm then uses the Node that the project brings along.',
  );
}

/** What takes minutes, the longest first: begun late, one of them would run alone while the other core has nothing to do. */
const LONGEST = [
  'test/simulation/',
  'test/chaos/',
  'test/bench/',
  'test/scenario/killed-at-every-boundary.test.ts',
  'src/cli/run.test.ts',
  'src/cli/exec/exec.test.ts',
  'test/scenario/start.test.ts',
];

/** Else Vitest goes by the size of the files where it has no figures of a run before. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const place = LONGEST.findIndex((part) => moduleId.includes(`/${part}`));
  return place < 0 ? LONGEST.length : place;
}

/**
 * Rooms whose tests leave nothing behind in the process: no environment, no signal, no mock, no global. All of their files
 * share two workers, instead of loading the same modules again for each file.
 */
const SHARED = [
  'alerting',
  'api',
  'channels',
  'config',
  'detectors',
  'engine',
  'geo',
  'model',
  'providers',
  'rotation',
  'sandbox',
  'state',
  'stores',
].map((room) => `src/${room}/**/*.test.ts`);

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: { name: 'alone', include: ['src/**/*.test.ts', 'test/**/*.test.ts'], exclude: SHARED },
      },
      { extends: true, test: { name: 'shared', include: SHARED, isolate: false } },
    ],
  },
});
