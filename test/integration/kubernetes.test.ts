// The manifests of config/kubernetes, as kubectl prints them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Container, PodSpec } from 'kubernetes-types/core/v1.js';
import { parse, parseAllDocuments } from 'yaml';
import { z } from '../../src/kernel/contracts/index.js';
import { projectRoot } from '../project.js';
import { needs } from '../support/needs.js';

const run = promisify(execFile);

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels: Record<string, string> };
  readonly data: Record<string, string>;
  readonly spec: Record<string, unknown>;
}

const KINDS = ['Namespace', 'ServiceAccount', 'ConfigMap', 'Service', 'DaemonSet'];
const DIRECTORIES = { base: '', containerd: 'overlays/containerd', crio: 'overlays/crio' } as const;
/** Where the types of each kind are. */
const MODULES: Readonly<Record<string, string>> = { DaemonSet: 'apps/v1' };

/** What is used of a PodMonitor of the Prometheus operator. */
const relabelling = z.strictObject({
  sourceLabels: z.array(z.string()).optional(),
  targetLabel: z.string().optional(),
  regex: z.string().optional(),
  replacement: z.string().optional(),
  action: z.enum(['replace', 'keep', 'drop', 'labeldrop', 'labelkeep', 'hashmod', 'labelmap']).optional(),
});
const podMonitor = z.strictObject({
  selector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }),
  podMetricsEndpoints: z.array(
    z.strictObject({
      port: z.string(),
      path: z.string(),
      interval: z.string().regex(/^\d+s$/),
      honorLabels: z.boolean().optional(),
      honorTimestamps: z.boolean().optional(),
      relabelings: z.array(relabelling),
      metricRelabelings: z.array(relabelling).optional(),
    }),
  ),
});

async function kustomize(directory: string): Promise<Manifest[]> {
  const { stdout } = await run('kubectl', ['kustomize', join(projectRoot, 'config/kubernetes', directory)]);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

describe('the manifests of config/kubernetes', { skip: needs('kubectl') }, () => {
  const manifests = new Map<string, Manifest[]>();
  const of = (kind: string, variant = 'base') => manifests.get(variant)!.find((manifest) => manifest.kind === kind)!;
  const podOf = (variant = 'base') => (of('DaemonSet', variant).spec.template as { spec: PodSpec }).spec;
  const agentOf = (variant = 'base') => podOf(variant).containers[0] as Required<Container>;
  let directory: string;

  before(async () => {
    for (const [name, path] of Object.entries(DIRECTORIES)) manifests.set(name, await kustomize(path));
    directory = mkdtempSync(join(projectRoot, '.test-build/kubernetes-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  it('are namespace, service account, configuration, service and daemon set, in every overlay', () => {
    for (const [name, documents] of manifests) {
      assert.deepEqual(documents.map(({ kind }) => kind).sort(), [...KINDS].sort(), name);
      for (const { kind, metadata } of documents) {
        assert.equal(metadata.labels['app.kubernetes.io/name'], 'tallyman', kind);
        if (kind !== 'Namespace') assert.equal(metadata.namespace, 'tallyman', kind);
      }
    }
  });

  it('have no member that Kubernetes does not know, and none of another type', async () => {
    const lines = [...manifests].flatMap(([name, documents]) =>
      documents.map((document) => {
        const module = MODULES[document.kind] ?? 'core/v1';
        const type = `import('kubernetes-types/${module}').${document.kind}`;
        return `export const ${name}${document.kind}: ${type} = ${JSON.stringify(document)};`;
      }),
    );
    const file = join(directory, 'manifests.ts');
    const check = async (text: string) => {
      writeFileSync(file, text);
      const tsc = join(projectRoot, 'node_modules/.bin/tsc');
      return run(tsc, ['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig', '--types', '', file]).then(
        () => '',
        (error: { stdout: string }) => error.stdout,
      );
    };
    assert.equal(await check(lines.join('\n')), '');
    const misspelt = lines.join('\n').replaceAll('readOnlyRootFilesystem', 'readOnlyRootFileSystem');
    assert.match(await check(misspelt), /readOnlyRootFileSystem/);
  });

  it('give the agent no privilege but what docs/privileges.md names', () => {
    const { securityContext, volumeMounts, resources, readinessProbe, livenessProbe } = agentOf();
    const { capabilities, ...flags } = securityContext;
    assert.deepEqual(flags, { allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true });
    assert.deepEqual(capabilities!.drop, ['ALL']);
    const table = readFileSync(join(projectRoot, 'docs/privileges.md'), 'utf8');
    for (const name of capabilities!.add ?? []) assert.ok(table.includes(`\`CAP_${name}\``), name);
    const writable = volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ mountPath }) => mountPath);
    assert.deepEqual(writable, ['/var/lib/tallyman', '/run/tallyman'], 'its own directories');
    assert.deepEqual(Object.keys(resources.requests!), ['cpu', 'memory']);
    assert.deepEqual([readinessProbe.httpGet!.path, livenessProbe.httpGet!.path], ['/-/ready', '/-/healthy']);
    const pod = podOf();
    assert.equal(pod.securityContext!.seccompProfile!.type, 'RuntimeDefault');
    for (const name of ['hostNetwork', 'hostPID', 'hostIPC'] as const) assert.equal(pod[name], undefined);
    assert.deepEqual([pod.automountServiceAccountToken, pod.serviceAccountName], [false, 'tallyman']);
    assert.deepEqual([pod.tolerations, pod.priorityClassName], [[{ operator: 'Exists' }], 'system-cluster-critical']);
  });

  it('have a headless service of the agents', () => {
    const { clusterIP, selector } = of('Service').spec as { clusterIP: string; selector: object };
    assert.equal(clusterIP, 'None');
    const { matchLabels } = of('DaemonSet').spec.selector as { matchLabels: object };
    assert.deepEqual(selector, matchLabels);
  });

  it('configure an agent that starts, with one socket in an overlay', async () => {
    for (const [name, documents] of manifests) {
      const { data, metadata } = documents.find(({ kind }) => kind === 'ConfigMap')!;
      const file = join(directory, `${name}.yaml`);
      writeFileSync(file, data['tallyman.yaml']!.replace(':8080', ':0'));
      await run(process.execPath, [join(projectRoot, 'dist/cli/main.js'), 'check', file]);
      const { plugins } = parse(data['tallyman.yaml']!) as { plugins: { use: string; with: { endpoint: unknown } }[] };
      const { endpoint } = plugins.find(({ use }) => use === 'cri')!.with;
      if (name === 'base') assert.ok(Array.isArray(endpoint));
      else assert.equal(endpoint, `unix:///rootfs/run/${name === 'crio' ? 'crio/crio' : 'containerd/containerd'}.sock`);
      const { volumes } = podOf(name);
      assert.equal(volumes!.find((volume) => volume.configMap !== undefined)!.configMap!.name, metadata.name);
    }
  });

  it('let the agent reach the socket on hosts of CRI-O with SELinux', () => {
    assert.deepEqual(agentOf('crio').securityContext.seLinuxOptions, { type: 'spc_t' });
    assert.equal(agentOf('containerd').securityContext.seLinuxOptions, undefined);
  });

  it('have a PodMonitor that selects the agents and keeps the labels of what they measure', async () => {
    const [monitor] = await kustomize('pod-monitor');
    const { selector, podMetricsEndpoints } = podMonitor.parse(monitor!.spec);
    const template = of('DaemonSet').spec.template as { metadata: { labels: object } };
    assert.deepEqual(selector.matchLabels, template.metadata.labels);
    const [kubelet] = podMetricsEndpoints;
    assert.deepEqual([kubelet!.path, kubelet!.honorLabels], ['/metrics/cadvisor', true]);
    assert.ok(podMetricsEndpoints.every(({ port }) => agentOf().ports.some(({ name }) => name === port)));
  });
});
