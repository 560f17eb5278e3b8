/*
 * Every call of a transaction and of a transformer, with arguments that are fine,
 * where it is to fail.
 *
 * A test of rivven-ffi compares this file with the list of what every language offers.
 */

#ifndef EVERY_TRANSACTION_H
#define EVERY_TRANSACTION_H

#include "client.h"

/* Checks that every call of a transaction fails with a code and leaves its outputs alone. */
static inline void every_transaction_call_fails(rivven_transaction_t *transaction, rivven_consumer_t *consumer,
                                                rivven_code wanted) {
    const rivven_bytes_t value = rivven_bytes_from("v", 1);
    rivven_record_metadata_t *metadata = NULL;
    rivven_offsets_t *offsets = NULL;
    bool open = true;
    if (rivven_offsets_new(&offsets, NULL) || rivven_offsets_add(offsets, "t", 0, 0, NULL)) {
        give_up("rivven_offsets_add");
    }
    fails("send", wanted, rivven_transaction_send(transaction, "t", 0, value, value, &metadata, &error));
    fails("enqueue", wanted, rivven_transaction_enqueue(transaction, "t", 0, value, value, &error));
    fails("send_batch", wanted,
          rivven_transaction_send_batch(transaction, "t", NULL, &value, 1, &metadata, &error));
    fails("flush", wanted, rivven_transaction_flush(transaction, &error));
    fails("send_offsets", wanted, rivven_transaction_send_offsets(transaction, "g", offsets, &error));
    fails("send_consumer_offsets", wanted,
          rivven_transaction_send_consumer_offsets(transaction, consumer, &error));
    fails("commit", wanted, rivven_transaction_commit(transaction, &error));
    fails("abort", wanted, rivven_transaction_abort(transaction, &error));
    fails("is_open", wanted, rivven_transaction_is_open(transaction, &open, &error));
    rivven_offsets_free(offsets);
    check(!metadata && open, "outputs are untouched");
}

/* Checks that no transaction begins. */
static inline void begin_fails(rivven_producer_t *producer, rivven_code wanted) {
    rivven_transaction_t *transaction = NULL;
    fails("begin", wanted, rivven_transaction_begin(producer, &transaction, &error));
    check(!transaction, "outputs are untouched");
}

/* Checks that every call of a transformer fails with a code and leaves its outputs alone. */
static inline void every_transformer_call_fails(rivven_transformer_t *transformer, rivven_code wanted) {
    rivven_batch_t *batch = NULL;
    rivven_transaction_t *transaction = NULL;
    rivven_transform_report_t *report = NULL;
    bool counts = true;
    fails("next", wanted, rivven_transformer_next(transformer, &batch, &transaction, &error));
    fails("commit", wanted, rivven_transformer_commit(transformer, &counts, &error));
    fails("fail", wanted, rivven_transformer_fail(transformer, "why", &error));
    fails("report", wanted, rivven_transformer_report(transformer, &report, &error));
    check(!batch && !transaction && !report && counts, "outputs are untouched");
}

#endif
