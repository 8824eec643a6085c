"""Repairs of DynamoDB: tables."""
import copy

from stackbox import states
from stackbox.repairs import AwsError, repair, replace


def body(handler):
    return handler.body if isinstance(handler.body, dict) else {}


def busy(table):
    return getattr(table, "sandbox_status", "ACTIVE") != "ACTIVE"


def hold(table, status, phase):
    """The table is in a state for as long as the sandbox's states say."""
    if seconds := states.delay("table", phase):
        table.sandbox_status = status
        states.later(seconds, lambda: setattr(table, "sandbox_status", "ACTIVE"))


@repair("dynamodb")
def table_states():
    """DynamoDB API reference, TableDescription (TableStatus) and UpdateTable: a table is CREATING or UPDATING for a
    while, and refuses other changes with ResourceInUseException meanwhile."""
    from moto.dynamodb.models.table import Table
    from moto.dynamodb.responses import DynamoHandler

    @replace(Table, "describe")
    def describe(old, self, base_key="TableDescription"):
        found = old(self, base_key=base_key)
        found[base_key]["TableStatus"] = getattr(self, "sandbox_status", "ACTIVE")
        return found

    @replace(DynamoHandler, "create_table")
    def create_table(old, self):
        answer = old(self)
        hold(self.dynamodb_backend.get_table(body(self)["TableName"]), "CREATING", "create")
        return answer

    @replace(DynamoHandler, "update_table")
    def update_table(old, self):
        table = self.dynamodb_backend.get_table(body(self)["TableName"])
        if busy(table):
            raise AwsError("ResourceInUseException", f"Attempt to change a resource which is still in use: Table is being updated: {table.name}")
        answer = old(self)
        hold(table, "UPDATING", "modify")
        return answer

    @replace(DynamoHandler, "delete_table")
    def delete_table(old, self):
        table = self.dynamodb_backend.get_table(body(self)["TableName"])
        if busy(table):
            raise AwsError("ResourceInUseException", f"Attempt to change a resource which is still in use: Table is being updated: {table.name}")
        return old(self)


@repair("dynamodb")
def kept_settings():
    """DynamoDB API reference, CreateTable, UpdateTable and TableDescription: table class, limits of on-demand tables and
    of their indexes, encryption; capacity is 0 where requests are paid for."""
    from moto.dynamodb.models.table import GlobalSecondaryIndex, Table
    from moto.dynamodb.responses import DynamoHandler

    def keep(table, params):
        if kind := params.get("TableClass"):
            table.sandbox_class = kind
        if limits := params.get("OnDemandThroughput"):
            table.sandbox_limits = limits
        indexes = {index.name: index for index in table.global_indexes}
        changes = [c for u in params.get("GlobalSecondaryIndexUpdates") or [] for c in (u.get("Create"), u.get("Update")) if c]
        for index in (params.get("GlobalSecondaryIndexes") or []) + changes:
            if (limits := index.get("OnDemandThroughput")) and index["IndexName"] in indexes:
                indexes[index["IndexName"]].sandbox_limits = limits

    @replace(DynamoHandler, "create_table")
    def create_table(old, self):
        answer = old(self)
        keep(self.dynamodb_backend.get_table(body(self)["TableName"]), body(self))
        return answer

    @replace(DynamoHandler, "update_table")
    def update_table(old, self):
        params = body(self)
        table = self.dynamodb_backend.get_table(params["TableName"])
        changed = [u for u in params.get("GlobalSecondaryIndexUpdates") or [] if "Update" not in u]
        if len(changed) > 1:
            raise AwsError("LimitExceededException", "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table")
        answer = old(self)
        keep(table, params)
        if (encryption := params.get("SSESpecification")) is not None:
            table.sse_specification = dict(encryption)
            if encryption.get("Enabled") and "KMSMasterKeyId" not in encryption:
                table.sse_specification["KMSMasterKeyId"] = table._get_default_encryption_key(table.account_id, table.region_name)
        if params.get("BillingMode") == "PAY_PER_REQUEST":
            for owner in (table, *table.global_indexes):
                owner.throughput = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0, "NumberOfDecreasesToday": 0}
        return answer

    @replace(Table, "describe")
    def describe(old, self, base_key="TableDescription"):
        found = old(self, base_key=base_key)
        if kind := getattr(self, "sandbox_class", None):
            found[base_key]["TableClassSummary"] = {"TableClass": kind}
        if limits := getattr(self, "sandbox_limits", None):
            found[base_key]["OnDemandThroughput"] = limits
        return found

    @replace(GlobalSecondaryIndex, "describe")
    def describe_index(old, self):
        found = old(self)
        if limits := getattr(self, "sandbox_limits", None):
            found["OnDemandThroughput"] = limits
        return found


@repair("dynamodb")
def streams_again():
    """DynamoDB API reference, StreamSpecification and LatestStreamLabel: a stream that was disabled can be enabled anew,
    under another label; enabling one that is enabled is an error."""
    from moto.dynamodb.models import DynamoDBBackend

    @replace(DynamoDBBackend, "update_table_streams")
    def update_table_streams(old, self, table, stream_specification):
        enabled = (table.stream_specification or {}).get("StreamEnabled")
        if enabled and stream_specification.get("StreamEnabled"):
            raise AwsError("ValidationException", f"Table already has an enabled stream: TableName: {table.name}")
        if not enabled:
            table.latest_stream_label = None
        if not stream_specification.get("StreamEnabled"):
            label = table.latest_stream_label
            old(self, table, stream_specification)
            table.latest_stream_label = label
            return
        old(self, table, stream_specification)


@repair("dynamodb")
def replaced_tags():
    """DynamoDB API reference, TagResource: a tag of a key that is there gets the new value."""
    from moto.dynamodb.models import DynamoDBBackend

    @replace(DynamoDBBackend, "tag_resource")
    def tag_resource(old, self, arn, tags):
        self.untag_resource(arn, list(tags))
        return old(self, arn, tags)


@repair("dynamodb")
def restored_settings():
    """DynamoDB API reference, RestoreTableToPointInTime: the source by name or ARN, and the overrides of billing mode,
    capacity and indexes."""
    from moto.dynamodb.responses import DynamoHandler

    @replace(DynamoHandler, "restore_table_to_point_in_time")
    def restore_table_to_point_in_time(old, self):
        params = body(self)
        if "SourceTableName" not in params and "SourceTableArn" in params:
            params["SourceTableName"] = params["SourceTableArn"].rpartition("/")[2]
        answer = old(self)
        backend = self.dynamodb_backend
        source, table = backend.get_table(params["SourceTableName"]), backend.get_table(params["TargetTableName"])
        table.billing_mode = params.get("BillingModeOverride") or source.billing_mode
        table.throughput = dict(params.get("ProvisionedThroughputOverride") or source.throughput)
        return answer


@repair("dynamodb")
def replicas():
    """DynamoDB API reference, UpdateTable (ReplicaUpdates) and ReplicaDescription: copies of a table in other regions,
    which a table must lose before it can be deleted; they go with a table that has none elsewhere."""
    from moto.dynamodb.models import dynamodb_backends
    from moto.dynamodb.models.table import Table
    from moto.dynamodb.responses import DynamoHandler

    @replace(DynamoHandler, "update_table")
    def update_table(old, self):
        params = body(self)
        table = self.dynamodb_backend.get_table(params["TableName"])
        group = table.__dict__.setdefault("sandbox_replicas", {})
        for update in params.get("ReplicaUpdates") or []:
            if made := update.get("Create"):
                region = made["RegionName"]
                if region == table.region_name or region in group:
                    raise AwsError("ValidationException", f"Replica specified in the Replica Update or Replica Delete action of the request was already added: {region}")
                there = copy.copy(table)
                there.region_name, there.tags = region, []
                there.table_arn = there._generate_arn(table.name)
                there.continuous_backups = copy.deepcopy(table.continuous_backups)
                there.continuous_backups["PointInTimeRecoveryDescription"] = {"PointInTimeRecoveryStatus": "DISABLED"}
                there.sandbox_replicas = {}
                dynamodb_backends[table.account_id][region].tables[table.name] = there
                group[region] = {"RegionName": region, "ReplicaStatus": "ACTIVE", "ReplicaArn": there.table_arn}
                if key := made.get("KMSMasterKeyId"):
                    group[region]["KMSMasterKeyId"] = key
            if changed := update.get("Update"):
                if key := changed.get("KMSMasterKeyId"):
                    group[changed["RegionName"]]["KMSMasterKeyId"] = key
            if gone := update.get("Delete"):
                group.pop(gone["RegionName"])
                dynamodb_backends[table.account_id][gone["RegionName"]].tables.pop(table.name, None)
        return old(self)

    @replace(DynamoHandler, "delete_table")
    def delete_table(old, self):
        table = self.dynamodb_backend.get_table(body(self)["TableName"])
        if getattr(table, "sandbox_replicas", None):
            raise AwsError("ValidationException", "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the table")
        return old(self)

    @replace(Table, "describe")
    def describe(old, self, base_key="TableDescription"):
        found = old(self, base_key=base_key)
        if group := getattr(self, "sandbox_replicas", None):
            found[base_key]["Replicas"] = list(group.values())
        return found
