'use strict';

// What a transaction needs of the producer and the consumer that it is used with.

const { shown } = require('./arguments.js');
const { misuse } = require('./error.js');

/** @import { Channel } from './channel.js' */
/** @import { NativeConsumer, NativeProducer } from './native.js' */

/**
 * A consumer: its native side, which knows how far the program has come, and
 * how to leave what is in hand of it to later polls.
 *
 * @typedef {{ native: () => NativeConsumer, giveBack: () => void }} Reader
 */

/** @type {WeakMap<object, Channel<NativeProducer>>} */
const channels = new WeakMap();

/** @type {WeakMap<object, Reader>} */
const readers = new WeakMap();

/**
 * The channel of a producer.
 *
 * @param {unknown} producer
 */
function channelOf(producer) {
  const channel = channels.get(/** @type {object} */ (producer));
  if (channel) return channel;
  throw misuse(`producer must be a Producer, not ${shown(producer)}`);
}

/** @param {unknown} consumer */
function readerOf(consumer) {
  const reader = readers.get(/** @type {object} */ (consumer));
  if (reader) return reader;
  throw misuse(`consumer must be a Consumer, not ${shown(consumer)}`);
}

module.exports = { channelOf, channels, readerOf, readers };
