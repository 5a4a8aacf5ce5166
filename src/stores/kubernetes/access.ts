import { dirname, resolve } from 'node:path';
import { type Net, type PluginContext, Secret, type SecretSource } from '../../model/index.ts';
import { readLoginSecret } from '../login-secret.ts';
import { type Given, type Kubeconfig, parseKubeconfig } from './kubeconfig.ts';
import type { KubernetesConfig } from './schema.ts';

/** How to reach the API server right now. */
export type Way = {
  /** `https://10.0.0.1:443`, without a slash at the end. */
  readonly server: string;
  readonly token: Secret | null;
  readonly net: Net;
};

/** What is read anew for every operation; the kubelet, and people, replace it under a running daemon. */
type Login = {
  readonly server: string;
  readonly token: Secret | null;
  readonly ca: Secret | null;
  readonly client: { readonly certificate: Secret; readonly key: Secret } | null;
};

const READABLE = 0o644;

/** The way to the cluster: by the pod's service account or by a kubeconfig. The secrets of it stay in here. */
export class Access {
  readonly #context: PluginContext<KubernetesConfig>;
  #parsed: { readonly from: Secret; readonly kubeconfig: Kubeconfig } | null = null;
  #made: { readonly login: Login; readonly net: Net } | null = null;

  constructor(context: PluginContext<KubernetesConfig>) {
    this.#context = context;
  }

  /** @throws {EdgeError} `secret_unavailable`, `kubeconfig`, `ca_file`, `client_certificate` */
  async current(): Promise<Way> {
    const { kubeconfig, inCluster } = this.#context.config;
    const login = await (kubeconfig === null ? fromPod(inCluster) : this.#fromKubeconfig(kubeconfig));
    return { server: login.server, token: login.token, net: this.#netFor(login) };
  }

  async close(): Promise<void> {
    await this.#made?.net.close();
  }

  async #fromKubeconfig(source: SecretSource): Promise<Login> {
    const { server, ca, token, client } = this.#parse(await read(source));
    return {
      server,
      token: token && (await secretOf(token, source)),
      ca: ca && (await secretOf(ca, source, READABLE)),
      client: client && {
        certificate: await secretOf(client.certificate, source, READABLE),
        key: await secretOf(client.key, source),
      },
    };
  }

  /** Once for each state of the file. */
  #parse(from: Secret): Kubeconfig {
    if (this.#parsed?.from.equals(from) !== true) {
      this.#parsed = { from, kubeconfig: parseKubeconfig(from.reveal()) };
    }
    return this.#parsed.kubeconfig;
  }

  /** One connection for as long as CA and client certificate stay what they are. */
  #netFor(login: Login): Net {
    const made = this.#made;
    if (made !== null && sameIdentity(made.login, login)) return made.net;
    const { ca, client } = login;
    const net = this.#context.net.as({
      ...(ca === null ? {} : { ca: ca.reveal() }),
      ...(client === null ? {} : { client: { ...client, certificate: client.certificate.reveal() } }),
    });
    this.#made = { login, net };
    void made?.net.close();
    return net;
  }
}

async function fromPod(sources: KubernetesConfig['inCluster']): Promise<Login> {
  if (sources === null) throw new TypeError('neither a kubeconfig nor a service account is configured');
  const { host, port, token, ca } = sources;
  const [address, at] = [(await read(host)).reveal(), (await read(port)).reveal()];
  const [own, authority] = await Promise.all([read(token), read(ca)]);
  const server = `https://${address.includes(':') ? `[${address}]` : address}:${at}`;
  return { server, token: own, ca: authority, client: null };
}

/** Files are named relative to the kubeconfig's own folder, as kubectl takes them. */
async function secretOf(given: Given, source: SecretSource, allowModes?: number): Promise<Secret> {
  if ('text' in given) return Secret.from(given.text);
  const folder = 'file' in source.origin ? dirname(source.origin.file) : '/';
  return read(source.beside(resolve(folder, given.file), allowModes));
}

function sameIdentity(a: Login, b: Login): boolean {
  return (
    same(a.ca, b.ca) &&
    same(a.client?.certificate, b.client?.certificate) &&
    same(a.client?.key, b.client?.key)
  );
}

function same(a: Secret | null | undefined, b: Secret | null | undefined): boolean {
  return a === b || (a instanceof Secret && b instanceof Secret && a.equals(b));
}

function read(source: SecretSource): Promise<Secret> {
  return readLoginSecret(source, 'the Kubernetes API');
}
