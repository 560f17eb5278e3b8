import rivven from './index.js';

export const { Client, Record, RivvenError, version } = rivven;
export default rivven;
