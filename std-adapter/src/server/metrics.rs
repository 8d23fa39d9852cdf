//! The numbers of a server for a monitoring system, in the text format of Prometheus.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tinyferry_core::Reason;

use super::connection::Service;
use super::counters::{BOUNDS, Call, Counters};

/// The numbers of a server, as long as it runs and after it. Clones are of the same server.
#[derive(Clone)]
pub struct Metrics(pub(super) Arc<Service>);

impl Metrics {
    /// All numbers, in the text format of Prometheus, version 0.0.4. `word` names a reason.
    pub fn text(&self, word: impl Fn(Reason) -> &'static str) -> String {
        let Service { counters, registry, parking, .. } = &*self.0;
        let mut page = Page(String::with_capacity(4096));
        let [connections, clients] = registry.counts().map(|count| count as u64);
        page.single(
            "connections",
            "gauge",
            "Connections, with and without a complete handshake.",
            connections,
        );
        page.single("clients", "gauge", "Clients whose handshake is complete.", clients);
        let parked = parking.parked() as u64;
        page.single(
            "parked",
            "gauge",
            "Connections that wait for their client without a thread.",
            parked,
        );
        page.single(
            "sessions",
            "gauge",
            "Sessions that have not ended.",
            load(&counters.open_sessions),
        );
        page.single(
            "sessions_total",
            "counter",
            "Sessions that have begun.",
            load(&counters.sessions),
        );
        let ways = ["received", "sent"];
        page.head("files_total", "counter", "Files that are complete.");
        for (way, number) in ways.iter().zip(&counters.files) {
            page.line("files_total", &format!("direction=\"{way}\""), load(number));
        }
        page.head("bytes_total", "counter", "Bytes of the content of files, without holes.");
        for (way, number) in ways.iter().zip(&counters.bytes) {
            page.line("bytes_total", &format!("direction=\"{way}\""), load(number));
        }
        let rejected = load(&counters.rejected);
        page.single(
            "rejected_total",
            "counter",
            "Clients that were rejected before a session, but for busy.",
            rejected,
        );
        page.head(
            "refusals_total",
            "counter",
            "Entries, requests and clients that were refused or have failed.",
        );
        for (code, count) in counters.refusals() {
            let labels = format!("reason=\"{}\",code=\"{code}\"", word(Reason::from_code(code)));
            page.line("refusals_total", &labels, count);
        }
        page.head("store_seconds", "histogram", "Times of calls of the store.");
        for call in Call::ALL {
            page.latency(counters, call);
        }
        page.0
    }
}

fn load(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

/// The text so far.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // A text can always be written.
        let _ = writeln!(self.0, "# HELP tinyferry_{name} {help}\n# TYPE tinyferry_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: u64) {
        let _ = writeln!(self.0, "tinyferry_{name}{{{labels}}} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "tinyferry_{name} {value}");
    }

    fn latency(&mut self, counters: &Counters, call: Call) {
        let Some(latency) = counters.latency(call) else { return };
        let call = format!("call=\"{}\"", call.name());
        let bounds = BOUNDS.iter().map(|bound| (*bound as f64 / 1e6).to_string());
        let mut count = 0;
        for (bucket, bound) in latency.buckets.iter().zip(bounds.chain(["+Inf".to_owned()])) {
            count += load(bucket);
            self.line("store_seconds_bucket", &format!("{call},le=\"{bound}\""), count);
        }
        let seconds = load(&latency.nanoseconds) as f64 / 1e9;
        let _ = writeln!(self.0, "tinyferry_store_seconds_sum{{{call}}} {seconds}");
        self.line("store_seconds_count", &call, count);
    }
}
