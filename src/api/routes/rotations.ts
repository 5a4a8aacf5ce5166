import type { Rotation } from '../../model/index.ts';
import type { ApiContext } from '../context.ts';
import { known, pageOf } from '../input.ts';
import { notFound } from '../problem.ts';
import type { Route } from '../router.ts';
import { rotationView } from '../views.ts';

export function rotationRoutes({ engine }: ApiContext): Route[] {
  const { state, config } = engine.context;
  const view = async (rotation: Rotation) =>
    rotationView(
      rotation,
      await state.steps(rotation.id),
      (await state.credential(rotation.credential))?.versions ?? [],
    );
  return [
    {
      method: 'GET',
      path: '/v1/rotations',
      summary: 'Rotations, newest first',
      roles: ['reader'],
      handle: async ({ query }) => {
        const credential = query.get('credential');
        if (credential !== null) known('credential', credential, Object.keys(config.credentials));
        const page = await state.rotations({
          ...pageOf(query),
          ...(credential === null ? {} : { credential }),
        });
        return {
          status: 200,
          body: { rotations: await Promise.all(page.items.map(view)), nextCursor: page.nextCursor },
        };
      },
    },
    {
      method: 'GET',
      path: '/v1/rotations/:id',
      summary: 'One rotation and its steps',
      roles: ['reader'],
      handle: async ({ params }) => {
        const rotation = await state.rotation(params.id ?? '');
        if (rotation === null) throw notFound(`there is no rotation ${(params.id ?? '').slice(0, 64)}`);
        return { status: 200, body: await view(rotation) };
      },
    },
  ];
}
