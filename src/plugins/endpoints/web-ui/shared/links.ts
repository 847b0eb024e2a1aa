/** Addresses within the agent. Names are encoded segment by segment, so that no name leads elsewhere. */
export class Links {
  /** @param base the URL prefix, `/pre` or nothing */
  constructor(readonly base: string) {}

  overview(): string {
    return this.to('/containers/');
  }

  /** The page of a container, by its absolute name; that of the machine for `/`. */
  container(name: string): string {
    return this.to(name === '/' ? '/host/' : `/containers${name}`);
  }

  /** The list of the containers of a namespace. */
  namespace(namespace: string): string {
    return this.to(`/${namespace}/`);
  }

  asset(file: string): string {
    return this.to(`/static/${file}`);
  }

  /** `/api/v2.0/stats` of a container, say. */
  api(request: string, name: string): string {
    return this.to(`/api/${request}${name}`);
  }

  private to(path: string): string {
    return this.base + path.split('/').map(encodeSegment).join('/');
  }
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment.toWellFormed());
}
