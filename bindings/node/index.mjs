import rivven from './index.js';

export const { Client, Consumer, ConsumerRecords, Producer, ProducerState, Record, RecordMetadata, RivvenError, TopicHandle, onLog, version } = rivven;
export default rivven;
