import { DESTINATIONS, type FanOut, fanOutOnce } from './fan-out.ts';
import { type Pace, paceOf, paceOfFile } from './publications.ts';
import { median, quantile, type Row, rounded } from './row.ts';
import { memoryOfStores, type StoreMemory } from './store-memory.ts';
import { openWorld, type StoreName, type World } from './world.ts';

export type StoresOptions = {
  /** Of publications with the adapter and without, in turns. */
  readonly rounds?: number;
  /** In each round. */
  readonly publications?: number;
  /** Processes of each kind whose memory is read. */
  readonly processes?: number;
  /** Rotations to many destinations. */
  readonly rotations?: number;
};

const TITLES: ReadonlyArray<readonly [StoreName, string]> = [
  ['vault', 'Vault'],
  ['aws', 'AWS'],
  ['cluster', 'Kubernetes'],
];

/**
 * What publishing costs: publications a second through each adapter, beside the same requests by undici alone; memory
 * that each store adds where it is configured; and how long a new version takes to reach many destinations through the
 * engine, while one of them hangs. The servers have a process of their own. Other work on the machine makes all but the
 * memory and the CPU time worse, the ratios least.
 */
export async function bench(options: StoresOptions = {}): Promise<Row[]> {
  const { rounds = 6, publications = 50, processes = 3, rotations = 2 } = options;
  const world = await openWorld();
  try {
    const paces = await pacesOf(world, { rounds, publications });
    const memory = await memoryOfStores(world, processes, publications);
    const fanOuts: FanOut[] = [];
    for (let turn = 0; turn < rotations; turn += 1) fanOuts.push(await fanOutOnce());
    return [...paces, ...memoryRows(memory), ...fanOutRows(fanOuts)];
  } finally {
    await world.end();
  }
}

async function pacesOf(world: World, options: { rounds: number; publications: number }): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, title] of TITLES) {
    const pace = await paceOf(world, name, options);
    rows.push(...paceRows(title, pace, name === 'vault' ? { target: { atLeast: 0.6 } } : {}));
  }
  rows.push(...paceRows('a dotenv file', await paceOfFile(world, options), {}));
  return rows;
}

function paceRows(title: string, { adapter, bare }: Pace, target: Pick<Row, 'target'>): Row[] {
  const perSecond = Math.round(1_000 / adapter);
  const rows: Row[] = [{ name: `stores: publications to ${title}`, value: perSecond, unit: '/s' }];
  if (bare !== null) {
    const value = rounded(bare / adapter, 2);
    rows.push({
      name: `stores: ${title} over the same requests by undici alone`,
      value,
      unit: '×',
      ...target,
    });
  }
  return rows;
}

function memoryRows({ added, none, modules }: StoreMemory): Row[] {
  const target = { atMost: 30 };
  const unit = 'MiB';
  return [
    { name: 'stores: memory of a process without any', value: rounded(none), unit },
    ...TITLES.map(([name, title]) => ({
      name: `stores: memory that ${title} adds`,
      value: rounded(added[name]),
      unit,
      target,
    })),
    {
      name: 'stores: modules of stores and vendors loaded where none is configured',
      value: modules,
      unit: 'modules',
      target: { atMost: 0 },
    },
  ];
}

function fanOutRows(fanOuts: readonly FanOut[]): Row[] {
  const times = fanOuts.flatMap(({ after }) => after);
  const last = fanOuts.map(({ after }) => Math.max(...after));
  const name = (what: string) => `stores: current to published, one of ${DESTINATIONS} hanging: ${what}`;
  const unit = 'ms';
  return [
    { name: name('median of the others'), value: rounded(median(times)), unit },
    {
      name: name('99th percentile of the others'),
      value: rounded(quantile(times, 0.99)),
      unit,
      target: { atMost: 1_000 },
    },
    { name: name('the last of the others, median'), value: rounded(median(last)), unit },
    {
      name: name("of that the state's disk, median"),
      value: rounded(median(fanOuts.map(({ disk }) => disk))),
      unit,
    },
    { name: name('CPU in that time, median'), value: rounded(median(fanOuts.map(({ cpu }) => cpu))), unit },
  ];
}
