//! Two ends without a stream between them: bytes are carried by hand.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::panic)]

pub(crate) mod snow;

use tinyferry_secure::{
    Channel, Ciphers, Error, Identity, KeyId, Portable, PrivateKey, PublicKey, SharedKey, Step,
    Trust,
};

pub(crate) type End<C = Portable> = Channel<Vec<u8>, C>;

/// A server that knows one shared key and has a pair; anybody who trusts one public key.
#[derive(Clone)]
pub(crate) struct Knows {
    pub(crate) shared: Option<SharedKey>,
    pub(crate) pair: Option<PrivateKey>,
    pub(crate) trusted: Option<PublicKey>,
}

impl Trust for Knows {
    fn shared(&mut self, id: KeyId) -> Option<SharedKey> {
        self.shared.clone().filter(|key| key.id() == id)
    }

    fn pair(&mut self) -> Option<PrivateKey> {
        self.pair.clone()
    }

    fn trusts(&mut self, key: &PublicKey) -> bool {
        self.trusted == Some(*key)
    }
}

pub(crate) fn private(byte: u8) -> PrivateKey {
    PrivateKey::new(&[byte; 32])
}

pub(crate) fn shared(byte: u8) -> SharedKey {
    SharedKey::new(&[byte; 32])
}

/// Keys of the two ends of a kind: the client's identity, the client's trust, the server's trust.
pub(crate) fn keys(is_pair: bool) -> (Identity, Knows, Knows) {
    let (client, server) = (private(1), private(2));
    let nobody = Knows { shared: None, pair: None, trusted: None };
    if is_pair {
        let trusting = Knows { trusted: Some(server.public()), ..nobody.clone() };
        let serving =
            Knows { pair: Some(server), trusted: Some(client.public()), ..nobody.clone() };
        (Identity::Pair(client), trusting, serving)
    } else {
        let serving = Knows { shared: Some(shared(5)), ..nobody.clone() };
        (Identity::Shared(shared(5)), nobody, serving)
    }
}

/// Buffers of this size each.
pub(crate) fn buffers(size: usize) -> [Vec<u8>; 2] {
    [vec![0; size], vec![0; size]]
}

pub(crate) fn client(identity: &Identity, size: usize) -> End {
    client_with(identity, size)
}

pub(crate) fn server(size: usize) -> End {
    server_with(size)
}

pub(crate) fn client_with<C: Ciphers>(identity: &Identity, size: usize) -> End<C> {
    Channel::client(identity, private(11), buffers(size)).unwrap()
}

pub(crate) fn server_with<C: Ciphers>(size: usize) -> End<C> {
    Channel::server(private(12), buffers(size)).unwrap()
}

/// All that an end wants to send in its handshake before it waits, or the error.
pub(crate) fn emits<C: Ciphers>(end: &mut End<C>) -> Result<Vec<u8>, Error> {
    let mut said = Vec::new();
    while let Step::Transmit(out) = end.step()? {
        let out = out.to_vec();
        said.extend_from_slice(&out);
        end.transmitted(out.len())?;
    }
    Ok(said)
}

/// Gives an end of a handshake as many bytes as it takes. Returns the rest.
pub(crate) fn receives<'b, C: Ciphers>(
    end: &mut End<C>,
    mut bytes: &'b [u8],
    trust: &mut Knows,
) -> Result<&'b [u8], Error> {
    while !bytes.is_empty() {
        let Step::Receive(into) = end.step()? else { break };
        let count = into.len().min(bytes.len());
        into[..count].copy_from_slice(&bytes[..count]);
        bytes = &bytes[count..];
        end.handshake_received(count, trust)?;
    }
    Ok(bytes)
}

/// Shakes hands; each message passes `change`. Fails as the first end that fails.
pub(crate) fn shake<C: Ciphers, S: Ciphers>(
    (client, trusting): (&mut End<C>, &mut Knows),
    (server, serving): (&mut End<S>, &mut Knows),
    mut change: impl FnMut(&mut Vec<u8>),
) -> Result<(), Error> {
    loop {
        let mut said = emits(client)?;
        change(&mut said);
        receives(server, &said, serving)?;
        let mut answer = emits(server)?;
        change(&mut answer);
        receives(client, &answer, trusting)?;
        if said.is_empty() && answer.is_empty() {
            return Ok(());
        }
    }
}

/// Two ends that have shaken hands.
pub(crate) fn pair(is_pair: bool, size: usize) -> (End, End) {
    pair_with(is_pair, size)
}

pub(crate) fn pair_with<C: Ciphers, S: Ciphers>(is_pair: bool, size: usize) -> (End<C>, End<S>) {
    let (identity, mut trusting, mut serving) = keys(is_pair);
    let (mut client, mut server) = (client_with(&identity, size), server_with(size));
    shake((&mut client, &mut trusting), (&mut server, &mut serving), |_| ()).unwrap();
    assert!(matches!(client.step(), Ok(Step::Done)) && matches!(server.step(), Ok(Step::Done)));
    (client, server)
}

/// Seals all of `bytes` as records.
pub(crate) fn seals<C: Ciphers>(end: &mut End<C>, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let count = end.write(bytes)?;
        bytes = &bytes[count..];
        end.seal()?;
        records.push(sent(end)?);
    }
    Ok(records)
}

/// The pending bytes, as they are sent.
pub(crate) fn sent<C: Ciphers>(end: &mut End<C>) -> Result<Vec<u8>, Error> {
    let pending = end.pending().to_vec();
    end.transmitted(pending.len())?;
    Ok(pending)
}

/// A closing record.
pub(crate) fn closes<C: Ciphers>(end: &mut End<C>) -> Result<Vec<u8>, Error> {
    end.close(None)?;
    sent(end)
}

/// Decrypts bytes, after which the stream ends. Returns all content and the result.
pub(crate) fn opens<C: Ciphers>(
    end: &mut End<C>,
    mut bytes: &[u8],
) -> (Vec<u8>, Result<(), Error>) {
    let mut content = Vec::new();
    let result = loop {
        let mut some = [0; 700];
        match end.read(&mut some) {
            Ok(Some(0)) => break Ok(()),
            Ok(Some(count)) => content.extend_from_slice(&some[..count]),
            Ok(None) => {
                let room = end.room();
                assert!(!room.is_empty(), "it asks for nothing");
                let count = room.len().min(bytes.len());
                room[..count].copy_from_slice(&bytes[..count]);
                bytes = &bytes[count..];
                if let Err(error) = end.received(count) {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    (content, result)
}
