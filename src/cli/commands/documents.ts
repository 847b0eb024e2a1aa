import type { Command } from 'commander';
import { bashCompletion } from '../documents/bash.js';
import { fishCompletion } from '../documents/fish.js';
import { manualPage } from '../documents/man.js';
import { modelOf } from '../documents/model.js';
import { zshCompletion } from '../documents/zsh.js';
import { agentVersion } from '../version.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** The script that completes the program's command line in a shell. */
export function completionFor(shell: keyof typeof SHELLS, program: Command): string {
  return SHELLS[shell](modelOf(program));
}

/** The program's manual page. */
export function manualOf(program: Command): string {
  return `${manualPage(modelOf(program), agentVersion())}\n`;
}
