//! The wire protocol, without any I/O.
//!
//! Requests are encoded into one buffer of exactly their size
//! ([`RequestFrame`]), from a [`Request`] or from borrowed fields ([`encode`]).
//! Responses are decoded as slices of the frame they came in: whole
//! ([`Response`]), or record by record ([`Records`]). Limits that the broker
//! applies are checked before anything is allocated.

mod batch;
mod codec;
mod describe;
mod error;
mod frame;
mod limits;
mod messages;
mod operation;
mod primitives;
mod records;
mod requests;
mod responses;
mod structures;

pub(crate) use batch::{BatchBuffer, FramedBatch, Stamp};
pub(crate) use describe::describe;

pub use codec::{AsBytes, Decode, Encode, Field, List, list};
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use frame::{Frame, FrameDecoder, HEADER_LEN, Received, RequestFrame, header};
pub use limits::*;
pub use messages::Message;
pub(crate) use operation::DecodeAnswer;
pub use operation::{Operation, Purpose, Route};
pub use primitives::{Reader, put_varint, unzigzag, varint_len, zigzag};
pub use records::{RecordIter, RecordRef, Records};
pub use requests::{Request, encode};
pub use responses::Response;
pub use structures::{
    BatchRecord, BrokerInfo, DeleteRecordsResult, MessageData, PartitionMetadata, QuotaAlteration, QuotaEntry,
    TopicConfigDescription, TopicConfigEntry, TopicConfigValue, TopicMetadata,
};
