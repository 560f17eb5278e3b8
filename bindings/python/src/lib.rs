//! The native module `rivven._rivven`.
//!
//! It translates between Python and the bridge and does nothing else. The
//! threads of the bridge's runtime never run Python code: an answer is taken
//! out of a queue by the thread of an event loop, or waited for by the thread
//! that asked.

mod answer;
mod arguments;
mod borrowed;
mod callbacks;
mod client;
mod connect;
mod consumer;
mod consumer_events;
mod deliveries;
mod delivery;
mod error;
mod inbox;
mod log;
mod message;
mod operations;
mod processing;
mod producer;
mod producer_state;
mod rebalance;
mod records;
mod sent;
mod state_changes;
mod transaction;
mod transactions;
mod transformer;
mod wait;

use pyo3::prelude::*;

/// The native part of the package; import `rivven` instead.
#[pymodule]
mod _rivven {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::client::{BlockingClient, RivvenClient};
    #[pymodule_export]
    use super::connect::{Connecting, connect, connect_blocking, version};
    #[pymodule_export]
    use super::consumer::AsyncConsumer;
    use super::consumer::BlockingConsumer;
    #[pymodule_export]
    use super::consumer_events::{BlockingEvents, EventStream};
    #[pymodule_export]
    use super::delivery::Delivery;
    #[pymodule_export]
    use super::log::LogQueue;
    #[pymodule_export]
    use super::message::Message;
    #[pymodule_export]
    use super::processing::{Handled, Handlings, Interested};
    #[pymodule_export]
    use super::producer::AsyncProducer;
    use super::producer::BlockingProducer;
    #[pymodule_export]
    use super::producer_state::ProducerState;
    #[pymodule_export]
    use super::rebalance::Rebalancing;
    #[pymodule_export]
    use super::records::Records;
    #[pymodule_export]
    use super::sent::SentRecords;
    #[pymodule_export]
    use super::state_changes::{BlockingStateChanges, Stream};
    use super::transaction::BlockingTransaction;
    #[pymodule_export]
    use super::transaction::{AsyncTransaction, Beginning};
    #[pymodule_export]
    use super::transformer::AsyncTransformer;
    use super::transformer::BlockingTransformer;

    /// Both producers have the same name, as both classes of all other kinds do, each in the module that users have it
    /// from.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("_BlockingConsumer", module.py().get_type::<BlockingConsumer>())?;
        module.add("_BlockingProducer", module.py().get_type::<BlockingProducer>())?;
        module.add("_BlockingTransaction", module.py().get_type::<BlockingTransaction>())?;
        module.add("_BlockingTransformer", module.py().get_type::<BlockingTransformer>())
    }
}
