//! `data.aws_ami`.

use aws_sdk_ec2::types::{BlockDeviceMapping, Image};

use super::FilterBlock;
use super::tags::from_sdk;
use crate::kit::prelude::*;

/// A machine image. Exactly one must match, or the newest is taken with `most_recent`.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_ami", timeouts(read = 1200))]
pub(crate) struct Ami {
    /// Architecture.
    architecture: Computed<String>,
    /// ARN.
    arn: Computed<String>,
    /// Devices.
    block_device_mappings: Computed<BTreeSet<Device>>,
    /// How it boots.
    boot_mode: Computed<String>,
    /// When it was made.
    creation_date: Computed<String>,
    /// From when on it is deprecated.
    deprecation_time: Computed<String>,
    /// Description.
    description: Computed<String>,
    /// Whether enhanced networking is enabled.
    ena_support: Computed<bool>,
    /// Only images that these accounts may start, or `self`, or `all`.
    executable_users: Option<Vec<String>>,
    /// Filters of DescribeImages.
    filter: BTreeSet<FilterBlock>,
    /// Hypervisor.
    hypervisor: Computed<String>,
    /// Id.
    id: Computed<String>,
    /// Id.
    image_id: Computed<String>,
    /// Where it is stored.
    image_location: Computed<String>,
    /// Name of the owning account, or `self`.
    image_owner_alias: Computed<String>,
    /// Type.
    image_type: Computed<String>,
    /// Which version of the instance metadata service it asks for.
    imds_support: Computed<String>,
    /// Also deprecated images.
    include_deprecated: Option<bool>,
    /// Kernel.
    kernel_id: Computed<String>,
    /// When it was started last.
    last_launched_time: Computed<String>,
    /// Take the newest of those that match.
    most_recent: Option<bool>,
    /// Name.
    name: Computed<String>,
    /// Regular expression that the name matches somewhere, applied after the service's own filters.
    name_regex: Option<String>,
    /// Account that owns it.
    owner_id: Computed<String>,
    /// Accounts, `self`, `amazon` or `aws-marketplace`.
    #[attr(items(1, 1000))]
    owners: Option<Vec<String>>,
    /// `windows`, or empty.
    platform: Computed<String>,
    /// Platform in words.
    platform_details: Computed<String>,
    /// Product codes.
    product_codes: Computed<BTreeSet<Product>>,
    /// Whether everybody may start it.
    public: Computed<bool>,
    /// RAM disk.
    ramdisk_id: Computed<String>,
    /// Name of the root device.
    root_device_name: Computed<String>,
    /// Type of the root device.
    root_device_type: Computed<String>,
    /// Snapshot of the root device.
    root_snapshot_id: Computed<String>,
    /// Whether enhanced networking with an Intel interface is enabled.
    sriov_net_support: Computed<String>,
    /// State.
    state: Computed<String>,
    /// Reason of the state: `code` and `message`.
    state_reason: Computed<BTreeMap<String, String>>,
    /// Tags.
    tags: OptComputed<BTreeMap<String, String>>,
    /// TPM version.
    tpm_support: Computed<String>,
    /// UEFI variables. No API that this data source asks returns them.
    uefi_data: Option<String>,
    /// What is billed.
    usage_operation: Computed<String>,
    /// Virtualization.
    virtualization_type: Computed<String>,
}

/// A device.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Device {
    /// Name.
    device_name: String,
    /// Its volume.
    ebs: BTreeMap<String, String>,
    /// Suppresses a device.
    no_device: String,
    /// Instance store.
    virtual_name: String,
}

/// A product code.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Product {
    /// Code.
    product_code_id: String,
    /// Type.
    product_code_type: String,
}

impl Data for Ami {
    const ACTIONS: &'static [&'static str] = &["ec2:DescribeImages"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let pattern = match &config.name_regex {
            Some(p) => Some(regex::Regex::new(p).map_err(|e| Error::invalid(format!("`name_regex`: {e}")))?),
            None => None,
        };
        let call = cx
            .ec2()
            .describe_images()
            .set_executable_users(config.executable_users.clone())
            .set_filters(Some(FilterBlock::sdk(&config.filter)).filter(|f| !f.is_empty()))
            .set_include_deprecated(config.include_deprecated)
            .set_owners(config.owners.clone());
        let mut images = all(call.into_paginator().items().send()).await?;
        images.retain(|i| pattern.as_ref().is_none_or(|p| i.name().is_some_and(|n| p.is_match(n))));
        // Dates of one form in UTC: their texts are in the order of time.
        images.sort_by(|a, b| b.creation_date.cmp(&a.creation_date));
        let image = match images.len() {
            0 => return Err(Error::invalid("No image matches: change the filters, the owners or the region.")),
            n if n > 1 && config.most_recent != Some(true) => {
                let message =
                    format!("{n} images match: say more about the one that is meant, or set `most_recent = true`.");
                return Err(Error::invalid(message));
            }
            _ => images.swap_remove(0),
        };
        Ok(found(cx, config, &image))
    }

    fn validate(config: &Partial, errors: &mut Vec<stackctl_core::Error>) {
        if let Some(p) = config.get("name_regex").as_str()
            && let Err(e) = regex::Regex::new(p)
        {
            let path = stackctl_core::Path::attr("name_regex");
            errors.push(stackctl_core::Error::at(path, format!("This is not a regular expression: {e}")));
        }
    }
}

fn found(cx: &Cx, config: &Ami, i: &Image) -> Ami {
    let id = i.image_id.clone().unwrap_or_default();
    let root = i.block_device_mappings().iter().find(|d| d.device_name() == i.root_device_name());
    let text = |v: Option<&str>| Some(v.unwrap_or_default().to_owned());
    let reason = i.state_reason().map(|r| {
        let of = |v: Option<&str>| v.unwrap_or_default().to_owned();
        BTreeMap::from([("code".to_owned(), of(r.code())), ("message".to_owned(), of(r.message()))])
    });
    let unset = || BTreeMap::from([("code", "UNSET"), ("message", "UNSET")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    let product = |p: &aws_sdk_ec2::types::ProductCode| Product {
        product_code_id: p.product_code_id.clone().unwrap_or_default(),
        product_code_type: p.product_code_type().map(|t| t.as_str().to_owned()).unwrap_or_default(),
    };
    Ami {
        architecture: text(i.architecture().map(|a| a.as_str())),
        arn: Some(format!("arn:{}:ec2:{}::image/{id}", cx.partition(), cx.region())),
        block_device_mappings: Some(i.block_device_mappings().iter().map(device).collect()),
        boot_mode: text(i.boot_mode().map(|m| m.as_str())),
        creation_date: text(i.creation_date()),
        deprecation_time: text(i.deprecation_time()),
        description: text(i.description()),
        ena_support: Some(i.ena_support.unwrap_or_default()),
        executable_users: config.executable_users.clone(),
        filter: config.filter.clone(),
        hypervisor: text(i.hypervisor().map(|h| h.as_str())),
        image_location: text(i.image_location()),
        image_owner_alias: text(i.image_owner_alias()),
        image_type: text(i.image_type().map(|t| t.as_str())),
        imds_support: text(i.imds_support().map(|s| s.as_str())),
        include_deprecated: Some(config.include_deprecated.unwrap_or_default()),
        kernel_id: text(i.kernel_id()),
        last_launched_time: text(i.last_launched_time()),
        most_recent: Some(config.most_recent.unwrap_or_default()),
        name: text(i.name()),
        name_regex: config.name_regex.clone(),
        owner_id: text(i.owner_id()),
        owners: config.owners.clone(),
        platform: text(i.platform().map(|p| p.as_str())),
        platform_details: text(i.platform_details()),
        product_codes: Some(i.product_codes().iter().map(product).collect()),
        public: Some(i.public.unwrap_or_default()),
        ramdisk_id: text(i.ramdisk_id()),
        root_device_name: text(i.root_device_name()),
        root_device_type: text(i.root_device_type().map(|t| t.as_str())),
        root_snapshot_id: text(root.and_then(|d| d.ebs()).and_then(|e| e.snapshot_id())),
        sriov_net_support: text(i.sriov_net_support()),
        state: text(i.state().map(|s| s.as_str())),
        state_reason: Some(reason.unwrap_or_else(unset)),
        tags: Some(cx.visible_tags(&from_sdk(i.tags()))),
        tpm_support: text(i.tpm_support().map(|s| s.as_str())),
        uefi_data: config.uefi_data.clone(),
        usage_operation: text(i.usage_operation()),
        virtualization_type: text(i.virtualization_type().map(|t| t.as_str())),
        image_id: Some(id.clone()),
        id: Some(id),
    }
}

fn device(d: &BlockDeviceMapping) -> Device {
    let number = |n: Option<i32>| n.unwrap_or_default().to_string();
    let ebs = d.ebs().map(|e| {
        let all = [
            ("delete_on_termination", e.delete_on_termination.unwrap_or_default().to_string()),
            ("encrypted", e.encrypted.unwrap_or_default().to_string()),
            ("iops", number(e.iops)),
            ("snapshot_id", e.snapshot_id.clone().unwrap_or_default()),
            ("throughput", number(e.throughput)),
            ("volume_initialization_rate", number(e.volume_initialization_rate)),
            ("volume_size", number(e.volume_size)),
            ("volume_type", e.volume_type().map(|t| t.as_str().to_owned()).unwrap_or_default()),
        ];
        all.map(|(k, v)| (k.to_owned(), v)).into_iter().collect()
    });
    Device {
        device_name: d.device_name.clone().unwrap_or_default(),
        ebs: ebs.unwrap_or_default(),
        no_device: d.no_device.clone().unwrap_or_default(),
        virtual_name: d.virtual_name.clone().unwrap_or_default(),
    }
}
