import { type Hostile, PLANTED } from '../alerting/hostile.suite.ts';
import type { Message } from './contract.ts';
import { alertEvent, changeEvent, isChange, minimalEvent } from './pagerduty/event.ts';
import { type Event, faultsOf as faultsOfEvent } from './pagerduty/fake.ts';
import { type Posted, faultOf as refusalOf } from './slack/fake.ts';
import { layout, layoutBundle } from './slack/layout.ts';
import { bodyOf } from './webhook/body.ts';
import type { WebhookBody } from './webhook/fake.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const ROUTING_KEY = 'R0ROUTINGKEY00000000000000000000';
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
/** By it names that call everybody are broken. */
const WORD_JOINER = /\u2060/g;

/** What is wrong with a message on its way to a channel, with the message; empty: nothing. */
export type Faults = readonly string[];

/** One message on all channels. */
export function faultsOn(message: Message): Faults {
  return [...slackFaults(layout(message, NOW)), ...pagerdutyFaults(message), ...webhookFaults(message)];
}

/** One message of several alerts, on the channel that takes these. */
export function faultsOfSeveral(hostile: Hostile): Faults {
  return slackFaults(layoutBundle({ ...hostile.message(), bundle: hostile.bundle() }));
}

/** Slack's limits and our own: seven blocks, six fields, ten thousand characters, nobody mentioned, nothing live but buttons. */
export function slackFaults(payload: unknown): Faults {
  const posted = payload as Posted;
  const { blocks = [], text = '' } = posted;
  const wire = JSON.stringify(posted);
  const texts = textsOf(posted);
  const some = (pattern: RegExp) => texts.some((one) => pattern.test(one));
  const refused = refusalOf(posted);
  return named('Slack', wire, [
    ...fault(wire.length > 10_000, `${wire.length} characters`),
    ...fault(blocks.length > 7, `${blocks.length} blocks`),
    ...fault(text === '', 'no text for the notification'),
    ...fault(
      blocks.some(({ fields = [] }) => fields.length > 6),
      'too many fields',
    ),
    ...fault(some(/[<>]/), 'a live bracket'),
    ...fault(some(/&(?!(?:amp|lt|gt);)/), 'an unescaped ampersand'),
    ...fault(some(/@(?:here|channel|everyone)/i), 'a mention'),
    ...fault(
      texts.some((one) => UNPRINTABLE.test(one.replace(WORD_JOINER, '').replaceAll('\n', ''))),
      'what cannot be printed',
    ),
    ...fault(refused !== null, `Slack would answer ${refused}`),
    ...buttonFaults(posted),
  ]);
}

function buttonFaults({ blocks = [] }: Posted): string[] {
  const urls = blocks.flatMap(({ elements = [] }) => elements.flatMap(({ url }) => url ?? []));
  return fault(
    urls.some((url) => !isEncoded(url)),
    'a link that is not percent-encoded',
  );
}

/** PagerDuty's limits: a summary of 1,024 characters, twenty flat pairs, 512 KB, a dedup key of 255. */
export function pagerdutyFaults(message: Message): Faults {
  const change = isChange(message);
  const event = (change ? changeEvent : alertEvent)(message, ROUTING_KEY, NOW) as Event;
  const least = minimalEvent(message, ROUTING_KEY) as Event;
  const [wire, leastWire] = [JSON.stringify(event), JSON.stringify(least)];
  const { payload, links = [], client_url: page } = event;
  const details = Object.entries(payload?.custom_details ?? {});
  const texts = textsOf(event);
  return [
    ...named('PagerDuty, the minimal event', leastWire, faultsOfEvent(least, change, leastWire)),
    ...named('PagerDuty', wire, [
      ...faultsOfEvent(event, change, wire),
      ...fault(details.length > 20, `${details.length} pairs`),
      ...fault(
        details.some(([name, value]) => name === '' || typeof value !== 'string' || value.length > 1_200),
        'a pair without a name, deep or long',
      ),
      ...fault(
        [...links.map(({ href }) => href), ...(page === undefined ? [] : [page])].some(
          (url) => !isEncoded(url),
        ),
        'a bad link',
      ),
      ...fault(
        texts.some((text) => UNPRINTABLE.test(text)),
        'what cannot be printed',
      ),
    ]),
  ];
}

/** A body of 64 kB at most, whole and with all its members. */
export function webhookFaults(message: Message): Faults {
  const wire = JSON.stringify(bodyOf(message));
  const { type, timestamp, data } = JSON.parse(wire) as WebhookBody;
  const size = Buffer.byteLength(wire);
  return named('the webhook', wire, [
    ...fault(size > 64 * 1024, `${size} bytes`),
    ...fault(!/^alert\.(triggered|acknowledged|resolved)$/.test(type), 'no type'),
    ...fault(timestamp !== null && Number.isNaN(Date.parse(timestamp)), 'a bad time'),
    ...fault(Object.keys(data).length !== 24, `${Object.keys(data).length} members`),
    ...fault(
      textsOf(data).some((text) => UNPRINTABLE.test(text)),
      'what cannot be printed',
    ),
  ]);
}

/** A secret is hunted on the wire, whatever it stands in. */
function named(channel: string, wire: string, faults: readonly string[]): string[] {
  const all = [
    ...faults,
    ...fault(wire.includes(PLANTED), 'a secret'),
    ...fault(!wire.isWellFormed(), 'half a character'),
  ];
  return all.map((each) => `${channel}: ${each}: ${wire}`);
}

function fault(holds: boolean, text: string): string[] {
  return holds ? [text] : [];
}

function isEncoded(url: string): boolean {
  return /^https?:\/\/[^\s<>"]*$/.test(url);
}

/** Every string in it, names included, save types and addresses. */
function textsOf(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return ['type', 'url', 'href', 'client_url'].includes(key) ? [] : [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...textsOf(inner, name)]);
}
