import rivven from './index.js';

export const { Client, Record, RivvenError, onLog, version } = rivven;
export default rivven;
