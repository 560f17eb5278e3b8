'use strict';

// Partitions of topics, and offsets in them, as programs name them.

const args = require('./arguments.js');

/**
 * @param {unknown} topic
 * @param {unknown} partition
 */
function place(topic, partition) {
  return { topic: args.text(topic, 'topic'), partition: args.whole(partition, 'partition') };
}

/** @param {unknown} entry */
function topicPartition(entry) {
  const { topic, partition } = args.options(entry, 'a partition', ['topic', 'partition']);
  return place(topic, partition);
}

/** @param {unknown} entry */
function commit(entry) {
  const { topic, partition, offset } = args.options(entry, 'a commit', ['topic', 'partition', 'offset']);
  return { ...place(topic, partition), offset: args.offset(offset) };
}

module.exports = { commit, place, topicPartition };
