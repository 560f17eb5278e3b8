//! Operations on quotas.

use napi::bindgen_prelude::BigInt;
use napi_derive::napi;
use rivven_client::ops::{AlterQuotas, DescribeQuotas};
use rivven_client::protocol::QuotaAlteration;

use crate::client::NativeClient;
use crate::failure::Failure;

/// A change of one quota.
#[napi(object, object_to_js = false, use_nullable = true)]
pub(crate) struct Alteration {
    /// The type of the entity.
    pub entity_type: String,
    /// The name of the entity.
    pub entity_name: Option<String>,
    /// The quota.
    pub quota_key: String,
    /// The new value; none removes the quota.
    pub quota_value: Option<BigInt>,
}

impl From<Alteration> for QuotaAlteration {
    fn from(change: Alteration) -> Self {
        let Alteration { entity_type, entity_name, quota_key, quota_value } = change;
        let quota_value = quota_value.map(|value| value.get_u64().1);
        QuotaAlteration { entity_type, entity_name, quota_key, quota_value }
    }
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Asks for the quotas of entities, by type and name.
    #[napi]
    pub fn describe_quotas(&self, token: i64, entities: Vec<(String, Option<String>)>) -> Option<Failure> {
        self.submit(token, &DescribeQuotas { entities: &entities })
    }

    /// Sets or removes quotas.
    #[napi]
    pub fn alter_quotas(&self, token: i64, alterations: Vec<Alteration>) -> Option<Failure> {
        let alterations: Vec<_> = alterations.into_iter().map(QuotaAlteration::from).collect();
        self.submit(token, &AlterQuotas { alterations: &alterations })
    }
}
