//! `aws_security_group`. The type has a folder because its rules need a comparison of their own: see [`rules`].

pub(super) mod rules;

use aws_sdk_ec2::types::{IpPermission, ResourceType};

use self::rules::{Rule, atoms, grouped, permissions};
use super::filter;
use super::tags::{from_sdk, retag, specification};
use crate::kit::prelude::*;

/// A security group with its inline rules.
///
/// Inline rules (`ingress`, `egress`) and rules that are resources of their own exclude each other: inline rules remove
/// every rule that they do not name. Without `egress`, the rule that AWS adds to a new group, which allows everything, is
/// removed.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_security_group",
    version = 1,
    identity(name("name").within(&["vpc_id"]).tagged()),
    timeouts(create = 600, delete = 900)
)]
pub(crate) struct SecurityGroup {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Description, which cannot be changed.
    #[attr(force_new, default = "Managed by Terraform", length(0, 255))]
    description: String,
    /// Rules for outgoing traffic.
    #[attr(as_attr, if_configured)]
    egress: OptComputed<BTreeSet<Rule>>,
    /// Rules for incoming traffic.
    #[attr(as_attr, if_configured)]
    ingress: OptComputed<BTreeSet<Rule>>,
    /// Name, unique in its VPC.
    #[attr(force_new, length(0, 255), prefix_max = 229)]
    name: Name,
    /// Account that owns the group.
    owner_id: Computed<String>,
    /// Revoke all rules before deletion, also those of other groups that name this one.
    #[attr(default = false)]
    revoke_rules_on_delete: Local<bool>,
    /// Tags.
    tags: Tags,
    /// VPC; the region's default VPC if unset.
    #[attr(force_new)]
    vpc_id: OptComputed<String>,
}

impl Resource for SecurityGroup {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateSecurityGroup",
        "ec2:CreateTags",
        "ec2:DeleteSecurityGroup",
        "ec2:DeleteTags",
        "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let ids = filter("group-id", at.iter().map(|r| &r.id));
        let groups = all(cx.ec2().describe_security_groups().filters(ids).into_paginator().items().send()).await?;
        Ok(groups
            .iter()
            .filter_map(|g| {
                let r = at.iter().find(|r| g.group_id() == Some(&r.id))?;
                Some(r.live(&r.id, live(cx, &r.id, g, &r.known)))
            })
            .collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let made = cx
            .ec2()
            .create_security_group()
            .group_name(&new.name)
            .description(&new.description)
            .set_vpc_id(new.vpc_id.clone())
            .set_tag_specifications(specification(ResourceType::SecurityGroup, &new.tags))
            .send()
            .await?;
        made.group_id.ok_or_else(|| Error::incomplete("the group's id"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        if at.known.revoke_rules_on_delete {
            revoke_everything(cx, &at.id).await?;
        }
        cx.ec2().delete_security_group().group_id(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let vpc = intent.keys.vpc_id.iter().map(|v| filter("vpc-id", [v]));
        let filters = vpc.chain([filter("group-name", [&intent.keys.name])]).collect();
        let call = cx.ec2().describe_security_groups().set_filters(Some(filters));
        let groups = all(call.into_paginator().items().send()).await?;
        let live = groups.iter().filter_map(|g| {
            let id = g.group_id()?;
            let at = Ref { id: id.to_owned(), known: intent.keys.clone(), wanted: None };
            Some(at.live(id, live(cx, id, g, &at.known)))
        });
        Ok(live.collect())
    }

    fn plan(draft: &mut Draft<'_>) {
        for attr in ["egress", "ingress"] {
            rules::plan(draft, attr);
        }
    }
}

impl Update for SecurityGroup {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (id, old, new) = (&ch.at.id, ch.old, ch.new);
        if changed!(ch, ingress) {
            let (revoke, authorize) = difference(id, &old.ingress, &new.ingress);
            if !revoke.is_empty() {
                cx.ec2().revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(revoke)).send().await?;
            }
            if !authorize.is_empty() {
                cx.ec2()
                    .authorize_security_group_ingress()
                    .group_id(id)
                    .set_ip_permissions(Some(authorize))
                    .send()
                    .await?;
            }
        }
        // What AWS itself allows a new group is not the user's: it goes, unless configuration says it again.
        let (egress, planned) = if ch.fresh && old.vpc_id.is_some() {
            revoke_default_egress(cx, id, &old.egress).await?;
            (rules::without_defaults(&old.egress), &ch.at.known.egress)
        } else {
            (old.egress.clone(), &new.egress)
        };
        if ch.fresh || changed!(ch, egress) {
            let (revoke, authorize) = difference(id, &egress, planned);
            if !revoke.is_empty() {
                cx.ec2().revoke_security_group_egress().group_id(id).set_ip_permissions(Some(revoke)).send().await?;
            }
            if !authorize.is_empty() {
                let call = cx.ec2().authorize_security_group_egress().group_id(id);
                match call.set_ip_permissions(Some(authorize)).send().await.map_err(Error::from) {
                    // A run that died had authorized some of them: AWS refuses all, so that each is asked for alone.
                    Err(e) if ch.fresh && e.code() == DUPLICATE => authorize_singly(cx, id, &egress, planned).await?,
                    done => {
                        done?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What AWS answers for a rule that a group has already.
const DUPLICATE: &str = "InvalidPermission.Duplicate";

/// Authorizes what is missing source by source; what is there already is done.
async fn authorize_singly(cx: &Cx, id: &str, old: &Rules, new: &Rules) -> Result<()> {
    let (old, new) = (atoms(old.iter().flatten()), atoms(new.iter().flatten()));
    for atom in new.difference(&old) {
        let call = cx.ec2().authorize_security_group_egress().group_id(id);
        match call.set_ip_permissions(Some(permissions(id, [atom]))).send().await.map_err(Error::from) {
            Err(e) if e.code() == DUPLICATE => {}
            done => {
                done?;
            }
        }
    }
    Ok(())
}

/// The inline rules of a direction.
pub(super) type Rules = Option<BTreeSet<Rule>>;

/// The permissions to revoke and to authorize. Removing comes first: AWS refuses a source that a rule has already.
pub(super) fn difference(id: &str, old: &Rules, new: &Rules) -> (Vec<IpPermission>, Vec<IpPermission>) {
    let (old, new) = (atoms(old.iter().flatten()), atoms(new.iter().flatten()));
    (permissions(id, old.difference(&new)), permissions(id, new.difference(&old)))
}

fn live(cx: &Cx, id: &str, g: &aws_sdk_ec2::types::SecurityGroup, known: &SecurityGroup) -> SecurityGroup {
    let owner = g.owner_id().unwrap_or_default();
    let rules = |permissions: &[IpPermission], known: &Rules| {
        Some(grouped(rules::live_atoms(permissions, id, owner), known.iter().flatten()))
    };
    SecurityGroup {
        arn: Some(format!("arn:{}:ec2:{}:{owner}:security-group/{id}", cx.partition(), cx.region())),
        description: g.description().unwrap_or_default().to_owned(),
        egress: rules(g.ip_permissions_egress(), &known.egress),
        ingress: rules(g.ip_permissions(), &known.ingress),
        name: g.group_name().unwrap_or_default().to_owned(),
        owner_id: g.owner_id.clone(),
        revoke_rules_on_delete: unread(),
        tags: from_sdk(g.tags()),
        vpc_id: g.vpc_id.clone().filter(|v| !v.is_empty()),
    }
}

async fn revoke_default_egress(cx: &Cx, id: &str, live: &Rules) -> Result<()> {
    for (network, always) in [("0.0.0.0/0", false), ("::/0", true)] {
        let rule = Rule::everything(network);
        // Whether a group has the IPv6 rule does not show in every read, so that one is revoked in any case.
        if !always && !live.iter().flatten().any(|r| atoms([r]).is_superset(&atoms([&rule]))) {
            continue;
        }
        let call = cx.ec2().revoke_security_group_egress().group_id(id);
        match call.ip_permissions(rules::default_egress(network)).send().await.map_err(Error::from) {
            Err(e) if e.is_not_found() || e.code() == "InvalidParameterValue" => {}
            done => {
                done?;
            }
        }
    }
    Ok(())
}

/// Revokes the group's own rules, then those of other groups that name it.
async fn revoke_everything(cx: &Cx, id: &str) -> Result<()> {
    let mut groups = Vec::new();
    for name in ["group-id", "ip-permission.group-id", "egress.ip-permission.group-id"] {
        let call = cx.ec2().describe_security_groups().filters(filter(name, [id]));
        groups.extend(all(call.into_paginator().items().send()).await?);
    }
    groups.sort_by(|a, b| a.group_id.cmp(&b.group_id));
    groups.dedup_by(|a, b| a.group_id == b.group_id);
    for g in &groups {
        let of = g.group_id().unwrap_or_default();
        let concerned = |p: &[IpPermission]| if of == id { p.to_vec() } else { rules::naming(p, id) };
        let (ingress, egress) = (concerned(g.ip_permissions()), concerned(g.ip_permissions_egress()));
        if !ingress.is_empty() {
            cx.ec2()
                .revoke_security_group_ingress()
                .group_id(of)
                .set_ip_permissions(Some(ingress))
                .send()
                .await
                .absent()?;
        }
        if !egress.is_empty() {
            cx.ec2()
                .revoke_security_group_egress()
                .group_id(of)
                .set_ip_permissions(Some(egress))
                .send()
                .await
                .absent()?;
        }
    }
    Ok(())
}
