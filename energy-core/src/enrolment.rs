//! Proof that whoever enrols a gateway holds its private key.
//!
//! The operator hands out a one-time token for a home; the gateway answers with its public key and a
//! COSE_Sign1 by that key over `keccak(token) ‖ public key`, so that a token that is overheard cannot
//! be used with somebody else's key, and a key cannot be claimed by who does not hold it.

use crate::{CoseError, GatewayId, SigningKey, VerifyingKey, cose_sign1, cose_verify1, keccak};

const DOMAIN: &[u8] = b"commonwatt/enrolment/1";

/// The proof for a token, made by the gateway.
#[must_use]
pub fn enrolment_proof(key: &SigningKey, token: &str) -> Vec<u8> {
    cose_sign1(key, DOMAIN, &statement(&key.verifying_key(), token))
}

/// Whether the proof for this token is by this key.
///
/// # Errors
/// [`CoseError`] for another form, another token or another key.
pub fn check_enrolment(key: &VerifyingKey, token: &str, proof: &[u8]) -> Result<(), CoseError> {
    let said = cose_verify1(key, DOMAIN, proof)?;
    if said == statement(key, token) {
        Ok(())
    } else {
        Err(crate::SignatureError::Signature.into())
    }
}

/// The id of the gateway with this key: the same key is the same gateway.
#[must_use]
pub fn gateway_of_key(key: &VerifyingKey) -> GatewayId {
    GatewayId::derived("commonwatt/gateway", &key.to_bytes())
}

fn statement(key: &VerifyingKey, token: &str) -> Vec<u8> {
    [keccak(&[token.as_bytes()]).as_bytes(), &key.to_bytes()[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_one_token_and_one_key() {
        let (mine, other) = (
            SigningKey::from_seed(&[1; 32]),
            SigningKey::from_seed(&[2; 32]),
        );
        let proof = enrolment_proof(&mine, "token");
        let check = |key: &SigningKey, token: &str, proof: &[u8]| {
            check_enrolment(&key.verifying_key(), token, proof)
        };
        assert_eq!(check(&mine, "token", &proof), Ok(()));
        assert!(check(&mine, "tokem", &proof).is_err());
        assert!(check(&other, "token", &proof).is_err());
        assert!(check(&other, "token", &enrolment_proof(&mine, "token")).is_err());
        assert!(check(&mine, "token", &proof[1..]).is_err());
    }
}
