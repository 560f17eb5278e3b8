"""What transactions do in Python itself: blocks, and the loop of work by transactions."""

from __future__ import annotations

from contextlib import suppress
from inspect import isawaitable
from typing import TYPE_CHECKING

from ._errors import RivvenException, reason
from ._records import TransformReport
from ._rivven import Transformer, _BlockingTransformer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._rivven import (
        Consumer,
        ConsumerRecords,
        Producer,
        Transaction,
        _BlockingConsumer,
        _BlockingProducer,
        _BlockingTransaction,
    )


async def enter(transaction: Transaction) -> Transaction:
    """Begin the block of a transaction."""
    return transaction


async def leave(transaction: Transaction, failed: bool) -> None:
    """End a transaction with its block, unless the program has."""
    if transaction._ended:
        return
    if not failed:
        await transaction.commit()
        return
    # What the block has raised is what matters; what could not be aborted the broker aborts by itself.
    with suppress(RivvenException):
        await transaction.abort()


def leave_blocking(transaction: _BlockingTransaction, failed: bool) -> None:
    """End a transaction with its block, unless the program has."""
    if transaction._ended:
        return
    if not failed:
        transaction.commit()
        return
    with suppress(RivvenException):
        transaction.abort()


async def transform(
    consumer: Consumer, producer: Producer, handler: Callable[[ConsumerRecords, Transaction], object]
) -> TransformReport:
    """Let `handler` work on records, and write what comes of them by transactions, until the consumer ends.

    Each poll has a transaction of its own, which the handler, which may be
    async, is given together with the ConsumerRecords. When it is done, what it has
    enqueued is waited for, the positions of the consumer are added, and the transaction is
    committed. If it raises, or if anything fails, the transaction is aborted and the same
    records are read again, at most `process_retries` (3) times in a row; after
    a crash reading goes on behind the last transaction that was committed.

    The consumer has to be made with `enable_auto_commit=False`, the producer with
    a `transactional_id`. Read the topics that are written with `isolation_level` 1.
    It ends by `wakeup` and by `close` of the consumer, and gives a TransformReport.
    Cancelling it aborts the transaction, and has the records read again by whoever goes on; so
    does whatever else the handler raises that is no Exception.

    Raises ConfigException for another consumer or producer; RivvenException with the code
    PROCESSING_FAILED, caused by what the handler raised, where that failed every time;
    and as `next` and `commit` of a Transformer.
    """
    transformer = Transformer(consumer, producer)
    reading = True
    try:
        while (round := await transformer.next()) is not None:
            reading = False
            try:
                result = handler(*round)
                if isawaitable(result):
                    await result
            except Exception as failure:
                try:
                    await transformer.fail(reason(failure))
                except RivvenException as error:
                    raise error from failure
            else:
                await transformer.commit()
            # Nothing is held while others are waited for.
            del round
            reading = True
        return await transformer.report()
    except Exception:
        raise
    except BaseException as end:
        if reading:
            # The wait goes on otherwise, and takes records that nobody works on.
            consumer.wakeup()
        with suppress(RivvenException):
            await transformer.fail(f"it was ended by {type(end).__name__}")
        raise


def transform_blocking(
    consumer: _BlockingConsumer,
    producer: _BlockingProducer,
    handler: Callable[[ConsumerRecords, _BlockingTransaction], object],
) -> TransformReport:
    """Let `handler` work on records, and write what comes of them by transactions, until the consumer ends.

    Each poll has a transaction of its own, which the handler is given together with the
    ConsumerRecords, on the thread that calls this. When it is done, what it has
    enqueued is waited for, the positions of the consumer are added, and the transaction is
    committed. If it raises, or if anything fails, the transaction is aborted and the same
    records are read again, at most `process_retries` (3) times in a row; after
    a crash reading goes on behind the last transaction that was committed.

    The consumer has to be made with `enable_auto_commit=False`, the producer with
    a `transactional_id`. Read the topics that are written with `isolation_level` 1.
    It ends by `wakeup` and by `close` of the consumer, and gives a TransformReport.
    Ctrl-C aborts the transaction, and has the records read again by whoever goes on.

    Raises ConfigException for another consumer or producer; RivvenException with the code
    PROCESSING_FAILED, caused by what the handler raised, where that failed every time;
    and as `next` and `commit` of a Transformer.
    """
    transformer = _BlockingTransformer(consumer, producer)
    reading = True
    try:
        while (round := transformer.next()) is not None:
            reading = False
            try:
                handler(*round)
            except Exception as failure:
                try:
                    transformer.fail(reason(failure))
                except RivvenException as error:
                    raise error from failure
            else:
                transformer.commit()
            del round
            reading = True
        return transformer.report()
    except Exception:
        raise
    except BaseException:
        if reading:
            # The wait goes on otherwise, and takes records that nobody works on.
            consumer.wakeup()
        with suppress(RivvenException):
            transformer.fail("it was interrupted")
        raise
