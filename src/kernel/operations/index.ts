export { type AgentNote, NoteKeeper, noteDirectory, readNotes } from './notes.js';
export { type Operations, operationRoutes } from './routes.js';
