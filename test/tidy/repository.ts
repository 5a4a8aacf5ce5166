import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './source.ts';

/** Made by tools or bound to one machine: no part of the repository. */
const ELSEWHERE = ['.git', 'node_modules', 'dist', 'coverage'];

/** Every text file of the repository, from its root. */
export function repositoryFiles(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => folder !== ROOT || !ELSEWHERE.includes(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return repositoryFiles(path);
      return entry.isFile() ? [relative(ROOT, path)] : [];
    });
}

export const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** What only one machine has: folders of its users, and where its packages came from. */
const MACHINE = [
  /(?<![\w.~}-])\/(?:work|root|home|Users)\/\w/,
  /registry\.[a-z0-9.-]*(?:npmjs|npm|yarnpkg)[a-z0-9.-]*/,
  /"resolved": "https?:/,
  /(?<![\w.-])[a-z0-9-]+-npm\.pkg\.dev/,
];

/** Lines of a text that name a machine's paths or a registry's host. */
export function machineTraces(path: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const found = MACHINE.map((pattern) => pattern.exec(line)?.[0]).find((each) => each !== undefined);
    return found === undefined ? [] : [`${path}:${index + 1}: ${found}`];
  });
}

type Manifest = {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
};

/** Dependencies that are not pinned, or that `docs/dependencies.md` gives no line with their version. */
export function dependencyBreaches(manifest: Manifest, page: string): string[] {
  const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  const loose = all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
  const rows = [...page.matchAll(/^\| `([^`]+)` \| ([^ ]+) \|/gm)].map(
    ([, name, version]) => `${name} ${version}`,
  );
  const names = all.map(([name, version]) => `${name} ${version}`);
  return [
    ...loose.map(([name, version]) => `${name} ${version}: not pinned to one version`),
    ...names.filter((name) => !rows.includes(name)).map((name) => `${name}: no line in docs/dependencies.md`),
    ...rows.filter((row) => !names.includes(row)).map((row) => `${row}: in docs/dependencies.md alone`),
  ];
}

/** Decisions whose file name and title do not bear their number, counted from 1 without a gap. */
export function decisionBreaches(
  decisions: readonly { readonly file: string; readonly text: string }[],
): string[] {
  return decisions
    .toSorted((a, b) => a.file.localeCompare(b.file))
    .flatMap(({ file, text }, index) => {
      const number = String(index + 1).padStart(3, '0');
      const named = new RegExp(`^${number}-[a-z0-9-]+\\.md$`).test(file);
      return named && text.startsWith(`# ${number}. `)
        ? []
        : [`${file}: expected ${number}-….md, titled "# ${number}. …"`];
    });
}
