import rivven from './index.js';

export const {
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
} = rivven;
export default rivven;
