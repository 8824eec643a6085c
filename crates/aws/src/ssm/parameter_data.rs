//! `data.aws_ssm_parameter`.

use aws_sdk_ssm::types::ParameterType;

use crate::kit::prelude::*;

/// A parameter.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_ssm_parameter")]
pub(crate) struct ParameterData {
    /// ARN.
    arn: Computed<String>,
    /// Name.
    id: Computed<String>,
    /// The value, shown in plans; not of a `SecureString`.
    insecure_value: Computed<String>,
    /// Name, or ARN of a parameter that another account shares; `:` and a version or label may follow.
    #[attr(length(1, 2048))]
    name: String,
    /// Type.
    #[attr(name = "type")]
    kind: Computed<String>,
    /// The value.
    #[attr(sensitive)]
    value: Computed<Secret>,
    /// Number of the value.
    version: Computed<i64>,
    /// Decrypt a `SecureString`; so it is done where this is not set.
    with_decryption: Option<bool>,
}

impl Data for ParameterData {
    const ACTIONS: &'static [&'static str] = &["ssm:GetParameter"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let decrypt = config.with_decryption.unwrap_or(true);
        let found = cx.ssm().get_parameter().name(&config.name).with_decryption(decrypt).send().await?;
        let p = found.parameter.ok_or_else(|| Error::incomplete("the parameter"))?;
        let open = p.r#type() != Some(&ParameterType::SecureString);
        Ok(ParameterData {
            arn: p.arn.clone(),
            id: p.name.clone(),
            insecure_value: Some(p.value.clone().filter(|_| open).unwrap_or_default()),
            name: p.name.clone().unwrap_or_default(),
            kind: p.r#type().map(|t| t.as_str().to_owned()),
            version: Some(p.version()),
            value: p.value.map(Secret::from),
            with_decryption: Some(decrypt),
        })
    }
}
