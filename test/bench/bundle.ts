import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type InputOptions, rolldown } from 'rolldown';
import settings from '../../rolldown.config.ts';

/**
 * A bundle as `npm run build` makes it and as the container image has it: beside it a folder for compiled code, which
 * the first start fills. Gives the file of the first input, `keywarden.js` for `keywarden`.
 */
export async function bundleOf(input: InputOptions['input'], folder: string): Promise<string> {
  const { output, input: _own, ...rest } = settings;
  const bundle = await rolldown({ ...rest, ...(input === undefined ? {} : { input }) });
  await bundle.write({ ...output, dir: folder });
  await bundle.close();
  await mkdir(join(folder, 'cache'));
  return join(folder, `${Object.keys(input ?? {})[0]}.js`);
}
