//! The facts and the digests of entries, from the objects that the storage lists. The digests are those of
//! [`crate::fs::digest`]. Blocks.

use std::collections::{BTreeMap, HashMap};

use tinyferry_core::error::Reason;
use tinyferry_core::store::Stat;

use super::Access;
use super::ahead::fetch;
use super::bucket::LONG;
use super::facts::Facts as ObjectFacts;
use super::listing::{Listed, PAGE};
use super::look::{Found, inside, look, marker};
use crate::fs::digest::Total;
use crate::fs::digest::record::{Facts, FileFacts, Parameters};
use crate::fs::error::StoreError;
use crate::fs::names::{ancestors, can_all_be_sent, join, split};

/// The answer to a stat of a file.
pub(super) fn stat_file(
    access: &Access,
    path: &str,
    parameters: Parameters,
) -> Result<Stat, StoreError> {
    match look(&access.bucket, &access.whole(path), LONG)? {
        Found::Missing => Err(Reason::NotFound.into()),
        Found::Directory => Err(Reason::IsDirectory.into()),
        Found::File(facts) => {
            // The content of a file by itself is compared by an offer.
            let counted = parameters.facts.without(Facts::CONTENT);
            Ok(Stat {
                size: facts.size,
                value: facts.attributes.modified.unwrap_or(i64::MIN).cast_unsigned(),
                facts: counted.bits(),
                granularity: parameters.granularity.code(),
            })
        }
    }
}

/// A directory while its objects are listed.
#[derive(Debug, Default)]
struct Level {
    mode: Option<u32>,
    hashes: Vec<u64>,
}

/// The sorted hashes of the entries of a directory, and of each one below it.
pub(super) fn directories(
    access: &Access,
    path: &str,
    tree: &str,
    parameters: Parameters,
) -> Result<HashMap<String, Vec<u64>>, StoreError> {
    let (bucket, whole) = (&*access.bucket, access.whole(path));
    let prefix = if whole.is_empty() { bucket.key("") } else { marker(&bucket.key(&whole)) };
    let mut levels = BTreeMap::from([(path.to_owned(), Level::default())]);
    let (mut token, mut is_found) = (None, whole.is_empty() || path.is_empty());
    loop {
        let page = bucket.list(&prefix, false, token.as_deref(), PAGE, LONG)?;
        is_found |= !page.objects.is_empty();
        let entries: Vec<(String, Listed)> = page
            .objects
            .into_iter()
            .filter_map(|object| {
                let below_path = object.key.strip_prefix(&prefix)?;
                let name = below_path.strip_suffix('/').unwrap_or(below_path);
                let entry = join(path, name);
                let in_tree = inside(&entry, tree)?;
                can_all_be_sent(in_tree).then_some((entry, object))
            })
            .collect();
        let objects: Vec<Listed> = entries.iter().map(|(_, object)| object.clone()).collect();
        let needs_facts = [Facts::TIME, Facts::MODE, Facts::CONTENT]
            .iter()
            .any(|fact| parameters.facts.contains(*fact));
        let facts: Vec<Option<ObjectFacts>> = if needs_facts {
            let fetched = fetch(bucket, &objects, None, LONG).into_iter();
            fetched
                .map(|result| Ok(result?.map(|it| it.facts)))
                .collect::<Result<_, StoreError>>()?
        } else {
            let size = |object: &Listed| ObjectFacts {
                size: object.size,
                attributes: Default::default(),
                crc64: None,
                etag: String::new(),
            };
            objects.iter().map(|object| Some(size(object))).collect()
        };
        for ((entry, object), facts) in entries.into_iter().zip(facts) {
            let Some(facts) = facts else { continue };
            let (above, name) = split(&entry);
            for directory in ancestors(&entry).filter(|it| inside(it, path).is_some()) {
                levels.entry(directory.to_owned()).or_default();
            }
            if object.key.ends_with('/') {
                levels.entry(entry).or_default().mode = facts.attributes.mode;
                continue;
            }
            let file = FileFacts {
                size: facts.size,
                modified: facts.attributes.modified,
                mode: facts.attributes.mode,
                content: facts.crc64,
            };
            let hash = parameters.hash_of_file(name, &file);
            levels.entry(above.to_owned()).or_default().hashes.push(hash);
        }
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    if !is_found {
        return match look(bucket, &whole, LONG)? {
            Found::File(_) => Err(Reason::NotDirectory.into()),
            _ => Err(Reason::NotFound.into()),
        };
    }
    let mut done = HashMap::new();
    // The deepest ones first: the key of a directory comes before those below it.
    while let Some((directory, mut level)) = levels.pop_last() {
        level.hashes.sort_unstable();
        if directory != path {
            let total = Total::of(level.hashes.iter().copied());
            let (above, name) = split(&directory);
            let hash = parameters.hash_of_directory(name, level.mode, total);
            levels.entry(above.to_owned()).or_default().hashes.push(hash);
        }
        done.insert(directory, level.hashes);
    }
    Ok(done)
}
