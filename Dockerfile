# The bundle alone on Node: no package manager, no node_modules, no source.
#   docker build -t keywarden .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#     -v keywarden-state:/var/lib/keywarden -v ./keywarden.yaml:/etc/keywarden/keywarden.yaml:ro \
#     -v ./secrets:/run/secrets:ro keywarden

FROM node:26.10.0-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No scripts: the only one would fetch the Node that this image has already.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json rolldown.config.ts ./
COPY src src
RUN node node_modules/rolldown/bin/cli.mjs -c && mv dist/bundle /app
# Compiled code beside the bundle: the daemon starts in half the time.
RUN mkdir /app/cache && cd /app && node -e "require('node:module').enableCompileCache('/app/cache'); \
  for (const file of fs.readdirSync('.')) \
    if (/\.js$/.test(file) && !/^(keywarden|main|application)/.test(file)) import('/app/' + file);"

FROM node:26.10.0-slim
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* \
  && mkdir -m 700 /var/lib/keywarden \
  && chown 65532:65532 /var/lib/keywarden
COPY --from=build /app /app
COPY LICENSE /app/LICENSE
ENV NODE_ENV=production
# Where the health check asks: with TLS or a socket as api.listen, the address of api.probes.
ENV KEYWARDEN_HEALTH_URL=http://127.0.0.1:7300/healthz
USER 65532:65532
WORKDIR /var/lib/keywarden
VOLUME /var/lib/keywarden
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "require('http').get(process.env.KEYWARDEN_HEALTH_URL, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "/app/keywarden.js"]
CMD ["run"]
