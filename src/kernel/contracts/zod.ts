import { z } from 'zod';

// Zod would compile a function for each schema of an object when it is first used, most of them for one object at the start.
z.config({ jitless: true });

export { z };
