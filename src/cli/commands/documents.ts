import type { Command } from 'commander';
import { completionScript, type Shell } from '../documents/completion.js';
import { manualPage } from '../documents/man.js';
import { modelOf } from '../documents/model.js';
import { agentVersion } from '../version.js';

export function completionFor(shell: Shell, program: Command): string {
  return completionScript(shell, modelOf(program));
}

export function manualOf(program: Command): string {
  return `${manualPage(modelOf(program), agentVersion())}\n`;
}
