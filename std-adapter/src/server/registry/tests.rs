use std::sync::atomic::AtomicUsize;

use super::*;

const HANDSHAKES: usize = 64;

fn registry() -> Registry {
    Registry::new(Slots { all: 3, per_network: 2, handshakes: HANDSHAKES })
}

fn connect(registry: &Registry, address: &str, cuts: &Arc<AtomicUsize>) -> u64 {
    let cuts = Arc::clone(cuts);
    let close = Box::new(move |_| {
        cuts.fetch_add(1, Ordering::SeqCst);
    });
    registry.connect(&Arc::default(), Some(address.parse().unwrap()), close)
}

#[test]
fn handshakes_take_no_slot_and_replace_only_each_other() {
    let (registry, cuts, others) = (registry(), Arc::default(), Arc::default());
    let served = connect(&registry, "10.0.0.1", &others);
    assert_eq!(registry.admit(served), Ok(()));
    let waiting = connect(&registry, "10.0.0.2", &others);
    let begun = connect(&registry, "10.0.0.3", &others);
    registry.begin_handshake(begun);
    for _ in 0..1000 {
        connect(&registry, "10.0.0.3", &cuts);
    }
    assert_eq!(cuts.load(Ordering::SeqCst), 1000 - (HANDSHAKES - 2));
    assert!(registry.wait_to_accept().is_some_and(|wait| wait <= MIN_HANDSHAKE));
    std::thread::sleep(MIN_HANDSHAKE);
    assert!(registry.wait_to_accept().is_none());
    assert_eq!(others.load(Ordering::SeqCst), 0);
    assert_eq!(registry.admit(waiting), Ok(()));
}

#[test]
fn a_client_of_ipv6_counts_by_its_network() {
    let (registry, cuts) = (registry(), Arc::default());
    let admitted = ["2001:db8::1", "2001:db8::2:3", "2001:db8:0:0:ffff::", "2001:db8:0:1::1"]
        .map(|address| registry.admit(connect(&registry, address, &cuts)).is_ok());
    assert_eq!(admitted, [true, true, false, true]);
    assert_eq!(network("::ffff:10.0.0.1".parse().unwrap()), IpAddr::from([10, 0, 0, 1]));
}

#[test]
fn a_slot_is_free_when_its_client_is_removed() {
    let (registry, cuts) = (registry(), Arc::default());
    let [first, second, third] = ["10.0.0.1"; 3].map(|address| connect(&registry, address, &cuts));
    assert!(registry.admit(first).is_ok() && registry.admit(second).is_ok());
    assert_eq!(registry.check(third), Err(Busy { served: 2, alike: 2 }));
    assert_eq!(registry.admit(third), Err(Busy { served: 2, alike: 2 }));
    registry.remove(first);
    let fourth = connect(&registry, "10.0.0.1", &cuts);
    assert_eq!(registry.admit(fourth), Ok(()));
}
