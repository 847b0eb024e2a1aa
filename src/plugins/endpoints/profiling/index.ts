import { promisify } from 'node:util';
import { getHeapSnapshot } from 'node:v8';
import { gzip } from 'node:zlib';
import {
  type ApiRequest,
  badRequest,
  definePlugin,
  duration,
  type Endpoint,
  notFound,
  type OperationInfo,
  PLUGIN_API_VERSION,
  RequestError,
  type StreamedAnswer,
  z,
} from '../../../kernel/contracts/index.js';
import { cpuToPprof, heapToPprof } from './pprof.js';
import { cpuProfile, heapProfile } from './profiles.js';

const configSchema = z.strictObject({
  samplingInterval: duration()
    .refine((value) => value >= 0.1 && value <= 100, { error: 'expected 100us to 100ms' })
    .prefault('1ms')
    .describe('Time between two looks at what the agent is doing, while its CPU is profiled.'),
  longest: duration()
    .refine((value) => value >= 1000, { error: 'expected 1s or more' })
    .prefault('5m')
    .describe('Longest profile that is taken; more `seconds` are refused.'),
});

const DEFAULT_SECONDS = 30;
const zip = promisify<Uint8Array, Buffer>(gzip);

class ProfilingEndpoint implements Endpoint {
  readonly routes: Endpoint['routes'] = {
    '/debug/profile/': (request) =>
      this.answer(request, {
        cpu: () =>
          this.timed(request, 'application/json', 'cpuprofile', async (ms) =>
            JSON.stringify(await this.cpu(ms, request)),
          ),
        heap: () =>
          file(
            'application/json',
            'heapsnapshot',
            this.occupy(() => getHeapSnapshot()),
          ),
      }),
    '/debug/pprof/': (request) =>
      this.answer(request, {
        profile: () =>
          this.timed(request, 'application/octet-stream', 'cpu.pb.gz', async (ms) =>
            zip(cpuToPprof(await this.cpu(ms, request), this.options.samplingInterval)),
          ),
        heap: () =>
          this.timed(request, 'application/octet-stream', 'heap.pb.gz', async (ms) =>
            zip(heapToPprof(await heapProfile(ms, request.signal), ms)),
          ),
      }),
  };
  readonly operations = operations;
  private busy = false;

  constructor(private readonly options: z.output<typeof configSchema>) {}

  private answer(request: ApiRequest, kinds: Readonly<Record<string, () => StreamedAnswer>>): StreamedAnswer {
    if (!request.authenticated) {
      throw new RequestError(
        403,
        'profiles show the inside of the agent, secrets included: set web.auth and authenticate, or connect over a unix socket',
      );
    }
    const [name = '', ...rest] = request.args;
    const kind = rest.length === 0 && Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) throw notFound(`there are these profiles: ${Object.keys(kinds).join(', ')}`);
    return kind();
  }

  private cpu(milliseconds: number, { signal }: ApiRequest): ReturnType<typeof cpuProfile> {
    return cpuProfile(milliseconds, this.options.samplingInterval, signal);
  }

  /** A profile over the `seconds` of the request. */
  private timed(
    request: ApiRequest,
    contentType: string,
    extension: string,
    take: (milliseconds: number) => Promise<string | Uint8Array>,
  ): StreamedAnswer {
    const milliseconds = this.durationOf(request);
    const pieces = this.occupy(async function* () {
      yield await take(milliseconds);
    });
    return file(contentType, extension, pieces);
  }

  private durationOf({ query }: ApiRequest): number {
    const text = query.get('seconds') ?? String(DEFAULT_SECONDS);
    const longest = this.options.longest / 1000;
    const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (seconds > 0 && seconds <= longest) return seconds * 1000;
    throw badRequest(`seconds must be a number above 0 and at most ${longest}, not ${JSON.stringify(text)}`);
  }

  /** Concurrent profiles would measure each other. @throws RequestError 409 */
  private occupy(pieces: () => AsyncIterable<string | Uint8Array>): AsyncIterable<string | Uint8Array> {
    if (this.busy) throw new RequestError(409, 'another profile is being taken: try again when it is done');
    return this.alone(pieces);
  }

  private async *alone(pieces: () => AsyncIterable<string | Uint8Array>): AsyncGenerator<string | Uint8Array> {
    // Only once the body is read, which a HEAD request does not do.
    this.busy = true;
    try {
      yield* pieces();
    } finally {
      this.busy = false;
    }
  }
}

async function operations(): Promise<Record<string, OperationInfo>> {
  const kind = (names: string) => ({ name: 'kind', description: names, required: true });
  const seconds = z.string().optional().describe('How long a profile is taken for; default 30.');
  const errors = {
    400: 'seconds is not a number, or too large',
    403: 'the client did not authenticate',
    404: 'there is no such profile',
    409: 'another profile is being taken',
  };
  return {
    '/debug/profile/': {
      summary: 'A profile of the agent for Chrome’s tools: `cpu` or `heap`.',
      rest: kind('`cpu` or `heap`.'),
      query: { seconds },
      response: z.looseObject({}),
      errors,
    },
    '/debug/pprof/': {
      summary: 'A profile of the agent for pprof: `profile` (CPU) or `heap`.',
      rest: kind('`profile` or `heap`.'),
      query: { seconds },
      response: z.string(),
      contentType: 'application/octet-stream',
      errors,
    },
  };
}

function file(contentType: string, extension: string, stream: AsyncIterable<string | Uint8Array>): StreamedAnswer {
  const name = `tallyman-${new Date().toISOString().replace(/[-:]|\..*/g, '')}.${extension}`;
  return { contentType, headers: { 'Content-Disposition': `attachment; filename="${name}"` }, stream };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'profiling',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Profiles of the agent itself, for Chrome’s tools and for pprof.',
  configSchema,
  create: (_context, options) => new ProfilingEndpoint(options),
});
