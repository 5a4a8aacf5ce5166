import type { Message } from './contract.ts';

/** Longer addresses are dropped: they would crowd out the message. */
const LONGEST = 1_000;

/** The links that can be shown: http or https, percent-encoded, neither long nor many. */
export function safeLinks(links: Message['links'], most: number): Message['links'] {
  return links
    .flatMap(({ text, href }) => {
      const url = URL.parse(href);
      if (url === null || !/^https?:$/.test(url.protocol) || url.href.length > LONGEST) return [];
      return [{ text, href: url.href }];
    })
    .slice(0, most);
}
