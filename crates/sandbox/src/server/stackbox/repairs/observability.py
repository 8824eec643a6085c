"""Repairs of CloudWatch Logs and Systems Manager."""
from stackbox.repairs import repair, replace


@repair("logs")
def log_group_class():
    """CloudWatch Logs API reference, LogGroup: logGroupClass, STANDARD unless CreateLogGroup was told otherwise."""
    from moto.logs.models import LogGroup
    from moto.logs.responses import LogsResponse

    @replace(LogsResponse, "create_log_group")
    def create_log_group(old, self):
        answer = old(self)
        name, kind = self._get_param("logGroupName"), self._get_param("logGroupClass")
        self.logs_backend.groups[name].sandbox_class = kind or "STANDARD"
        return answer

    @replace(LogGroup, "to_describe_dict")
    def to_describe_dict(old, self):
        return {**old(self), "logGroupClass": getattr(self, "sandbox_class", "STANDARD")}


@repair("ssm")
def data_types():
    """Systems Manager API reference, PutParameter: DataType is text, aws:ec2:image or aws:ssm:integration."""
    from moto.ssm import models

    models._valid_parameter_data_type = lambda kind: kind in ("text", "aws:ec2:image", "aws:ssm:integration")


@repair("ssm")
def pages_of_parameters():
    """Systems Manager API reference, DescribeParameters: MaxResults (up to 50) and NextToken, none after the last one."""
    from moto.core.responses import ActionResult
    from moto.ssm.responses import SimpleSystemManagerResponse

    @replace(SimpleSystemManagerResponse, "describe_parameters")
    def describe_parameters(old, self):
        found = self.ssm_backend.describe_parameters(self._get_param("Filters"), self._get_param("ParameterFilters"))
        first = int((self._get_param("NextToken") or "0").strip())
        end = first + int(self._get_param("MaxResults") or 50)
        page = {"Parameters": [p.describe_response_object(False) for p in found[first:end]]}
        return ActionResult({**page, "NextToken": str(end)} if end < len(found) else page)


@repair("logs")
def replaced_metric_filters():
    """CloudWatch Logs API reference, PutMetricFilter: creates or updates the filter of that name in the log group."""
    from moto.logs.metric_filters import MetricFilters

    @replace(MetricFilters, "add_filter")
    def add_filter(old, self, filter_name, filter_pattern, log_group_name, metric_transformations):
        self.metric_filters = [
            f for f in self.metric_filters if (f["filterName"], f["logGroupName"]) != (filter_name, log_group_name)]
        return old(self, filter_name, filter_pattern, log_group_name, metric_transformations)
