'use strict';

/** How long work goes on before the event loop has its turn, in milliseconds. */
const SLICE_MS = 1;

/** A slice of time, from now on. */
class Slice {
  #end = performance.now() + SLICE_MS;

  get isOver() {
    return performance.now() >= this.#end;
  }
}

module.exports = { Slice };
