'use strict';

const { Client } = require('./lib/client.js');
const { ConsumerRecords } = require('./lib/consumer-records.js');
const { Consumer } = require('./lib/consumer.js');
const { RivvenError } = require('./lib/error.js');
const { onLog } = require('./lib/log.js');
const { version } = require('./lib/native.js');
const { Producer, TopicHandle } = require('./lib/producer.js');
const { ProducerState } = require('./lib/producer-state.js');
const { RecordMetadata } = require('./lib/record-metadata.js');
const { Record } = require('./lib/records.js');
const { Transaction } = require('./lib/transaction.js');
const { Transformer, transform } = require('./lib/transformer.js');

module.exports = {
  Client,
  Consumer,
  ConsumerRecords,
  Producer,
  ProducerState,
  Record,
  RecordMetadata,
  RivvenError,
  TopicHandle,
  Transaction,
  Transformer,
  onLog,
  transform,
  version,
};
