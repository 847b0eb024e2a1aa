export { type AgentNote, type FoundNote, isRunning, NoteKeeper, noteDirectory, readNotes } from './notes.js';
export { type Operations, operationRoutes } from './routes.js';
