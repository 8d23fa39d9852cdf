//! A reference to a store as a store.

use super::{
    Accepted, Deferral, Digests, Entry, Index, Kind, Offer, Operation, RequestOptions, Stat, Store,
};
use crate::error::Reason;

macro_rules! forward {
    ($(fn $name:ident(&mut self $(, $argument:ident: $kind:ty)*) $(-> $result:ty)?;)*) => {
        impl<S: Store + ?Sized> Store for &mut S {$(
            fn $name(&mut self $(, $argument: $kind)*) $(-> $result)? {
                (**self).$name($($argument),*)
            }
        )*}
    };
}

forward! {
    fn inner(&mut self) -> Option<&mut dyn Store>;
    fn deferral(&mut self) -> Option<&mut dyn Deferral>;
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason>;
    fn rejected(&mut self, path: &[u8], reason: Reason);
    fn is_ready(&mut self) -> bool;
    fn has_more(&mut self) -> bool;
    fn prefix_digest(&mut self) -> Option<u64>;
    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason>;
    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64>;
    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason>;
    fn hole(&mut self, position: u64) -> Option<u64>;
    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason>;
    fn verified(&mut self, digests: &Digests);
    fn commit(&mut self) -> Result<(), Reason>;
    fn refusal_message(&mut self) -> &str;
    fn abandon(&mut self, reason: Reason, all: bool);
    fn operate(&mut self, path: &str, kind: Kind, operation: &Operation<'_>) -> Result<Stat, Reason>;
    fn index(&mut self) -> Option<u32>;
    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason>;
    fn names_only(&mut self, names_only: bool);
    fn options(&mut self, options: &RequestOptions<'_>) -> Result<(), Reason>;
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason>;
    fn omitted(&mut self) -> u32;
    fn check(&mut self) -> Result<(), Reason>;
    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool;
    fn tree_refused(&mut self, reason: Reason, message: &str);
    fn given_up(&mut self, reason: Reason, message: &str);
    fn resumed(&mut self, entry: u32, position: u64);
    fn answered(&mut self, entry: u32, stat: &Stat, index: Index<'_>);
    fn completed(&mut self);
}
