import { setFlagsFromString } from 'node:v8';

// The young generation would grow to 32 MiB during start-up and give little of it back. Sampling and printing allocate
// next to nothing, so that it is never worth its size. Must run before anything else is imported.
setFlagsFromString('--semi-space-growth-factor=1');
