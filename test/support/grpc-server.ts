import { unlink } from 'node:fs/promises';
import * as grpc from '@grpc/grpc-js';

/** A call to a fake service: what was asked, and the means to answer. */
export interface FakeCall {
  readonly request: Uint8Array;
  /** Value of a metadata key of the request. */
  metadata(key: string): string | undefined;
  /** True once the client is gone. */
  readonly cancelled: boolean;
  onCancelled(listener: () => void): void;
  /** Sends a message; a unary answer is one message. */
  send(answer: Uint8Array): void;
  end(): void;
  /** Ends the call with a status other than OK. */
  fail(status: number, details: string): void;
}

/** A gRPC server on a unix socket whose methods (`/package.Service/Method`) are functions of bytes. */
export class GrpcServer {
  private constructor(
    private readonly server: grpc.Server,
    private readonly path: string,
  ) {}

  static async listen(path: string, methods: Readonly<Record<string, (call: FakeCall) => void>>): Promise<GrpcServer> {
    const server = new grpc.Server({ 'grpc.max_send_message_length': -1 });
    const asIs = (bytes: Buffer): Buffer => bytes;
    for (const [method, answer] of Object.entries(methods)) {
      const definition = {
        path: method,
        requestStream: false,
        responseStream: true,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      };
      server.addService(
        { [method]: definition },
        { [method]: (call: grpc.ServerWritableStream<Buffer, Buffer>) => answer(fakeCall(call)) },
      );
    }
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix://${path}`, grpc.ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    return new GrpcServer(server, path);
  }

  /** Drops all connections, as a killed server does; its socket is gone afterwards. */
  async kill(): Promise<void> {
    this.server.forceShutdown();
    await unlink(this.path).catch(() => {});
  }
}

function fakeCall(call: grpc.ServerWritableStream<Buffer, Buffer>): FakeCall {
  return {
    request: call.request,
    metadata: (key) => call.metadata.get(key)[0]?.toString(),
    get cancelled() {
      return call.cancelled;
    },
    onCancelled: (listener) => call.on('cancelled', listener),
    send: (answer) => call.write(Buffer.from(answer)),
    end: () => call.end(),
    fail: (code, details) => call.emit('error', { code, details }),
  };
}
