import { z } from '../../../kernel/contracts/index.js';

/** Options for `https` targets. */
export const tlsOptions = z.strictObject({
  verify: z
    .boolean()
    .optional()
    .describe('Whether certificates must be valid. Without it: only if `ca` is given (containers sign their own).'),
  ca: z.string().optional().describe('PEM file of the authority that signs the certificates.'),
  cert: z.string().optional().describe('PEM file of the client certificate that is shown.'),
  key: z.string().optional().describe('PEM file of its key.'),
  serverName: z.string().optional().describe('The name that certificates must have.'),
});

export type TlsOptions = z.output<typeof tlsOptions>;
