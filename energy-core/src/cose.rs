//! COSE_Sign1 (RFC 9052 §4.2) with EdDSA over Ed25519, in the one form that we write.
//!
//! `18([h'a10127', {}, payload, signature])`: algorithm −8 in the protected header, nothing in the
//! unprotected one. What the signature means is bound by the external data, which is not
//! transmitted. Verification is `verify_strict`: small-order and non-canonical keys and signatures
//! are refused, so every verifier agrees.

use ed25519_dalek::Signer as _;
use minicbor::bytes::ByteSlice;
use minicbor::data::Tag;
use minicbor::{Decoder, Encoder};

use crate::CborError;

/// The protected header `{1: −8}` (alg: EdDSA).
const PROTECTED: [u8; 3] = [0xa1, 0x01, 0x27];
/// COSE_Sign1's tag.
const TAG_SIGN1: u64 = 18;

/// A signature, or the key for it, is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not a point of the curve, or one of small order.
    #[error("expected an ed25519 public key of full order")]
    Key,
    /// The signature is not by this key over this message.
    #[error("the signature is not by this key over these bytes")]
    Signature,
}

/// A signed message is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoseError {
    /// Not the one form of COSE_Sign1.
    #[error(transparent)]
    Form(#[from] CborError),
    /// Of the right form, and not signed by the key.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// A private key. Never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of this 32-byte seed (RFC 8032 §5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for the key file alone.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey(of {:?})", self.verifying_key())
    }
}

/// A public key, already checked to be of full order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// The key of these 32 bytes.
    ///
    /// # Errors
    /// [`SignatureError::Key`] for bytes that are no key, or a weak one.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SignatureError> {
        let key =
            ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| SignatureError::Key)?;
        if key.is_weak() {
            Err(SignatureError::Key)
        } else {
            Ok(Self(key))
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

/// Signs a payload. `external` says what for; the verifier must bring the same.
#[must_use]
pub fn cose_sign1(key: &SigningKey, external: &[u8], payload: &[u8]) -> Vec<u8> {
    let signature = key.0.sign(&sig_structure(external, payload)).to_bytes();
    assemble(payload, &signature)
}

/// The payload of a COSE_Sign1 whose signature nobody has checked yet.
///
/// # Errors
/// [`CborError`] unless the bytes have the one form that [`cose_sign1`] writes.
pub fn cose_payload(message: &[u8]) -> Result<&[u8], CborError> {
    take_apart(message).map(|(payload, _)| payload)
}

/// The payload, after its signature was found to be by `key` for this `external` purpose.
///
/// # Errors
/// [`CoseError`] for another form or another signer.
pub fn cose_verify1<'m>(
    key: &VerifyingKey,
    external: &[u8],
    message: &'m [u8],
) -> Result<&'m [u8], CoseError> {
    let (payload, signature) = take_apart(message)?;
    key.0
        .verify_strict(
            &sig_structure(external, payload),
            &ed25519_dalek::Signature::from_bytes(&signature),
        )
        .map_err(|_| SignatureError::Signature)?;
    Ok(payload)
}

/// `Sig_structure` of RFC 9052 §4.4.
fn sig_structure(external: &[u8], payload: &[u8]) -> Vec<u8> {
    let parts: (&str, &ByteSlice, &ByteSlice, &ByteSlice) = (
        "Signature1",
        PROTECTED.as_slice().into(),
        external.into(),
        payload.into(),
    );
    crate::to_canonical(&parts)
}

fn assemble(payload: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    let written = e
        .tag(Tag::new(TAG_SIGN1))
        .and_then(|e| e.array(4))
        .and_then(|e| e.bytes(&PROTECTED))
        .and_then(|e| e.map(0))
        .and_then(|e| e.bytes(payload))
        .and_then(|e| e.bytes(signature));
    assert!(written.is_ok(), "encoding into memory does not fail");
    e.into_writer()
}

fn take_apart(message: &[u8]) -> Result<(&[u8], [u8; 64]), CborError> {
    let malformed = |e: minicbor::decode::Error| CborError::Malformed(format!("COSE_Sign1: {e}"));
    let mut d = Decoder::new(message);
    d.tag().map_err(malformed)?;
    d.array().map_err(malformed)?;
    d.bytes().map_err(malformed)?;
    d.map().map_err(malformed)?;
    let payload = d.bytes().map_err(malformed)?;
    let signature = d.bytes().map_err(malformed)?;
    let signature = <[u8; 64]>::try_from(signature).map_err(|_| {
        CborError::Malformed(format!(
            "expected a signature of 64 bytes, got {}",
            signature.len()
        ))
    })?;
    // Whatever else the bytes said must be what we would have written.
    let canonical = assemble(payload, &signature);
    if canonical == message {
        Ok((payload, signature))
    } else {
        Err(CborError::NotCanonical {
            expected: canonical.len(),
            got: message.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_purpose_only() {
        let key = SigningKey::from_seed(&[7; 32]);
        let message = cose_sign1(&key, b"purpose", b"payload");
        assert_eq!(
            cose_verify1(&key.verifying_key(), b"purpose", &message),
            Ok(&b"payload"[..])
        );
        assert!(cose_verify1(&key.verifying_key(), b"other", &message).is_err());
        let other = SigningKey::from_seed(&[8; 32]).verifying_key();
        assert!(cose_verify1(&other, b"purpose", &message).is_err());
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let key = SigningKey::from_seed(&[7; 32]);
        let message = cose_sign1(&key, b"purpose", b"payload");
        for bit in 0..message.len() * 8 {
            let mut bad = message.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(
                cose_verify1(&key.verifying_key(), b"purpose", &bad).is_err(),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(
            VerifyingKey::from_bytes(&identity),
            Err(SignatureError::Key)
        );
    }
}
