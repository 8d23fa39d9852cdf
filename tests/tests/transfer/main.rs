//! Transfers: offers, content, digests, commits and resumption.

mod chunk_order;
mod deferred_commit;
mod digests;
mod holes;
mod offers;
mod omitted_entries;
mod operations;
mod position_first;
mod refusals;
mod resume_after_cut;
mod unknown_size;
