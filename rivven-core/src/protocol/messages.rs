//! What the tables of messages and structures expand to.
//!
//! A table states each layout once. From it come the owned type, its decoder,
//! its `Debug`, and a borrowing twin that encodes; the owned type encodes
//! through that twin.

use std::fmt;

use bytes::Bytes;

use super::codec::Encode;
use super::error::EncodeError;
use super::limits::RequestLimits;

/// A message that can be encoded, whoever holds its fields.
pub trait Message {
    /// Name of the message, as in the protocol description.
    fn name(&self) -> &'static str;

    /// Checks the fields against what the broker accepts in a request.
    ///
    /// # Errors
    /// The first limit that is exceeded.
    fn check(&self) -> Result<(), EncodeError>;

    /// Number of bytes of the payload: discriminant and fields.
    fn encoded_len(&self) -> usize;

    /// Appends the payload.
    fn encode(&self, out: &mut Vec<u8>);
}

/// Encodes into one allocation of exactly the right size.
pub(super) fn to_payload<M: Message + ?Sized>(message: &M, len: usize) -> Bytes {
    let mut out = Vec::with_capacity(len);
    message.encode(&mut out);
    debug_assert_eq!(out.len(), len, "{} measures as it encodes", message.name());
    out.into()
}

/// Marks a field as secret: never printed, and longer than a name may be.
pub(super) struct Secret<'a, T>(pub(super) &'a T);

impl<T: Encode> Secret<'_, T> {
    pub(super) fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        limits.secret(self.0)
    }
}

impl<T> fmt::Debug for Secret<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Marks a byte string that may be no longer than a name.
pub(super) struct Name<'a, T>(pub(super) &'a T);

impl<T: AsRef<[u8]>> Name<'_, T> {
    pub(super) fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        limits.name(self.0.as_ref().len())
    }
}

impl<T: fmt::Debug> fmt::Debug for Name<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Marks a field as user data: only its size is printed.
pub(super) struct Payload<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Encode> Payload<'_, T> {
    pub(super) fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
        self.0.check(limits)
    }
}

impl fmt::Debug for Payload<'_, [u8]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Debug for Payload<'_, Bytes> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Payload::<[u8]>(self.0).fmt(f)
    }
}

impl fmt::Debug for Payload<'_, Option<Bytes>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map(Payload).fmt(f)
    }
}

impl fmt::Debug for Payload<'_, Vec<(String, Bytes)>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, Payload(value)))).finish()
    }
}

/// Expands a table of messages, `number => Name { field: Type, .. }`.
///
/// `as Secret`, `as Name` and `as Payload` behind a type pick how the field is
/// printed and checked.
macro_rules! messages {
    (
        $(#[$enum_doc:meta])* pub enum $Enum:ident;
        $(#[$mod_doc:meta])* $vis:vis mod $twins:ident;
        $(
            $(#[$doc:meta])*
            $number:literal => $Name:ident
                $({ $($field:ident: $ty:ty $(as $mark:ident)?),* })?,
        )*
    ) => {
        $(#[$enum_doc])*
        #[derive(Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the variant describes its fields")]
        pub enum $Enum {
            $($(#[$doc])* $Name $({ $($field: $ty),* })?,)*
        }

        impl $Enum {
            /// Name of the message, as in the protocol description.
            pub fn name(&self) -> &'static str {
                match self {
                    $($Enum::$Name { .. } => stringify!($Name),)*
                }
            }

            /// Number by which the message is told on the wire.
            pub fn discriminant(&self) -> u32 {
                match self {
                    $($Enum::$Name { .. } => $number,)*
                }
            }

            /// Decodes a payload, all of it. Byte strings share its memory.
            ///
            /// # Errors
            /// [`DecodeError`] says what is wrong with it, and where.
            pub fn decode(payload: &Bytes) -> Result<Self, DecodeError> {
                let mut reader = Reader::new(payload, stringify!($Enum));
                let message = match u32::decode(&mut reader)? {
                    $($number => {
                        reader.enter(stringify!($Name));
                        $Enum::$Name { $($($field: {
                            reader.field(stringify!($field));
                            Decode::decode(&mut reader)?
                        }),*)? }
                    })*
                    other => return Err(reader.error(DecodeErrorKind::UnknownDiscriminant(other), 0)),
                };
                reader.finish()?;
                Ok(message)
            }

            /// Hands the borrowing twin of the message to `encode`.
            fn with_twin<R>(&self, encode: impl FnOnce(&dyn Message) -> R) -> R {
                match self {
                    $($Enum::$Name { $($($field),*)? } => {
                        encode(&$twins::$Name { $($($field: $field.borrowed()),*)? })
                    })*
                }
            }
        }

        impl std::fmt::Debug for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $($Enum::$Name { $($($field),*)? } => {
                        f.debug_struct(stringify!($Name))
                            $($(.field(stringify!($field), &$($mark)?($field)))*)?
                            .finish()
                    })*
                }
            }
        }

        $(#[$mod_doc])*
        #[allow(missing_docs, reason = "the struct describes its fields")]
        $vis mod $twins {
            use super::*;

            $(twin! {
                $(#[$doc])*
                $number => $Name $({ $($field: $ty $(as $mark)?),* })?
            })*
        }
    };
}

/// Expands one message to its borrowing twin.
macro_rules! twin {
    ($(#[$doc:meta])* $number:literal => $Name:ident) => {
        $(#[$doc])*
        pub struct $Name;

        twin! { @impl $number => $Name, $Name {} }
    };
    (
        $(#[$doc:meta])*
        $number:literal => $Name:ident { $($field:ident: $ty:ty $(as $mark:ident)?),* }
    ) => {
        $(#[$doc])*
        pub struct $Name<'a> {
            $(pub $field: <$ty as Field>::Borrowed<'a>,)*
        }

        twin! { @impl $number => $Name, $Name<'_> { $($field $($mark)?),* } }
    };
    (@impl $number:literal => $Name:ident, $Twin:ty { $($field:ident $($mark:ident)?),* }) => {
        impl Message for $Twin {
            fn name(&self) -> &'static str {
                stringify!($Name)
            }

            fn check(&self) -> Result<(), EncodeError> {
                let mut _limits = RequestLimits::new();
                $(
                    _limits.field(stringify!($field));
                    $($mark)?(&self.$field).check(&mut _limits)?;
                )*
                // There is a response called `Ok`.
                Result::Ok(())
            }

            fn encoded_len(&self) -> usize {
                varint_len($number) $(+ self.$field.encoded_len())*
            }

            fn encode(&self, out: &mut Vec<u8>) {
                put_varint(out, $number);
                $(self.$field.encode(out);)*
            }
        }
    };
}

/// Expands a table of structures, with the marks of [`messages!`]. `at most`
/// bounds the number of such structures in a list.
macro_rules! structures {
    ($(
        $(#[$doc:meta])*
        pub struct $Name:ident $(at most $max:ident)? {
            $($(#[$field_doc:meta])* $field:ident: $ty:ty $(as $mark:ident)?,)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $Name {
            $($(#[$field_doc])* pub $field: $ty,)*
        }

        impl Encode for $Name {
            type Form = ($(<$ty as Encode>::Form,)*);

            fn encoded_len(&self) -> usize {
                0 $(+ self.$field.encoded_len())*
            }

            fn encode(&self, out: &mut Vec<u8>) {
                $(self.$field.encode(out);)*
            }

            fn check(&self, limits: &mut RequestLimits) -> Result<(), EncodeError> {
                $(self.$field.check(limits)?;)*
                Ok(())
            }
        }

        impl Decode for $Name {
            const MIN_LEN: usize = 0 $(+ <$ty>::MIN_LEN)*;
            $(const MAX_COUNT: usize = $max;)?

            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok($Name {
                    $($field: {
                        reader.field(stringify!($field));
                        Decode::decode(reader)?
                    },)*
                })
            }
        }

        impl std::fmt::Debug for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($Name))
                    $(.field(stringify!($field), &$($mark)?(&self.$field)))*
                    .finish()
            }
        }
    )*};
}

pub(super) use {messages, structures, twin};
