import { spawnSync } from 'node:child_process';

/** The modules that a fresh process loads where it imports `index` alone, and `index` itself. */
export function loadedBy(index: URL): readonly string[] {
  const code = `
    import { registerHooks } from 'node:module';
    const seen = [];
    registerHooks({ load: (url, context, next) => { seen.push(url); return next(url, context); } });
    await import(process.argv[1]);
    process.stdout.write(JSON.stringify(seen));
  `;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', code, index.href]);
  return JSON.parse(child.stdout.toString()) as string[];
}
