import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority of a test's own, made with openssl; its files are in a directory of the test. */
export class TestAuthority {
  readonly ca: string;

  constructor(
    readonly directory: string,
    readonly name = 'ca',
  ) {
    this.ca = join(directory, `${name}.pem`);
    const key = join(directory, `${name}.key`);
    this.openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      key,
      '-out',
      this.ca,
    );
  }

  /** Writes `<file>.pem` and `<file>.key`. */
  issue(commonName: string, file = commonName): { readonly cert: string; readonly key: string } {
    const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((end) =>
      join(this.directory, `${file}.${end}`),
    );
    writeFileSync(extensions!, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    this.openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${commonName}`,
      '-keyout',
      key!,
      '-out',
      request!,
    );
    const signing = ['-CA', this.ca, '-CAkey', join(this.directory, `${this.name}.key`), '-CAcreateserial'];
    this.openssl('x509', '-req', '-in', request!, ...signing, '-days', '2', '-extfile', extensions!, '-out', cert!);
    return { cert: cert!, key: key! };
  }

  private openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' });
  }
}
