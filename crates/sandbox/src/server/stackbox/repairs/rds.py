"""Repairs of RDS: instances, and their states on the sandbox's clock."""
import random
import string

from stackbox import states
from stackbox.repairs import AwsError, repair, replace

KEPT_AT_CREATE = {
    "enable_performance_insights": ("performance_insights_enabled", False),
    "performance_insights_kms_key_id": ("performance_insights_kms_key_id", None),
    "performance_insights_retention_period": ("performance_insights_retention_period", None),
    "network_type": ("network_type", "IPV4"),
    "engine_lifecycle_support": ("engine_lifecycle_support", None),
    "database_insights_mode": ("database_insights_mode", "standard"),
    "dedicated_log_volume": ("dedicated_log_volume", False),
    "customer_owned_ip_enabled": ("customer_owned_ip_enabled", False),
    "nchar_character_set_name": ("nchar_character_set_name", None),
    "timezone": ("timezone", None),
    "backup_target": ("backup_target", "region"),
    "processor_features": ("processor_features", None),
}
"""Parameter of CreateDBInstance, ModifyDBInstance and the restoring actions → attribute of DBInstance, AWS's default.
All are described on the "DBInstance" data type's page of the RDS API reference."""


def resource_id(prefix):
    """As on the page of DBInstance: the region-unique, immutable identifier; `db-` and 26 characters."""
    return prefix + "".join(random.choices(string.ascii_uppercase + "234567", k=26))


def keep_attributes(database, params, fill):
    """Copies what moto drops; `fill` sets AWS's defaults for what was not given."""
    for name, (attribute, default) in KEPT_AT_CREATE.items():
        if params.get(name) is not None:
            setattr(database, attribute, params[name])
        elif fill:
            setattr(database, attribute, default)
    if database.performance_insights_enabled:
        if not database.performance_insights_retention_period:
            database.performance_insights_retention_period = 7
        if not database.performance_insights_kms_key_id:
            database.performance_insights_kms_key_id = default_key(database)
    else:
        database.performance_insights_retention_period = database.performance_insights_kms_key_id = None


def default_key(database):
    """The key of alias aws/rds, which AWS makes on first use."""
    return database.backend._validate_kms_key("alias/aws/rds")


@repair("rds")
def own_resource_id():
    """RDS API reference, DBInstance: DbiResourceId is unique to the instance in its Region and never changes."""
    from moto.rds.models import DBInstance

    @replace(DBInstance, "__init__")
    def __init__(old, self, *args, **kwargs):
        old(self, *args, **kwargs)
        self.dbi_resource_id = resource_id("db-")
        keep_attributes(self, kwargs, fill=True)


@repair("rds")
def performance_insights():
    """RDS API reference, ModifyDBInstance: EnablePerformanceInsights, PerformanceInsightsKMSKeyId,
    PerformanceInsightsRetentionPeriod and the others in KEPT_AT_CREATE change the instance."""
    from moto.rds.models import DBInstance

    @replace(DBInstance, "update")
    def update(old, self, **kwargs):
        old(self, **kwargs)
        keep_attributes(self, kwargs, fill=False)


@repair("rds")
def touching_windows():
    """RDS API reference, CreateDBInstance: the backup window must not overlap the maintenance window; windows of
    which one ends when the other begins do not."""
    from moto.rds import utils

    replace(utils, "get_overlap_between_two_date_ranges")(lambda old, *window: old(*window) or -1)


@repair("rds")
def subnet_groups():
    """RDS API reference, CreateDBSubnetGroup (DBSubnetGroupAlreadyExists), ModifyDBSubnetGroup (the group stays),
    DeleteDBSubnetGroup (InvalidDBSubnetGroupStateFault where instances use it); names are lower case."""
    from moto.rds.models import RDSBackend

    @replace(RDSBackend, "create_subnet_group")
    def create_subnet_group(old, self, subnet_name, description, subnets, tags):
        if subnet_name.lower() in self.subnet_groups:
            message = f"The DB subnet group '{subnet_name}' already exists."
            raise AwsError("DBSubnetGroupAlreadyExists", message)
        return old(self, subnet_name.lower(), description, subnets, list(tags or []))

    @replace(RDSBackend, "describe_db_subnet_groups")
    def describe_db_subnet_groups(old, self, subnet_group_name):
        return old(self, subnet_group_name and subnet_group_name.lower())

    @replace(RDSBackend, "modify_db_subnet_group")
    def modify_db_subnet_group(old, self, subnet_name, description, subnets):
        group = self.describe_db_subnet_groups(subnet_name)[0]
        kept = group.description
        old(self, group.name, description, subnets)
        self.subnet_groups[group.name] = group
        if description is None:
            group.description = kept
        return group

    @replace(RDSBackend, "delete_subnet_group")
    def delete_subnet_group(old, self, subnet_name):
        for database in self.databases.values():
            group = getattr(database, "db_subnet_group", None)
            if group is not None and group.name == subnet_name.lower():
                message = (f"Cannot delete the subnet group '{subnet_name}' because at least one database instance: "
                           f"{database.db_instance_identifier} is still using it.")
                raise AwsError("InvalidDBSubnetGroupStateFault", message)
        return old(self, subnet_name.lower())


@repair("rds")
def parameter_groups():
    """RDS API reference, DescribeDBParameterGroups and DescribeDBParameters (DBParameterGroupNotFound; the source of a
    modified parameter is `user`), ResetDBParameterGroup, DeleteDBParameterGroup (InvalidDBParameterGroupState while instances use it)."""
    from moto.core.responses import ActionResult
    from moto.rds.models import DBParameterGroup, RDSBackend
    from moto.rds.responses import RDSResponse

    def not_found(name):
        return AwsError("DBParameterGroupNotFound", f"DBParameterGroup not found: {name}", 404)

    @replace(RDSBackend, "describe_db_parameter_groups")
    def describe_db_parameter_groups(old, self, kwargs):
        name = kwargs.get("db_parameter_group_name")
        found = old(self, {**kwargs, "db_parameter_group_name": name and name.lower()})
        if name and not found and not name.startswith("default."):
            raise not_found(name)
        return found

    @replace(RDSBackend, "delete_db_parameter_group")
    def delete_db_parameter_group(old, self, name):
        for database in self.databases.values():
            if database.db_parameter_group_name == name:
                raise AwsError("InvalidDBParameterGroupState", "One or more database instances are still members of "
                               f"this parameter group {name}, so the group cannot be deleted")
        return old(self, name)

    def reset_db_parameter_group(self):
        name = self._get_param("DBParameterGroupName")
        group = self.backend.db_parameter_groups.get(name)
        if group is None:
            raise not_found(name)
        if str(self._get_param("ResetAllParameters")).lower() == "true":
            group.parameters.clear()
        for parameter in self._get_param("Parameters", []):
            group.parameters.pop(parameter["ParameterName"], None)
        return ActionResult({"DBParameterGroupName": name})

    RDSResponse.reset_db_parameter_group = reset_db_parameter_group

    @replace(DBParameterGroup, "update_parameters")
    def update_parameters(old, self, parameters):
        old(self, [{**p, "Source": "user"} for p in parameters])


@repair("rds")
def replicas():
    """RDS API reference, CreateDBInstanceReadReplica: a replica is an instance with tags, deletion protection (off)
    and resource id of its own; automated backups of a replica are off where not asked for."""
    import copy

    from moto.rds.models import RDSBackend

    @replace(RDSBackend, "create_db_instance_read_replica")
    def create_db_instance_read_replica(old, self, params):
        name = params["db_instance_identifier"]
        if name in self.databases:
            raise AwsError("DBInstanceAlreadyExists", f"DB instance {name} already exists")
        replica = old(self, params)
        source = self.find_db_from_id(params["source_db_instance_identifier"])
        replica.__dict__.update({k: copy.copy(v) for k, v in replica.__dict__.items() if type(v) in (list, dict)})
        replica.dbi_resource_id = resource_id("db-")
        replica.tags = params.get("tags") or []
        replica.deletion_protection = bool(params.get("deletion_protection") or False)
        replica.backup_retention_period = int(params.get("backup_retention_period") or 0)
        replica.max_allocated_storage = int(params.get("max_allocated_storage") or replica.allocated_storage)
        replica.multi_az = bool(params.get("multi_az") or False)
        replica.enabled_cloudwatch_logs_exports = list(params.get("enable_cloudwatch_logs_exports") or [])
        replica.manage_master_user_password = False
        replica.__dict__.pop("master_user_secret", None)
        replica.instance_create_time = replica.created = type(source)._now()
        keep_attributes(replica, params, fill=True)
        return replica


@repair("rds")
def former_replicas():
    """RDS API reference, DBInstance: ReadReplicaSourceDBInstanceIdentifier is there only while the instance is a replica,
    and the source lists it only so long (PromoteReadReplica, RestoreDBInstanceToPointInTime)."""
    from moto.rds.models import RDSBackend

    @replace(RDSBackend, "promote_read_replica")
    def promote_read_replica(old, self, params):
        name = params["db_instance_identifier"]
        source = getattr(self.databases.get(name), "source_db_instance_identifier", None)
        database = old(self, params)
        for other in list(self.databases.values()):
            other.replicas = [r for r in other.replicas if r not in (name, database.db_instance_arn)]
        if source is not None:
            database.source_db_instance_identifier = None
        database.is_replica = False
        return database

    @replace(RDSBackend, "restore_db_instance_to_point_in_time")
    def restore(old, self, *args, **kwargs):
        made = old(self, *args, **kwargs)
        made.source_db_instance_identifier = None
        made.is_replica, made.replicas = False, []
        return made


@repair("rds")
def instance_states():
    """Amazon RDS user guide, "Viewing Amazon RDS DB instance status": creating, modifying, deleting, then gone; the
    endpoint is known once the instance is available."""
    from moto.core.utils import utcnow
    from moto.rds.models import DBInstance, RDSBackend

    DBInstance._now = staticmethod(lambda: utcnow())

    def available(database, was):
        def done():
            if database.status == was:
                database.status = "available"
        return done

    def creating(database):
        if (seconds := states.delay("db_instance", "create")) > 0:
            database.status = "creating"
            states.later(seconds, available(database, "creating"))
        return database

    for name in ("create_db_instance", "create_db_instance_read_replica", "restore_db_instance_from_db_snapshot",
                 "restore_db_instance_to_point_in_time"):
        replace(RDSBackend, name)(lambda old, self, *args, **kwargs: creating(old(self, *args, **kwargs)))

    @replace(DBInstance, "endpoint", as_property=True)
    def endpoint(old, self):
        return None if self.status == "creating" else old(self)

    @replace(RDSBackend, "modify_db_instance")
    def modify_db_instance(old, self, name, params):
        database = self.describe_db_instances(name)[0]
        if database.status not in ("available", "storage-optimization"):
            raise AwsError("InvalidDBInstanceState", "Database instance is not in available state.")
        database = old(self, name, params)
        if (seconds := states.delay("db_instance", "modify")) > 0:
            database.status = "modifying"
            states.later(seconds, available(database, "modifying"))
        return database

    @replace(RDSBackend, "delete_db_instance")
    def delete_db_instance(old, self, db_instance_identifier, *args, **kwargs):
        database = self.databases.get(db_instance_identifier)
        if database is not None and database.status == "deleting":
            message = f"Instance {db_instance_identifier} is already being deleted."
            raise AwsError("InvalidDBInstanceState", message)
        database = old(self, db_instance_identifier, *args, **kwargs)
        if (seconds := states.delay("db_instance", "delete")) > 0:
            self.databases[db_instance_identifier] = database
            states.later(seconds, lambda: self.databases.pop(db_instance_identifier, None))
        return database
