//! `ephemeral.aws_kms_secrets`.

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::EncryptionAlgorithmSpec;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::kit::prelude::*;

/// Secrets that were encrypted with KMS keys, without a trace of their texts in plan and state.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_kms_secrets")]
pub(crate) struct Secrets {
    /// The texts, by name.
    #[attr(sensitive)]
    plaintext: Computed<BTreeMap<String, Secret>>,
    /// The secrets.
    secret: BTreeSet<Encrypted>,
}

/// A secret.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Encrypted {
    /// Context that it was encrypted with.
    context: Option<BTreeMap<String, String>>,
    /// Algorithm of an asymmetric key.
    #[attr(one_of("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"))]
    encryption_algorithm: Option<String>,
    /// Tokens of grants that allow it.
    grant_tokens: Option<Vec<String>>,
    /// Key, for an asymmetric one.
    key_id: Option<String>,
    /// Name in `plaintext`.
    name: String,
    /// What `Encrypt` answered, in base64.
    payload: String,
}

impl Data for Secrets {
    const ACTIONS: &'static [&'static str] = &["kms:Decrypt"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let decrypted =
            config.secret.iter().map(|s| async move { Ok::<_, Error>((s.name.clone(), s.decrypt(cx).await?)) });
        let plaintext = futures::future::try_join_all(decrypted).await?.into_iter().collect();
        Ok(Secrets { plaintext: Some(plaintext), secret: config.secret.clone() })
    }
}

impl Encrypted {
    async fn decrypt(&self, cx: &Cx) -> Result<Secret> {
        let wrong = |what: &str| Error::invalid(format!("The secret {:?} is not {what}.", self.name));
        let payload = STANDARD.decode(&self.payload).map_err(|_| wrong("base64"))?;
        let context = self.context.clone().map(|c| c.into_iter().collect());
        let answer = cx
            .kms()
            .decrypt()
            .ciphertext_blob(Blob::new(payload))
            .set_encryption_algorithm(self.encryption_algorithm.as_deref().map(EncryptionAlgorithmSpec::from))
            .set_encryption_context(context)
            .set_grant_tokens(self.grant_tokens.clone())
            .set_key_id(self.key_id.clone())
            .send()
            .await?;
        let text = answer.plaintext.ok_or_else(|| Error::incomplete("the secret's text"))?;
        String::from_utf8(text.into_inner()).map(Secret::from).map_err(|_| wrong("a text"))
    }
}
