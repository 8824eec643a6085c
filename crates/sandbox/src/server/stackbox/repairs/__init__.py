"""What moto 5.2.5 gets wrong, one function per fact, each naming the AWS page that it follows.

A repair is one of three things, registered for a service by a decorator:
- `@repair("rds")`: runs once, when the service is first asked for; it changes moto's classes with `replace`.
- `@before("s3")`: called with every request of the service; may return an Answer, which moto then never sees.
- `@after("s3")`: called with every answer of the service; returns the answer that the client gets.
`ALL` lists them. A repair raises AwsError to refuse a request.
"""
import importlib
import pkgutil

from stackbox import clock

ALL = []
"""(service, kind, function) of every repair, in order."""
_prepared = set()
MODULES = {"application-autoscaling": "applicationautoscaling", "elasticloadbalancing": "elbv2", "lambda": "awslambda",
           "elasticfilesystem": "efs", "stepfunctions": "stepfunctions", "apigateway": "apigatewayv2"}


class AwsError(Exception):
    """An error that AWS would answer with; `extra` are further string members of the error."""

    def __init__(self, code, message, status=400, **extra):
        super().__init__(message)
        self.code, self.message, self.status, self.extra = code, message, status, extra


def repair(service):
    return _register(service, "repair")


def before(service):
    return _register(service, "before")


def after(service):
    return _register(service, "after")


def _register(service, kind):
    def take(function):
        if not function.__doc__:
            raise TypeError(f"{function.__name__}: name the AWS page that this repair follows")
        ALL.append((service, kind, function))
        return function

    return take


def replace(owner, name, as_property=False):
    """Decorator: owner.name becomes the function, which gets the original as its first argument."""
    old = owner.__dict__.get(name) if isinstance(owner, type) else getattr(owner, name, None)
    if old is None:
        old = getattr(owner, name, None)

    def take(new):
        if as_property:
            get = old.fget if isinstance(old, property) else (lambda self: old)
            setattr(owner, name, property(lambda self: new(get, self)))
        else:
            setattr(owner, name, lambda *args, **kwargs: new(old, *args, **kwargs))
        return new

    return take


def prepare(service):
    """Imports moto's modules of a service and repairs them, once."""
    if service in _prepared:
        return
    _prepared.add(service)
    name = MODULES.get(service, service.replace("-", ""))
    for part in ("models", "responses"):
        try:
            importlib.import_module(f"moto.{name}.{part}")
        except ModuleNotFoundError:
            pass
    clock.take_over_moto()
    for owner, kind, function in ALL:
        if owner == service and kind == "repair":
            function()
    clock.take_over_moto()


def answer_before_moto(incoming):
    for owner, kind, function in ALL:
        if owner == incoming.service and kind == "before":
            if answer := function(incoming):
                return answer
    return None


def repair_answer(incoming, answer):
    for owner, kind, function in ALL:
        if owner == incoming.service and kind == "after":
            answer = function(incoming, answer) or answer
    return answer


def account_of(incoming):
    """The account that the request's access key belongs to."""
    from moto.iam.models import get_account_id_from

    return get_account_id_from(incoming.access_key)


def reset_world():
    """moto's own reset: every backend empty, as at the start."""
    from moto.core.base_backend import BackendDict
    from moto.core.model_instances import reset_model_data

    BackendDict.reset()
    reset_model_data()


for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
