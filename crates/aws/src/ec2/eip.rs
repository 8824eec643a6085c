//! `aws_eip`.

use aws_sdk_ec2::types::{AddressAttributeName, DomainType, ResourceType};

use super::tags::{from_sdk, owned_by, retag, specification};
use super::{filter, found, given, shown};
use crate::kit::prelude::*;
use crate::kit::region::dns_suffix;

/// An elastic IP address.
///
/// It may be associated with an instance or a network interface; the address of a NAT gateway is named there instead.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_eip",
    identity(tag()),
    timeouts(read = 900, update = 300, delete = 180),
    conflicts("domain", "vpc")
)]
pub(crate) struct Eip {
    /// An address of the account to be had again, or one of a pool of its own.
    #[attr(force_new)]
    address: Local<Option<String>>,
    /// Id of the allocation.
    allocation_id: Computed<String>,
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Private address to associate with, where the interface has several.
    associate_with_private_ip: Local<Option<String>>,
    /// Id of the association.
    association_id: Computed<String>,
    /// Carrier address, in Wavelength zones.
    carrier_ip: Computed<String>,
    /// Customer-owned address, on Outposts.
    customer_owned_ip: Computed<String>,
    /// Pool of customer-owned addresses, on Outposts.
    customer_owned_ipv4_pool: Option<String>,
    /// Where the address is used.
    #[attr(force_new, one_of("vpc", "standard"))]
    domain: OptComputed<String>,
    /// Instance to associate with.
    instance: OptComputed<String>,
    /// IPAM pool that the address comes from.
    #[attr(force_new)]
    ipam_pool_id: Local<OptComputed<String>>,
    /// Group of zones from which the address is advertised.
    #[attr(force_new)]
    network_border_group: OptComputed<String>,
    /// Network interface to associate with.
    network_interface: OptComputed<String>,
    /// Private host name.
    private_dns: Computed<String>,
    /// Private address.
    private_ip: Computed<String>,
    /// Name that a reverse look-up of the address gives.
    ptr_record: Computed<String>,
    /// Public host name.
    public_dns: Computed<String>,
    /// Public address.
    public_ip: Computed<String>,
    /// Pool of the account's own addresses, or `amazon`.
    #[attr(force_new)]
    public_ipv4_pool: OptComputed<String>,
    /// Tags.
    tags: Tags,
    /// Whether it is used in VPCs.
    #[attr(force_new, deprecated = "Use `domain` instead.")]
    vpc: OptComputed<bool>,
}

impl Resource for Eip {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AllocateAddress",
        "ec2:AssociateAddress",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DescribeAddresses",
        "ec2:DescribeAddressesAttribute",
        "ec2:DisassociateAddress",
        "ec2:ReleaseAddress",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let ids = filter("allocation-id", at.iter().map(|r| &r.id));
        let addresses = cx.ec2().describe_addresses().filters(ids).send().await?.addresses.unwrap_or_default();
        let ids: Vec<String> = addresses.iter().filter_map(|a| a.allocation_id.clone()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let call = cx.ec2().describe_addresses_attribute().set_allocation_ids(Some(ids));
        let names = call.attribute(AddressAttributeName::DomainName).into_paginator().items().send();
        // Addresses without a name of their own are missing from the answer.
        let names: BTreeMap<String, String> =
            all(names).await?.into_iter().filter_map(|n| Some((n.allocation_id?, n.ptr_record?))).collect();
        let live = addresses.iter().filter_map(|a| {
            let r = at.iter().find(|r| a.allocation_id() == Some(&r.id))?;
            let domain = a.domain().map(|d| d.as_str().to_owned());
            let value = Eip {
                address: unread(),
                allocation_id: Some(r.id.clone()),
                arn: Some(cx.arn("ec2", &format!("elastic-ip/{}", r.id))),
                associate_with_private_ip: unread(),
                association_id: shown(&a.association_id),
                carrier_ip: shown(&a.carrier_ip),
                customer_owned_ip: shown(&a.customer_owned_ip),
                customer_owned_ipv4_pool: shown(&a.customer_owned_ipv4_pool),
                vpc: domain.as_deref().map(|d| d == "vpc"),
                domain,
                instance: shown(&a.instance_id),
                ipam_pool_id: unread(),
                network_border_group: shown(&a.network_border_group),
                network_interface: shown(&a.network_interface_id),
                private_dns: given(&a.private_ip_address).map(|ip| private_name(cx, ip)),
                private_ip: shown(&a.private_ip_address),
                ptr_record: shown(&names.get(&r.id).cloned()),
                public_dns: given(&a.public_ip).map(|ip| public_name(cx, ip)),
                public_ip: shown(&a.public_ip),
                public_ipv4_pool: shown(&a.public_ipv4_pool),
                tags: from_sdk(a.tags()),
            };
            Some(r.live(&r.id, value))
        });
        Ok(live.collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let vpc = (new.vpc == Some(true)).then_some(DomainType::Vpc);
        let made = cx
            .ec2()
            .allocate_address()
            .set_address(new.address.clone())
            .set_customer_owned_ipv4_pool(new.customer_owned_ipv4_pool.clone())
            .set_domain(new.domain.as_deref().map(DomainType::from).or(vpc))
            .set_ipam_pool_id(new.ipam_pool_id.clone())
            .set_network_border_group(new.network_border_group.clone())
            .set_public_ipv4_pool(new.public_ipv4_pool.clone())
            .set_tag_specifications(specification(ResourceType::ElasticIp, &new.tags))
            .send()
            .await?;
        made.allocation_id.ok_or_else(|| Error::incomplete("the allocation's id"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        if let Some(association) = given(&at.known.association_id) {
            cx.ec2().disassociate_address().association_id(association).send().await.absent()?;
        }
        let group = given(&at.known.network_border_group).cloned();
        cx.ec2().release_address().allocation_id(&at.id).set_network_border_group(group).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let found_by_tag = cx.ec2().describe_addresses().filters(owned_by(&intent.token)).send().await?;
        found(cx, intent, found_by_tag.addresses.unwrap_or_default().into_iter().map(|a| a.allocation_id)).await
    }
}

impl Update for Eip {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (old, new) = (ch.old, ch.new);
        if !changed!(ch, instance, network_interface, associate_with_private_ip) {
            return Ok(());
        }
        if let Some(association) = given(&old.association_id) {
            cx.ec2().disassociate_address().association_id(association).send().await.absent()?;
        }
        // Of instance and interface, the one that was left to AWS follows the other: only the other one is sent.
        let (instance, interface) = match (changed!(ch, instance), changed!(ch, network_interface)) {
            (true, false) => (new.instance.clone(), None),
            (true, true) => (new.instance.clone(), new.network_interface.clone()),
            (false, _) => (None, new.network_interface.clone()),
        };
        if instance.is_some() || interface.is_some() {
            cx.ec2()
                .associate_address()
                .allocation_id(&ch.at.id)
                .set_instance_id(instance)
                .set_network_interface_id(interface)
                .set_private_ip_address(new.associate_with_private_ip.clone())
                .send()
                .await?;
        }
        Ok(())
    }
}

fn dashed(ip: &str) -> String {
    ip.replace('.', "-")
}

/// Host name of a public address (Amazon VPC user guide, "DNS attributes for your VPC").
fn public_name(cx: &Cx, ip: &str) -> String {
    let zone = match cx.region() {
        "us-east-1" => "compute-1".to_owned(),
        region => format!("{region}.compute"),
    };
    format!("ec2-{}.{zone}.{}", dashed(ip), dns_suffix(cx.partition()))
}

/// Host name of a private address.
fn private_name(cx: &Cx, ip: &str) -> String {
    let zone = match cx.region() {
        "us-east-1" => "ec2".to_owned(),
        region => format!("{region}.compute"),
    };
    format!("ip-{}.{zone}.internal", dashed(ip))
}
