//! Tables: as Markdown for people, as JSON for programs.

use serde_json::{Map, Value, json};

/// The report of one workload.
pub(crate) struct Table {
    title: String,
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    skipped: Vec<(String, String)>,
}

/// One field: as it is shown, and as it is.
#[derive(Clone)]
pub(crate) struct Cell(String, Value);

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self(text.clone(), text.into())
    }

    /// A number with this number of decimals; a dash where it is not known.
    pub(crate) fn number(number: Option<f64>, decimals: usize) -> Self {
        match number {
            Some(number) => Self(format!("{number:.decimals$}"), json!(number)),
            None => Self("–".to_owned(), Value::Null),
        }
    }

    pub(crate) fn count(count: Option<u64>) -> Self {
        Self(count.map_or_else(|| "–".to_owned(), |count| count.to_string()), json!(count))
    }
}

impl Table {
    pub(crate) fn new(title: impl Into<String>, head: &[&'static str]) -> Self {
        Self { title: title.into(), head: head.to_vec(), rows: Vec::new(), skipped: Vec::new() }
    }

    pub(crate) fn row(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    pub(crate) fn skip(&mut self, name: impl Into<String>, why: impl Into<String>) {
        self.skipped.push((name.into(), why.into()));
    }

    pub(crate) fn print(&self) {
        println!("### {}\n\n| {} |", self.title, self.head.join(" | "));
        println!("|{}", "---|".repeat(self.head.len()));
        for row in &self.rows {
            let row: Vec<_> = row.iter().map(|Cell(shown, _)| shown.as_str()).collect();
            println!("| {} |", row.join(" | "));
        }
        for (name, why) in &self.skipped {
            println!("\nSkipped: {name}: {why}");
        }
        println!();
    }

    pub(crate) fn json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let fields =
                self.head.iter().zip(row).map(|(key, cell)| ((*key).into(), cell.1.clone()));
            Value::Object(fields.collect::<Map<_, _>>())
        };
        let skipped = self.skipped.iter().map(|(name, why)| json!({ "name": name, "why": why }));
        json!({
            "title": self.title,
            "rows": self.rows.iter().map(object).collect::<Vec<_>>(),
            "skipped": skipped.collect::<Vec<_>>(),
        })
    }
}

/// The one in the middle; `None` of none.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<_> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let upper = *numbers.get(numbers.len() / 2)?;
    let lower = *numbers.get((numbers.len() - 1) / 2)?;
    Some((lower + upper) / 2.0)
}

/// The machine, without its name.
pub(crate) fn machine() -> Value {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.map(|line| line.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    let gib = after(&read("/proc/meminfo"), "MemTotal:")
        .and_then(|line| line.split(' ').next()?.parse::<f64>().ok())
        .map(|kib| (kib / 1048576.0 * 10.0).round() / 10.0);
    json!({
        "processor": after(&read("/proc/cpuinfo"), "model name"),
        "cores": std::thread::available_parallelism().ok().map(std::num::NonZero::get),
        "memory in GiB": gib,
        "system": std::env::consts::OS,
        "kernel": read("/proc/sys/kernel/osrelease").split('-').next(),
    })
}
