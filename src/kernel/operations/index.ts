export { type AgentNote, type FoundNote, isRunning, NoteKeeper, noteDirectory, readNotes } from './notes.js';
export { READINESS } from './readiness.js';
